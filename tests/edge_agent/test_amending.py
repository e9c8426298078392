"""What is changed by command, laid over the file: kept, taken back, and never in the way of a start."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_agent.config import ConfigError, load_config
from edge_agent.config.overlaid_plan import lay_kept_over
from edge_agent.config.overlay import Overlay, OverlayFile
from edge_agent.config.plan import Plan
from edge_agent.cover import Cover
from edge_agent.state_file import StateError
from models.bundle import Bundle
from tests.edge_agent.config.test_changes import BASE, DOOR, WALL
from tests.edge_agent.test_reloading import Device

LEFT = [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0]]
RIGHT = [[1.0, 0.0], [0.5, 0.0], [0.5, 1.0]]


def polygon(corners: list[list[float]]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(corner) for corner in corners)


def start(device: Device, bundle: Bundle) -> Plan:
    """What the next start of the agent makes of the file and of what was kept."""
    return lay_kept_over(Plan(load_config(device.path), {}), OverlayFile(device.overlay), bundle.manifest)


def test_change_is_in_force_at_once_and_at_the_next_start_and_a_reload_keeps_it(tmp_path: Path, tiny: Bundle) -> None:
    device = Device(tmp_path, tiny)
    told = device.reloader.amend(lambda overlay: overlay.with_keys(("yard",), {"alert": 0.9, "zones": [LEFT]}))
    assert told.applied == ("alert 0.8 -> 0.9 (yard)", "zones 0 -> 1 (yard)")
    assert not told.masked
    assert device.covers.of("yard").zones == (polygon(LEFT),)
    device.reload(BASE.replace("alert = 0.8", "alert = 0.7"))
    for policies in (device.book.pages, start(device, tiny).policies(tiny.manifest)):
        assert (policies["yard"].thresholds.alert, policies["door"].thresholds.alert) == (0.9, 0.7)
    back = device.reloader.amend(lambda overlay: overlay.without_keys(("yard",)))
    assert back.applied == ("alert 0.9 -> 0.7 (yard)", "zones 1 -> 0 (yard)")


def test_masks_are_added_and_stay(tmp_path: Path, tiny: Bundle) -> None:
    device = Device(tmp_path, tiny)
    device.reload(BASE.replace("end_hold_s = 9", f"masks = [{LEFT}]"))
    device.covers.apply({"door": Cover(masks=(polygon(LEFT),))})
    for _ in range(2):
        device.reloader.amend(lambda overlay: overlay.with_keys(("door",), {"masks": [RIGHT]}))
    assert device.covers.of("door").masks == (polygon(LEFT), polygon(RIGHT))
    told = device.reloader.amend(lambda overlay: overlay.without_keys(("door", "yard")))
    assert told.applied == ()
    assert device.covers.of("door").masks == (polygon(LEFT), polygon(RIGHT))
    (door,) = (camera for camera in start(device, tiny).cameras(tiny.manifest) if camera.id == "door")
    assert door.cover.masks == (polygon(LEFT), polygon(RIGHT))


def test_cover_that_does_not_change_stays_the_same_object(tmp_path: Path, tiny: Bundle) -> None:
    device = Device(tmp_path, tiny)
    before = device.covers.of("door")
    device.reloader.amend(lambda overlay: overlay.with_keys(("yard",), {"zones": [LEFT]}))
    assert device.covers.of("door") is before


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ({"alert": 1.5}, "camera[0].alert: found 1.5"),
        ({"alert": 0.3}, "camera[0]: clear = 0.4 is above alert = 0.3"),
        ({"clear": 0.9, "alert": 0.5}, "camera[0].clear: found 0.9 above alert = 0.5"),
        ({"zones": [[[0.0, 0.0], [2.0, 0.0], [1.0, 1.0]]]}, "camera[0].zones[0][1][0]: found 2.0"),
        ({"masks": [[[0.0, y / 100], [1.0, 0.0], [1.0, 1.0]] for y in range(65)]}, "camera[0].masks: found 65"),
        ({"source": "file:/etc/passwd", "password": 3}, "camera[0].password: found a value that is no reference"),
    ],
)
def test_change_that_the_configuration_would_not_allow_changes_nothing(
    tmp_path: Path, tiny: Bundle, keys: dict[str, object], fault: str
) -> None:
    device = Device(tmp_path, tiny)
    pages, covers = device.book.pages, device.covers.pages
    with pytest.raises(ConfigError) as refused:
        device.reloader.amend(lambda overlay: overlay.with_keys(("yard",), keys))
    assert fault in str(refused.value)
    assert (device.book.pages, device.covers.pages) == (pages, covers)
    assert not device.overlay.path.exists()


def test_change_that_cannot_be_kept_changes_nothing(tmp_path: Path, tiny: Bundle) -> None:
    device = Device(tmp_path, tiny)
    pages = device.book.pages
    (tmp_path / "overlay.json.part").mkdir()
    with pytest.raises(StateError, match="a folder that the agent may write"):
        device.reloader.amend(lambda overlay: overlay.with_keys(("yard",), {"alert": 0.9}))
    assert device.book.pages is pages


def test_cells_have_their_own_and_a_camera_that_is_gone_is_passed_over(tmp_path: Path, tiny: Bundle) -> None:
    device = Device(tmp_path, tiny)
    device.path.write_text(BASE + WALL)
    overlay = Overlay(tables={"stairs": {"wake": 0.6, "masks": [LEFT]}, "attic": {"wake": 0.5}})
    OverlayFile(device.overlay).write(overlay)
    plan = start(device, tiny)
    policies = plan.policies(tiny.manifest)
    assert (policies["stairs"].thresholds.wake, policies["hall"].thresholds.wake) == (0.6, 0.2)
    wall = plan.cameras(tiny.manifest)[-1]
    assert [len(cell.cover.masks) for cell in wall.cells] == [1, 0]
    assert OverlayFile(device.overlay).read() == overlay


@pytest.mark.parametrize("content", [b"", b"{", b'{"tables": 1}', b'{"format": 2, "tables": {}}', b"\xff", b'{"x": 1}'])
def test_overlay_that_cannot_be_read_is_set_aside_and_told(
    tmp_path: Path, tiny: Bundle, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    device = Device(tmp_path, tiny)
    device.overlay.path.write_bytes(content)
    assert start(device, tiny).policies(tiny.manifest)["yard"].thresholds.alert == 0.8
    assert (tmp_path / "overlay.json.broken").read_bytes() == content
    assert not device.overlay.path.exists()
    assert "overlay.json cannot be used: " in caplog.text


def test_overlay_that_does_not_go_with_the_file_is_set_aside_but_for_its_masks(
    tmp_path: Path, tiny: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    device = Device(tmp_path, tiny)
    device.reloader.amend(lambda overlay: overlay.with_keys(("yard",), {"clear": 0.75, "masks": [LEFT]}))
    device.reload(BASE.replace("alert = 0.8", "alert = 0.6"))
    yard = device.book.of("yard").thresholds
    assert (yard.alert, yard.clear) == (0.6, 0.4)
    assert json.loads(device.overlay.path.read_bytes())["tables"] == {"yard": {"masks": [LEFT]}}
    assert "clear = 0.75 is above alert = 0.6" in caplog.text
    assert start(device, tiny).cameras(tiny.manifest)[0].cover.masks == (polygon(LEFT),)


def test_what_is_set_by_command_needs_no_restart_and_reminds_of_none(
    tmp_path: Path, tiny: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    device = Device(tmp_path, tiny)
    device.reloader.amend(lambda overlay: overlay.with_keys(("yard",), {"masks": [LEFT], "zones": [RIGHT]}))
    device.reload(BASE)
    assert "restart to apply" not in caplog.text
    device.reload(BASE.replace(DOOR, ""))
    assert "restart to apply: camera door removed" in caplog.text


def test_overlay_that_the_disk_does_not_give_stays_where_it_is_since_it_may_hold_masks(
    tmp_path: Path, tiny: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    device = Device(tmp_path, tiny)
    device.overlay.path.mkdir()
    with pytest.raises(StateError, match=r"overlay\.json: Is a directory"):
        start(device, tiny)
    device.reload(BASE.replace("alert = 0.8", "alert = 0.7"))
    assert device.book.of("yard").thresholds.alert == 0.8
    assert "not reloaded: the configuration in force stays" in caplog.text
    assert device.overlay.path.exists()


SHARES = st.sampled_from([0.0, 0.25, 0.5, 0.8, 0.9, 1.0, 1.5])
POLYGONS = st.lists(st.sampled_from([LEFT, RIGHT, [[0.0, 0.0]]]), max_size=2)
KEYS = st.fixed_dictionaries(
    {},
    optional={
        "wake": SHARES,
        "alert": SHARES,
        "clear": SHARES,
        "alert_rate_hz": st.sampled_from([0.5, 5.0, 10.0, 100.0]),
        "zones": POLYGONS,
        "masks": POLYGONS,
    },
)
STEPS = st.lists(st.tuples(st.sampled_from([("yard",), ("door",), ("yard", "door")]), st.none() | KEYS), max_size=6)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_next_start_is_as_what_is_in_force_whatever_was_set_and_reverted(
    tmp_path: Path, tiny: Bundle, steps: list[tuple[tuple[str, ...], dict[str, object] | None]]
) -> None:
    device = Device(tmp_path, tiny)
    device.overlay.path.unlink(missing_ok=True)
    for ids, keys in steps:
        before = device.covers.pages
        with suppress(ConfigError):
            device.reloader.amend(lambda overlay, ids=ids, keys=keys: (
                overlay.without_keys(ids) if keys is None else overlay.with_keys(ids, keys)
            ))  # fmt: skip
        assert all(set(before[id_].masks) <= set(device.covers.of(id_).masks) for id_ in before)
    plan = start(device, tiny)
    assert plan.policies(tiny.manifest) == dict(device.book.pages)
    assert {camera.id: camera.cover for camera in plan.cameras(tiny.manifest)} == dict(device.covers.pages)
    assert not (tmp_path / "overlay.json.broken").exists()
