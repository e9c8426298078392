"""What the benchmark of a wall finds."""

from __future__ import annotations

import msgspec

from runtimes.bench.timing import Spread

STEPS = ("luma", "split", "sample", "encode", "head")
"""The steps of a pass from three frames, in order; their times add up to about its own."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What one thread takes for each frame of the capture, from its packet to the samples that it completes."""

    name: str
    mean_ms: float
    frame: Spread


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All that the benchmark found. ``steps`` holds ``STEPS`` and the passes ``glance`` and ``alert``; ``size`` is
    height and width of the wall in pixels."""

    bundle: str
    target: str
    threads: int
    cells: int
    size: tuple[int, int]
    frames: int
    decode: Spread
    steps: dict[str, Spread]
    naive: Spread
    readings: tuple[Reading, ...]
