"""Labelled clips as a detector takes them, one after another, so that a folder of any size fits in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from builder.data.clips import Clip
from builder.data.decode import DecodedClip, decode_clip
from builder.data.samples import clip_samples
from builder.errors import DataError
from builder.evaluation.judged_views import ViewName, cut_views
from builder.evaluation.scores import CALM, FIGHT, Skipped
from models.manifest import Geometry, Preprocessing


@dataclass(frozen=True, slots=True)
class ClipSamples:
    """A clip's samples ``(K, H, W, C) uint8`` in time, ``K >= 1``; ``label`` is 1 for a fight. ``others`` are further
    views of it, of about as many samples each, that are judged beside it."""

    clip: str
    source: str
    label: Literal[0, 1]
    samples: NDArray[np.uint8]
    others: Mapping[ViewName, NDArray[np.uint8]] = field(default_factory=dict)


Decode = Callable[[Clip, Preprocessing], DecodedClip]
"""Gives a clip's frames in the size of the preprocessing; raises ``DataError`` when it cannot."""


def decode_file(clip: Clip, preprocessing: Preprocessing) -> DecodedClip:
    """The clip as its file holds it."""
    return decode_clip(clip.path, preprocessing)


def read_clips(
    clips: Iterable[Clip],
    geometry: Geometry,
    preprocessing: Preprocessing,
    *,
    views: Sequence[ViewName] = (),
    decode: Decode = decode_file,
) -> Iterator[ClipSamples | Skipped]:
    """Decode and cut each clip in turn; one that cannot be read comes as ``Skipped`` with its reason."""
    for clip in clips:
        yield _read(clip, geometry, preprocessing, views, decode)


def _read(
    clip: Clip, geometry: Geometry, preprocessing: Preprocessing, views: Sequence[ViewName], decode: Decode
) -> ClipSamples | Skipped:
    try:
        plain = decode(clip, preprocessing)
        others = cut_views(views, plain, lambda larger: decode(clip, larger), geometry, preprocessing)
    except DataError as error:
        return Skipped(clip=clip.name, reason=str(error))
    samples = clip_samples(plain, geometry, preprocessing)
    label = FIGHT if clip.fight else CALM
    return ClipSamples(clip=clip.name, source=clip.source, label=label, samples=samples, others=others)
