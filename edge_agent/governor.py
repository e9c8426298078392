"""How fast alert cameras may be sampled when more of them are awake than can be judged; pure, time passed in."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from edge_agent.camera_policies import CameraPolicies
from edge_agent.policy import PolicyError, require_positive
from edge_agent.sampling import SamplingPolicy

# Smoothing must get its probabilities within its span, with some to spare, or no incident could start.
_SPARE = 1.25


@dataclass(frozen=True, slots=True)
class GovernorPolicy:
    """Every ``period_s`` the share that is sampled is multiplied by ``fall`` if samples or pictures were lost or one
    sample had waited for more than ``late_s``, and raised by ``rise`` if none had for ``early_s``."""

    period_s: float = 1.0
    late_s: float = 0.6
    early_s: float = 0.3
    fall: float = 0.8
    rise: float = 0.05
    least: float = 0.1

    def __post_init__(self) -> None:
        require_positive(period_s=self.period_s, early_s=self.early_s, fall=self.fall, rise=self.rise, least=self.least)
        if not (self.early_s <= self.late_s and self.fall < 1 and self.least <= 1):
            raise PolicyError(f"{self}: allowed are early_s up to late_s, fall below 1 and least up to 1")


class Governor:
    """One share for all cameras, so that none starves for another. It falls fast and recovers slowly: additive
    increase, multiplicative decrease (Chiu and Jain, Computer Networks and ISDN Systems 17, 1989)."""

    def __init__(self, policy: GovernorPolicy, now_s: float, dropped: int = 0) -> None:
        """``dropped`` were lost before ``now_s``, and count for nothing."""
        self._policy = policy
        self._since_s = now_s
        self._dropped = dropped
        self._oldest_s = 0.0
        self.share = 1.0

    def judged(self, waited_s: float) -> None:
        """Count one judgement, ``waited_s`` after its newest frame was decoded: being slower helps no decoder."""
        self._oldest_s = max(self._oldest_s, waited_s)

    def tend(self, now_s: float, dropped: int) -> float:
        """The share of the configured rates to sample at; ``dropped`` counts samples given up since the start, and
        pictures that were left out because too much else was computed."""
        policy = self._policy
        if now_s - self._since_s < policy.period_s:
            return self.share
        if dropped > self._dropped or self._oldest_s > policy.late_s:
            self.share = max(policy.least, self.share * policy.fall)
        elif self._oldest_s < policy.early_s:
            self.share = min(1.0, self.share + policy.rise)
        self._since_s, self._dropped, self._oldest_s = now_s, dropped, 0.0
        return self.share


def slow_down(policies: CameraPolicies, share: float, most_hz: float = math.inf) -> SamplingPolicy:
    """The sampling of one camera at a share of its alert rate, or of ``most_hz`` samples a second where that is less,
    but never so slow that no incident could start or end."""
    sampling, incidents = policies.sampling, policies.incidents
    least_hz = _SPARE * (incidents.smoothing - 1) / incidents.smoothing_span_s
    wanted_hz = min(sampling.alert_rate_hz, most_hz) * min(share, 1.0)
    rate_hz = max(wanted_hz, min(least_hz, sampling.alert_rate_hz))
    return sampling if rate_hz == sampling.alert_rate_hz else replace(sampling, alert_rate_hz=rate_hz)
