"""What a changed configuration changes while running, and what it needs a restart for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge_agent.config.changes import list_applied, list_restarts
from edge_agent.config.loading import load_config
from edge_agent.config.plan import Plan
from edge_agent.config.settings import Cell, Settings
from models.bundle import Bundle

BASE = """\
site = "school"
device = "gate"
bundle = { path = "first.nexara" }
mqtt = { host = "broker.local" }
spool = { directory = "spool" }
[thresholds]
wake = 0.2
alert = 0.8
clear = 0.4
[sampling]
idle_interval_s = 2
[incidents]
end_hold_s = 5
[clips]
directory = "clips"
[[camera]]
id = "yard"
source = "file:yard.mp4"
[[camera]]
id = "door"
source = "file:door.mp4"
end_hold_s = 9
"""
DOOR = BASE[BASE.rindex("[[camera]]") :]
CELLS = """\
[[camera.cell]]
id = "stairs"
box = [0.5, 0, 1, 1]
wake = 0.3
[[camera.cell]]
id = "hall"
box = [0, 0, 0.5, 1]
"""
WALL = '[[camera]]\nid = "wall"\nsource = "file:wall.mp4"\ncooldown_s = 7\n' + CELLS
WAKING, MIXED = "[thresholds]\nwake = 0.2", "runtime = { threads = 2 }\n[thresholds]\nwake = 0.1"
USER = 'username = "a", password = "file:/a"'
ATTIC = DOOR.replace("door", "attic")


def load(folder: Path, text: str) -> Plan:
    path = folder / "edge.toml"
    path.write_text(text)
    return Plan(load_config(path), {})


@pytest.mark.parametrize(
    ("old", "new", "applied", "restarts"),
    [
        ("", "", [], []),
        ("alert = 0.8", "alert = 0.9", ["alert 0.8 -> 0.9 (all cameras)"], []),
        ("wake = 0.2\nalert", "alert", ["wake 0.2 -> BUNDLE (all cameras)"], []),
        ("end_hold_s = 5", "end_hold_s = 7", ["end_hold_s 5 -> 7 (yard)"], []),
        ("end_hold_s = 9", "end_hold_s = 7", ["end_hold_s 9 -> 7 (door)"], []),
        ("end_hold_s = 9\n", "", ["end_hold_s 9 -> 5 (door)"], []),
        ("end_hold_s = 9", "end_hold_s = 9\nwake = 0.3", ["wake 0.2 -> 0.3 (door)"], []),
        ("idle_interval_s = 2", "alert_rate_hz = 8", ["alert_rate_hz 10 -> 8 (all cameras)"], []),
        ("[incidents]", "[snapshots]\nscore = true\n[incidents]", ["score False -> True (all cameras)"], []),
        ("[incidents]", "[incidents]\ncooldown_s = 3", ["cooldown_s 0 -> 3 (all cameras)"], []),
        ("[incidents]", "[incidents]\nschedule = ['sat', 'sun']", ["schedule none -> sat, sun (all cameras)"], []),
        ("[incidents]", "largest_gap_s = 2\n[incidents]", [], ["sampling.largest_gap_s"]),
        ('site = "school"', 'site = "park"', [], ["site"]),
        ('device = "gate"', 'device = "hall"', [], ["device"]),
        ("first", "second", [], ["bundle.path"]),
        ("broker.local", "broker.example", [], ["mqtt.host"]),
        ('"broker.local"', '"broker.local", tls = {}', [], ["mqtt.tls"]),
        ('"broker.local"', '"broker.local", home_assistant = {}', [], ["mqtt.home_assistant"]),
        ('"broker.local"', f'"broker.local", {USER}', [], ["mqtt.username", "mqtt.password"]),
        ('directory = "spool"', 'directory = "s", max_age_hours = 1', [], ["spool.directory", "spool.max_age_hours"]),
        ("[incidents]", "[runtime]\nthreads = 2\n[incidents]", [], ["runtime.threads"]),
        ("[incidents]", "[health]\ninterval_s = 2\n[incidents]", [], ["health.interval_s"]),
        ("[incidents]", "[metrics]\n[incidents]", [], ["metrics"]),
        ("[incidents]", '[log]\nformat = "json"\n[incidents]', [], ["log.format"]),
        ('"clips"', '"clips"\nbefore_s = 2\nmax_count = 9', [], ["clips.before_s", "clips.max_count"]),
        ('[clips]\ndirectory = "clips"\n', "", [], ["clips"]),
        ("file:yard.mp4", "file:garden.mp4", [], ["camera yard source"]),
        ("end_hold_s = 9", "end_hold_s = 9\nloop = true", [], ["camera door loop"]),
        (DOOR, "", [], ["camera door removed"]),
        (DOOR, DOOR + ATTIC, [], ["camera attic added"]),
        (DOOR, ATTIC, [], ["camera attic added", "camera door removed"]),
        (WAKING, MIXED, ["wake 0.2 -> 0.1 (all cameras)"], ["runtime.threads"]),
        (DOOR, WALL, [], ["camera wall added", "camera door removed"]),
        (DOOR, DOOR + 'grid = "1x2"', [], ["camera door grid"]),
    ],
)  # fmt: skip
def test_changes_are_told_apart_when_configuration_differs(
    tmp_path: Path, tiny: Bundle, old: str, new: str, applied: list[str], restarts: list[str]
) -> None:
    text = BASE.replace(old, new, 1)
    before, after = load(tmp_path, BASE), load(tmp_path, text)
    expected = [line.replace("BUNDLE", f"{tiny.manifest.calibration.thresholds.wake:g}") for line in applied]
    assert list(list_applied(before.policies(tiny.manifest), after.policies(tiny.manifest))) == expected
    assert list(list_restarts(before.config.settings, after.config.settings)) == restarts


@pytest.mark.parametrize(
    ("old", "new", "applied", "restarts"),
    [
        ("wake = 0.3", "wake = 0.4", ["wake 0.3 -> 0.4 (stairs)"], []),
        ("cooldown_s = 7", "cooldown_s = 8", ["cooldown_s 7 -> 8 (hall, stairs)"], []),
        ("wake = 0.3\n", "", ["wake 0.3 -> 0.2 (stairs)"], []),
        ("[0.5, 0, 1, 1]", "[0.4, 0, 1, 1]", [], ["cell stairs box"]),
        ('"stairs"', '"steps"', [], ["cell steps added", "cell stairs removed"]),
        ('"wall"', '"dvr"', [], ["camera dvr added", "camera wall removed"]),
        (CELLS, 'grid = "1x2"', [], ["camera wall grid", "cell stairs removed", "cell hall removed"]),
    ],
)
def test_cells_change_as_cameras_do(
    tmp_path: Path, tiny: Bundle, old: str, new: str, applied: list[str], restarts: list[str]
) -> None:
    base = BASE.replace(DOOR, WALL)
    before, after = load(tmp_path, base), load(tmp_path, base.replace(old, new, 1))
    assert list(list_applied(before.policies(tiny.manifest), after.policies(tiny.manifest))) == applied
    assert list(list_restarts(before.config.settings, after.config.settings)) == restarts


def test_order_of_cameras_is_no_change(tmp_path: Path, tiny: Bundle) -> None:
    before, after = (
        load(tmp_path, BASE),
        load(tmp_path, BASE.replace(DOOR, "").replace("[[camera]]", DOOR + "[[camera]]")),
    )
    assert [camera.id for camera in after.config.settings.camera] == ["door", "yard"]
    assert list_applied(before.policies(tiny.manifest), after.policies(tiny.manifest)) == ()
    assert list_restarts(before.config.settings, after.config.settings) == ()


def keys_of(struct: msgspec.Struct, table: str) -> list[tuple[str, str]]:
    return [(table, key) for key in struct.__struct_fields__]


def other_than(value: Any, key: str) -> Any:
    """A value that differs from ``value`` and fits its key."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value * 1.5 if isinstance(value, float) and value else value + 1
    if key == "schedule":
        return ("sat",)
    given = {
        "grid": "2x2",
        "cell": (Cell(id="cell", box=(0.0, 0.0, 1.0, 1.0)),),
        "wake": 0.11,
        "alert": 0.91,
        "clear": 0.12,
        "smoothing": 3,
        "alert_rate_hz": 9.0,
        "steady_rate_hz": 4.0,
        "start_hold_s": 0.1,
    }
    return given.get(key, 3.25 if key.endswith("_s") else "other")


