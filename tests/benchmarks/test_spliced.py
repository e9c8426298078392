from __future__ import annotations

from pathlib import Path

import av
import msgspec
import numpy as np
import pytest

from benchmarks.spliced import FIGHT_S, Plan, TooFewFightsError, mix_in, splice_real
from benchmarks.streaming import film_pictures
from models.bundle import Bundle
from models.manifest import Manifest
from tests.builder import tiny_clips


def never_saw(tiny: Bundle, *sources: str) -> Manifest:
    lineage = msgspec.structs.replace(tiny.manifest.lineage, held_out_sources=sources)
    return msgspec.structs.replace(tiny.manifest, lineage=lineage)


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    folder = tmp_path / "footage"
    pictures = (np.full((48, 64, 3), 90, np.uint8) for _ in range(25))
    film_pictures(pictures, (64, 48), 5.0, folder / "street.mp4")
    return folder


def test_fights_of_unseen_sources_are_spliced_into_ordinary_footage(
    tmp_path: Path, footage: Path, tiny: Bundle
) -> None:
    data = tiny_clips.write_table(tmp_path / "data", fights=4, calm=2, sources=6)
    sources = [line.split(",")[2] for line in (data / "clips.csv").read_text().splitlines() if ",fight," in line]
    plan = Plan(1, 30.0, 2, tmp_path / "cache", 3)
    (stream,) = splice_real(plan, footage, data, never_saw(tiny, *sources[:2]))
    assert stream.kind == "real"
    assert [fight.end_s - fight.start_s for fight in stream.fights] == pytest.approx([FIGHT_S] * 2)
    assert 0 < stream.fights[0].start_s < stream.fights[0].end_s <= stream.fights[1].start_s
    # Ordinary footage is five seconds long, and a stream is of whole films.
    assert stream.fights[0].start_s % 5.0 == pytest.approx(0.0)
    with av.open(str(stream.path)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert times == pytest.approx([index / 10 for index in range(len(times))])
    assert len(times) / 10 == pytest.approx(stream.seconds)
    assert stream.seconds >= 30.0


def test_clips_that_the_bundle_learnt_from_are_not_enough(tmp_path: Path, footage: Path, tiny: Bundle) -> None:
    data = tiny_clips.write_table(tmp_path / "data", fights=3, calm=3, sources=6)
    with pytest.raises(TooFewFightsError, match="0 fights of sources that the bundle never saw, 2 were asked for"):
        splice_real(Plan(1, 30.0, 2, tmp_path / "cache", 3), footage, data, never_saw(tiny, "elsewhere"))


def test_people_come_by_in_one_film_of_so_many() -> None:
    peopled, empty = ([Path(f"{kind}-{number}") for number in range(3)] for kind in ("peopled", "empty"))
    assert [film.name for film in mix_in(peopled, empty, 3)] == [
        "peopled-0",
        "empty-0",
        "empty-1",
        "peopled-1",
        "empty-2",
        "empty-0",
        "peopled-2",
        "empty-1",
        "empty-2",
    ]
