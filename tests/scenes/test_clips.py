from __future__ import annotations

import csv
import itertools
import json
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from scenes.casting import random_spec
from scenes.clips import Clip, stream_spec, write_clips, write_streams
from scenes.errors import SceneError
from scenes.film import write_film
from scenes.scene import Scene


def test_write_clips_gives_a_folder_that_decodes_with_its_rate_length_and_truth(tmp_path: Path) -> None:
    told: list[tuple[int, int, Path]] = []
    clips = write_clips(
        tmp_path, 4, 1.5, 3, fps=12, size=(160, 90), progress=lambda done, count, film: told.append((done, count, film))
    )
    with (tmp_path / "clips.csv").open(newline="") as lines:
        assert [Clip(row["clip"], row["label"], row["source"]) for row in csv.DictReader(lines)] == list(clips)
    assert [clip.label for clip in clips] == ["fight", "noFight", "fight", "noFight"]
    assert len({clip.source for clip in clips}) == 4
    assert [(done, count) for done, count, _ in told] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    for clip in clips:
        with av.open(str(tmp_path / clip.path)) as container:
            stream = container.streams.video[0]
            frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(stream)]
            assert stream.average_rate == 12
            assert (stream.width, stream.height) == (160, 90)
        truth = [json.loads(line) for line in (tmp_path / "truth" / f"{clip.source}.jsonl").read_text().splitlines()]
        assert len(frames) == len(truth) == 18
        assert all(line["fighting"] == (clip.label == "fight") for line in truth)
        assert truth[6]["time_s"] == pytest.approx(0.5)


def test_calm_clips_follow_the_others_and_change_none_of_them(tmp_path: Path) -> None:
    clips = write_clips(tmp_path / "more", 2, 0.6, 1, calm=3, fps=10, size=(96, 64))
    assert [clip.label for clip in clips] == ["fight", "noFight", "noFight", "noFight", "noFight"]
    for clip in write_clips(tmp_path / "own", 2, 0.6, 1, fps=10, size=(96, 64)):
        assert (tmp_path / "more" / clip.path).read_bytes() == (tmp_path / "own" / clip.path).read_bytes()
    for clip in clips[2:]:
        truth = (tmp_path / "more" / "truth" / f"{clip.source}.jsonl").read_text().splitlines()
        assert not any(json.loads(line)["fighting"] for line in truth)
    assert [clip.label for clip in write_clips(tmp_path / "calm", 0, 0.6, 1, calm=1, fps=10, size=(96, 64))] == [
        "noFight"
    ]


def test_one_folder_holds_no_more_clips_than_have_seeds_of_their_own(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="500001 clips asked for; one folder holds 500000 at most"):
        write_clips(tmp_path, 1, 1.0, 0, calm=500_000)


def test_a_clip_shows_its_scene_when_decoded(tmp_path: Path) -> None:
    clip = write_clips(tmp_path, 1, 1.0, 2, fps=10, size=(320, 180))[0]
    scene = Scene(random_spec(2_000_000, fight=True, duration_s=1.0, fps=10, size=(320, 180)))
    with av.open(str(tmp_path / clip.path)) as container:
        for frame, picture in zip(container.decode(video=0), scene.frames(), strict=True):
            assert np.abs(frame.to_ndarray(format="bgr24").astype(int) - picture.image).mean() < 12


def test_write_clips_keeps_finished_clips_and_makes_the_missing_when_run_again(tmp_path: Path) -> None:
    clips = write_clips(tmp_path, 3, 0.6, 1, fps=10, size=(96, 64))
    before = {clip.path: (tmp_path / clip.path).read_bytes() for clip in clips}
    kept, lost = tmp_path / clips[0].path, tmp_path / clips[1].path
    lost.unlink()
    lost.with_name(lost.name + ".part").write_bytes(b"half")
    kept.write_bytes(b"left alone")
    write_clips(tmp_path, 3, 0.6, 1, fps=10, size=(96, 64))
    assert kept.read_bytes() == b"left alone"
    assert lost.read_bytes() == before[clips[1].path]
    assert list(tmp_path.rglob("*.part")) == []


def test_a_scene_becomes_the_same_file_each_time(tmp_path: Path) -> None:
    scene = Scene(replace(random_spec(1_000_007, fight=False, duration_s=3.0), compression=0.0))
    films = [tmp_path / f"{number}.mp4" for number in range(4)]
    for film in films:
        write_film(scene, film, film.with_suffix(".jsonl"))
    assert len({film.read_bytes() for film in films}) == 1


def test_write_clips_draws_other_scenes_when_the_seed_differs(tmp_path: Path) -> None:
    one = write_clips(tmp_path / "1", 1, 0.6, 1, fps=10, size=(96, 64))[0]
    write_clips(tmp_path / "2", 1, 0.6, 2, fps=10, size=(96, 64))
    assert (tmp_path / "1" / one.path).read_bytes() != (tmp_path / "2" / one.path).read_bytes()


@pytest.mark.parametrize("wall", [None, (2, 2)])
def test_write_streams_has_one_fight_among_calm_acts(tmp_path: Path, wall: tuple[int, int] | None) -> None:
    film = write_streams(tmp_path, 1, 20.0, 1, fps=5, size=(96, 64), wall=wall)[0]
    truth = [json.loads(line) for line in (tmp_path / "truth" / f"{film.stem}.jsonl").read_text().splitlines()]
    fighting = [line["fighting"] for line in truth]
    assert len(truth) == 100
    assert 0 < sum(fighting) < 100
    assert sum(now != before for before, now in itertools.pairwise(fighting)) <= 2
    with av.open(str(film)) as container:
        assert container.streams.video[0].width == (96 if wall is None else 194)
    if wall is not None:
        assert [sum(line["cells"][cell]["fighting"] for line in truth) > 0 for cell in range(4)].count(True) == 1


def test_write_streams_draws_what_its_spec_says_when_nobody_is_to_fight(tmp_path: Path) -> None:
    film = write_streams(tmp_path, 2, 3.0, 1, fight=False, fps=5, size=(96, 64))[1]
    truth = [json.loads(line) for line in (tmp_path / "truth" / f"{film.stem}.jsonl").read_text().splitlines()]
    spec = stream_spec(1, 1, 3.0, fight=False, fps=5, size=(96, 64))
    assert spec.fights == ()
    assert [line["fighting"] for line in truth] == [False] * 15
    drawn = Scene(spec).frame(7).truth
    assert [one["box"] for one in truth[7]["people"]] == [list(one.box) for one in drawn.people]
    assert stream_spec(1, 1, 30.0).fights


@pytest.mark.parametrize(
    ("count", "seconds", "seed", "message"),
    [(0, 2.0, 0, "0 clips asked for; give at least 1"), (1, 2.0, -1, "seed is -1"), (1, 0.1, 0, "duration is 0.1 s")],
)
def test_write_clips_is_refused_when_an_argument_is_wrong(
    tmp_path: Path, count: int, seconds: float, seed: int, message: str
) -> None:
    with pytest.raises(SceneError, match=message):
        write_clips(tmp_path, count, seconds, seed)
