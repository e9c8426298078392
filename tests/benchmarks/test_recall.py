from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.recall import AFTER_S, Arm, Fate, Result, Showing, describe, divide, plot_recall
from benchmarks.site import Heard
from benchmarks.spliced import Stream
from scenes import Interval


def incident(camera: int, at_s: float, phase: str = "started") -> Heard:
    return Heard(f"camera/camera-{camera}/incident", {"phase": phase}, at_s)


STREAMS = (
    Stream(Path("a.mp4"), "drawn", (Interval(10.0, 20.0), Interval(50.0, 58.0)), 80.0),
    Stream(Path("b.mp4"), "real", (Interval(30.0, 38.0),), 80.0),
)


@pytest.mark.parametrize(
    ("heard", "delays", "others"),
    [
        ([], [None, None, None], 0),
        ([incident(0, 112.0), incident(0, 153.0), incident(1, 231.5)], [2.0, 3.0, 1.5], 0),
        # Told of once more while it lasts; updates and ends; another camera's; before and long after.
        ([incident(0, 112.0), incident(0, 118.0)], [2.0, None, None], 0),
        ([incident(0, 112.0, "updated"), incident(0, 113.0, "ended")], [None, None, None], 0),
        ([incident(1, 112.0)], [None, None, None], 1),
        ([incident(0, 109.9), incident(0, 120.0 + AFTER_S + 0.1)], [None, None, None], 2),
    ],
)
def test_a_fight_is_told_of_by_its_own_cameras_first_incident(
    heard: list[Heard], delays: list[float | None], others: int
) -> None:
    fates, found = Showing(STREAMS, {0: 100.0, 1: 200.0}).judge(heard)
    assert [one.kind for one in fates] == ["drawn", "drawn", "real"]
    assert [one.delay_s for one in fates] == delays
    assert found == others


def arm(design: str, core: float, *delays_s: float | None) -> Arm:
    kinds = ("drawn", "drawn", "real", "real")
    fates = tuple(Fate(kind=kind, delay_s=delay) for kind, delay in zip(kinds, delays_s, strict=True))
    return Arm(design=design, core=core, fates=fates, other_alarms=1)


def test_cost_and_recall_are_told_beside_those_of_the_camera_that_is_always_on(tmp_path: Path) -> None:
    arms = (arm("as it ships", 0.04, 1.0, None, 2.0, 3.0), arm("always on", 0.4, 1.0, 2.0, 4.0, None))
    result = Result(bundle="tiny", cameras=4, seconds=600, arms=arms, naive_core=0.1)
    assert result.kept(arms[0]) == (2, 3)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in describe(result) if line.startswith("| ")]
    assert rows[1][:6] == ["as it ships", "1.00%", "10.0%", "1 of 2", "2 of 2", "1"]
    assert rows[1][6].startswith("2 of 3 [")
    assert rows[1][7:] == ["2.00", "2.90"]
    assert rows[2][:6] == ["always on", "10.00%", "100.0%", "2 of 2", "1 of 2", "1"]
    plot_recall(tmp_path / "recall.svg", result)
    assert "fights told of" in (tmp_path / "recall.svg").read_text()


def test_streams_are_watched_in_groups_of_all_kinds_and_told_of_together() -> None:
    groups = divide([*STREAMS[:1] * 4, *STREAMS[1:] * 4], 3)
    assert [len(group) for group in groups] == [3, 3, 2]
    assert all({one.kind for one in group} == {"drawn", "real"} for group in groups)
    first = Result(
        bundle="tiny",
        cameras=3,
        seconds=600,
        arms=(arm("as it ships", 0.03, 1.0, None, 2.0, 3.0), arm("always on", 0.3, 1.0, 2.0, 4.0, None)),
        naive_core=0.1,
    )
    second = Result(
        bundle="tiny",
        cameras=1,
        seconds=600,
        arms=(arm("as it ships", 0.05, 5.0, None, None, None), arm("always on", 0.1, 1.0, None, None, None)),
        naive_core=0.2,
    )
    both = first.join(second)
    assert (both.cameras, both.seconds) == (4, 600)
    assert both.naive_core == pytest.approx(0.125)
    shipped, always = both.arms
    assert (shipped.core, always.core) == (pytest.approx(0.08), pytest.approx(0.4))
    assert (len(shipped.told()), len(always.told()), both.kept(shipped)) == (4, 4, (3, 4))
    assert shipped.other_alarms == 2
