from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.alarms.rule import AlarmRule, alarms, levels
from edge_agent.incidents import IncidentMachine, IncidentPolicy
from edge_agent.sampling import SamplingPolicy
from models.manifest import Thresholds

THRESHOLDS = Thresholds(wake=0.3, alert=0.7, clear=0.5)
stretches = st.lists(st.tuples(st.integers(1, 80), st.sampled_from([0.1, 0.5, 0.6, 0.7, 0.9])), min_size=1, max_size=12)
policies = st.builds(
    IncidentPolicy,
    smoothing=st.integers(1, 6),
    start_hold_s=st.sampled_from([0.0, 0.3, 1.0]),
    end_hold_s=st.sampled_from([0.5, 5.0]),
)


def test_the_rule_is_the_agents_when_nothing_is_configured() -> None:
    rule, policy = AlarmRule(), IncidentPolicy()
    assert rule.rate_hz == SamplingPolicy().alert_rate_hz
    assert (rule.smoothing, rule.smoothing_span_s) == (policy.smoothing, policy.smoothing_span_s)
    assert (rule.start_hold_s, rule.end_hold_s) == (policy.start_hold_s, policy.end_hold_s)
    assert policy.cooldown_s == 0


@settings(max_examples=300)
@given(stretches, policies, st.integers(0, 2**32 - 1), st.booleans())
def test_alarms_are_raised_when_the_agents_incident_machine_raises_them(
    runs: list[tuple[int, float]], policy: IncidentPolicy, seed: int, gaps: bool
) -> None:
    rng = np.random.default_rng(seed)
    probabilities = np.concatenate([np.full(count, height) for count, height in runs])
    spurious = rng.random(len(probabilities)) < 0.1
    probabilities = np.where(spurious, rng.random(len(probabilities)), probabilities)
    steps = np.where(gaps & (rng.random(len(probabilities)) < 0.05), 1.2, 0.1)
    times = np.round(np.cumsum(steps), 6)
    names = map(str, itertools.count())
    machine = IncidentMachine(policy, THRESHOLDS, lambda: next(names))
    told = [
        machine.judge(time_s, height) for time_s, height in zip(times.tolist(), probabilities.tolist(), strict=True)
    ]
    rule = AlarmRule(10.0, policy.smoothing, policy.smoothing_span_s, policy.start_hold_s, policy.end_hold_s)
    found = alarms(times, levels(times, probabilities, rule), THRESHOLDS, rule)
    assert list(found) == [step.time_s for step in told if step is not None and step.phase == "started"]


@pytest.mark.parametrize(("count", "level"), [(4, []), (5, [0.9]), (7, [0.9, 0.9, 0.9])])
def test_there_is_no_level_before_enough_was_judged(count: int, level: list[float]) -> None:
    found = levels(np.arange(count) / 10, np.full(count, 0.9), AlarmRule())
    assert found[~np.isnan(found)].tolist() == level
    assert len(found) == count
