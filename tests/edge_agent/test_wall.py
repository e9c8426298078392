"""A wall of cameras in one source, through the whole agent: each cell is a camera of its own."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

import models
from edge_agent.agent import run_agent
from edge_agent.agent_options import AgentOptions
from edge_agent.camera_policies import CameraPolicies
from edge_agent.camera_spec import CameraSpec
from edge_agent.grid import Grid
from edge_agent.policy import PolicyError
from edge_agent.sources import SourceOptions
from edge_agent.view import View
from models.bundle import Bundle, open_bundle
from models.manifest import Thresholds
from models.trust import TrustStore
from tests.edge_agent.films import SIZE, write_film
from tests.edge_agent.plot import FPS, Pictures, Plot, make_plot
from tests.edge_agent.test_agent import FAST, TO_THE_END, RecordingOutbox, running, watch

GRID = Grid(2, 2, border=4)
WALL_SIZE = (2 * SIZE[0] + 4, 2 * SIZE[1] + 4)


@pytest.fixture(scope="module")
def plot(tiny: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Plot:
    return make_plot(tiny, tmp_path_factory.mktemp("plot"))


def cells(policies: CameraPolicies | None = None) -> tuple[View, ...]:
    return tuple(View(name, region, policies) for name, region in zip(GRID.names("wall"), GRID.regions, strict=True))


def film_wall(plot: Plot, path: Path, seconds: float, fights: dict[int, tuple[float, float]]) -> Path:
    """A film of four cells, calm but for the seconds in which ``fights`` says that cell 0, 1, 2 or 3 has a fight."""
    pictures: Pictures = []
    for index in range(round(seconds * FPS)):
        picture = np.zeros((*WALL_SIZE, 3), np.uint8)
        for cell, region in enumerate(GRID.regions):
            start_s, end_s = fights.get(cell, (0.0, 0.0))
            loop = plot.fight if start_s <= index / FPS < end_s else plot.calm
            picture[region.slices(WALL_SIZE)] = loop[index % len(loop)]
        pictures.append(picture)
    return write_film(path, pictures, fps=FPS, size=WALL_SIZE)


def test_each_cell_tells_of_its_own_fight_with_a_picture_of_itself(tiny: Bundle, plot: Plot, tmp_path: Path) -> None:
    film = film_wall(plot, tmp_path / "wall.mp4", 20, {1: (3, 9), 2: (6, 12)})
    outbox = watch(tiny, CameraSpec("wall", str(film), FAST, cells=cells(CameraPolicies(plot.thresholds))))
    for camera in ("wall-2", "wall-3"):
        phases = outbox.phases(camera)
        assert phases == ["started", *["updated"] * (len(phases) - 2), "ended"]
    assert {event.camera for event in outbox.incidents} == {"wall-2", "wall-3"}
    started = {event.camera: event.source_time_s for event in outbox.incidents if event.phase == "started"}
    assert 3 <= started["wall-2"] <= 6.2
    assert 6 <= started["wall-3"] <= 9.2
    assert {state.camera for state in outbox.states} == {"wall-1", "wall-2", "wall-3", "wall-4"}
    assert {state.mode for state in outbox.states if state.camera in ("wall-1", "wall-4")} == {"idle"}
    assert outbox.snapshots
    for snapshot in outbox.snapshots:
        picture = cv2.imdecode(np.frombuffer(snapshot.jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture.shape[:2] == SIZE
        assert min(np.abs(picture.astype(int) - one).mean() for one in plot.fight) < 20


def test_cells_of_one_source_are_read_by_one_thread_and_judged_by_their_own_policies(
    tiny: Bundle, plot: Plot, tmp_path: Path
) -> None:
    film = film_wall(plot, tmp_path / "wall.mp4", 20, {0: (0, 20), 1: (0, 20)})
    first, second, *others = cells(CameraPolicies(plot.thresholds))
    deaf = CameraPolicies(Thresholds(wake=1.0, alert=1.0, clear=1.0))
    own = (first, View(second.id, second.region, deaf), *others)
    with running(tiny, [CameraSpec("wall", str(film), SourceOptions(loop=True), cells=own)], AgentOptions()) as agent:
        agent.until(lambda: "started" in agent.outbox.phases("wall-1"))
        agent.until(lambda: all(agent.seen[cell.id].score is not None for cell in own))
        assert {name: seen.mode for name, seen in agent.seen.items() if name != "wall-1"} == dict.fromkeys(
            ("wall-2", "wall-3", "wall-4"), "idle"
        )
        assert [thread.name for thread in threading.enumerate() if thread.name.startswith("camera")] == ["camera wall"]
    assert {event.camera for event in agent.outbox.incidents} == {"wall-1"}


def test_every_cell_says_why_when_the_source_is_not_there_or_ends(tiny: Bundle, plot: Plot, tmp_path: Path) -> None:
    outbox = watch(tiny, CameraSpec("wall", str(tmp_path / "none.mp4"), cells=cells()))
    last = {state.camera: state for state in outbox.states}
    assert list(last) == ["wall-1", "wall-2", "wall-3", "wall-4"]
    assert {(state.connection, "no such file" in (state.reason or "")) for state in last.values()} == {("failed", True)}

    film = film_wall(plot, tmp_path / "wall.mp4", 1, {})
    outbox = watch(tiny, CameraSpec("wall", str(film), FAST, cells=cells()))
    last = {state.camera: state for state in outbox.states}
    assert {(state.connection, state.reason) for state in last.values()} == {("stalled", "the source came to its end")}
    assert all(state.score is not None for state in last.values())


@pytest.mark.parametrize("other", ["wall", "wall-3"])
def test_agent_refuses_to_start_when_a_cell_has_the_id_of_another_camera(tiny: Bundle, other: str) -> None:
    cameras = [CameraSpec("wall", "x.mp4", cells=cells()), CameraSpec(other, "y.mp4")]
    with pytest.raises(PolicyError, match=f"'{other}' is used more than once"):
        run_agent(cameras, tiny, RecordingOutbox(), stop=threading.Event())


def test_released_bundle_tells_of_the_one_cell_of_a_drawn_wall_that_fights() -> None:
    released = sorted((Path(models.__file__).parent / "released").glob("*.nexara"))
    if not released:
        pytest.skip("no bundle has been released yet")
    bundle = open_bundle(released[-1], TrustStore.load())
    scene = "scene:wall?rows=2&columns=2&border=4&seed=6&cell=3&fight=3-11&duration=12&fps=10&size=320x180&people=3"
    outbox = RecordingOutbox()
    run_agent(
        [CameraSpec("wall", scene, FAST, cells=cells())], bundle, outbox, stop=threading.Event(), options=TO_THE_END
    )
    assert {event.camera for event in outbox.incidents} == {"wall-3"}
    assert outbox.phases("wall-3")[0] == "started"
    assert 3 <= outbox.incidents[0].source_time_s <= 11
