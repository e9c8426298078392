"""Times of streams, which count ticks of a fraction of a second."""

from __future__ import annotations

from fractions import Fraction


def seconds_of(ticks: int, time_base: Fraction) -> float:
    """``ticks`` of ``time_base`` seconds each. Asked for each packet of each camera, where a product of fractions would
    take as long as reading the packet."""
    return ticks * time_base.numerator / time_base.denominator
