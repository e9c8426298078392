from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scenes.command_line import main

RUN = "import sys; from scenes.command_line import main; sys.exit(main(sys.argv[1:]))"
ROOT = Path(__file__).parents[2]


def test_main_writes_clips_and_streams_and_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "drawn"
    argv = ["--out", str(out), "--clips", "2", "--streams", "1", "--seconds", "1", "--fps", "10", "--size", "96x64"]
    assert main(argv) == 0
    printed = capsys.readouterr().out
    # Whichever of two processes is done last.
    assert re.search(r"2/2 scene-00000[01]\.mp4", printed)
    assert "1/1 stream-000000.mp4" in printed
    assert f"written to {out}" in printed
    written = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert written == [
        "clips.csv",
        "fight/scene-000000.mp4",
        "noFight/scene-000001.mp4",
        "streams/stream-000000.mp4",
        "truth/scene-000000.jsonl",
        "truth/scene-000001.jsonl",
        "truth/stream-000000.jsonl",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "neither clips nor streams asked for; give --clips N, --calm N or --streams N"),
        (["--clips", "1", "--size", "big"], "--size is 'big'; write it as 640x360"),
        (["--clips", "1", "--size", "10x10"], "width is 10; give a value from 64 to 3840"),
        (["--clips", "1", "--seconds", "0.1"], "duration is 0.1 s; give at least 0.5 s"),
        (["--clips", "1", "--seconds", "0"], "duration is 0 s; give at least 0.5 s"),
        (["--clips", "1", "--fps", "900"], "fps is 900"),
        (["--clips", "-3"], "-3 clips asked for"),
        (["--calm", "-3"], "-3 calm clips asked for; give 0 or more"),
        (["--clips", "-1", "--calm", "3"], "-1 clips asked for"),
        (["--streams", "1", "--wall", "2by2"], "--wall is '2by2'; write it as 2x2"),
        (["--streams", "1", "--seconds", "1", "--wall", "9x9"], "rows is 9; give a value from 1 to 6"),
        (["--streams", "1", "--seconds", "1", "--wall", "0x2"], "rows is 0; give a value from 1 to 6"),
    ],
)
def test_main_prints_one_line_and_gives_2_when_an_argument_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["--out", str(tmp_path), *arguments]) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1


def test_main_prints_one_line_and_gives_2_when_the_folder_is_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("")
    assert main(["--out", str(tmp_path / "taken"), "--clips", "1", "--seconds", "1"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_main_goes_on_where_it_was_when_interrupted(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", RUN, "--out", str(tmp_path), "--clips", "60", "--seconds", "1", "--size", "160x90"]
    process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not (tmp_path / "fight" / "scene-000002.mp4").exists() and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "goes on from here" in errors
    first = (tmp_path / "fight" / "scene-000000.mp4").stat().st_mtime_ns
    assert main(["--out", str(tmp_path), "--clips", "4", "--seconds", "1", "--size", "160x90"]) == 0
    assert (tmp_path / "fight" / "scene-000000.mp4").stat().st_mtime_ns == first
    assert len((tmp_path / "clips.csv").read_text().splitlines()) == 5
