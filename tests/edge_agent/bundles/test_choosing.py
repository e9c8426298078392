from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

import pytest

from edge_agent.bundles.choosing import choose_bundle, current_bundle
from edge_agent.bundles.errors import TrialFailedError
from edge_agent.bundles.on_trial import OnTrial
from edge_agent.bundles.record import MOST_BOOTS, current, keep, leave, put_on_trial
from edge_agent.bundles.shelf import Shelf
from edge_agent.bundles.trial import TrialPolicy
from edge_agent.events import Connection
from edge_agent.observation import Observation
from models.bundle import Bundle, open_bundle, pack
from models.trust import TrustStore
from runtimes.errors import NoRuntimeError
from tests.edge_agent.delivery.disk import Disk

POLICY = TrialPolicy(window_s=60.0, silence_s=20.0)


class Device:
    """A shelf, and the bundle of the configuration."""

    def __init__(self, folder: Path, bundle: Path, key_folder: Path) -> None:
        self.shelf = Shelf(folder / "bundles")
        self.file = pack(bundle, folder / "other.nexara")
        self.now_s = 0.0
        self.stop = threading.Event()
        self._configured = bundle
        self._trust = TrustStore.load([key_folder / "public.pem"])

    def open(self, path: Path | None) -> Bundle:
        return open_bundle(path or self._configured, self._trust)

    def start(self) -> tuple[Path, OnTrial | None]:
        choice = choose_bundle(self.shelf, self.open, POLICY, lambda: self.now_s)
        return choice.bundle.path, choice.trial

    def install(self) -> Path:
        digest = current(self.shelf.add(self.file, partial(put_on_trial, again=True)))
        assert digest is not None
        return self.shelf.path_of(digest)

    def see(self, trial: OnTrial | None, connection: Connection, rate: float, seconds: int) -> None:
        assert trial is not None
        at = datetime(2026, 1, 1, tzinfo=timezone.utc)
        for _ in range(seconds):
            self.now_s += 1.0
            trial.observe(Observation("yard", at, connection, "idle", None, rate, 0, None, None), self.stop.set)


@pytest.fixture
def device(tmp_path: Path, tiny_bundle_directory: Path, key_folder: Path) -> Device:
    return Device(tmp_path, tiny_bundle_directory, key_folder)


def test_without_a_shelf_or_with_an_empty_one_the_configured_bundle_is_opened(
    device: Device, tiny_bundle_directory: Path
) -> None:
    assert choose_bundle(None, device.open, POLICY, lambda: 0.0).bundle.path == tiny_bundle_directory
    assert device.start() == (tiny_bundle_directory, None)


def test_a_bundle_that_judges_is_kept(device: Device) -> None:
    path = device.install()
    found, trial = device.start()
    assert found == path
    device.see(trial, "connected", 0.5, 61)
    assert trial is not None
    trial.require_success()
    assert not device.stop.is_set()
    assert device.start() == (path, None)


def test_a_bundle_that_judges_nothing_is_left_and_the_agent_stopped(
    device: Device, tiny_bundle_directory: Path
) -> None:
    device.install()
    _, trial = device.start()
    device.see(trial, "connected", 0.0, 30)
    assert device.stop.is_set()
    assert trial is not None
    with pytest.raises(TrialFailedError, match="nothing was judged"):
        trial.require_success()
    assert device.start() == (tiny_bundle_directory, None)


def test_a_bundle_that_ends_every_start_is_left_after_three(device: Device, tiny_bundle_directory: Path) -> None:
    path = device.install()
    assert [device.start()[0] for _ in range(MOST_BOOTS + 1)] == [path] * MOST_BOOTS + [tiny_bundle_directory]


def test_a_bundle_that_no_engine_runs_is_left(device: Device, tiny_bundle_directory: Path) -> None:
    device.install()
    _, trial = device.start()
    assert trial is not None
    trial.fail(NoRuntimeError("violence", ["coral: none here"]))
    with pytest.raises(TrialFailedError, match="coral: none here"):
        trial.require_success()
    assert device.start()[0] == tiny_bundle_directory


@pytest.mark.parametrize("kept", [True, False])
def test_a_damaged_bundle_is_left_for_the_one_before(
    device: Device, tiny_bundle_directory: Path, kept: bool, caplog: pytest.LogCaptureFixture
) -> None:
    path = device.install()
    if kept:
        device.shelf.change(keep)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert device.start() == (tiny_bundle_directory, None)
    assert "missing or damaged" in caplog.text
    assert current(device.shelf.read()) is None


def test_looking_at_what_would_be_opened_counts_no_start(device: Device) -> None:
    path = device.install()
    assert {current_bundle(device.shelf, device.open).path for _ in range(9)} == {path}
    assert device.start()[1] is not None


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disk = Disk(tmp_path)
    yield disk
    disk.close()


def test_a_disk_that_cannot_be_written_does_not_keep_the_agent_from_its_bundle(
    disk: Disk, tiny_bundle_directory: Path, key_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    device = Device(disk.path, tiny_bundle_directory, key_folder)
    path = device.install()
    device.shelf.change(keep)
    disk.break_()
    assert device.start() == (path, None)
    # Without a mount nothing has to be written here, which is not refused then.
    assert ("this start goes on without" in caplog.text) == disk.mounted


def test_a_trial_whose_end_cannot_be_written_is_not_begun_again_before_it_can(
    disk: Disk, tiny_bundle_directory: Path, key_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    device = Device(disk.path, tiny_bundle_directory, key_folder)
    path = device.install()
    _, trial = device.start()
    disk.break_()
    device.see(trial, "connected", 0.0, 30)
    assert device.stop.is_set()
    assert [device.start() for _ in range(2)] == [(tiny_bundle_directory, None)] * 2
    assert "is on trial and is not tried" in caplog.text
    disk.mend()
    found, trial = device.start()
    assert (found, trial is None) == (path, False)


def test_a_trial_that_was_ended_elsewhere_does_no_harm(device: Device, tiny_bundle_directory: Path) -> None:
    device.install()
    _, trial = device.start()
    device.shelf.change(partial(leave, reason="by hand"))
    device.see(trial, "connected", 0.5, 61)
    assert device.start()[0] == tiny_bundle_directory


def test_a_bundle_that_was_put_on_trial_meanwhile_is_not_kept_for_the_one_in_use(device: Device) -> None:
    device.install()
    _, trial = device.start()
    device.file.write_bytes(device.file.read_bytes() + b"another file")
    other = device.install()
    device.see(trial, "connected", 0.5, 61)
    record = device.shelf.read()
    assert record.kept is None
    assert current(record) == other.name.partition(".")[0]
    assert record.trial is not None


def test_looking_passes_over_a_damaged_bundle_as_a_start_does_and_changes_nothing(
    device: Device, tiny_bundle_directory: Path
) -> None:
    device.install().write_bytes(b"damaged")
    before = device.shelf.read()
    assert current_bundle(device.shelf, device.open).path == tiny_bundle_directory
    assert device.shelf.read() == before
