from __future__ import annotations

import numpy as np
import pytest

from edge_agent.backoff import BackoffPolicy, wait_s
from edge_agent.policy import PolicyError

POLICY = BackoffPolicy(first_s=0.5, factor=2.0, most_s=30.0)


@pytest.mark.parametrize(
    ("failures", "full"), [(1, 0.5), (2, 1.0), (4, 4.0), (7, 30.0), (100, 30.0), (1_000_000, 30.0)]
)
def test_wait_grows_and_stays_bounded_when_failures_repeat(failures: int, full: float) -> None:
    waits = [wait_s(POLICY, failures, np.random.default_rng(seed)) for seed in range(50)]
    assert all(full / 2 <= wait <= full for wait in waits)
    assert len(set(waits)) > 40


@pytest.mark.parametrize("name", ["first_s", "factor", "most_s"])
def test_policy_is_refused_when_figure_makes_no_sense(name: str) -> None:
    with pytest.raises(PolicyError, match=f"{name}: found 0"):
        BackoffPolicy(**{name: 0})
