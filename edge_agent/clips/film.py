"""One MP4 file in the making."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import av
from av.stream import Stream

from edge_agent.clips.errors import ClipError
from edge_agent.clips.form import StreamForm
from edge_agent.clips.picture import EncodedPicture

# By its usual name, hev1, Apple's players do not take HEVC.
_TAGS = {"hevc": "hvc1"}


class Film:
    """Copies pictures into an MP4 file whose index comes first, so that it plays while it is still being fetched. Its
    time begins at 0 with the first picture, which must be a key picture."""

    def __init__(self, path: Path, form: StreamForm) -> None:
        """Begin the file; raises ``ClipError``."""
        self._path = path
        self._form = form
        self._first: int | None = None
        self._last: int | None = None
        try:
            self._container = av.open(str(path), "w", format="mp4", options={"movflags": "faststart"})
            self._stream = self._container.add_stream_from_template(form.template)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._error(error) from error
        if form.codec in _TAGS:
            self._stream.codec_tag = _TAGS[form.codec]

    def write(self, pictures: Sequence[EncodedPicture]) -> None:
        """Add the next pictures, in decoding order; raises ``ClipError``."""
        try:
            for picture in pictures:
                self._container.mux(self._packet(picture))
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._error(error) from error

    def close(self) -> None:
        """Complete the file, on disk when this returns; raises ``ClipError``."""
        try:
            self._container.close()
            with self._path.open("rb") as file:
                os.fsync(file.fileno())
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._error(error) from error

    def abandon(self) -> None:
        """Give the file up and remove it; never raises. What cannot be removed now is at the next start."""
        with suppress(av.FFmpegError, OSError, ValueError):
            self._container.close()
        with suppress(OSError):
            self._path.unlink()

    def _packet(self, picture: EncodedPicture) -> av.Packet[Stream]:
        if self._first is None:
            self._first = picture.pts
        # A muxer takes decoding times that rise, and no picture shown before it is decoded; cameras send others.
        dts = picture.dts - self._first if self._last is None else max(picture.dts - self._first, self._last + 1)
        self._last = dts
        packet = av.Packet(picture.data)
        packet.time_base = self._form.time_base
        packet.pts, packet.dts, packet.duration = max(picture.pts - self._first, dts), dts, picture.duration
        packet.is_keyframe = picture.is_key
        packet.stream = self._stream
        return packet

    def _error(self, error: Exception) -> ClipError:
        return ClipError(f"{self._path}: cannot be written: {getattr(error, 'strerror', None) or error}")
