"""How wide each bottleneck stays so that an encoder costs no more than asked and strays least."""

from __future__ import annotations

from collections.abc import Mapping

from builder.errors import BuilderError

TURNS = 80


class WidthsError(BuilderError):
    """An encoder cannot be made as narrow as was asked."""


def choose_widths(
    effects: Mapping[str, Mapping[int, float]], costs: Mapping[str, float], budget: float
) -> dict[str, int]:
    """A width for each name, of those it has ``effects`` for, whose ``costs`` a channel add up to ``budget`` or less.

    The sum of effects is the least that one price a multiply-add gives, the same for all: Everett, Generalized Lagrange
    multiplier method (1963). Raises ``WidthsError`` when the narrowest of all cost more than the budget.
    """
    least = sum(costs[name] * min(told) for name, told in effects.items())
    if least > budget:
        raise WidthsError(
            f"{budget / 1e6:.1f} million multiply-adds are left to channels that cost {least / 1e6:.1f} million at the "
            "least; ask for a larger slimming.keep"
        )
    cheap, dear = 0.0, max(max(told.values()) for told in effects.values()) / min(costs.values()) + 1.0
    for _ in range(TURNS):
        price = (cheap + dear) / 2
        if _cost(_at(effects, costs, price), costs) > budget:
            cheap = price
        else:
            dear = price
    return _at(effects, costs, dear)


def _at(effects: Mapping[str, Mapping[int, float]], costs: Mapping[str, float], price: float) -> dict[str, int]:
    def total(name: str, width: int) -> float:
        return effects[name][width] + price * costs[name] * width

    return {name: min(told, key=lambda width: (total(name, width), width)) for name, told in effects.items()}


def _cost(widths: Mapping[str, int], costs: Mapping[str, float]) -> float:
    return sum(costs[name] * width for name, width in widths.items())
