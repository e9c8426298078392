from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.camera_policies import CameraPolicies
from edge_agent.governor import Governor, GovernorPolicy, slow_down
from edge_agent.incidents import IncidentPolicy
from edge_agent.policy import PolicyError
from edge_agent.sampling import SamplingPolicy
from models.manifest import Thresholds

POLICIES = CameraPolicies(Thresholds(wake=0.3, alert=0.8, clear=0.5))


class Box:
    """A judge that gives up what it has no time for; samples wait long when it is busy."""

    def __init__(self) -> None:
        self.governor = Governor(GovernorPolicy(), 0.0)
        self.dropped = 0
        self.now_s = 0.0

    def run(self, offered_hz: float, capacity_hz: float, seconds: int) -> list[float]:
        shares = []
        for _ in range(seconds):
            wanted = offered_hz * self.governor.share
            self.governor.judged(0.9 if wanted > capacity_hz else 0.2)
            self.dropped += round(max(0.0, wanted - capacity_hz))
            self.now_s += 1.0
            shares.append(self.governor.tend(self.now_s, self.dropped))
        return shares


@pytest.mark.parametrize("capacity_hz", [60.0, 120.0, 300.0])
def test_share_comes_to_rest_about_what_can_be_judged(capacity_hz: float) -> None:
    box = Box()
    box.run(360.0, capacity_hz, 30)
    shares = box.run(360.0, capacity_hz, 60)
    even = capacity_hz / 360
    assert 0.7 * even <= sum(shares) / len(shares) <= 1.1 * even + 0.05


def test_share_is_whole_again_once_few_are_awake() -> None:
    box = Box()
    assert box.run(360.0, 100.0, 20)[-1] < 0.5
    assert box.run(40.0, 100.0, 30)[-1] == 1.0


def test_share_stays_whole_while_nothing_is_late() -> None:
    assert set(Box().run(40.0, 100.0, 30)) == {1.0}


def test_what_was_lost_before_counts_for_nothing() -> None:
    governor = Governor(GovernorPolicy(), 0.0, dropped=5)
    assert governor.tend(1.0, 5) == 1.0
    assert governor.tend(2.0, 6) < 1.0


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(0, 100)), max_size=100))
def test_share_stays_within_its_bounds(events: list[tuple[float, int]]) -> None:
    policy = GovernorPolicy()
    governor, dropped = Governor(policy, 0.0), 0
    for second, (latency_s, lost) in enumerate(events):
        governor.judged(latency_s)
        dropped += lost
        assert policy.least <= governor.tend(second + 1.0, dropped) <= 1.0


def test_slow_down_leaves_incidents_possible() -> None:
    incidents = POLICIES.incidents
    slow = slow_down(POLICIES, 0.1)
    assert (incidents.smoothing - 1) / slow.alert_rate_hz < incidents.smoothing_span_s
    assert slow.idle_interval_s == POLICIES.sampling.idle_interval_s
    assert slow_down(POLICIES, 0.6).alert_rate_hz == pytest.approx(6.0)
    assert slow_down(POLICIES, 1.0) is POLICIES.sampling


def test_slow_down_takes_its_share_of_the_most_that_is_wanted_but_an_incident_can_still_end() -> None:
    assert slow_down(POLICIES, 1.0, 5.0).alert_rate_hz == 5.0
    assert slow_down(POLICIES, 0.8, 5.0).alert_rate_hz == pytest.approx(4.0)
    assert slow_down(POLICIES, 0.1, 5.0) == slow_down(POLICIES, 0.1)
    assert slow_down(POLICIES, 1.0, 50.0) is POLICIES.sampling
    smooth = replace(POLICIES, incidents=replace(POLICIES.incidents, smoothing=10))
    assert 9 / slow_down(smooth, 1.0, 5.0).alert_rate_hz < smooth.incidents.smoothing_span_s


def test_slow_down_never_speeds_up() -> None:
    tight = replace(POLICIES, sampling=SamplingPolicy(alert_rate_hz=3.0), incidents=IncidentPolicy(smoothing=5))
    assert slow_down(tight, 0.5).alert_rate_hz == pytest.approx(3.0)


def test_policies_that_make_no_sense_are_refused() -> None:
    with pytest.raises(PolicyError, match="early_s up to late_s"):
        GovernorPolicy(early_s=0.7, late_s=0.6)
