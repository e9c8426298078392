"""How long the courier waits."""

from __future__ import annotations

import pytest

from edge_agent.delivery.backoff import Backoff


@pytest.mark.parametrize(
    ("random", "expected"),
    [
        (0.0, [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0]),
        (0.5, [0.375, 0.75, 1.5, 3.0, 6.0, 7.5, 7.5]),
    ],
)
def test_delay_doubles_up_to_the_ceiling(random: float, expected: list[float]) -> None:
    backoff = Backoff(lambda: random, first_s=0.5, ceiling_s=10.0)
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
