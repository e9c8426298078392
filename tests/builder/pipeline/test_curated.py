from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from builder.data.clips import find_clips
from builder.data.decode import decode_clip
from builder.data.samples import clip_samples
from builder.pipeline.curated import CuratedClips, curate, hash_clips
from models.manifest import Geometry, Preprocessing
from tests.builder import tiny_clips
from tests.builder.tiny_training import silent

GEOMETRY = Geometry(samples=3, rate_hz=5.0, frame_gap_s=0.1)
SMALL = Preprocessing(size=(16, 24), channels=("acceleration",), difference_gain=4.0, mean=128.0, scale=128.0)


def make_folder(directory: Path) -> Path:
    tiny_clips.write_table(directory, fights=1, calm=1, sources=2)
    with (directory / "clips.csv").open("a", encoding="utf-8") as table:
        table.write("broken.mp4,fight,camera-0\nabsent.mp4,noFight,camera-1\n")
    (directory / "broken.mp4").write_bytes(b"no video")
    return directory


def curated(data: Path, directory: Path, warned: list[str]) -> CuratedClips:
    directory.mkdir()
    found = find_clips(data)
    curate(found, hash_clips(found.clips, silent), SMALL, directory, silent, warned.append)
    return CuratedClips(directory)


def test_clips_that_cannot_be_decoded_are_named_skipped_and_counted(tmp_path: Path) -> None:
    warned: list[str] = []
    clips = curated(make_folder(tmp_path / "data"), tmp_path / "out", warned)
    assert [(clip.name, clip.label, clip.source) for clip in clips.clips] == [
        ("fight/f0.mp4", "fight", "camera-0"),
        ("noFight/n0.mp4", "noFight", "camera-1"),
    ]
    assert [skipped.clip for skipped in clips.listed.skipped] == ["broken.mp4", "absent.mp4"]
    for line, name in zip(warned, ("broken.mp4", "absent.mp4"), strict=True):
        assert line.startswith("skipped ")
        assert name in line


def test_clips_are_kept_larger_for_views_and_exact_for_judging(tmp_path: Path) -> None:
    data = make_folder(tmp_path / "data")
    clips = curated(data, tmp_path / "out", [])
    fight = clips.clips[0]
    assert clips.wide(fight).frames.shape == (20, 20, 30)
    told = clips.samples(fight, GEOMETRY, SMALL)
    assert (told.clip, told.source, told.label) == ("fight/f0.mp4", "camera-0", 1)
    np.testing.assert_array_equal(
        told.samples, clip_samples(decode_clip(data / "fight/f0.mp4", SMALL), GEOMETRY, SMALL)
    )


def test_a_clip_is_decoded_once_for_both_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = make_folder(tmp_path / "data")
    opened: list[str] = []
    real = av.open

    def counted(file: str) -> object:
        opened.append(Path(file).name)
        return real(file)

    monkeypatch.setattr(av, "open", counted)
    curated(data, tmp_path / "out", [])
    assert opened == ["f0.mp4", "n0.mp4", "broken.mp4", "absent.mp4"]


def test_the_fingerprint_is_of_content_label_and_source_and_not_of_order(tmp_path: Path) -> None:
    data = make_folder(tmp_path / "data")
    first = curated(data, tmp_path / "1", []).listed.fingerprint
    table = data / "clips.csv"
    header, *rows = table.read_text().splitlines()
    table.write_text("\n".join([header, *reversed(rows)]))
    assert curated(data, tmp_path / "2", []).listed.fingerprint == first
    table.write_text(table.read_text().replace("camera-1", "camera-2"))
    assert curated(data, tmp_path / "3", []).listed.fingerprint != first
    tiny_clips.write_clip(data / "fight" / "f0.mp4", fight=True, seed=3)
    table.write_text("\n".join([header, *rows]))
    assert curated(data, tmp_path / "4", []).listed.fingerprint != first
