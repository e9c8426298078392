from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.budget import UnitCosts, cached_budget, naive_budget
from benchmarks.sampling import describe, measure
from models.bundle import Bundle
from scenes import Scene, random_spec
from scenes.film import write_film

COSTS = UnitCosts(decode=2.0, shrink=1.0, sample=0.1, encode=3.0, head=0.5, naive_encode=60.0)


def test_camera_costs_what_its_samples_cost() -> None:
    budget = cached_budget("alert", COSTS, fps=25, samples_a_second=10, sampling_ms=12)
    assert (budget.decode, budget.samples, budget.encode, budget.head) == (50, 12, 30, 5)
    assert (budget.total, budget.judging) == (97, 47)
    assert budget.cameras(decoding=True) == pytest.approx(1000 / 97)
    assert budget.cameras(decoding=False) == pytest.approx(1000 / 47)


@pytest.mark.parametrize(("verdicts", "frames"), [(0.5, 10), (10, 25)])
def test_naive_design_encodes_every_window_anew_and_shrinks_a_frame_once(verdicts: float, frames: float) -> None:
    budget = naive_budget("naive", COSTS, fps=25, verdicts_a_second=verdicts)
    assert budget.encode == verdicts * COSTS.naive_encode
    assert budget.samples == frames * COSTS.shrink


def test_every_step_of_a_camera_is_timed_with_the_agents_own_parts(tiny: Bundle, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    spec = replace(random_spec(3, fight=False, duration_s=2), fps=20, width=160, height=96)
    write_film(Scene(spec), film, film.with_suffix(".jsonl"))
    result = measure(tiny, film, fps=20, rounds=2, clock=time.perf_counter)
    assert result.frames == 40
    assert list(result.steps) == ["decode", "shrink", "sample", "encode", "head", "naive_encode"]
    idle, alert = result.sampling
    # Ten seconds of stream: a glance every two seconds, and ten samples a second from the first on.
    assert (idle.samples_a_second, alert.samples_a_second) == (pytest.approx(0.5), pytest.approx(9.8, abs=0.11))
    assert [budget.name for budget in result.budgets] == ["idle, 0.5/s", "naive, 0.5/s", "alert, 9.8/s", "naive, 9.8/s"]
    assert sum("|" in line for line in describe(result)) == 8 + 9
