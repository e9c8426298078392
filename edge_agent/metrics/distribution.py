"""How a figure is spread, in as many numbers as it has bounds."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence


class Distribution:
    """Counts figures by ``bounds``, which rise; a figure counts for the first bound that it does not exceed."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self.total = 0.0

    @property
    def count(self) -> int:
        """How many figures there were."""
        return sum(self._counts)

    def add(self, figure: float) -> None:
        self._counts[bisect_left(self._bounds, figure)] += 1
        self.total += figure

    def copy(self) -> Distribution:
        twin = Distribution(self._bounds)
        twin._counts = list(self._counts)
        twin.total = self.total
        return twin

    def cumulative(self) -> Iterator[tuple[float, int]]:
        """Each bound, at last infinity, with how many figures do not exceed it."""
        count = 0
        for bound, here in zip((*self._bounds, float("inf")), self._counts, strict=True):
            count += here
            yield bound, count
