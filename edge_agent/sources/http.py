"""Streams over HTTP: motion JPEG as cheap cameras give it, HLS, and bare MP4 or MPEG-TS."""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial

import av
from av.container import InputContainer

from edge_agent.sources.live import LiveSource
from edge_agent.sources.sink import PacketSink
from edge_agent.sources.source import Need, SourceOptions
from edge_agent.sources.throttle import Throttle
from edge_agent.sources.video import Admission, VideoReader
from edge_agent.ticks import seconds_of

# AVFMT_NOTIMESTAMPS: such formats carry pictures and no times, and FFmpeg counts 25 a second whatever comes.
_NO_TIMES = 0x80
_MICROSECOND = Fraction(1, 1_000_000)
_FLAGS = {
    # A playlist is written by the camera: it may send us to other hosts, and never to this machine's files.
    "protocol_whitelist": "http,https,httpproxy,tcp,tls,crypto",
    # Said outright, as FFmpeg's default is about to change.
    "tls_verify": "0",
    # The newest segment: each one further back would put off every alert by its length.
    "live_start_index": "-1",
    # Frames read only to guess their rate would all arrive at once.
    "fpsprobesize": "0",
}


def open_http(
    rest: str, options: SourceOptions, clock: Callable[[], float], needed: Need, sink: PacketSink | None
) -> LiveSource:
    """``http://…``; raises ``SourceOpenError``."""
    return _open(f"http:{rest}", options, clock, needed, sink)


def open_https(
    rest: str, options: SourceOptions, clock: Callable[[], float], needed: Need, sink: PacketSink | None
) -> LiveSource:
    """``https://…``: encrypted, and as cameras sign their certificates themselves, not verified; raises
    ``SourceOpenError``."""
    return _open(f"https:{rest}", options, clock, needed, sink)


def _open(
    uri: str, options: SourceOptions, clock: Callable[[], float], needed: Need, sink: PacketSink | None
) -> LiveSource:
    admit = partial(_admit, clock=clock)
    return LiveSource(VideoReader(uri, options, clock, flags=_FLAGS, needed=needed, admit=admit, sink=sink))


def _admit(container: InputContainer, clock: Callable[[], float]) -> Admission:
    _discard_others(container)
    if container.format.flags & _NO_TIMES:
        return partial(_stamp, clock=clock, start_s=clock())
    return partial(_hold, throttle=Throttle(clock, time.sleep))


def _discard_others(container: InputContainer) -> None:
    """Have FFmpeg fetch one quality of an HLS stream in the place of all that its playlist names."""
    discard = getattr(av.stream, "Discard", None)
    if discard is None:  # PyAV 17, the last one for Python 3.10
        return
    for stream in container.streams:
        if stream.index != container.streams.video[0].index:
            stream.discard = discard.all


def _stamp(packet: av.Packet[av.VideoStream], clock: Callable[[], float], start_s: float) -> None:
    """The time of its arrival in the place of a counted one: samples are made of frames a tenth of a second apart."""
    packet.time_base = _MICROSECOND
    packet.pts = packet.dts = round((clock() - start_s) / _MICROSECOND)


def _hold(packet: av.Packet[av.VideoStream], throttle: Throttle) -> None:
    if packet.dts is not None and packet.time_base is not None:
        throttle.wait(seconds_of(packet.dts, packet.time_base))
