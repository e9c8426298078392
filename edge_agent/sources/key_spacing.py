"""How far apart a stream's key pictures are: glances between them decode all that came since the last."""

from __future__ import annotations

WATCHED_S = 5.0
"""As long as it takes to tell a spacing that serves every glance from one that does not."""


class KeySpacing:
    """A ``Need`` that watches a stream from its first picture on, which is a key picture, and needs none of it until
    ``WATCHED_S`` have passed. A server may send a key picture to whoever connects, and the next when it is due, so
    that the largest spacing counts."""

    def __init__(self) -> None:
        self._key_s = 0.0
        self._now_s = 0.0
        self._largest_s = 0.0

    def __call__(self, time_s: float, *, key: bool, spare_s: float) -> bool:  # noqa: ARG002 a Need takes it
        self._now_s = time_s
        if key:
            self._largest_s, self._key_s = self.seconds, time_s
        return self.watched

    @property
    def watched(self) -> bool:
        """Whether it was watched for long enough."""
        return self._now_s >= WATCHED_S

    @property
    def seconds(self) -> float:
        """The largest spacing so far, at least: the next key picture may not have come yet."""
        return max(self._largest_s, self._now_s - self._key_s)
