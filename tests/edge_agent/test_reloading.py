"""A changed file and a hangup, with a real bundle; the whole process is in ``test_command_line``."""

from __future__ import annotations

import os
import signal
import socket
import threading
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from edge_agent.agent import open_book, open_covers
from edge_agent.config import ConfigError, load_config
from edge_agent.config.overlay import OverlayFile
from edge_agent.config.plan import Plan
from edge_agent.notifier import Notifier
from edge_agent.policy_book import PolicyBook
from edge_agent.reloading import Reloader, reload_on_hangup
from edge_agent.run_command import _fit_for
from edge_agent.state_file import StateError, StateFile
from models.bundle import Bundle
from tests.edge_agent.config.test_changes import ATTIC, BASE, DOOR
from tests.edge_agent.delivery.listener import wait_for


class Device:
    """An agent's configuration, its book and its reloader."""

    def __init__(self, folder: Path, bundle: Bundle, notifier: Notifier | None = None) -> None:
        self.path = folder / "edge.toml"
        self.path.write_text(BASE)
        plan = Plan(load_config(self.path), {})
        cameras = plan.cameras(bundle.manifest)
        self.book: PolicyBook = open_book(cameras, bundle.manifest)
        self.covers = open_covers(cameras)
        self.overlay = StateFile(folder / "overlay.json")
        self.reloader = Reloader(
            plan, bundle.manifest, self.book, notifier or Notifier({}), OverlayFile(self.overlay), self.covers
        )

    def reload(self, text: str) -> None:
        self.path.write_text(text)
        self.reloader.reload()


def test_reload_applies_what_it_can_and_names_the_rest_in_one_line(
    tmp_path: Path, tiny: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    device = Device(tmp_path, tiny)
    text = BASE.replace("alert = 0.8", "alert = 0.9").replace("end_hold_s = 9", "end_hold_s = 3")
    device.reload(text.replace("broker.local", "other.local").replace('"gate"', '"hall"') + ATTIC)
    door = device.book.of("door")
    assert (door.thresholds.alert, door.incidents.end_hold_s) == (0.9, 3)
    assert device.book.of("yard").incidents.end_hold_s == 5
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        f"reloaded {device.path}: alert 0.8 -> 0.9 (all cameras); end_hold_s 9 -> 3 (door)",
        "restart to apply: device, mqtt.host, camera attic added",
    ]


def test_a_bundle_that_contradicts_what_was_set_since_the_start_is_not_opened(tmp_path: Path, tiny: Bundle) -> None:
    device = Device(tmp_path, tiny)
    device.reload(BASE.replace("clear = 0.4\n", ""))
    device.reloader.amend(lambda overlay: overlay.with_keys(("yard",), {"alert": 0.5}))
    opened = _fit_for(lambda _path: tiny, device.reloader)
    assert opened(Path("other.nexara")) is tiny
    calibration = tiny.manifest.calibration
    thresholds = msgspec.structs.replace(calibration.thresholds, clear=0.55)
    calibration = msgspec.structs.replace(calibration, thresholds=thresholds)
    other = replace(tiny, manifest=msgspec.structs.replace(tiny.manifest, calibration=calibration))
    opened = _fit_for(lambda _path: other, device.reloader)
    with pytest.raises(ConfigError, match="clear"):
        opened(Path("other.nexara"))
    assert opened(None) is other


def test_thresholds_of_a_bundle_that_judges_already_come_with_the_next_reload(tmp_path: Path, tiny: Bundle) -> None:
    device = Device(tmp_path, tiny)
    text = BASE.replace("clear = 0.4\n", "")
    device.reload(text)
    calibration = tiny.manifest.calibration
    thresholds = msgspec.structs.replace(calibration.thresholds, clear=0.55)
    calibration = msgspec.structs.replace(calibration, thresholds=thresholds)
    device.overlay.path.mkdir()
    with pytest.raises(StateError):
        device.reloader.use(msgspec.structs.replace(tiny.manifest, calibration=calibration))
    device.overlay.path.rmdir()
    device.reload(text)
    assert device.book.of("yard").thresholds.clear == 0.55


def test_reload_reminds_of_the_restart_until_the_file_is_as_it_was_at_the_start(
    tmp_path: Path, tiny: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    device = Device(tmp_path, tiny)
    for text in (BASE.replace("gate", "hall"), BASE.replace("gate", "hall"), BASE):
        device.reload(text)
    assert caplog.text.count("restart to apply: device") == 2


def test_reload_leaves_a_camera_as_it_was_when_the_file_no_longer_names_it(tmp_path: Path, tiny: Bundle) -> None:
    device = Device(tmp_path, tiny)
    before = device.book.of("door")
    device.reload(BASE.replace(DOOR, "").replace("alert = 0.8", "alert = 0.7"))
    assert device.book.of("door") == before
    assert device.book.of("yard").thresholds.alert == 0.7


@pytest.mark.parametrize(
    ("old", "new", "faults"),
    [
        ("alert = 0.8", "alert = 1.8", [":8: thresholds.alert: found 1.8"]),
        ("wake = 0.2\nalert = 0.8", "wake = 2\nalrt = 1", [":7: thresholds.wake: found 2", ":8: thresholds.alrt: unk"]),
        ("alert = 0.8\nclear = 0.4", "clear = 0.999", [":15: camera[0]: clear = 0.99", ":18: camera[1]: clear = 0.99"]),
        ("[thresholds]", "[thresholds", [":6: not TOML: "]),
        (DOOR, DOOR + DOOR, ["camera[1].id: found 'door' 2 times", "camera[2].id: found 'door' 2 times"]),
    ],
)  # fmt: skip
def test_reload_keeps_all_and_logs_every_fault_when_the_file_is_wrong(
    tmp_path: Path, tiny: Bundle, caplog: pytest.LogCaptureFixture, old: str, new: str, faults: list[str]
) -> None:
    device = Device(tmp_path, tiny)
    before = device.book.pages
    device.reload(BASE.replace(old, new, 1))
    assert device.book.pages is before
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert errors[-1] == f"{device.path} not reloaded: the configuration in force stays"
    assert len(errors) == len(faults) + 1
    for error, fault in zip(errors, faults, strict=False):
        assert error.startswith(str(device.path))
        assert fault in error


def test_reload_keeps_all_when_the_file_is_gone(tmp_path: Path, tiny: Bundle, caplog: pytest.LogCaptureFixture) -> None:
    device = Device(tmp_path, tiny)
    before = device.book.pages
    device.path.unlink()
    device.reloader.reload()
    assert device.book.pages is before
    assert "cannot be read: No such file" in caplog.text


@pytest.mark.parametrize("text", [BASE, "broken"])
def test_service_manager_is_told_of_every_reload_once_the_agent_is_ready(
    tmp_path: Path, tiny: Bundle, text: str
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(5)
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        device = Device(tmp_path, tiny, notifier)
        device.reload(text)
        notifier.ready()
        device.reload(text)
        assert [manager.recv(100) for _ in range(3)] == [b"READY=1", b"RELOADING=1", b"READY=1"]


def test_hangup_reloads_on_a_thread_of_its_own_and_no_more_afterwards() -> None:
    before = signal.getsignal(signal.SIGHUP)
    where: list[str] = []
    with reload_on_hangup(lambda: where.append(threading.current_thread().name)):
        for times in (1, 2):
            os.kill(os.getpid(), signal.SIGHUP)
            wait_for(lambda times=times: len(where) == times, "no reload")
    assert where == ["reload", "reload"]
    assert signal.getsignal(signal.SIGHUP) == before
