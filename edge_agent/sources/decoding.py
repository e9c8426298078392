"""By what a stream is decoded: software, or hardware where that is asked for, there and able."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Literal

import av
from av.codec import CodecContext
from av.codec.codec import UnknownCodecError
from av.codec.hwaccel import HWAccel
from av.video.codeccontext import VideoCodecContext

from models.errors import NexaraError

_log = logging.getLogger(__name__)

_CLOSABLE = frozenset({"h264", "hevc"})
# Decoders with a context of their own each are let onto a GPU by turns, and take a second to open when many do.
_SHARED_CONTEXT = MappingProxyType({"primary_ctx": "1"})

Decoding = Literal["software", "auto", "cuda", "vaapi", "v4l2m2m"]
Opener = Callable[[VideoCodecContext], VideoCodecContext]
"""Opens a decoder of its own for what the given one decodes; raises ``DecoderAbsentError``."""


class DecoderAbsentError(NexaraError):
    """This machine, or this build of FFmpeg, has no such decoder."""


class Decoder:
    """Decodes one stream's packets, by hardware for as long as that can. What it cannot is decoded by software, and
    the log says so once.

    One that decodes by software may be closed between pictures: each holds the memory of four, and of many idle cameras
    hardly two glance at once. It opens by itself with the next packet, which has to be a key picture's."""

    def __init__(self, stream: av.VideoStream, name: str, openers: Mapping[str, Opener]) -> None:
        """``name`` is the source's, without its credentials; the first of ``openers`` that opens is used."""
        self._stream = stream
        self._name = name
        # One thread per camera and no frame held back for the next: many cameras share few cores.
        stream.codec_context.thread_count = 1
        # Pictures that are built on later ones come out of order, and how far only the stream's own decoder was told.
        self._closable = stream.codec_context.name in _CLOSABLE and not stream.codec_context.has_b_frames
        self._own: VideoCodecContext | None = None
        self._hardware: VideoCodecContext | None = None
        self._proved = False
        self.description = "software"
        self._open(openers)

    def decode(self, packet: av.Packet[av.VideoStream]) -> Iterable[av.VideoFrame]:
        """The frames that are complete with ``packet``; raises what FFmpeg raises for a broken one."""
        if self._hardware is None:
            return self._software().decode(packet)
        try:
            frames = self._hardware.decode(packet)
        except (av.FFmpegError, ValueError) as error:
            # Hardware that has given a frame knows the format: then it is the packet that is broken.
            if self._proved or isinstance(error, EOFError):
                raise
            self._fall_back(f"{self.description}: {_reason(error)}")
            return self._software().decode(packet)
        self._proved = self._proved or bool(frames)
        return frames

    def flush(self) -> None:
        """Forget what is held of pictures so far: the next packet begins anew."""
        if not self.is_closed:
            (self._hardware or self._software()).flush_buffers()

    def close(self) -> None:
        """Give its memory back until the next packet, where it decodes by software and no picture may be under way."""
        if self._own is not None and not self._own.has_b_frames:
            self._own = None

    @property
    def is_closed(self) -> bool:
        """Whether the next packet opens it anew."""
        return self._hardware is None and self._own is None and self._closable

    def _software(self) -> VideoCodecContext:
        context = self._stream.codec_context
        if not self._closable:
            return context
        if self._own is None:
            self._own = _open_like(context, CodecContext.create(context.name, "r"))
        return self._own

    def _open(self, openers: Mapping[str, Opener]) -> None:
        absences = []
        for kind, open_ in openers.items():
            try:
                self._hardware = open_(self._stream.codec_context)
            except DecoderAbsentError as error:
                absences.append(f"{kind}: {error}")
                continue
            self.description = kind
            return
        if absences:
            self._fall_back("; ".join(absences))

    def _fall_back(self, reason: str) -> None:
        self._hardware = None
        self.description = f"software ({reason})"
        _log.info("%s: decoded by %s", self._name, self.description)


def open_v4l2m2m(context: VideoCodecContext) -> VideoCodecContext:
    """A decoder of the kernel's, as on a Raspberry Pi; raises ``DecoderAbsentError``."""
    codec = f"{context.codec.canonical_name}_v4l2m2m"
    try:
        return _open_like(context, CodecContext.create(codec, "r"))
    except UnknownCodecError:
        raise DecoderAbsentError(f"FFmpeg here has no decoder {codec}") from None
    except (av.FFmpegError, OSError) as error:
        raise DecoderAbsentError(f"no device decodes {context.codec.canonical_name}: {_reason(error)}") from None


def open_accelerated(
    kind: str, context: VideoCodecContext, device: Mapping[str, str] = MappingProxyType({})
) -> VideoCodecContext:
    """FFmpeg's decoder with its work done by a device of ``kind``, opened with FFmpeg's options for that ``device``;
    raises ``DecoderAbsentError``."""
    codec = context.codec.canonical_name
    try:
        accelerated = CodecContext.create(
            codec, "r", HWAccel(kind, options=dict(device), allow_software_fallback=False)
        )
        if not accelerated.is_hwaccel:
            raise DecoderAbsentError(f"FFmpeg here decodes no {codec} by {kind}")
        return _open_like(context, accelerated)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise DecoderAbsentError(f"no device: {_reason(error)}") from None


def _open_like(context: VideoCodecContext, other: CodecContext) -> VideoCodecContext:
    if not isinstance(other, VideoCodecContext):
        raise DecoderAbsentError(f"{other.name} decodes no video")
    other.extradata = context.extradata
    other.width, other.height = context.width, context.height
    other.thread_count = 1
    other.open(strict=False)
    return other


def _open_cuda(context: VideoCodecContext) -> VideoCodecContext:
    try:
        return open_accelerated("cuda", context, _SHARED_CONTEXT)
    except DecoderAbsentError:
        # An engine that was there first may have made it in a way that FFmpeg does not take.
        return open_accelerated("cuda", context)


def _open_vaapi(context: VideoCodecContext) -> VideoCodecContext:
    return open_accelerated("vaapi", context)


HARDWARE: Mapping[str, Opener] = MappingProxyType({"cuda": _open_cuda, "vaapi": _open_vaapi, "v4l2m2m": open_v4l2m2m})
"""Every kind of hardware, in the order in which ``auto`` tries them."""


def openers_of(decoding: Decoding) -> Mapping[str, Opener]:
    """What is tried before software where ``decoding`` is asked for."""
    if decoding == "auto":
        return HARDWARE
    return {kind: open_ for kind, open_ in HARDWARE.items() if kind == decoding}


def probe_decoding() -> dict[str, str | None]:
    """For each kind of hardware why it cannot decode H.264 here; ``None``: it opens."""
    found: dict[str, str | None] = {}
    for kind, open_ in HARDWARE.items():
        context = CodecContext.create("h264", "r")
        context.width, context.height = 640, 480
        try:
            open_(context)
        except DecoderAbsentError as error:
            found[kind] = str(error)
        else:
            found[kind] = None
    return found


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
