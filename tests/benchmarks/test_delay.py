from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.delay import Delays, Result, describe, find_delay, plot_delays
from benchmarks.site import Heard


def incident(camera: str, phase: str, at_s: float) -> Heard:
    return Heard(f"camera/{camera}/incident", {"phase": phase}, at_s)


@pytest.mark.parametrize(
    ("heard", "delay"),
    [
        ([], None),
        ([incident("a", "started", 12.5), incident("a", "started", 13.0)], 2.5),
        ([incident("b", "started", 11.0), incident("a", "updated", 11.5), incident("a", "started", 12.0)], 2.0),
        ([incident("a", "started", 8.0)], -2.0),
        ([incident("a", "started", 31.0)], None),
        ([Heard("camera/a/state", {"phase": "started"}, 11.0)], None),
    ],
)
def test_delay_is_from_the_onset_to_the_cameras_first_incident(heard: Sequence[Heard], delay: float | None) -> None:
    assert find_delay(heard, "a", 10.0, 30.0) == delay


def test_only_fights_that_were_told_of_have_a_delay(tmp_path: Path) -> None:
    modes = (
        Delays(mode="idle", fights=5, before=1, delays_s=(0.5, 1.5, 4.0)),
        Delays(mode="awake", fights=5, before=0, delays_s=()),
    )
    result = Result(bundle="tiny", seed=1, at_once=2, modes=modes)
    lines = list(describe(result))
    idle, awake = (
        [cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith(("| idle", "| awake"))
    )
    assert idle == ["idle", "5", "1", "3", "1.50", "3.75", "1 of 3", "2 of 3"]
    assert awake == ["awake", "5", "0", "0", "-", "-", "0 of 0", "0 of 0"]
    plot_delays(tmp_path / "delay.svg", result)
    assert "dashed: all" in (tmp_path / "delay.svg").read_text()
