"""Following the record while somebody judges: real bundles and engines, driven by hand, time passed in."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from edge_agent.bundles import switch as switching
from edge_agent.bundles.bundle_in_use import BundleInUse
from edge_agent.bundles.record import current, keep, leave, put_on_trial
from edge_agent.bundles.shelf import Shelf
from edge_agent.bundles.switch import Effects, Switch
from edge_agent.bundles.trial import TrialPolicy
from edge_agent.bundles.workshop import Hear, Workshop
from edge_agent.inference import Judge
from edge_agent.observation import Observation
from edge_agent.seat import Seat
from edge_agent.sitting import Alone, RuntimeNews, Sitting
from models.bundle import MANIFEST, Bundle, open_bundle, pack
from models.manifest import Manifest
from models.signing import sign
from models.trust import TrustStore
from runtimes.detector import Detector, open_detector
from runtimes.protocol import SessionOptions
from tests.edge_agent.delivery.disk import Disk
from tests.edge_agent.delivery.listener import wait_for
from tests.edge_agent.test_inference import samples_of
from tests.tiny_bundle import make_windows

REST_S = 120.0


class Device:
    """A shelf, and a seat in which somebody judges on a thread of his own."""

    def __init__(self, folder: Path, bundle: Path, key_folder: Path, key: ec.EllipticCurvePrivateKey) -> None:
        self.shelf = Shelf(folder / "bundles")
        self.now_s = 0.0
        self.changes: list[str | None] = []
        self.renewals = 0
        self.opened: list[Path | None] = []
        self.seat = Seat()
        self._folder = folder
        self._configured = bundle
        self._key = key
        self._trust = TrustStore.load([key_folder / "public.pem"])
        self._samples = samples_of("yard", make_windows(np.random.default_rng(3), 1)[0])
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._judge)
        configured = self.open(None)
        self.workshop = Workshop(
            self.open, self.judge, self.detector, alert, 1.0, TrialPolicy(60.0, 20.0), lambda: self.now_s
        )
        effects = Effects(lambda in_use: self.changes.append(in_use.file.sha256), self._renew, REST_S, lambda: None)
        self.seat.take(self.judge(configured, lambda _runtime: None, nullcontext))
        self.switch = Switch(self.shelf, self.workshop, self.seat, BundleInUse(configured, None), None, effects)
        self._thread.start()

    def open(self, path: Path | None) -> Bundle:
        self.opened.append(path)
        return open_bundle(path or self._configured, self._trust)

    def judge(self, bundle: Bundle, hear: Hear, alone: Alone) -> Sitting:
        detector = self.detector(bundle, alone)
        judge = Judge(detector, bundle.manifest.geometry, 1.0, lambda: self.now_s)
        return Sitting(detector, judge, RuntimeNews(lambda runtime: (hear(runtime), None)[1]), alone)

    def detector(self, bundle: Bundle, alone: Alone) -> Detector:
        return open_detector(bundle, options=SessionOptions(alone=alone))

    def install(self, version: str, *changes: tuple[str, str]) -> str:
        """Put the tiny bundle of another version on trial, with its manifest changed."""
        folder = self._folder / version
        shutil.copytree(self._configured, folder)
        text = (folder / MANIFEST).read_text()
        for found, wanted in ((r'"version": "0\.\d+\.\d+"', f'"version": "{version}"'), *changes):
            text, count = re.subn(found, wanted, text)
            assert count
        (folder / MANIFEST).write_text(text)
        sign(folder, self._key)
        digest = current(self.shelf.add(pack(folder, self._folder / f"{version}.nexara"), put_on_trial))
        assert digest is not None
        return digest

    def sitting(self) -> Sitting:
        """Who sits now."""
        found: list[Sitting] = []
        assert self.seat.change(lambda sitting: (found.append(sitting), sitting)[1], 60)
        return found[0]

    def see(self, rate: float, seconds: int) -> None:
        at = datetime(2026, 1, 1, tzinfo=timezone.utc)
        for _ in range(seconds):
            self.now_s += 1.0
            self.switch.observe(Observation("yard", at, "connected", "idle", None, rate, 0, None, None))

    def halt(self) -> None:
        """Nobody judges any more."""
        self._stop.set()
        self._thread.join(30)

    def _judge(self) -> None:
        while not self._stop.is_set():
            self.seat.judge(self._samples)
            self.seat.reflect()

    def _renew(self) -> None:
        self.renewals += 1


def alert(manifest: Manifest) -> float:
    return manifest.calibration.thresholds.alert


@pytest.fixture
def device(
    tmp_path: Path, tiny_bundle_directory: Path, key_folder: Path, signing_key: ec.EllipticCurvePrivateKey
) -> Iterator[Device]:
    device = Device(tmp_path, tiny_bundle_directory, key_folder, signing_key)
    yield device
    device.halt()
    device.seat.close()


def test_a_bundle_on_trial_judges_is_compared_and_kept(device: Device) -> None:
    device.switch.follow()
    assert device.changes == []
    before = device.sitting()
    digest = device.install("9.0.0")
    device.switch.follow()
    assert (device.changes, device.switch.in_use.name.version) == ([digest], "9.0.0")
    record = device.shelf.read()
    assert record.trial is not None
    assert record.trial.boots == 1
    comparison = device.sitting().comparison
    assert comparison is not None
    assert comparison.before is before.detector
    trial = device.switch.trial
    assert trial is not None

    def is_compared() -> bool:
        # The comparison has its share of the time, which stands still here by itself.
        device.now_s += 1.0
        return trial.drift is not None

    wait_for(is_compared, "not compared")
    assert trial.drift is not None
    assert trial.drift.largest == 0.0
    device.see(0.5, 61)
    device.switch.follow()
    assert (device.shelf.read().kept, device.switch.trial, device.sitting().comparison) == (digest, None, None)
    assert device.renewals == 0


def test_a_bundle_that_judges_nothing_is_left_for_the_one_before(device: Device) -> None:
    digest = device.install("9.0.0")
    device.switch.follow()
    device.see(0.0, 30)
    device.switch.follow()
    assert (device.changes, device.switch.trial, device.renewals) == ([digest, None], None, 0)
    assert "nothing was judged" in device.shelf.read().left[-1].reason


def test_a_bundle_whose_engine_changes_again_and_again_is_left(device: Device) -> None:
    device.install("9.0.0")
    device.switch.follow()
    for number in range(4):
        device.switch.note_runtime(f"engine {number}")
    device.see(0.5, 1)
    device.switch.follow()
    assert "its engine changed 4 times, at last to engine 3" in device.shelf.read().left[-1].reason
    assert device.changes[-1] is None


def test_one_that_no_engine_runs_is_left_and_whoever_judges_goes_on(device: Device) -> None:
    before = device.sitting()
    device.install("9.0.0", ('"engine": "[a-z]+"', '"engine": "abacus"'))
    device.switch.follow()
    device.switch.follow()
    assert "abacus" in device.shelf.read().left[-1].reason
    assert device.sitting() is before
    assert (device.changes, device.renewals) == ([], 0)


def test_one_that_no_engine_runs_leaves_alone_what_was_installed_while_it_was_opened(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile = []

    def judge(bundle: Bundle, hear: Hear, alone: Alone) -> Sitting:
        meanwhile.append(device.install("9.1.0"))
        return device.judge(bundle, hear, alone)

    device.install("9.0.0", ('"engine": "[a-z]+"', '"engine": "abacus"'))
    monkeypatch.setattr(device.switch, "_workshop", replace(device.workshop, judge=judge))
    device.switch.follow()
    record = device.shelf.read()
    assert (current(record), record.left) == (meanwhile[0], ())


def test_another_trial_takes_the_place_of_the_first_and_is_compared_with_what_was_kept(device: Device) -> None:
    kept = device.sitting().detector
    digests = [device.install("9.0.0")]
    device.switch.follow()
    digests.append(device.install("9.1.0"))
    device.switch.follow()
    comparison = device.sitting().comparison
    assert comparison is not None
    assert comparison.before is kept
    assert device.changes == digests
    device.shelf.change(partial(leave, reason="by hand"))
    device.switch.follow()
    assert (device.changes[-1], device.sitting().comparison) == (None, None)


@pytest.mark.parametrize("reason", ["other samples", "damaged", "nobody comes to it"])
def test_what_cannot_be_done_while_it_runs_waits_for_a_start_anew(
    device: Device, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = [(r'"rate_hz": [\d.]+', '"rate_hz": 7.0')] if reason == "other samples" else []
    digest = device.install("9.0.0", *changes)
    if reason == "damaged":
        device.shelf.path_of(digest).write_bytes(b"")
    if reason == "nobody comes to it":
        device.halt()
        monkeypatch.setattr(switching, "_PATIENCE_S", 0.01)
    device.switch.follow()
    opened = len(device.opened)
    device.switch.follow()
    assert (device.renewals, len(device.opened)) == (0, opened)
    device.now_s = REST_S
    device.switch.follow()
    assert (device.renewals, device.changes) == (1, [])
    assert current(device.shelf.read()) == digest


def test_a_failed_trial_that_the_disk_does_not_take_is_left_all_the_same_and_told_once_it_does(
    tmp_path: Path, tiny_bundle_directory: Path, key_folder: Path, signing_key: ec.EllipticCurvePrivateKey
) -> None:
    disk = Disk(tmp_path)
    device = Device(disk.path, tiny_bundle_directory, key_folder, signing_key)
    digest = device.install("9.0.0")
    device.switch.follow()
    disk.break_()
    device.see(0.0, 30)
    for _ in range(2):
        device.switch.follow()
    assert (device.changes, device.renewals, device.switch.trial) == ([digest, None], 0, None)
    assert current(device.shelf.read()) == digest
    assert [left.digest for left in device.switch.record().left] == [digest]
    disk.mend()
    device.switch.follow()
    assert device.shelf.read() == device.switch.record()
    assert (device.changes, current(device.shelf.read())) == ([digest, None], None)
    device.halt()
    device.seat.close()
    disk.close()


def test_a_bundle_that_was_kept_by_an_earlier_start_is_no_trial(device: Device) -> None:
    digest = device.install("9.0.0")
    device.shelf.change(keep)
    device.switch.follow()
    assert (device.changes, device.switch.trial, device.sitting().comparison) == ([digest], None, None)
