"""What a sample might be made of: three planes in -1..1 out of three pictures one gap apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Planes = NDArray[np.floating[Any]]
MakePlanes = Callable[[Planes, Planes, Planes], tuple[Planes, Planes, Planes]]
"""``(K, H, W)`` real grey levels 0..255 of the frames before, now and after, to three planes around 0, of which
127.5 stands for 1 and what lies beyond is clipped."""


class Variant(NamedTuple):
    """One way to make a sample; frames lie ``gap_s`` apart."""

    name: str
    gap_s: float
    planes: MakePlanes

    def sample(self, before: Planes, now: Planes, after: Planes) -> Planes:
        """Samples ``(K, H, W, 3) float32`` in -1..1."""
        planes = np.stack(self.planes(before, now, after), axis=-1)
        return np.asarray(np.clip(planes / 127.5, -1, 1), dtype=np.float32)


def _thrice(plane: Planes) -> tuple[Planes, Planes, Planes]:
    return plane, plane, plane


def _grey(before: Planes, now: Planes, after: Planes) -> tuple[Planes, Planes, Planes]:
    return before - 127.5, now - 127.5, after - 127.5


def _one_grey(_: Planes, now: Planes, __: Planes) -> tuple[Planes, Planes, Planes]:
    return _thrice(now - 127.5)


def _absolute(gain: float) -> MakePlanes:
    return lambda _, now, after: _thrice(np.asarray(gain * np.abs(after - now) - 127.5, dtype=np.float32))


def _absolutes(gain: float) -> MakePlanes:
    return lambda before, now, after: (
        gain * np.abs(now - before) - 127.5,
        gain * np.abs(after - now) - 127.5,
        gain * np.abs(after - before) - 127.5,
    )


def _signed(gain: float) -> MakePlanes:
    return lambda _, now, after: _thrice(gain * (after - now))


def _signeds(gain: float) -> MakePlanes:
    return lambda before, now, after: (gain * (now - before), gain * (after - now), gain * (after - before))


def _second(gain: float) -> MakePlanes:
    return lambda before, now, after: _thrice(gain * (now - 0.5 * (before + after)))


# Of the gains that were tried of each kind, the best: no rival loses by its gain.
VARIANTS = {
    "grey": Variant("grey picture, thrice", 0.1, _one_grey),
    "greys": Variant("three grey pictures", 0.1, _grey),
    "absolute": Variant("absolute difference x6", 0.1, _absolute(6)),
    "absolutes": Variant("three absolute differences x3", 0.1, _absolutes(3)),
    "signed": Variant("signed difference x2", 0.1, _signed(2)),
    "signeds": Variant("three signed differences x3", 0.1, _signeds(3)),
    "second": Variant("second difference x4 (ships)", 0.1, _second(4)),
    "second-near": Variant("second difference x4, frames 0.067 s apart", 0.067, _second(4)),
    "second-far": Variant("second difference x4, frames 0.133 s apart", 0.133, _second(4)),
}
SHIPPED = "second"
