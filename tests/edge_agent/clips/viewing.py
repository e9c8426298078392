"""What a clip shows, decoded again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Viewed:
    """A film's codec tag, whether its first packet is a key picture, and its pictures: ``times`` in seconds, ``lumas``
    ``(h, w) uint8``."""

    tag: str
    begins_with_key: bool
    times: list[float]
    lumas: list[NDArray[np.uint8]]


def view(path: Path) -> Viewed:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        first = next(container.demux(stream))
        key = first.is_keyframe
        container.seek(0)
        frames = list(container.decode(stream))
        lumas = [np.asarray(frame.to_ndarray(format="gray"), np.uint8) for frame in frames]
        return Viewed(stream.codec_context.codec_tag, key, [float(frame.time or 0.0) for frame in frames], lumas)


def find(clip: Viewed, film: Viewed) -> int:
    """At which picture of ``film`` the clip begins, given that it shows the very same pictures from there on."""
    for start in range(len(film.lumas) - len(clip.lumas) + 1):
        if all(
            np.array_equal(one, other)
            for one, other in zip(clip.lumas, film.lumas[start : start + len(clip.lumas)], strict=True)
        ):
            return start
    raise AssertionError("the clip does not show a stretch of the film")
