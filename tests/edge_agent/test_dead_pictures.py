"""What the agent says of cameras that give pictures which nobody can watch, from frames to MQTT."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.agent import run_agent
from edge_agent.camera_spec import CameraSpec
from edge_agent.delivery.payloads import BundleName, CameraState
from edge_agent.delivery.writer import Writer
from edge_agent.sources import SourceOptions
from models.bundle import Bundle
from tests.edge_agent.delivery.samples import TOPICS
from tests.edge_agent.films import picture, write_film
from tests.edge_agent.http_server import http_server, motion_jpeg
from tests.edge_agent.test_agent import FAST, TO_THE_END, RecordingOutbox, watch
from tests.edge_agent.test_camera import wait_for

FPS = 10


def act(kind: str, seconds: int) -> Iterator[NDArray[np.uint8]]:
    """A camera's pictures while it works, or while something is wrong with it."""
    random = np.random.default_rng(1)
    for _ in range(seconds * FPS):
        still = {"frozen": picture(90), "dark": np.zeros((96, 128, 3), np.uint8)}.get(kind)
        noise = random.integers(-2, 3, (96, 128, 1)).astype(np.int16)
        yield np.clip(picture(90).astype(np.int16) + noise, 0, 255).astype(np.uint8) if still is None else still


def test_agent_says_when_a_camera_freezes_goes_dark_and_comes_back(
    tiny: Bundle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    acts = (("live", 10), ("frozen", 90), ("live", 10), ("dark", 90), ("live", 10))
    pictures = (one for kind, seconds in acts for one in act(kind, seconds))
    # A lossless codec, as what is asked for here is what the agent makes of pictures, and not what a codec does.
    film = write_film(tmp_path / "a.mkv", pictures, fps=FPS, codec="ffv1")
    outbox = watch(tiny, CameraSpec("yard", str(film), FAST))
    told = [state.picture for state in outbox.states if state.connection == "connected"]
    assert [one for index, one in enumerate(told) if index == 0 or told[index - 1] != one] == [
        "ok", "frozen", "ok", "dark", "ok",
    ]  # fmt: skip
    logged = [message for message in caplog.messages if "its picture is" in message]
    assert [message.rpartition(" ")[2] for message in logged] == ["frozen", "dark"]
    frozen = next(state for state in outbox.states if state.picture == "frozen")
    payload = msgspec.json.decode(Writer(TOPICS, BundleName(name="a", version="1")).camera_state(frozen).payload)
    assert (payload["connection"], payload["picture"]) == ("connected", "frozen")


def test_state_of_an_older_agent_is_read_as_one_without_a_fault() -> None:
    old = (
        b'{"camera":"a","at":"2026-03-01T22:14:06.000Z","connection":"connected","mode":"idle","score":0,"reason":null}'
    )
    assert msgspec.json.decode(old, type=CameraState).picture == "ok"


def test_agent_judges_motion_jpeg_when_a_camera_gives_it(tiny: Bundle) -> None:
    outbox, stop = RecordingOutbox(), threading.Event()
    with http_server(motion_jpeg(12)) as port:
        camera = CameraSpec("gate", f"http://127.0.0.1:{port}/video", SourceOptions())
        agent = threading.Thread(
            target=run_agent, args=([camera], tiny, outbox), kwargs={"stop": stop, "options": TO_THE_END}
        )
        agent.start()
        wait_for(lambda: outbox.states and outbox.states[-1].score is not None)
        stop.set()
        agent.join(30)
    assert not agent.is_alive()
    assert {state.connection for state in outbox.states} <= {"connecting", "connected"}
