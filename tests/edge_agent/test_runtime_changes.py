"""What a dashboard hears when the agent loses its best target and gets it back: real engines, a real broker."""

from __future__ import annotations

import json
import re
import threading
import time
from itertools import groupby
from pathlib import Path

import pytest

from edge_agent.agent import run_agent
from edge_agent.camera_spec import CameraSpec
from edge_agent.sources import SourceOptions
from models.bundle import Bundle
from runtimes.discovery import Discovery
from runtimes.onnx import OnnxRuntime
from runtimes.tflite import TFLiteRuntime
from tests.edge_agent.delivery.listener import Heard, Listener
from tests.edge_agent.delivery.mosquitto import Mosquitto
from tests.edge_agent.delivery.samples import make_outbox
from tests.edge_agent.films import write_film
from tests.runtimes.breaking import BreakingRuntime, Faults


def runtimes(heard: list[Heard]) -> list[str]:
    """The targets that ``status`` named, one after another."""
    told = [json.loads(one.payload)["runtime"] for one in heard if one.topic.endswith("/status")]
    return [runtime for runtime, _ in groupby(runtime for runtime in told if runtime)]


def test_status_names_the_target_in_use_when_the_best_is_lost_and_when_it_is_back(
    tiny: Bundle, broker: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = Faults()
    engines = (BreakingRuntime(TFLiteRuntime(), faults), BreakingRuntime(OnnxRuntime(), faults))
    monkeypatch.setattr("runtimes.detector.discover_runtimes", lambda: Discovery(engines))
    film = write_film(tmp_path / "a.mp4", [90] * 40)
    camera = CameraSpec("yard", str(film), SourceOptions(loop=True))
    listener, outbox, stop = Listener(broker.port), make_outbox(broker.port, tmp_path), threading.Event()
    passed_s = [0.0]

    def clock() -> float:
        return time.monotonic() + passed_s[0]

    def watch() -> None:
        run_agent([camera], tiny, outbox, stop=stop, clock=clock, on_runtime=outbox.use_runtime)

    agent = threading.Thread(target=watch)
    outbox.start()
    agent.start()
    try:
        (best,) = runtimes(listener.until(lambda heard: len(runtimes(heard)) == 1, 60))
        faults.run = re.escape(tiny.manifest.artifact(best.split()[0], "encoder").file)
        listener.until(lambda heard: len(runtimes(heard)) == 2, 60)
        faults.run = "nothing"
        passed_s[0] = 600.0
        told = runtimes(listener.until(lambda heard: len(runtimes(heard)) == 3, 60))
    finally:
        stop.set()
        agent.join(30)
        outbox.close(flush_s=0)
        listener.close()
    assert (told[0], told[2]) == (best, best)
    assert told[1] != best
