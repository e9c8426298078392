"""When a run of probabilities is an alarm: the agent's rule, as it is without a configuration.

The rooms forbid the builder to import the agent; a test holds this rule against the agent's own incident machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.manifest import Thresholds

ROUNDING_S = 1e-6
"""Times are sums of tenths: three of them count as 0.3 s."""


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """The level, a median of the last ``smoothing`` probabilities, has to be at or above the alert threshold for
    ``start_hold_s``; the alarm is over when it was below the clear threshold for ``end_hold_s``. ``rate_hz`` is how
    often a camera that is awake is judged."""

    rate_hz: float = 10.0
    smoothing: int = 5
    smoothing_span_s: float = 1.5
    start_hold_s: float = 0.3
    end_hold_s: float = 5.0


def levels(times_s: NDArray[np.float64], probabilities: NDArray[np.float64], rule: AlarmRule) -> NDArray[np.float64]:
    """Level ``(K,)`` at each of ``times_s (K,)``, NaN where fewer than ``smoothing`` probabilities are recent."""
    found = np.full(len(times_s), math.nan)
    last = rule.smoothing - 1
    if len(times_s) > last:
        medians = np.median(np.lib.stride_tricks.sliding_window_view(probabilities, rule.smoothing), axis=1)
        recent = times_s[last:] - times_s[: len(times_s) - last] <= rule.smoothing_span_s
        found[last:] = np.where(recent, medians, math.nan)
    return found


def alarms(
    times_s: NDArray[np.float64], level: NDArray[np.float64], thresholds: Thresholds, rule: AlarmRule
) -> tuple[float, ...]:
    """The seconds at which alarms are raised, of levels ``(K,)`` at ``times_s (K,)``, ascending."""
    raised: list[float] = []
    if not np.any(level >= thresholds.alert):
        return ()
    active, since, blind_until = False, math.nan, 0
    for index, (time_s, height) in enumerate(zip(times_s.tolist(), level.tolist(), strict=True)):
        if math.isnan(height) or index < blind_until:
            continue
        counts = height < thresholds.clear if active else height >= thresholds.alert
        since = (time_s if math.isnan(since) else since) if counts else math.nan
        held = rule.end_hold_s if active else rule.start_hold_s
        if not counts or time_s - since + ROUNDING_S < held:
            continue
        since = math.nan
        if active:
            # The agent forgets what came before an end: its next level needs new probabilities only.
            blind_until = index + rule.smoothing
        else:
            raised.append(time_s)
        active = not active
    return tuple(raised)
