"""What a second of one camera costs a core, and how many cameras a core then carries."""

from __future__ import annotations

import msgspec

NAIVE_FRAMES = 20
"""Frames that a design without cached embeddings encodes anew for every window."""


class UnitCosts(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds of one core: a frame decoded, its luma shrunk, a sample made of three, a sample encoded, a window
    judged, and ``NAIVE_FRAMES`` samples encoded as one batch."""

    decode: float
    shrink: float
    sample: float
    encode: float
    head: float
    naive_encode: float


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds of one core for each second of one camera, by what they are spent on."""

    name: str
    decode: float
    samples: float
    encode: float
    head: float

    @property
    def total(self) -> float:
        """Everything together."""
        return self.decode + self.judging

    @property
    def judging(self) -> float:
        """Everything but decoding, which other hardware may do."""
        return self.samples + self.encode + self.head

    def cameras(self, *, decoding: bool) -> float:
        """How many cameras one core carries, with or without decoding them."""
        return 1000 / (self.total if decoding else self.judging)


def cached_budget(name: str, costs: UnitCosts, fps: float, samples_a_second: float, sampling_ms: float) -> Budget:
    """Each sample encoded once; ``sampling_ms`` a second go into turning frames into samples."""
    return Budget(
        name=name,
        decode=fps * costs.decode,
        samples=sampling_ms,
        encode=samples_a_second * costs.encode,
        head=samples_a_second * costs.head,
    )


def naive_budget(name: str, costs: UnitCosts, fps: float, verdicts_a_second: float) -> Budget:
    """``NAIVE_FRAMES`` frames shrunk once each but encoded anew for every verdict."""
    frames = min(fps, verdicts_a_second * NAIVE_FRAMES)
    return Budget(
        name=name,
        decode=fps * costs.decode,
        samples=frames * costs.shrink,
        encode=verdicts_a_second * costs.naive_encode,
        head=verdicts_a_second * costs.head,
    )
