from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from builder.data.clips import Clip, Label
from builder.quality.clip_hash import ClipHash
from builder.quality.inspection import ClipMeasures, inspect_clip
from builder.quality.thresholds import Quality
from builder.quality.verdict import QualityReport, judge_quality
from tests.builder.quality.drawn_clips import draw, write

GOOD = ClipMeasures(
    clip="a.mp4",
    height_px=360,
    width_px=640,
    seconds=2.0,
    compression=8.0,
    brightness=110.0,
    contrast=50.0,
    motion=0.1,
    hashes=ClipHash((0.0,), (0,), (None,)),
)


def clip(name: str, source: str, label: Label = "noFight") -> Clip:
    return Clip(name, Path(name), label, source)


def judged(*cases: tuple[Clip, ClipMeasures], quality: Quality | None = None) -> QualityReport:
    clips, measures = zip(*cases, strict=True)
    by_name = {c.name: msgspec.structs.replace(m, clip=c.name) for c, m in zip(clips, measures, strict=True)}
    return judge_quality(clips, by_name, quality or Quality())


@pytest.mark.parametrize(
    ("measure", "found", "cause", "reason"),
    [
        ("height_px", 95, "resolution", "a.mp4: 640 x 95 pixels, at least 96 are needed on each side"),
        ("width_px", 95, "resolution", "a.mp4: 95 x 360 pixels"),
        ("brightness", 15.9, "exposure", "a.mp4: too dark: mean grey level 15.9, at least 16 is needed"),
        ("brightness", 239.1, "exposure", "a.mp4: too bright: mean grey level 239.1, at most 239 is allowed"),
        ("contrast", 7.9, "contrast", "a.mp4: too little contrast: grey levels spread by 7.9, at least 8 is needed"),
        ("compression", 1.49, "compression", "a.mp4: lost to compression: score 1.49 of 10, at least 1.5 is needed"),
        ("motion", 0.0, "motion", "a.mp4: frozen: at most 0.0000 % of the picture moves, at least 0.0050 % is needed"),
    ],
)
def test_a_clip_is_dropped_with_its_reason_when_a_measure_is_beyond_its_threshold(
    measure: str, found: float, cause: str, reason: str
) -> None:
    report = judged((clip("a.mp4", "s"), msgspec.structs.replace(GOOD, **{measure: found})))
    assert [dropped.cause for dropped in report.dropped] == [cause]
    assert report.dropped[0].reason.startswith(reason)
    assert report.kept == {}


@pytest.mark.parametrize(
    ("measure", "found"),
    [("height_px", 96), ("brightness", 16.0), ("brightness", 239.0), ("contrast", 8.0), ("compression", None)],
)
def test_a_clip_is_kept_when_a_measure_is_at_its_threshold_or_unknown(measure: str, found: Any) -> None:
    report = judged((clip("a.mp4", "s"), msgspec.structs.replace(GOOD, **{measure: found})))
    assert (report.kept, report.dropped) == ({"a.mp4": "s"}, ())


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ClipMeasures]:
    """An original, two copies of it, another action at the same place (with the same picture behind), and elsewhere."""
    folder = tmp_path_factory.mktemp("filmed")
    films = {
        "original": write(folder / "original.mp4", draw(1, 1)),
        "small": write(folder / "small.mp4", draw(1, 1), size=(128, 96), crf=30),
        "later": write(folder / "later.mp4", draw(1, 1)[10:]),
        "elsewhere": write(folder / "elsewhere.mp4", draw(2, 3)),
    }
    return {name: inspect_clip(name, path) for name, path in films.items()}


def test_of_copies_the_largest_and_longest_is_kept_and_their_sources_are_joined(filmed: dict[str, Any]) -> None:
    names = {"small": "s1", "later": "s2", "original": "s3", "elsewhere": "s4"}
    report = judged(*((clip(name, source), filmed[name]) for name, source in names.items()))
    assert report.kept == {"original": "s1+s2+s3", "elsewhere": "s4"}
    assert [(dropped.clip, dropped.cause) for dropped in report.dropped] == [("small", "copy"), ("later", "copy")]
    assert report.dropped[0].reason == "small: the same recording as original"
    assert report.joined == (("s1", "s2", "s3"),)
    assert {pair.kind for pair in report.pairs} == {"copy"}


def test_both_are_dropped_when_copies_have_different_labels(filmed: dict[str, Any]) -> None:
    report = judged(
        (clip("original", "s1"), filmed["original"]),
        (clip("small", "s1", "fight"), filmed["small"]),
        (clip("elsewhere", "s1"), filmed["elsewhere"]),
    )
    assert report.kept == {"elsewhere": "s1"}
    assert [dropped.cause for dropped in report.dropped] == ["contradiction"] * 2
    assert report.dropped[0].reason == "original: the same recording as small, which has the other label"
    assert report.joined == ()


def test_sources_are_joined_and_nothing_is_dropped_when_one_camera_has_two_names() -> None:
    small = [msgspec.structs.replace(GOOD, hashes=ClipHash(times, (7,) * 8, changes)) for times, changes in _views()]
    report = judged(*((clip(name, source), one) for name, source, one in zip("ab", ("s1", "s2"), small, strict=True)))
    assert report.kept == {"a": "s1+s2", "b": "s1+s2"}
    assert [(pair.kind, pair.pictures) for pair in report.pairs] == [("view", 0.0)]
    same = judged(*((clip(name, "s1"), one) for name, one in zip("ab", small, strict=True)))
    assert same.pairs == ()


def _views() -> list[tuple[tuple[float, ...], tuple[int, ...]]]:
    """Eight moments of one picture, with changes that have nothing in common."""
    times = tuple(0.2 * number for number in range(8))
    return [(times, (2**32 - 1,) * 8), (times, ((2**32 - 1) << 32,) * 8)]


def test_every_threshold_can_be_switched_off(filmed: dict[str, Any]) -> None:
    off = Quality(
        side_px=0, compression=1, darkest=0, brightest=255, contrast=0, motion=0, same_pictures=0, same_changes=0,
        same_view=0,
    )  # fmt: skip
    bad = msgspec.structs.replace(GOOD, height_px=1, brightness=0.0, contrast=0.0, motion=0.0, compression=1.0)
    report = judged((clip("bad", "s1"), bad), (clip("small", "s2"), filmed["small"]), quality=off)
    assert report.kept == {"bad": "s1", "small": "s2"}
