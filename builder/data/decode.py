"""A clip's frames, decoded once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

from builder.errors import DataError
from models.manifest import Preprocessing
from models.preprocessing import shrink

MIN_FRAMES = 2
MAX_FRAMES = 20_000


class DecodedClip(NamedTuple):
    """``times_s (F,) float64`` from 0, ascending, and shrunk luma ``frames (F, H, W) uint8``."""

    times_s: NDArray[np.float64]
    frames: NDArray[np.uint8]


def decode_clip(path: Path, preprocessing: Preprocessing) -> DecodedClip:
    """Decode every frame's luma and shrink it as the agent does.

    Raises ``DataError`` naming the clip when it is missing, corrupt, empty, or longer than ``MAX_FRAMES``.
    """
    return decode_clip_at_sizes(path, (preprocessing,))[0]


def decode_clip_at_sizes(path: Path, preprocessings: Sequence[Preprocessing]) -> tuple[DecodedClip, ...]:
    """The same clip once for each of ``preprocessings``, from decoding it once. Raises as ``decode_clip`` does."""
    times: list[float] = []
    frames: list[list[NDArray[np.uint8]]] = []
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            rate = float(stream.average_rate or 25)
            for frame in container.decode(stream):
                # More threads than one would be started anew for every frame, which takes longer than the conversion.
                luma = np.asarray(frame.to_ndarray(format="gray", threads=1), np.uint8)
                times.append(frame.time if frame.time is not None else len(times) / rate)
                frames.append([shrink(luma, preprocessing) for preprocessing in preprocessings])
                if len(frames) > MAX_FRAMES:
                    raise DataError(f"{path}: more than {MAX_FRAMES} frames; cut it into shorter clips")
    except (av.FFmpegError, IndexError, OSError, ValueError) as error:
        if not frames:
            raise DataError(
                f"{path}: cannot be decoded ({_reason(path, error)}); replace the file or remove it"
            ) from error
    if len(frames) < MIN_FRAMES:
        raise DataError(
            f"{path}: {len(frames)} frame(s) found, at least {MIN_FRAMES} are needed; replace the file or remove it"
        )
    ascending = _ascending(np.asarray(times), rate)
    return tuple(DecodedClip(ascending, np.stack(shrunk)) for shrunk in zip(*frames, strict=True))


def _reason(path: Path, error: Exception) -> str:
    """Why a clip gave no frame, without the path and the number that the decoder's own words hold."""
    if path.is_file() and not path.stat().st_size:
        return "the file is empty"
    if isinstance(error, IndexError):
        return "it holds no video"
    return getattr(error, "strerror", None) or str(error)


def _ascending(times: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    # Broken containers repeat or reverse time stamps; their nominal rate is then the better clock.
    if np.all(np.diff(times) > 0):
        return np.asarray(times - times[0])
    return np.arange(len(times)) / rate
