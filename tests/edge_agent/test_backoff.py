from __future__ import annotations

import numpy as np
import pytest

from edge_agent.backoff import Backoff, BackoffPolicy, wait_s
from edge_agent.policy import PolicyError

POLICY = BackoffPolicy(first_s=0.5, factor=2.0, most_s=30.0)


@pytest.mark.parametrize(
    ("failures", "full"), [(1, 0.5), (2, 1.0), (4, 4.0), (7, 30.0), (100, 30.0), (1_000_000, 30.0)]
)
def test_wait_grows_and_stays_bounded_when_failures_repeat(failures: int, full: float) -> None:
    waits = [wait_s(POLICY, failures, np.random.default_rng(seed).random) for seed in range(50)]
    assert all(full / 2 <= wait <= full for wait in waits)
    assert len(set(waits)) > 40


@pytest.mark.parametrize("name", ["first_s", "factor", "most_s"])
def test_policy_is_refused_when_figure_makes_no_sense(name: str) -> None:
    with pytest.raises(PolicyError, match=f"{name}: found 0"):
        BackoffPolicy(**{name: 0})


@pytest.mark.parametrize(
    ("random", "expected"),
    [
        (0.0, [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0]),
        (0.5, [0.375, 0.75, 1.5, 3.0, 6.0, 7.5, 7.5]),
    ],
)
def test_delay_of_a_session_doubles_up_to_the_most(random: float, expected: list[float]) -> None:
    backoff = Backoff(lambda: random, BackoffPolicy(first_s=0.5, most_s=10.0))
    assert [backoff.next_delay() for _ in expected] == expected


def test_delay_stays_finite_when_a_broker_is_away_for_years() -> None:
    backoff = Backoff(lambda: 1.0)
    assert max(backoff.next_delay() for _ in range(5000)) == 60.0


@pytest.mark.parametrize(("lasted", "expected"), [(29.0, 2.0), (30.0, 0.5)])
def test_steps_start_over_only_when_a_session_lasted(lasted: float, expected: float) -> None:
    backoff = Backoff(lambda: 1.0)
    backoff.next_delay()
    backoff.next_delay()
    backoff.session_lasted(lasted)
    assert backoff.next_delay() == expected
