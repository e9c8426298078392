from __future__ import annotations

from builder.alarms.rule import AlarmRule
from edge_agent.attention import AttentionPolicy
from edge_agent.camera_policies import CameraPolicies
from edge_agent.governor import slow_down
from edge_agent.incidents import IncidentPolicy
from edge_agent.sampling import SamplingPolicy
from edge_agent.timeline import LARGEST_GAP_S
from models.manifest import Thresholds


def test_the_rule_is_the_agents_when_nothing_is_configured() -> None:
    rule, policy, sampling, attention = AlarmRule(), IncidentPolicy(), SamplingPolicy(), AttentionPolicy()
    assert (rule.rate_hz, rule.idle_interval_s) == (sampling.alert_rate_hz, sampling.idle_interval_s)
    assert rule.steady_rate_hz is sampling.steady_rate_hz is None
    assert (rule.calm_hold_s, rule.doubt_hold_s) == (attention.calm_hold_s, attention.doubt_hold_s)
    assert rule.largest_gap_s == LARGEST_GAP_S
    assert (rule.smoothing, rule.smoothing_span_s) == (policy.smoothing, policy.smoothing_span_s)
    assert (rule.start_hold_s, rule.end_hold_s) == (policy.start_hold_s, policy.end_hold_s)
    assert policy.cooldown_s == 0
    slowest = slow_down(CameraPolicies(Thresholds(wake=0.3, alert=0.6, clear=0.4)), 0.0)
    assert rule.least_hz == slowest.alert_rate_hz
