"""When an idle camera's glance begins: on a key picture where one comes about then, so that little is decoded."""

from __future__ import annotations

import math

# A key picture that comes sooner than those before it by no more than this is not missed.
_EARLY_S = 0.1
SERVES_ALL = 1.125
"""Where key pictures come at least so often, in glance intervals, every glance can begin with one."""


class GlanceTiming:
    """Moves a planned glance onto a key picture, one that can be decoded without any before it: what the pictures in
    between would show is not needed, and decoding them is most of an idle camera's cost. It moves by at most a quarter
    of the interval, and where no key picture comes within that, the glance is made all the same.

    Where every glance can have a key picture, since they come often enough, one that is planned far from all of them,
    as of a camera that has just fallen idle, is made sooner, with the last before it: the next then finds one when it
    is due. Pure: time is passed in."""

    def __init__(self) -> None:
        self._key_s = -math.inf
        self._spacing_s = math.inf

    def earliest(self, planned_s: float, interval_s: float) -> float:
        """When the glance that is planned for ``planned_s`` begins at the soonest, if key pictures come as they did."""
        earliest_s, latest_s = planned_s - interval_s / 4, planned_s + interval_s / 4
        expected_s = self._key_s + self._spacing_s
        is_last = expected_s <= latest_s < expected_s + self._spacing_s
        return expected_s - _EARLY_S if is_last else earliest_s

    def begins(self, time_s: float, planned_s: float, interval_s: float, *, key: bool) -> bool:
        """Whether the glance that is planned for ``planned_s`` begins with the picture at ``time_s``; seconds of one
        clock, asked for each picture in turn."""
        if key:
            self._spacing_s, self._key_s = time_s - self._key_s, time_s
        earliest_s, latest_s = planned_s - interval_s / 4, planned_s + interval_s / 4
        another_comes = self._key_s + self._spacing_s <= latest_s
        if key:
            serves_all = self._spacing_s <= SERVES_ALL * interval_s
            return time_s >= planned_s or ((time_s >= earliest_s or serves_all) and not another_comes)
        return time_s >= (latest_s if another_comes else planned_s)
