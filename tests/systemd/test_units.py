"""The units and their drop-ins are accepted by systemd and as little exposed as is told."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.systemd.machine import ROOT, UNITS

DROP_INS = UNITS / "drop-ins"
INSTALLING = (ROOT / "docs" / "installing.md").read_text()
# Exposure of 10 with this drop-in alone, by systemd 252; 1.5 was asked for without any.
EXPOSURE = {"v4l2": 1.4, "vaapi": 1.4, "nvidia": 1.5, "jetson": 1.6, "coral-usb": 1.6, "coral-pci": 1.6}
ABSENT = "nexara-edge is not executable: No such file or directory"
CHOICES = [choice for count in (0, 1, 2, len(EXPOSURE)) for choice in itertools.combinations(EXPOSURE, count)]
# What makes the template of the unit.
INSTANCE = (
    ("Description=NexaraVision edge agent", "Description=NexaraVision edge agent of %i"),
    ("/etc/nexara/edge.toml", "/etc/nexara/%i.toml"),
    ("User=nexara-edge", "User=nexara-edge-%i"),
    ("StateDirectory=nexara-edge", "StateDirectory=nexara-edge-%i"),
    ("CacheDirectory=nexara-edge", "CacheDirectory=nexara-edge-%i"),
    ("in edge.toml", "in %i.toml"),
    ("mqtt:/etc/nexara/mqtt.password", "mqtt:/etc/nexara/%i.mqtt.password"),
)


def install(folder: Path, unit: str, drop_ins: Sequence[str]) -> Path:
    """A unit and drop-ins of it as an installer copies them."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here; install the Debian package systemd")
    shutil.copy(UNITS / unit, folder)
    (folder / f"{unit}.d").mkdir()
    for name in drop_ins:
        shutil.copy(DROP_INS / f"{name}.conf", folder / f"{unit}.d")
    return folder / unit


def complaints(unit: Path) -> list[str]:
    """What systemd finds wrong with a unit, but that the agent is not installed where the tests run."""
    command = ["systemd-analyze", "verify", "--man=no", str(unit)]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    return [line for line in said.splitlines() if not line.endswith(f"Command /opt/nexara/bin/{ABSENT}")]


def exposure(unit: Path) -> float:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)]
    table = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Overall exposure level for .*: ([\d.]+) ", table)
    assert found is not None, table
    return float(found[1])


def test_every_drop_in_has_its_exposure_told_and_is_documented() -> None:
    assert {path.stem for path in DROP_INS.iterdir()} == set(EXPOSURE)
    assert [name for name in EXPOSURE if f"`{name}.conf`" not in INSTALLING] == []


@pytest.mark.parametrize("drop_ins", CHOICES, ids=" ".join)
def test_unit_is_accepted_with_drop_ins(tmp_path: Path, drop_ins: tuple[str, ...]) -> None:
    assert complaints(install(tmp_path, "nexara-edge.service", drop_ins)) == []


def test_unit_that_enrols_is_accepted(tmp_path: Path) -> None:
    shutil.copy(UNITS / "nexara-edge.service", tmp_path)
    assert complaints(install(tmp_path, "nexara-edge-enrol.service", ())) == []


def test_device_that_is_slow_to_be_looked_at_starts_all_the_same() -> None:
    unit = (UNITS / "nexara-edge-enrol.service").read_text()
    limit_s = int(re.findall(r"^TimeoutStartSec=(\d+)$", unit, re.MULTILINE)[0])
    look = next(line for line in unit.splitlines() if " accept " in line)
    kill_after_s, given_s = map(int, re.findall(r"timeout --kill-after=(\d+) (\d+) ", look)[0])
    assert look.startswith("ExecStartPost=-")
    assert kill_after_s + given_s < limit_s


def test_template_is_accepted_with_all_drop_ins(tmp_path: Path) -> None:
    assert complaints(install(tmp_path, "nexara-edge@.service", list(EXPOSURE))) == []


@pytest.mark.parametrize("instance", ["", "@"])
def test_timer_and_its_unit_are_accepted(tmp_path: Path, instance: str) -> None:
    timer = shutil.copy(UNITS / f"nexara-edge-update{instance}.timer", tmp_path)
    assert complaints(install(tmp_path, f"nexara-edge-update{instance}.service", list(EXPOSURE))) == []
    assert complaints(Path(timer)) == []


def test_update_unit_is_the_agents_user_and_exposed_no_more(tmp_path: Path) -> None:
    assert exposure(install(tmp_path, "nexara-edge-update.service", ())) <= 1.2
    keys = ("DynamicUser", "User", "StateDirectory", "StateDirectoryMode", "CacheDirectory", "UMask")
    agent, update = ((UNITS / f"nexara-edge{part}.service").read_text().splitlines() for part in ("", "-update"))
    shared = [line for line in agent if line.partition("=")[0] in keys]
    assert len(shared) == len(keys)
    assert set(shared) <= set(update)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("/nexara-edge run", "/nexara-egde run"),
        ("ProtectClock=yes", "ProtectClocks=yes"),
        ("=setpriority mbind", "=setpriorities mbind"),
    ],
)
def test_mistake_in_a_unit_is_found(tmp_path: Path, right: str, wrong: str) -> None:
    unit = install(tmp_path, "nexara-edge.service", ())
    text = unit.read_text()
    assert right in text
    unit.write_text(text.replace(right, wrong))
    found = complaints(unit)
    assert len(found) == 1
    assert wrong.strip("/=").split("=")[0].split()[0] in found[0]


@pytest.mark.parametrize(("drop_ins", "most"), [((), 1.2), *(((name,), most) for name, most in EXPOSURE.items())])
def test_unit_is_exposed_no_more_than_is_told(tmp_path: Path, drop_ins: tuple[str, ...], most: float) -> None:
    assert exposure(install(tmp_path, "nexara-edge.service", drop_ins)) <= most


def test_template_is_the_unit_with_files_user_and_folders_of_its_instance() -> None:
    wanted = (UNITS / "nexara-edge.service").read_text()
    for of_unit, of_instance in INSTANCE:
        assert wanted.count(f"{of_unit}\n") + wanted.count(f"{of_unit} ") == 1, of_unit
        wanted = wanted.replace(of_unit, of_instance)
    assert (UNITS / "nexara-edge@.service").read_text() == wanted


@pytest.mark.parametrize(("kind", "most"), [("service", 5), ("timer", 1)])
def test_template_of_updates_is_their_unit_with_what_is_of_its_instance(kind: str, most: int) -> None:
    wanted = (UNITS / f"nexara-edge-update.{kind}").read_text()
    changes = [change for change in INSTANCE if f"{change[0]}\n" in wanted or f"{change[0]}, " in wanted]
    assert len(changes) == most
    for of_unit, of_instance in changes:
        wanted = wanted.replace(of_unit, of_instance, 1)
    assert (UNITS / f"nexara-edge-update@.{kind}").read_text() == wanted
