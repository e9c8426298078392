"""From a desire to a trial over a real HTTPS server: killed at every step, and by a document that is looked at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.bundles.record import current, leave
from edge_agent.bundles.shelf import Shelf
from edge_agent.bundles.standing_file import StandingFile
from edge_agent.command_line import main
from models.bundle import pack
from tests.edge_agent.bundles.bundle_store import BundleStore, bundle_store, desire
from tests.edge_agent.delivery.mosquitto import make_private_ca

INTERRUPTED = Path(__file__).with_name("interrupted_attempt.py")
ROOT = Path(__file__).parents[3]
CONFIG = """
site = "school"
device = "gate"
[bundle]
path = "{bundle}"
trusted_keys = ["{key}"]
[mqtt]
host = "127.0.0.1"
[spool]
directory = "spool"
[updates]
directory = "bundles"
ca = "{ca}"
{more}
[[camera]]
id = "yard"
source = "scene:yard?seed=3"
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[BundleStore]:
    (tmp_path / "ca").mkdir()
    with bundle_store(make_private_ca(tmp_path / "ca")) as found:
        yield found


@pytest.fixture
def other(tmp_path: Path, tiny_bundle_directory: Path, store: BundleStore) -> dict[str, str]:
    return store.put(pack(tiny_bundle_directory, tmp_path / "other.nexara"))


@pytest.fixture
def config(tmp_path: Path, tiny_bundle_directory: Path, key_folder: Path, store: BundleStore) -> Path:
    path, key = tmp_path / "edge.toml", key_folder / "public.pem"
    more = f'manifest = "{store.url("bundle.json")}"'
    path.write_text(CONFIG.format(bundle=tiny_bundle_directory, key=key, ca=store.ca, more=more))
    return path


def test_one_good_bundle_is_left_whenever_an_attempt_is_killed(config: Path, other: dict[str, str]) -> None:
    command = [sys.executable, str(INTERRUPTED), str(config), desire("wave-1", other).decode()]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    tries = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(tries) > 15
    assert [one["killed"] for one in tries] == [True] * (len(tries) - 1) + [False]
    arrived = {"current": other["sha256"], "whole": True, "state": "trial", "due": False}
    for one in tries:
        assert one["left"]["whole"]
        # It is on trial, or the next session has it pursued.
        assert one["left"]["current"] == (None if one["left"]["due"] else other["sha256"])
        assert (one["again"], one["after"]) == (False, arrived)


def update(config: Path) -> int:
    return main(["bundle", "update", "--config", str(config)])


def test_the_document_that_is_looked_at_says_what_a_device_has(
    config: Path, store: BundleStore, other: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    shelf = Shelf(config.parent / "bundles")
    assert update(config) == 2
    assert "the server says 404" in capsys.readouterr().err
    store.files["bundle.json"] = desire("wave-1", other)
    assert update(config) == 0
    assert "passed its self-test" in capsys.readouterr().out
    assert current(shelf.read()) == other["sha256"]
    assert update(config) == 0
    assert "is in use" in capsys.readouterr().out
    assert store.asked.count("other.nexara") == 1
    shelf.change(lambda record: leave(record, "it drifts"))
    assert update(config) == 2
    assert "is left: it drifts" in capsys.readouterr().err
    for id_, after_s, text in (("wave-0", -1, "older than the last"), ("wave-2", 1, "on trial before and was left")):
        store.files["bundle.json"] = desire(id_, other, after_s)
        assert update(config) == 2
        assert text in capsys.readouterr().err
    assert current(shelf.read()) is None
    store.files["bundle.json"] = desire("wave-3", other, 2, again=True)
    assert update(config) == 0
    assert current(shelf.read()) == other["sha256"]


@pytest.mark.parametrize(
    ("content", "text"),
    [(b"{", "desires no bundle"), (b" " * 5000, "more than 4096 bytes"), (b"", "desires no bundle")],
    ids=["no JSON", "too long", "empty"],
)
def test_a_document_that_desires_nothing_is_told(
    config: Path, store: BundleStore, content: bytes, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store.files["bundle.json"] = content
    assert update(config) == 2
    assert text in capsys.readouterr().err


def test_what_cannot_be_fetched_is_kept_as_failed_and_tried_by_the_next_look(
    config: Path, store: BundleStore, other: dict[str, str]
) -> None:
    store.files["bundle.json"] = desire("wave-1", other)
    content = store.files.pop("other.nexara")
    assert update(config) == 2
    fault = StandingFile(config.parent / "bundles").read().fault
    assert fault is not None
    assert (fault.state, "404" in fault.reason) == ("failed", True)
    store.files["other.nexara"] = content
    assert update(config) == 0


def test_without_a_manifest_there_is_nothing_to_look_at(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = config.read_text()
    config.write_text(text.replace("manifest = ", "# "))
    assert update(config) == 2
    assert "no manifest in [updates]" in capsys.readouterr().err
    config.write_text(text.replace("manifest = ", "desired = true\nmanifest = "))
    assert update(config) == 2
    assert "found it beside desired = true" in capsys.readouterr().err
