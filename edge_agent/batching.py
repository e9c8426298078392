"""How many samples to judge at once: as many as a deadline allows, since what waits for a long batch grows old."""

from __future__ import annotations

_WEIGHT = 0.2


class BatchLimit:
    """Keeps a batch within ``deadline_s`` seconds by what a sample took in those before it: an exponential mean, so
    that a slower engine or a busier machine is followed within some batches."""

    def __init__(self, deadline_s: float = 0.25) -> None:
        self._deadline_s = deadline_s
        self._sample_s = 0.0

    @property
    def most(self) -> int | None:
        """How many samples the next batch may hold, at least one; ``None`` before anything is known."""
        return max(1, int(self._deadline_s / self._sample_s)) if self._sample_s else None

    def took(self, samples: int, seconds: float) -> None:
        """Take note of a batch of ``samples``."""
        each_s = seconds / samples
        self._sample_s = each_s if not self._sample_s else self._sample_s + _WEIGHT * (each_s - self._sample_s)
