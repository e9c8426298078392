from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from edge_agent.command_line import main
from edge_agent.config import load_config
from edge_agent.config.walls import list_views
from scenes import open_scene
from scenes.wall import Wall

BASE = """\
site = "school"
device = "gate"
bundle = { path = "first.nexara" }
mqtt = { host = "broker.local" }
spool = { directory = "spool" }
"""
WALL = "scene:wall?rows=2&columns=3&border=4&seed=5&size=160x90&fps=10&duration=3"


def test_what_is_written_is_a_configuration_of_the_cells_and_a_picture_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["find-grid", "--source", WALL, "--id", "lobby", "--seconds", "2", "--out", str(tmp_path / "out")]
    assert main(command) == 0
    snippet = (tmp_path / "out" / "lobby.toml").read_text()
    assert snippet == capsys.readouterr().out
    assert '#   grid = "2x3"\n#   border = 4\n' in snippet
    (tmp_path / "edge.toml").write_text(BASE + snippet)
    (camera,) = load_config(tmp_path / "edge.toml").settings.camera
    wall = open_scene(WALL)
    assert isinstance(wall, Wall)
    assert camera.source == WALL
    found = [(view.id, view.region.slices((wall.height, wall.width))) for view in list_views(camera)]
    assert found == [
        (f"lobby-{number}", (slice(top, bottom), slice(left, right)))
        for number, (left, top, right, bottom) in enumerate(wall.boxes, start=1)
    ]
    picture = cv2.imread(str(tmp_path / "out" / "lobby.jpg"))
    assert picture is not None
    assert picture.shape == (wall.height, wall.width, 3)


def test_picture_alone_is_written_where_it_is_asked_for(tmp_path: Path) -> None:
    assert main(["find-grid", "--source", WALL, "--seconds", "2", "--picture", str(tmp_path / "a.png")]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_one_camera_is_told_as_such_and_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene = "scene:yard?seed=2&size=320x180&fps=10&duration=3"
    assert main(["find-grid", "--source", scene, "--out", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().out.startswith("one camera, no grid: ")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--source", WALL], "give --out FOLDER or --picture FILE"),
        (["--source", WALL, "--picture", "a.bmp"], "allowed are .jpg and .png"),
        (["--source", WALL, "--out", ".", "--id", "a/b"], "--id is 'a/b'; allowed are 1 to 64 letters"),
        (["--source", WALL, "--out", ".", "--seconds", "0"], "--seconds is 0; allowed is 1 to 600"),
        (["--source", WALL.replace("duration=3", "duration=0.5"), "--out", "."], "at least 5 are needed"),
        (["--source", "nowhere.mp4", "--out", "."], "no such file"),
        (["--source", "rtsp://admin:hunter2@10.0.0.7/a", "--out", "."], "holds a password (not shown)"),
        (["--source", "rtsp://admin@10.0.0.7/a", "--password", "file:/nowhere", "--out", "."], "cannot read /nowhere"),
    ],
)
def test_reason_is_told_when_nothing_can_be_looked_for(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    text: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["find-grid", *arguments]) == 2
    told = capsys.readouterr().err
    assert text in told
    assert "hunter2" not in told
    assert list(tmp_path.iterdir()) == []
