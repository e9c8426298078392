"""Test-time augmentation: other views of a clip, whose logits are averaged with those of the clip as it is.

Source: Krizhevsky, Sutskever & Hinton (2012), whose tests average over crops and mirror images. Each view costs as many
runs of the encoder as the clip itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from builder.data.decode import DecodedClip
from builder.data.samples import TIE_S, cut_samples, sample_times
from models.manifest import Geometry, Preprocessing

ViewName = Literal["flip", "shift", "zoom"]
VIEWS: tuple[ViewName, ...] = get_args(ViewName)
ZOOM = 0.875
"""Share of each side that the middle crop keeps."""

Samples = NDArray[np.uint8]


def cut_views(
    names: Iterable[ViewName],
    plain: DecodedClip,
    decode: Callable[[Preprocessing], DecodedClip],
    geometry: Geometry,
    preprocessing: Preprocessing,
) -> dict[ViewName, Samples]:
    """Samples ``(K, P * H, W, C) uint8`` of each view asked for.

    ``flip`` is the mirror image, ``shift`` the same clip half a sample later, ``zoom`` its middle, for which ``decode``
    gives it larger than ``plain`` is. The views of a clip may differ by a sample in length.
    """
    cutters: dict[ViewName, Callable[[], Samples]] = {
        "flip": lambda: _cut(_mirrored(plain), 0.0, geometry, preprocessing),
        "shift": lambda: _cut(plain, 0.5 / geometry.rate_hz, geometry, preprocessing),
        "zoom": lambda: _cut(_middle(decode, preprocessing), 0.0, geometry, preprocessing),
    }
    return {name: cutters[name]() for name in names}


def _cut(clip: DecodedClip, later_s: float, geometry: Geometry, preprocessing: Preprocessing) -> Samples:
    instants = sample_times(float(clip.times_s[-1]), geometry) + later_s
    # What would lie behind the end is left out, but never all of it.
    known = max(1, int(np.sum(instants <= clip.times_s[-1] + TIE_S)))
    return cut_samples(clip, instants[:known], geometry, preprocessing)


def _mirrored(clip: DecodedClip) -> DecodedClip:
    return DecodedClip(clip.times_s, np.ascontiguousarray(clip.frames[:, :, ::-1]))


def _middle(decode: Callable[[Preprocessing], DecodedClip], preprocessing: Preprocessing) -> DecodedClip:
    height, width = preprocessing.canvas
    size = (round(height / ZOOM), round(width / ZOOM))
    wide = decode(msgspec.structs.replace(preprocessing, size=size, close_up=None))
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    return DecodedClip(wide.times_s, wide.frames[:, top : top + height, left : left + width])
