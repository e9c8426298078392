"""Cameras: network cameras over RTSP and devices of this machine, which set their own pace."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

from edge_agent.frame import Frame
from edge_agent.sources.lag import Lag
from edge_agent.sources.patience import Patience
from edge_agent.sources.sink import PacketSink
from edge_agent.sources.source import Need, SourceOpenError, SourceOptions, SourceReadError
from edge_agent.sources.video import VideoReader

# Left to itself FFmpeg reads pictures to guess their size and order, seven of H.264 from a key picture on; cameras
# mostly say both when they are asked what they send (RFC 6184, 8.1: sprop-parameter-sets). Their rate, for which it
# would read twenty, nobody asks for in any case.
_UNREAD = MappingProxyType({"probesize": "32"})


class LiveSource:
    """A camera's stream for as long as it lasts; its end is a failure, since a camera has none."""

    def __init__(self, reader: VideoReader) -> None:
        self._reader = reader

    @property
    def skipped(self) -> int:
        return self._reader.skipped

    @property
    def decoding(self) -> str:
        return self._reader.decoding

    def read(self, stop: threading.Event) -> Frame | None:
        if stop.is_set():
            return None
        picture = self._reader.read()
        if picture is None:
            raise SourceReadError(f"{self._reader.name}: the camera ended its stream; is it on, and its network?")
        return Frame(picture.time_s, 0, picture.image, picture.paused, picture.late_s)

    def close(self) -> None:
        self._reader.close()


def open_rtsp(
    rest: str, options: SourceOptions, clock: Callable[[], float], needed: Need, sink: PacketSink | None
) -> LiveSource:
    """``rtsp://…``; raises ``SourceOpenError``."""
    return _open_stream(f"rtsp:{rest}", options.transport, options, clock, needed, sink)


def open_rtsps(
    rest: str, options: SourceOptions, clock: Callable[[], float], needed: Need, sink: PacketSink | None
) -> LiveSource:
    """``rtsps://…``: RTSP inside TLS, over TCP whatever is asked; raises ``SourceOpenError``."""
    return _open_stream(f"rtsps:{rest}", "tcp", options, clock, needed, sink)


def _open_stream(
    uri: str,
    transport: str,
    options: SourceOptions,
    clock: Callable[[], float],
    needed: Need,
    sink: PacketSink | None,
) -> LiveSource:
    # Datagrams that are not read soon are lost.
    patience = Patience() if transport == "tcp" else None
    return LiveSource(
        VideoReader(
            uri,
            options,
            clock,
            flags={"rtsp_transport": transport, "allowed_media_types": "video", "fpsprobesize": "0"},
            hasty=_UNREAD,
            needed=needed,
            lag=Lag(),
            patience=patience,
            sink=sink,
        )
    )


def open_v4l2(
    rest: str, options: SourceOptions, clock: Callable[[], float], needed: Need, sink: PacketSink | None
) -> LiveSource:
    """``v4l2:/dev/videoN``; raises ``SourceOpenError``."""
    if not Path(rest).exists():
        there = ", ".join(sorted(str(path) for path in Path("/dev").glob("video*"))) or "none"
        raise SourceOpenError(f"v4l2:{rest}: no such device; devices here: {there}; plug it in or correct the address")
    return LiveSource(VideoReader(rest, options, clock, format_="v4l2", needed=needed, lag=Lag(), sink=sink))
