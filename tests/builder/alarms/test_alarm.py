from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.alarms.alarm import Alarm, alarms
from builder.alarms.rule import AlarmRule
from edge_agent.incidents import IncidentMachine, IncidentPolicy
from models.manifest import Thresholds

THRESHOLDS = Thresholds(wake=0.3, alert=0.7, clear=0.5)
stretches = st.lists(st.tuples(st.integers(1, 80), st.sampled_from([0.1, 0.5, 0.6, 0.7, 0.9])), min_size=1, max_size=12)
policies = st.builds(
    IncidentPolicy,
    smoothing=st.integers(1, 6),
    start_hold_s=st.sampled_from([0.0, 0.3, 1.0]),
    end_hold_s=st.sampled_from([0.5, 5.0]),
)


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
    judged = list(zip(np.round(np.cumsum(steps), 6).tolist(), probabilities.tolist(), strict=True))
    names = map(str, itertools.count())
    machine = IncidentMachine(policy, THRESHOLDS, lambda: next(names))
    rule = AlarmRule(
        smoothing=policy.smoothing,
        smoothing_span_s=policy.smoothing_span_s,
        start_hold_s=policy.start_hold_s,
        end_hold_s=policy.end_hold_s,
    )
    alarm, raised = Alarm(THRESHOLDS, rule), []
    for time_s, height in judged:
        step = machine.judge(time_s, height)
        assert alarm.judge(time_s, height) == (step is not None and step.phase == "started")
        assert alarm.active == (machine.incident is not None)
        raised += [time_s] if step is not None and step.phase == "started" else []
    assert alarms(judged, THRESHOLDS, rule) == tuple(raised)


@pytest.mark.parametrize(("count", "raised"), [(7, ()), (8, (0.7,)), (40, (0.7,))])
def test_nothing_is_raised_before_enough_was_judged_and_held(count: int, raised: tuple[float, ...]) -> None:
    judged = [(index / 10, 0.9) for index in range(count)]
    assert alarms(judged, THRESHOLDS, AlarmRule()) == raised
