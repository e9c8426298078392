from __future__ import annotations

import itertools

import pytest

from builder.compression.widths import WidthsError, choose_widths

EFFECTS = {
    "a": {32: 0.0, 24: 0.01, 16: 0.04, 8: 0.30},
    "b": {64: 0.0, 48: 0.05, 32: 0.20, 16: 0.70},
    "c": {16: 0.0, 8: 0.02},
}
COSTS = {"a": 10.0, "b": 2.0, "c": 5.0}


def cost(widths: dict[str, int]) -> float:
    return sum(COSTS[name] * width for name, width in widths.items())


def effect(widths: dict[str, int]) -> float:
    return sum(EFFECTS[name][width] for name, width in widths.items())


@pytest.mark.parametrize("budget", [160, 200, 256, 300, 380, 440, 470, 600])
def test_nothing_within_the_budget_strays_less_for_the_same_cost_or_less(budget: float) -> None:
    chosen = choose_widths(EFFECTS, COSTS, budget)
    assert cost(chosen) <= budget
    every = (dict(zip(EFFECTS, one, strict=True)) for one in itertools.product(*EFFECTS.values()))
    assert effect(chosen) == min(effect(one) for one in every if cost(one) <= cost(chosen))


def test_all_stays_where_it_may() -> None:
    assert choose_widths(EFFECTS, COSTS, 528.0) == {"a": 32, "b": 64, "c": 16}


def test_a_budget_below_the_narrowest_is_refused() -> None:
    message = r"0\.0 million .* channels that cost 0\.0 million at the least; ask for a larger slimming\.keep"
    with pytest.raises(WidthsError, match=message):
        choose_widths(EFFECTS, COSTS, 151.0)
