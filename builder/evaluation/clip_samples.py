"""Labelled clips as a detector takes them, one after another, so that a folder of any size fits in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from builder.data.clips import Clip
from builder.data.decode import decode_clip
from builder.data.samples import clip_samples
from builder.errors import DataError
from builder.evaluation.scores import CALM, FIGHT, Skipped
from models.manifest import Geometry, Preprocessing


@dataclass(frozen=True, slots=True)
class ClipSamples:
    """A clip's samples ``(K, H, W, C) uint8`` in time, ``K >= 1``; ``label`` is 1 for a fight."""

    clip: str
    source: str
    label: Literal[0, 1]
    samples: NDArray[np.uint8]


def read_clips(
    clips: Iterable[Clip], geometry: Geometry, preprocessing: Preprocessing
) -> Iterator[ClipSamples | Skipped]:
    """Decode and cut each clip in turn; one that cannot be read comes as ``Skipped`` with its reason."""
    for clip in clips:
        yield _read(clip, geometry, preprocessing)


def _read(clip: Clip, geometry: Geometry, preprocessing: Preprocessing) -> ClipSamples | Skipped:
    try:
        samples = clip_samples(decode_clip(clip.path, preprocessing), geometry, preprocessing)
    except DataError as error:
        return Skipped(clip=clip.name, reason=str(error))
    return ClipSamples(clip=clip.name, source=clip.source, label=FIGHT if clip.fight else CALM, samples=samples)
