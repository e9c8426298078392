from __future__ import annotations

from collections.abc import Iterable
from itertools import count, groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.incidents import IncidentMachine, IncidentPolicy, IncidentStep
from edge_agent.policy import PolicyError
from models.manifest import Thresholds

THRESHOLDS = Thresholds(wake=0.3, alert=0.6, clear=0.4)
POLICY = IncidentPolicy(end_hold_s=2.0, update_interval_s=1.0)


def machine(policy: IncidentPolicy = POLICY) -> IncidentMachine:
    numbers = count()
    return IncidentMachine(policy, THRESHOLDS, lambda: f"incident-{next(numbers)}")


def run(scores: Iterable[float], policy: IncidentPolicy = POLICY, *, step_s: float = 0.1) -> list[IncidentStep]:
    judge = machine(policy).judge
    steps = (judge(index * step_s, score) for index, score in enumerate(scores))
    return [step for step in steps if step is not None]


LOW, MIDDLE, HIGH = [0.1], [0.5], [0.9]


@pytest.mark.parametrize(
    ("scores", "phases"),
    [
        pytest.param(LOW * 50, "", id="calm"),
        pytest.param(LOW * 10 + HIGH + LOW * 30, "", id="one-spurious-window"),
        pytest.param(LOW * 10 + HIGH * 2 + LOW * 30, "", id="two-spurious-windows"),
        pytest.param((LOW * 4 + HIGH) * 20, "", id="regular-spurious-windows"),
        pytest.param(MIDDLE * 80, "", id="between-the-thresholds"),
        pytest.param(LOW * 10 + HIGH * 10, "s", id="starts"),
        pytest.param(HIGH * 20, "s", id="goes-on"),
        pytest.param(HIGH * 10 + LOW * 30, "se", id="ends"),
        pytest.param(HIGH * 10 + LOW * 15 + HIGH * 10 + LOW * 30, "se", id="flickers-within-hold"),
        pytest.param(HIGH * 10 + (LOW + HIGH) * 20 + LOW * 30, "se", id="flickers-fast"),
        pytest.param(HIGH * 10 + (LOW * 10 + MIDDLE * 5) * 3 + LOW * 30, "se", id="middle-restarts-hold"),
        pytest.param(HIGH * 10 + LOW * 30 + HIGH * 10 + LOW * 30, "sese", id="two-fights"),
    ],
)
def test_judge_tells_one_incident_a_fight_when_scores_move(scores: list[float], phases: str) -> None:
    assert "".join(step.phase[0] for step in run(scores) if step.phase != "updated") == phases


def test_judge_updates_at_its_interval_when_incident_is_on() -> None:
    told = run(HIGH * 46 + LOW * 10)
    assert [step.phase for step in told] == ["started", *["updated"] * 4]
    assert [later.time_s - earlier.time_s for earlier, later in pairwise(told)] == pytest.approx([1.0] * 4)


def test_judge_starts_within_a_second_when_fight_breaks_out() -> None:
    started = run(LOW * 20 + HIGH * 20)[0]
    assert started.time_s - 2.0 <= 0.55
    assert 2.0 <= started.started_s <= 2.3


def test_judge_dates_end_at_first_calm_when_hold_is_over() -> None:
    ended = run(HIGH * 20 + LOW * 40)[-1]
    assert ended.phase == "ended"
    assert ended.ended_s == pytest.approx(2.2)
    assert ended.time_s == pytest.approx(4.2)
    assert (ended.peak, ended.mean) == pytest.approx((0.9, 0.9))


def test_judge_needs_dense_scores_when_glances_are_high() -> None:
    assert run(HIGH * 20, step_s=2.0) == []


@pytest.mark.parametrize(("silent_s", "ends"), [(9.9, False), (10.0, True)])
def test_silence_ends_incident_when_it_lasts(silent_s: float, ends: bool) -> None:
    one = machine()
    for index in range(10):
        one.judge(index * 0.1, 0.9)
    step = one.silence(0.9 + silent_s, 0.9)
    assert (step is not None and step.phase == "ended" and step.ended_s == 0.9) == ends
    assert (one.incident is None) == ends


def test_close_ends_incident_when_one_is_on_and_only_then() -> None:
    one = machine()
    assert one.close(0.0) is None
    for index in range(10):
        one.judge(index * 0.1, 0.9)
    step = one.close(1.0)
    assert step is not None
    assert (step.phase, step.ended_s, step.incident) == ("ended", 1.0, "incident-0")
    assert one.close(1.1) is None


@given(
    st.lists(st.tuples(st.floats(0.01, 3.0), st.sampled_from([0.0, 0.1, 0.45, 0.55, 0.7, 1.0])), max_size=300),
    st.integers(1, 7),
)
def test_judge_keeps_its_grammar_when_scores_are_anything(steps: list[tuple[float, float]], smoothing: int) -> None:
    one = machine(IncidentPolicy(smoothing=smoothing, end_hold_s=2.0, update_interval_s=1.0))
    time_s, told = 0.0, []
    for step_s, score in steps:
        time_s += step_s
        step = one.judge(time_s, score)
        if step:
            assert step.time_s == time_s
            told.append(step)
    last = one.close(time_s)
    told += [last] if last else []
    for _, group in groupby(told, key=lambda step: step.incident):
        incident = list(group)
        assert [step.sequence for step in incident] == list(range(len(incident)))
        phases = [step.phase for step in incident]
        assert phases == ["started", *["updated"] * (len(phases) - 2), "ended"]
        for step in incident:
            assert 0 <= step.mean <= step.peak <= 1
            assert step.started_s <= step.time_s
        ended_s = incident[-1].ended_s
        assert ended_s is not None
        assert incident[0].started_s <= ended_s <= incident[-1].time_s
    names = [step.incident for step in told if step.phase == "started"]
    assert len(names) == len(set(names))


@given(st.lists(st.sampled_from([0.0, 0.2, 0.9, 1.0]), min_size=30, max_size=150))
def test_judge_does_not_start_when_high_windows_are_alone(scores: list[float]) -> None:
    lonely = [score if index % 3 == 0 else 0.1 for index, score in enumerate(scores)]
    assert run(lonely) == []


@pytest.mark.parametrize(
    "figures", [{"smoothing": 0}, {"start_hold_s": -1.0}, {"end_hold_s": 0.0}, {"update_interval_s": float("nan")}]
)
def test_policy_is_refused_when_figure_makes_no_sense(figures: dict[str, float]) -> None:
    with pytest.raises(PolicyError, match=next(iter(figures))):
        IncidentPolicy(**figures)  # type: ignore[arg-type]
