from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from builder.data.clips import find_clips
from builder.data.degradation import Degradation
from builder.errors import DataError
from builder.pipeline.curated import CuratedClips
from builder.pipeline.prepared import PreparedClips, prepare
from builder.pipeline.sifted import QUALITY
from builder.quality.thresholds import Quality
from builder.quality.verdict import QualityReport
from builder.recipe import Negatives, load_recipe
from builder.stages import StageStore
from tests.builder import tiny_clips
from tests.builder.quality.drawn_clips import draw, write
from tests.builder.tiny_training import GEOMETRY, PREPROCESSING


class Listener:
    """A display that remembers."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.stages: list[tuple[str, bool]] = []

    def stage(self, name: str, done: bool) -> None:
        self.stages.append((name, done))

    def progress(self, done: int, total: int, word: str) -> None:
        pass

    def warn(self, message: str) -> None:
        self.told.append(message)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four clips worth learning from, a copy under another source, and one in which nothing moves."""
    folder = tmp_path_factory.mktemp("data")
    films = {
        "a": draw(1, 1),
        "b": draw(2, 2),
        "c": draw(3, 3),
        "d": draw(4, 4),
        "copy": draw(1, 1),
        "still": draw(5, None),
    }
    for name, frames in films.items():
        write(folder / f"{name}.mp4", frames, size=(128, 96) if name == "copy" else (192, 144))
    rows = [
        "a,fight,gate",
        "b,noFight,yard",
        "c,fight,hall",
        "d,noFight,roof",
        "copy,fight,bridge",
        "still,noFight,yard",
    ]
    lines = (row.replace(",", ".mp4,", 1) for row in rows)
    (folder / "clips.csv").write_text("\n".join(["clip,label,source", *lines]))
    return folder


def prepared(data: Path, work: Path, display: Listener, **options: Any) -> PreparedClips:
    recipe = msgspec.structs.replace(
        load_recipe("quick"), geometry=GEOMETRY, preprocessing=PREPROCESSING, scenes=None, **options
    )
    work.mkdir(exist_ok=True)
    return prepare(data, recipe, StageStore(work, display.stage), display, "1")


def test_bad_clips_are_dropped_told_and_listed_and_shared_sources_joined(data: Path, tmp_path: Path) -> None:
    display = Listener()
    clips = CuratedClips(prepared(data, tmp_path / "work", display, quality=Quality()).real)
    assert {clip.name: clip.source for clip in clips.clips} == {
        "a.mp4": "bridge+gate",
        "b.mp4": "yard",
        "c.mp4": "hall",
        "d.mp4": "roof",
    }
    assert [dropped.clip for dropped in clips.listed.dropped] == ["copy.mp4", "still.mp4"]
    assert clips.listed.joined == (("bridge", "gate"),)
    assert display.told == [
        "dropped copy.mp4: the same recording as a.mp4",
        "dropped still.mp4: frozen: at most 0.0000 % of the picture moves, at least 0.0050 % is needed",
        "sources bridge, gate share footage or a camera: they count as one",
    ]
    written = next((tmp_path / "work").glob(f"quality-*/{QUALITY}"))
    assert msgspec.json.decode(written.read_bytes(), type=QualityReport).kept["a.mp4"] == "bridge+gate"
    assert clips.wide(clips.clips[3]).frames.shape[0] == 60


def test_clips_are_not_measured_again_when_only_a_threshold_changes(data: Path, tmp_path: Path) -> None:
    prepared(data, tmp_path / "work", Listener(), quality=Quality())
    display = Listener()
    kept = CuratedClips(prepared(data, tmp_path / "work", display, quality=Quality(motion=0.0)).real).clips
    assert dict(display.stages[-2:]) == {"inspect": True, "quality": False}
    assert "still.mp4" in {clip.name for clip in kept}


def test_all_clips_and_the_fingerprint_stay_when_no_quality_is_asked(data: Path, tmp_path: Path) -> None:
    display = Listener()
    clips = CuratedClips(prepared(data, tmp_path / "work", display).real)
    assert [clip.name for clip in clips.clips] == [clip.name for clip in find_clips(data).clips]
    assert display.told == []
    nothing = Quality(motion=0.0, same_pictures=0.0, same_changes=0.0, same_view=0.0)
    sifted = CuratedClips(prepared(data, tmp_path / "work", display, quality=nothing).real)
    assert sifted.listed.fingerprint == clips.listed.fingerprint


def test_negatives_are_curated_and_refused_when_their_camera_is_judged(data: Path, tmp_path: Path) -> None:
    mined = tiny_clips.write_table(tmp_path / "mined", fights=0, calm=2, sources=1)
    (negative,) = prepared(data, tmp_path / "work", Listener(), negatives=Negatives(folders=(str(mined),))).negatives
    assert (negative.name, negative.licence) == ("mined", "not stated")
    assert len(CuratedClips(negative.directory).clips) == 2
    table = (mined / "clips.csv").read_text().replace("camera-0", "yard")
    (mined / "clips.csv").write_text(table)
    with pytest.raises(DataError, match=r"source\(s\) yard are among the clips that are judged too"):
        prepared(data, tmp_path / "work", Listener(), negatives=Negatives(folders=(str(mined),)))


def test_the_list_follows_its_clips_when_they_are_curated_anew(data: Path, tmp_path: Path) -> None:
    prepared(data, tmp_path / "work", Listener(), quality=Quality())
    degradation = Degradation(cell_px=(64, 80))
    clips = CuratedClips(prepared(data, tmp_path / "work", Listener(), quality=Quality(), degradation=degradation).real)
    assert [dropped.clip for dropped in clips.listed.dropped] == ["copy.mp4", "still.mp4"]
    assert clips.degraded(clips.clips[0]).frames.shape[1:] == clips.wide(clips.clips[0]).frames.shape[1:]