def test_leaving_out_a_table_that_was_optional_needs_a_restart(tmp_path: Path) -> None:
    before, after = load(tmp_path, EVERY_TABLE), load(tmp_path, BASE)
    assert list_restarts(before.config.settings, after.config.settings) == ("updates", "commands", "metrics")


OPTIONAL = '[metrics]\n[updates]\ndirectory = "bundles"\n[commands]\nallow = ["ping"]\n[thresholds]'
EVERY_TABLE = BASE.replace("[thresholds]", OPTIONAL)
SETTINGS = msgspec.toml.decode(EVERY_TABLE, type=Settings)


@pytest.mark.parametrize(
    ("table", "key"),
    [
        *((name, key) for name in Settings.__struct_fields__ if name not in ("camera", "site", "device")
          for _, key in keys_of(getattr(SETTINGS, name), name)),
        *(pair for pair in keys_of(SETTINGS.camera[0], "camera") if pair[1] != "id"),
    ],
)  # fmt: skip
def test_every_key_is_either_applied_or_named_for_a_restart(tmp_path: Path, tiny: Bundle, table: str, key: str) -> None:
    plan = load(tmp_path, EVERY_TABLE)
    settings = plan.config.settings
    owner = settings.camera[0] if table == "camera" else getattr(settings, table)
    changed: Any = msgspec.structs.replace(owner, **{key: other_than(getattr(owner, key), key)})
    changed = (changed, *settings.camera[1:]) if table == "camera" else changed
    wanted = msgspec.structs.replace(settings, **{table: changed})
    after = Plan(replace(plan.config, settings=wanted), {})
    applied = list_applied(plan.policies(tiny.manifest), after.policies(tiny.manifest))
    restarts = list_restarts(settings, wanted)
    assert (len(applied), len(restarts)) in ((1, 0), (0, 1))
    assert key in " ".join((*applied, *restarts))
