"""A bundle that is changed while the agent watches, and left again by itself: real processes, engines and broker."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from edge_agent.bundles.record import current, put_on_trial
from edge_agent.bundles.shelf import Shelf, digest_of
from models.bundle import MANIFEST, pack
from models.signing import sign
from tests.edge_agent.commands.agent_process import AgentProcess
from tests.edge_agent.delivery.listener import Heard, Listener
from tests.edge_agent.delivery.mosquitto import Mosquitto

MORE = """
[commands]
restart_after_s = 0
allow = ["ping"]
[updates]
directory = "bundles"
least_windows = 5
"""
Make = Callable[[str, str], Path]


@pytest.fixture
def changed(tiny_bundle_directory: Path, signing_key: ec.EllipticCurvePrivateKey, tmp_path: Path) -> Make:
    """Makes the tiny bundle of version 9.0.0, with something else changed in its manifest too."""

    def make(found: str, wanted: str) -> Path:
        folder = tmp_path / "changed"
        shutil.copytree(tiny_bundle_directory, folder)
        text = re.sub(r'"version": "0\.\d+\.\d+"', '"version": "9.0.0"', (folder / MANIFEST).read_text(), count=1)
        text, count = re.subn(found, wanted, text, count=1)
        assert count == 1
        (folder / MANIFEST).write_text(text)
        sign(folder, signing_key)
        return pack(folder, tmp_path / "changed.nexara")

    return make


@pytest.fixture
def agent(broker: Mosquitto, tmp_path: Path, tiny_bundle_directory: Path, key_folder: Path) -> Iterator[AgentProcess]:
    agent = AgentProcess(tmp_path, broker.port, tiny_bundle_directory, key_folder / "public.pem", MORE)
    yield agent
    agent.stop()


def told(heard: list[Heard], topic: str) -> list[dict[str, Any]]:
    return [json.loads(one.payload) for one in heard if one.topic == f"nexara/v1/school/gate/{topic}"]


def is_back(heard: list[Heard]) -> bool:
    """Whether a bundle was on trial and that of the configuration judges again."""
    statuses = told(heard, "bundle")
    return any(one["trial"] for one in statuses) and statuses[-1]["current"]["sha256"] is None


# A bundle that is never sure of anything passes its self-test, which is about logits.
UNSURE = (r'"temperature": [\d.]+', '"temperature": 1000.0')


def test_a_bundle_that_drifts_is_left_while_cameras_go_on(
    agent: AgentProcess, broker: Mosquitto, changed: Make, tmp_path: Path
) -> None:
    listener, shelf, file = Listener(broker.port), Shelf(tmp_path / "bundles"), changed(*UNSURE)
    agent.start(listener)
    shelf.add(file, put_on_trial)
    heard = listener.until(is_back)
    assert agent.process.poll() is None
    record = shelf.read()
    assert (current(record), record.left[-1].digest) == (None, digest_of(file))
    assert "probabilities differ" in record.left[-1].reason
    assert {one["current"]["version"] for one in told(heard, "bundle") if one["trial"]} == {"9.0.0"}
    listener.until(lambda heard: told(heard, "status")[-1]["bundle"]["version"] != "9.0.0")
    assert "9.0.0" in [one["bundle"]["version"] for one in told(heard, "status")]
    # Nobody who looks at a camera has noticed.
    states = told(heard, "camera/yard/state")
    first = next(index for index, one in enumerate(states) if one["connection"] == "connected")
    assert {one["connection"] for one in states[first:]} == {"connected"}
    agent.stop()
    assert agent.process.returncode == 0
    listener.close()


def test_a_trial_that_begins_with_the_agent_is_compared_too(
    agent: AgentProcess, broker: Mosquitto, changed: Make, tmp_path: Path
) -> None:
    listener, shelf = Listener(broker.port), Shelf(tmp_path / "bundles")
    shelf.add(changed(*UNSURE), put_on_trial)
    agent.start(listener)
    listener.until(is_back)
    assert "probabilities differ" in shelf.read().left[-1].reason
    assert agent.process.poll() is None
    listener.close()


def test_a_bundle_that_takes_other_samples_has_the_agent_start_anew(
    agent: AgentProcess, broker: Mosquitto, changed: Make, tmp_path: Path
) -> None:
    listener, shelf = Listener(broker.port), Shelf(tmp_path / "bundles")
    agent.start(listener)
    shelf.add(changed(r'"rate_hz": [\d.]+', '"rate_hz": 7.0'), put_on_trial)
    assert agent.wait() == 0
    assert "takes other samples" in agent.log
    record = shelf.read()
    assert record.trial is not None
    assert record.trial.boots == 0
    listener.close()
