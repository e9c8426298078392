from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from builder.data.clips import find_clips
from builder.mine_command import Mined, main
from models.errors import NexaraError
from tests.builder.quality.drawn_clips import write


@pytest.mark.slow
def test_the_moments_that_look_like_a_fight_are_cut_out_and_listed(
    released: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Bright is what this network was made to call a fight: 4 s in the middle of one video, and none of the other.
    levels = np.where((np.arange(250) >= 75) & (np.arange(250) < 175), 240, 15)
    write(tmp_path / "in" / "street" / "a.mp4", np.broadcast_to(levels[:, None, None], (250, 48, 64)).astype(np.uint8))
    write(tmp_path / "in" / "b.mp4", np.full((60, 48, 64), 15, np.uint8))
    (tmp_path / "in" / "broken.mp4").write_bytes(b"no video")
    options = ["--bundle", str(released), "--data", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    assert main([*options, "--minimum", "0.8", "--count", "1"]) == 0
    told = capsys.readouterr().out
    assert "broken.mp4: cannot be decoded" in told
    assert "1 clips; look at them" in told
    found = find_clips(tmp_path / "out")
    assert [(clip.label, clip.source) for clip in found.clips] == [("noFight", "street/a.mp4")]
    assert found.clips[0].path.is_file()
    (clip,) = msgspec.json.decode((tmp_path / "out" / "mined.json").read_bytes(), type=Mined).clips
    assert 2.0 < clip.start_s < clip.end_s < 8.0
    assert clip.probability >= 0.8
    with pytest.raises(NexaraError, match="is not an empty folder"):
        main(options)


def test_one_clear_error_when_there_are_no_videos(tmp_path: Path) -> None:
    with pytest.raises(NexaraError, match="no videos found"):
        main(["--bundle", "none.nexara", "--data", str(tmp_path), "--out", str(tmp_path / "out")])
