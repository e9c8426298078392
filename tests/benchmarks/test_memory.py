from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.memory import EVERY_S, Held, Result, describe, plot_memory

HOUR = round(3600 / EVERY_S)


def held(figures: np.ndarray, cameras: int = 4, design: str = "agent") -> Held:
    return Held(design=design, cameras=cameras, incidents=2, memory_mb=tuple(figures.tolist()))


def grown(an_hour: float, seed: int = 1) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 1, HOUR)
    return 200 + an_hour * np.arange(HOUR) / HOUR + noise


@pytest.mark.parametrize("an_hour", [0.0, 20.0, -20.0])
def test_the_trend_is_what_memory_grows_by_in_an_hour(an_hour: float) -> None:
    slope, half = held(grown(an_hour)).trend
    assert slope == pytest.approx(an_hour, abs=1.0)
    assert 0 < half < 2
    assert abs(slope - an_hour) < half


def test_what_is_taken_at_the_start_is_no_trend() -> None:
    figures = grown(0.0)
    figures[: HOUR // 4] = np.linspace(50, 200, HOUR // 4)
    slope, half = held(figures).trend
    assert abs(slope) < half


def test_lines_and_picture_name_what_is_allowed(tmp_path: Path) -> None:
    naive = held(grown(0.0), 1, "naive, a verdict a second")
    result = Result(bundle="tiny", minutes=60, held=(held(grown(30.0)), held(grown(0.0), 36), naive))
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in describe(result) if line.startswith("| ")]
    assert [row[:3] + row[6:7] for row in rows[1:]] == [
        ["agent", "4", "2", "220"],
        ["agent", "36", "2", "450"],
        ["naive, a verdict a second", "1", "2", ""],
    ]
    assert rows[1][-1].startswith(("+29.", "+30.", "+31."))
    plot_memory(tmp_path / "memory.svg", result)
    assert (tmp_path / "memory.svg").read_text().startswith("<svg ")
