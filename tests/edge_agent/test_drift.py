from __future__ import annotations

import numpy as np
import pytest

from edge_agent.delivery.payloads import Drift
from edge_agent.drift import DriftMeter, DriftPolicy

POLICY = DriftPolicy(least_windows=10, max_mean=0.25, max_differing=0.2, max_slowdown=8.0)
NEAR = {"windows": 10, "mean": 0.25, "largest": 1.0, "differing": 0.2, "slowdown": 8.0}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, None),
        ({"mean": 0.26}, "max_drift"),
        ({"differing": 0.21}, "max_differing"),
        ({"slowdown": 8.1}, "max_slowdown"),
        ({"mean": 1.0, "differing": 1.0, "slowdown": 99.0, "windows": 9}, None),
    ],
    ids=["at the limits", "probabilities", "decisions", "time", "too few windows"],
)
def test_a_bundle_is_left_beyond_a_limit_once_there_are_windows_enough(
    changes: dict[str, float], text: str | None
) -> None:
    fault = POLICY.find_fault(Drift(**{**NEAR, **changes}))
    assert fault is None if text is None else text in (fault or "")


def test_nothing_compared_says_nothing() -> None:
    assert POLICY.find_fault(None) is None
    meter = DriftMeter(0.5, 0.5)
    meter.add(np.zeros(0, np.float32), np.zeros(0, np.float32), 1.0, 1.0)
    assert meter.drift is None


def test_differences_decisions_and_times_are_added_up() -> None:
    meter = DriftMeter(0.5, 0.8)
    meter.add(np.array([0.1, 0.6, 0.9], np.float32), np.array([0.2, 0.6, 0.4], np.float32), 1.0, 3.0)
    meter.add(np.array([0.5], np.float32), np.array([0.8], np.float32), 1.0, 3.0)
    found = meter.drift
    assert found is not None
    assert (found.windows, found.slowdown) == (4, 3.0)
    assert (found.mean, found.largest) == (pytest.approx(0.225), pytest.approx(0.5))
    # Of four, the second is a fight to the first bundle alone, and so is the third.
    assert found.differing == 0.5
