from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.head_candidates import HaarFaces, HogPeople
from benchmarks.marked_heads import MarkedPicture, Score, fill, read_marks, read_moments, score
from benchmarks.privacy import ClipCost, Result, describe, encode_clip
from edge_agent.clips.redaction import Redaction
from edge_agent.cover import Cover
from edge_agent.privacy.head_finder import NOTHING
from edge_agent.region import WHOLE
from models.errors import NexaraError
from tests.edge_agent.clips.test_redacted_film import LEFT, make_film
from tests.edge_agent.privacy.finding import FixedFinder
from tests.edge_agent.privacy.weights import SHARED


def test_halves_have_as_many_pictures_and_no_camera_in_common() -> None:
    chosen, told = read_marks("chosen"), read_marks("told")
    assert (len(chosen), len(told)) == (30, 30)
    assert not {one.clip for one in chosen if "fight" in one.clip} & {one.clip for one in told if "fight" in one.clip}
    assert sum(len(one.heads) for one in (*chosen, *told)) == 230
    clips = SHARED / "data" / "surveillance-fight" / "clips.csv"
    if not clips.is_file():
        pytest.skip(f"no clips at {clips.parent}, whose sources could be compared")
    rows = [line.split(",") for line in clips.read_text().splitlines()[1:]]
    sources = {f"surveillance-fight/{row[0]}": row[2] for row in rows}
    assert not {sources.get(one.clip, one.clip) for one in chosen if one.clip in sources} & {
        sources[one.clip] for one in told if one.clip in sources
    }


def test_heads_count_as_hidden_by_size_when_most_of_them_is() -> None:
    marks = [MarkedPicture("told", "a", 0.0, ((20, 20, 8), (60, 20, 12), (60, 80, 24), (150, 80, 25), (20, 80, 20)))]
    # The first two whole, the third to a half, the fourth whole, the fifth not.
    zones = np.array([[0, 0, 0.4, 0.35], [0.25, 0.4, 0.3, 1.0], [0.65, 0.3, 0.9, 1.0]], np.float32)
    found = score("some", marks, lambda _: (zones, (120, 200), 0.5))
    assert (found.hidden, found.heads) == ((1, 1, 1), (1, 3, 1))
    assert found.picture_ms == 500
    assert found.area == pytest.approx(fill(zones, (120, 200)).mean())


def test_pictures_around_the_marked_one_are_read(tmp_path: Path) -> None:
    make_film(tmp_path / "a.mp4")
    moments = read_moments(tmp_path, MarkedPicture("told", "a.mp4", 1.5, ()))
    times = [at_s for at_s, _ in moments]
    assert times.count(0.0) == 1
    assert -0.7 <= times[0] < -0.6
    assert 0.6 < times[-1] <= 0.7
    with pytest.raises(NexaraError, match=r"b\.mp4: not there; --data"):
        read_moments(tmp_path, MarkedPicture("told", "b.mp4", 1.5, ()))


def test_other_detectors_answer_for_any_picture() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (144, 192, 3), dtype=np.uint8)
    for find in (HaarFaces().find, HogPeople().find):
        assert find(picture).shape[1] == NOTHING.shape[1]


def test_a_clip_is_encoded_and_its_cost_told(tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.mp4", seconds=1)
    redaction = Redaction(((WHOLE, Cover(masks=(LEFT,), heads=FixedFinder((0.2, 0.2, 0.4, 0.4)))),))
    pictures, seconds, _ = encode_clip(film, redaction, tmp_path)
    assert pictures == 15
    assert seconds > 0
    clip = ClipCost(hides="faces", pictures=15, picture_ms=20.0, core_share=0.3, grown_bytes=26_000_000)
    hidden = Score(name="some", hidden=(1, 30, 20), heads=(2, 40, 40), area=0.2, picture_ms=17.4)
    lines = list(describe(Result(half="told", pictures=30, scores=(hidden,), clips=(clip,))))
    assert "| some | 1 of 2 | 30 of 40 | 20 of 40 | 62% | 20% | 17 |" in lines
    assert lines[-2:] == [
        "clip that hides faces: 20.0 ms a picture, 30% of a core at 15 a second (of 15 pictures)",
        "a clip in the making: 26 MB of memory",
    ]
