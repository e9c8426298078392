from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from builder.curate_command import CurateReport, main
from models.errors import NexaraError
from tests.builder.quality.drawn_clips import draw, write


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip, a copy of it with the other label, a clip of its own, and a file that is no video."""
    folder = tmp_path_factory.mktemp("data")
    write(folder / "fight" / "a.mp4", draw(1, 1))
    write(folder / "noFight" / "copy.mp4", draw(1, 1), crf=30)
    write(folder / "noFight" / "b.mp4", draw(2, 2))
    (folder / "noFight" / "broken.mp4").write_bytes(b"no video")
    return folder


def test_what_is_bad_is_told_and_written(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(data), "--json", str(tmp_path / "out.json")]) == 0
    told = capsys.readouterr().out
    assert "4 clips (1 fights, 3 calm), sources: unknown" in told
    assert "kept 1, dropped 2, could not be decoded 1" in told
    assert "fight/a.mp4: the same recording as noFight/copy.mp4, which has the other label" in told
    assert "broken.mp4: cannot be decoded" in told
    report = msgspec.json.decode((tmp_path / "out.json").read_bytes(), type=CurateReport)
    assert list(report.quality.kept) == ["noFight/b.mp4"]
    assert [clip.clip for clip in report.clips] == ["fight/a.mp4", "noFight/b.mp4", "noFight/copy.mp4"]
    assert [skipped.clip for skipped in report.skipped] == ["noFight/broken.mp4"]


def test_one_clear_error_before_any_clip_is_read_when_the_file_cannot_be_written(data: Path) -> None:
    with pytest.raises(NexaraError, match="cannot be written: no such folder"):
        main(["--data", str(data), "--json", "/nowhere/at/all.json"])
