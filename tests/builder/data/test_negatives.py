from __future__ import annotations

from pathlib import Path

import pytest

from builder.data.clips import Clip
from builder.data.negatives import find_negatives, forbid_shared
from builder.errors import DataError
from tests.builder import tiny_clips


def clip(name: str, source: str) -> Clip:
    return Clip(name, Path(name), "noFight", source)


def test_sources_are_those_of_the_table_or_begin_with_the_folders_name(tmp_path: Path) -> None:
    tiny_clips.write_tree(tmp_path / "street", fights=0, calm=1)
    tiny_clips.write_table(tmp_path / "mall", fights=0, calm=1, sources=1)
    assert [one.source for one in find_negatives(tmp_path / "street").clips] == ["street/noFight/n0"]
    assert [one.source for one in find_negatives(tmp_path / "mall").clips] == ["camera-0"]


def test_a_folder_is_refused_when_a_clip_of_it_is_a_fight(tmp_path: Path) -> None:
    tiny_clips.write_tree(tmp_path, fights=1, calm=1)
    with pytest.raises(DataError, match=r"1 clip\(s\) are labelled fight, fight/f0.mp4 among them"):
        find_negatives(tmp_path)


@pytest.mark.parametrize(
    ("negative", "digest", "message"),
    [
        (clip("n.mp4", "gate"), "2", r"source\(s\) gate are among the clips that are judged too"),
        (clip("n.mp4", "yard"), "1", "n.mp4 is a.mp4 of the clips that are judged; remove it here"),
    ],
)
def test_negatives_are_refused_when_they_share_a_source_or_a_file_with_what_is_judged(
    negative: Clip, digest: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        forbid_shared(Path("mined"), {negative: digest}, {clip("a.mp4", "gate"): "1"})


def test_negatives_pass_when_they_share_nothing() -> None:
    forbid_shared(Path("mined"), {clip("n.mp4", "yard"): "2"}, {clip("n.mp4", "gate"): "1"})
