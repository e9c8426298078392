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
    assert (ended.phase, ended.reason) == ("ended", "calm")
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
    assert (step is not None and (step.phase, step.reason, step.ended_s) == ("ended", "silent", 0.9)) == ends
    assert (one.incident is None) == ends


def test_close_ends_incident_when_one_is_on_and_only_then() -> None:
    one = machine()
    assert one.close(0.0) is None
    for index in range(10):
        one.judge(index * 0.1, 0.9)
    step = one.close(1.0)
    assert step is not None
    assert (step.phase, step.reason, step.ended_s, step.incident) == ("ended", "stopped", 1.0, "incident-0")
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


@pytest.mark.parametrize(
    ("cooldown_s", "calm", "phases"), [(0.0, 30, "sese"), (3.0, 30, "sese"), (3.5, 30, "sese"), (30.0, 30, "se")]
)
def test_judge_rests_after_an_end_when_there_is_a_cooldown(cooldown_s: float, calm: int, phases: str) -> None:
    policy = IncidentPolicy(end_hold_s=2.0, update_interval_s=100.0, cooldown_s=cooldown_s)
    told = run(HIGH * 10 + LOW * calm + HIGH * 60 + LOW * 30, policy)
    assert "".join(step.phase[0] for step in told) == phases
    for ended, started in zip(told[1::2], told[2::2], strict=False):
        assert started.time_s - ended.time_s >= cooldown_s - 1e-6


STRICT = Thresholds(wake=0.3, alert=0.95, clear=0.92)
LENIENT = Thresholds(wake=0.0, alert=0.05, clear=0.05)


@pytest.mark.parametrize(
    ("before", "policy", "thresholds", "after", "phases"),
    [
        pytest.param(HIGH * 10, POLICY, THRESHOLDS, [], "s", id="same-again"),
        pytest.param(HIGH * 10, POLICY, STRICT, [], "s", id="strict-alone-ends-nothing"),
        pytest.param(HIGH * 10, POLICY, STRICT, HIGH * 10, "s", id="strict-waits-for-the-hold"),
        pytest.param(HIGH * 10, POLICY, STRICT, HIGH * 30, "se", id="strict-ends-by-its-own-judgement"),
        pytest.param(LOW * 30, POLICY, LENIENT, [], "", id="lenient-alone-starts-nothing"),
        pytest.param(LOW * 30, POLICY, LENIENT, LOW * 10, "s", id="lenient-starts-by-its-own-judgement"),
        pytest.param(HIGH * 10 + LOW * 15, POLICY, LENIENT, LOW * 30, "s", id="what-faded-comes-back"),
        pytest.param(HIGH * 10 + LOW * 15, IncidentPolicy(end_hold_s=20), THRESHOLDS, LOW * 30, "s", id="longer-hold"),
        pytest.param(HIGH * 10 + LOW * 15, IncidentPolicy(end_hold_s=0.5), THRESHOLDS, LOW, "se", id="shorter-hold"),
        pytest.param(HIGH * 10, IncidentPolicy(smoothing=9), THRESHOLDS, HIGH * 10, "s", id="more-smoothing"),
        pytest.param(HIGH * 10, IncidentPolicy(smoothing=1), THRESHOLDS, HIGH * 10, "s", id="less-smoothing"),
    ],
)
def test_apply_counts_from_the_next_score_on_and_keeps_what_is_in_progress(
    before: list[float], policy: IncidentPolicy, thresholds: Thresholds, after: list[float], phases: str
) -> None:
    one, told = machine(), []
    for index, score in enumerate(before + after):
        if index == len(before):
            one.apply(policy, thresholds)
        told.append(one.judge(index * 0.1, score))
    if not after:
        in_progress = one.incident
        one.apply(policy, thresholds)
        assert one.incident == in_progress
    assert "".join(step.phase[0] for step in told if step and step.phase != "updated") == phases


POLICIES = st.builds(
    IncidentPolicy,
    smoothing=st.integers(1, 7),
    start_hold_s=st.floats(0, 1),
    update_interval_s=st.floats(0.5, 3),
    end_hold_s=st.floats(0.1, 4),
    cooldown_s=st.sampled_from([0.0, 2.0]),
)
LEVELS = st.lists(st.floats(0, 1), min_size=2, max_size=2).map(sorted)
APPLIED = st.tuples(POLICIES, LEVELS.map(lambda pair: Thresholds(wake=0.3, clear=pair[0], alert=pair[1])))
SCORES = st.tuples(st.floats(0.01, 1.5), st.sampled_from([0.0, 0.1, 0.45, 0.55, 0.7, 1.0]))


@given(st.lists(SCORES | APPLIED, max_size=200))
def test_applying_policies_never_ends_starts_or_repeats_an_incident_by_itself(
    events: list[tuple[float, float] | tuple[IncidentPolicy, Thresholds]],
) -> None:
    one, policy, thresholds = machine(), POLICY, THRESHOLDS
    time_s, current, sequence, names = 0.0, None, -1, []
    for first, second in events:
        if isinstance(first, IncidentPolicy):
            policy, thresholds = first, second
            one.apply(policy, thresholds)
            assert one.incident == current
            continue
        time_s += first
        step = one.judge(time_s, second)
        assert (step is not None and step.phase == "started") == (one.incident is not None and current is None)
        if step is not None:
            sequence = 0 if step.phase == "started" else sequence + 1
            assert step.sequence == sequence
            names += [step.incident] if step.phase == "started" else []
            assert step.incident == names[-1]
            # Who starts or ends is a score, by the thresholds in force.
            assert step.phase != "started" or step.probability >= thresholds.alert
            assert step.phase != "ended" or step.probability < thresholds.clear
            assert 0 <= step.mean <= step.peak <= 1
        current = one.incident
    assert len(names) == len(set(names))


@given(st.lists(SCORES, max_size=150), st.sets(st.integers(0, 150)))
def test_applying_what_is_in_force_changes_nothing(scores: list[tuple[float, float]], when: set[int]) -> None:
    plain, reloaded, time_s = machine(), machine(), 0.0
    for index, (step_s, score) in enumerate(scores):
        time_s += step_s
        if index in when:
            reloaded.apply(IncidentPolicy(end_hold_s=2.0, update_interval_s=1.0), THRESHOLDS)
        assert reloaded.judge(time_s, score) == plain.judge(time_s, score)


@given(st.lists(st.sampled_from([0.0, 0.2, 0.9, 1.0]), min_size=30, max_size=150))
def test_judge_does_not_start_when_high_windows_are_alone(scores: list[float]) -> None:
    lonely = [score if index % 3 == 0 else 0.1 for index, score in enumerate(scores)]
    assert run(lonely) == []


@pytest.mark.parametrize(
    "figures",
    [
        {"smoothing": 0},
        {"start_hold_s": -1.0},
        {"cooldown_s": -1.0},
        {"end_hold_s": 0.0},
        {"update_interval_s": float("nan")},
    ],
)
def test_policy_is_refused_when_figure_makes_no_sense(figures: dict[str, float]) -> None:
    with pytest.raises(PolicyError, match=next(iter(figures))):
        IncidentPolicy(**figures)  # type: ignore[arg-type]
