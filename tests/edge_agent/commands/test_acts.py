"""Commands that were let in and cannot be done, driven by hand."""

from __future__ import annotations

import threading
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from edge_agent.camera_policies import CameraPolicies
from edge_agent.commands.errors import CommandError
from edge_agent.commands.gate import Admitted
from edge_agent.commands.mute import MuteArguments, Muting
from edge_agent.commands.restart import Restart, RestartArguments
from edge_agent.commands.setting import SetArguments, Setting
from edge_agent.commands.snapshot import SnapshotArguments, Snapshots
from edge_agent.commands.target import find_tables
from edge_agent.config import load_config
from edge_agent.events import Snapshot
from edge_agent.frame import Image
from edge_agent.mutes import Mutes
from edge_agent.picture_desk import PictureDesk
from edge_agent.policy_book import PolicyBook
from edge_agent.state_file import StateFile
from models.bundle import Bundle
from models.manifest import Thresholds
from tests.edge_agent.config.test_changes import BASE, WALL
from tests.edge_agent.test_reloading import Device
from tests.edge_agent.test_snapshot import Noise

NOW = datetime(2026, 3, 1, 22, 30, tzinfo=timezone.utc)
ASKED = Admitted("ping", "1", None, b"{}")
MASK = (((0.0, 0.0), (0.5, 0.0), (0.5, 1.0)),)
GRID = '[[camera]]\nid = "hall"\nsource = "file:hall.mp4"\ngrid = "1x2"\n'


class Unsightly:
    """A picture that fails whoever wants to see it, as one does whose heads cannot be hidden for want of memory."""

    size = (48, 64)

    def luma(self) -> np.ndarray:
        raise ValueError("no memory")

    def colour(self, _largest_side: int) -> np.ndarray:
        raise ValueError("no memory")


class Studio:
    """Snapshots by command, of a camera whose pictures are handed over as the test says."""

    def __init__(self, *pictures: Image) -> None:
        self.sent: list[Snapshot] = []
        self.desk = PictureDesk()
        self.now_s = 0.0
        self._pictures = list(pictures)
        self.snapshots = Snapshots(
            self.desk,
            PolicyBook({"yard": CameraPolicies(Thresholds(wake=0.3, alert=0.6, clear=0.4))}),
            self.sent.append,
            stop=threading.Event(),
            clock=self._clock,
            utc=lambda: NOW,
            make_id=lambda: "an-id",
        )

    def _clock(self) -> float:
        # Called between two waits: time passes, and a picture comes.
        self.now_s += 3.0
        self.desk.offer("door", Noise())
        if self._pictures and self.now_s > 3.0:
            self.desk.offer("yard", self._pictures.pop())
        return self.now_s


def test_snapshot_is_the_picture_that_comes() -> None:
    studio = Studio(Noise())
    assert studio.snapshots.act(SnapshotArguments(camera="yard"), ASKED).reference == "an-id"
    (sent,) = studio.sent
    assert (sent.camera, sent.incident, sent.reference, sent.at) == ("yard", "", "an-id", NOW)
    assert sent.jpeg.startswith(b"\xff\xd8")


def test_camera_that_gives_no_picture_is_told_and_asked_no_more() -> None:
    studio = Studio()
    with pytest.raises(CommandError, match="camera yard: no picture was judged within 8 s"):
        studio.snapshots.act(SnapshotArguments(camera="yard"), ASKED)
    later = studio.desk.ask("yard")
    studio.desk.offer("yard", Noise())
    assert later.done()
    assert studio.sent == []


def test_picture_that_cannot_be_hidden_is_not_sent() -> None:
    studio = Studio(Unsightly())
    with pytest.raises(CommandError, match="no picture could be made: no memory"):
        studio.snapshots.act(SnapshotArguments(camera="yard"), ASKED)
    assert studio.sent == []


def test_restart_is_refused_until_the_agent_has_run_for_a_while() -> None:
    stop, now_s = threading.Event(), [100.0]
    restart = Restart(stop, 120.0, lambda: now_s[0])
    now_s[0] = 219.0
    with pytest.raises(CommandError, match="found an agent that started 119 s ago; allowed is a restart after 120 s"):
        restart.act(RestartArguments(), ASKED)
    assert not stop.is_set()
    now_s[0] = 220.0
    assert restart.act(RestartArguments(), ASKED).ran_s == 120.0
    assert stop.is_set()


def test_mask_that_needs_a_restart_is_refused_too_soon_after_one_and_all_else_is_set(
    tmp_path: Path, tiny: Bundle
) -> None:
    device, stop, now_s = Device(tmp_path, tiny), threading.Event(), [0.0]
    setting = Setting(device.reloader, Restart(stop, 120.0, lambda: now_s[0]))
    with pytest.raises(CommandError, match="allowed is a restart after 120 s"):
        setting.act(SetArguments(camera="yard", masks=MASK), ASKED)
    assert device.covers.of("yard").masks == ()
    assert setting.act(SetArguments(camera="yard", zones=MASK), ASKED).applied == ("zones 0 -> 1 (yard)",)
    now_s[0] = 121.0
    assert setting.act(SetArguments(camera="yard", masks=MASK), ASKED).restarts
    assert stop.is_set()


@pytest.mark.parametrize(
    ("camera", "tables"),
    [
        (None, ("yard", "door", "stairs", "hall-room", "hall")),
        ("yard", ("yard",)),
        ("wall", ("stairs", "hall-room")),
        ("stairs", ("stairs",)),
        ("hall", ("hall",)),
    ],
)
def test_what_is_set_at_a_wall_is_set_at_its_cells(tmp_path: Path, camera: str | None, tables: tuple[str, ...]) -> None:
    path = tmp_path / "edge.toml"
    path.write_text(BASE + WALL.replace('"hall"', '"hall-room"') + GRID)
    assert find_tables(camera, load_config(path).settings) == tables


def test_cell_of_a_grid_is_set_with_its_wall_alone(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    path.write_text(BASE + GRID)
    with pytest.raises(CommandError, match=r"found 'hall-2', a cell of the grid 'hall'.*; give 'hall'"):
        find_tables("hall-2", load_config(path).settings)


@pytest.mark.parametrize(("camera", "muted"), [("wall", ("a", "b")), ("b", ("b",)), (None, ("yard", "a", "b"))])
def test_mute_of_a_wall_is_of_all_its_cells(tmp_path: Path, camera: str | None, muted: tuple[str, ...]) -> None:
    mutes = Mutes(3600, StateFile(tmp_path / "mutes.json"))
    muting = Muting(mutes, {"yard": ("yard",), "wall": ("a", "b")}, lambda: NOW)
    assert muting.act(MuteArguments(camera=camera, seconds=60), ASKED).cameras == muted
    assert [view for view in ("yard", "a", "b") if mutes.until(view, NOW)] == list(muted)
