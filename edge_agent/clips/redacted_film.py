"""One MP4 file in the making whose pictures hide something: decoded, hidden and encoded anew."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.clips.encoder import MOST_RATE, H264Stream
from edge_agent.clips.errors import ClipError
from edge_agent.clips.form import StreamForm
from edge_agent.clips.head_trail import HOLD_S, HeadTrail
from edge_agent.clips.picture import EncodedPicture
from edge_agent.clips.redaction import Redaction
from edge_agent.frame import fit
from edge_agent.privacy.mosaic import Mosaic
from edge_agent.ticks import seconds_of

# Hidden clips show an incident; of larger pictures the cost would be that of a second agent.
LARGEST_SIDE = 1280
# Of two pictures nearer to each other one is left out.
_LEAST_STEP_S = 0.9 / MOST_RATE
_BLACK, _NO_COLOUR = 16, 128
# Scaling mixes a pixel with its neighbours: what it takes in from under a mask is hidden too.
_SCALED_REACH = np.ones((5, 5), np.uint8)


class RedactedFilm:
    """Takes what ``Film`` takes. Nothing is written of a picture before what is to be hidden in it is.

    Pictures wait for ``HOLD_S``, since what is found later hides in them too: 15 of 1280 x 720 at 30 a second, 21 MB.
    What is broken is left out. All of it happens on its caller's thread.
    """

    def __init__(self, path: Path, form: StreamForm, redaction: Redaction) -> None:
        """Begin the file; raises ``ClipError``."""
        self._path = path
        self._redaction = redaction
        self._time_base = form.time_base
        self._heads = HeadTrail()
        self._waiting: deque[tuple[float, av.VideoFrame]] = deque()
        self._masks: tuple[tuple[NDArray[np.bool_], int], ...] = ()
        self._size = (0, 0)
        self._first_s: float | None = None
        self._last_s = 0.0
        self._stream: H264Stream | None = None
        try:
            self._decoder = _open_decoder(form)
            self._container = av.open(str(path), "w", format="mp4", options={"movflags": "faststart"})
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._error(error) from error

    def write(self, pictures: Sequence[EncodedPicture]) -> None:
        """Add the next pictures, in decoding order; raises ``ClipError``."""
        try:
            for picture in pictures:
                for frame in self._decode(picture):
                    self._take(frame)
        except (av.FFmpegError, OSError, ValueError, cv2.error) as error:
            raise self._error(error) from error

    def close(self) -> None:
        """Complete the file, on disk when this returns; raises ``ClipError``, also when no picture could be decoded."""
        try:
            for frame in self._decode(None):
                self._take(frame)
            self._release(float("inf"))
            if self._stream is None:
                raise ClipError(f"{self._path}: no picture of it could be decoded; look at the camera's stream")
            self._stream.end()
            self._container.close()
            with self._path.open("rb") as file:
                os.fsync(file.fileno())
        except (av.FFmpegError, OSError, ValueError, cv2.error) as error:
            raise self._error(error) from error

    def abandon(self) -> None:
        """Give the file up and remove it; never raises. What cannot be removed now is at the next start."""
        self._waiting.clear()
        with suppress(av.FFmpegError, OSError, ValueError):
            self._container.close()
        with suppress(OSError):
            self._path.unlink()

    def _decode(self, picture: EncodedPicture | None) -> Iterator[av.VideoFrame]:
        """The frames that ``picture`` completes; of ``None``, those that the decoder still holds."""
        packet = None
        if picture is not None:
            packet = av.Packet(picture.data)
            packet.pts, packet.dts, packet.time_base = picture.pts, picture.dts, self._time_base
        try:
            frames = self._decoder.decode(packet)
        except (av.FFmpegError, ValueError):
            return
        for frame in frames:
            if not frame.is_corrupt and frame.pts is not None:
                yield frame

    def _take(self, frame: av.VideoFrame) -> None:
        time_s = seconds_of(frame.pts or 0, self._time_base)
        if self._first_s is None:
            self._first_s, self._last_s = time_s, time_s - 1
        if time_s < self._last_s + _LEAST_STEP_S:
            return
        self._last_s = time_s
        small = self._shrink(frame)
        if self._redaction.seeks_heads and self._heads.due(time_s):
            seen = np.asarray(small.to_ndarray(format="bgr24", threads=1), np.uint8)
            self._heads.add(time_s, self._redaction.find_heads(seen))
        self._waiting.append((time_s, small))
        self._release(time_s - HOLD_S if self._redaction.seeks_heads else time_s)

    def _shrink(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The picture as it will be encoded: all of them in the size of the first."""
        if self._stream is None:
            size = (frame.height, frame.width)
            height, width = (side // 2 * 2 for side in fit(size, LARGEST_SIDE))
            self._size = (height, width)
            self._masks = _shrink_masks(self._redaction.masked(size), self._size)
            self._stream = H264Stream(self._container, self._size, int(frame.colorspace))
        height, width = self._size
        return frame.reformat(width=width, height=height, format="yuv420p", threads=1)

    def _release(self, until_s: float) -> None:
        while self._waiting and self._waiting[0][0] <= until_s:
            time_s, frame = self._waiting.popleft()
            if self._stream is not None and self._first_s is not None:
                self._stream.write(self._hide(frame, time_s), time_s - self._first_s)

    def _hide(self, frame: av.VideoFrame, time_s: float) -> av.VideoFrame:
        pixels = np.asarray(frame.to_ndarray(format="yuv420p", threads=1), np.uint8)
        planes = _split(pixels.reshape(-1), *self._size)
        self._blacken(planes)
        mosaic = Mosaic(self._heads.around(time_s), self._size)
        for plane, shrunk in zip(planes, (1, 2, 2), strict=True):
            mosaic.apply(plane, shrunk)
        # Once more, since a cell at a mask's edge is not black; before it, so that no cell holds what lies under one.
        self._blacken(planes)
        return av.VideoFrame.from_ndarray(pixels, format="yuv420p")

    def _blacken(self, planes: Sequence[NDArray[np.uint8]]) -> None:
        for plane, (masked, level) in zip(planes, self._masks, strict=bool(self._masks)):
            plane[masked] = level

    def _error(self, error: Exception) -> ClipError:
        return ClipError(f"{self._path}: cannot be written: {getattr(error, 'strerror', None) or error}")


def _open_decoder(form: StreamForm) -> Any:  # noqa: ANN401 PyAV's type varies
    decoder: Any = av.CodecContext.create(form.codec, "r")
    decoder.extradata = form.parameters
    decoder.thread_count = 1
    return decoder


def _split(pixels: NDArray[np.uint8], height: int, width: int) -> tuple[NDArray[np.uint8], ...]:
    """Luma and both chroma planes, as views, of a ``yuv420p`` picture's bytes."""
    half = (height // 2, width // 2)
    luma, chroma = height * width, half[0] * half[1]
    first, second = pixels[luma : luma + chroma], pixels[luma + chroma : luma + 2 * chroma]
    return pixels[:luma].reshape(height, width), first.reshape(half), second.reshape(half)


def _shrink_masks(masked: NDArray[np.bool_], size: tuple[int, int]) -> tuple[tuple[NDArray[np.bool_], int], ...]:
    """What is masked of each plane of a picture scaled to ``size``, every pixel that has a part in it, and the level
    that it gets; empty where nothing is masked."""
    if not masked.any():
        return ()
    height, width = size
    small = masked
    if masked.shape != size:
        scaled = cv2.resize(masked.astype(np.uint8) * 255, (width, height), interpolation=cv2.INTER_AREA)
        small = np.asarray(cv2.dilate(scaled, _SCALED_REACH) > 0)
    chroma = small[0::2, 0::2] | small[1::2, 0::2] | small[0::2, 1::2] | small[1::2, 1::2]
    return (small, _BLACK), (chroma, _NO_COLOUR), (chroma, _NO_COLOUR)
