"""Decoding with FFmpeg: from an address to pictures with their times, past what is broken in between."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from edge_agent.frame import fit
from edge_agent.sources.address import redact
from edge_agent.sources.backlog import Backlog, Due
from edge_agent.sources.decoding import Decoder, openers_of
from edge_agent.sources.full_range import to_full_range
from edge_agent.sources.lag import Lag
from edge_agent.sources.patience import Patience
from edge_agent.sources.sink import PacketSink
from edge_agent.sources.source import Need, SourceOpenError, SourceOptions, SourceReadError, needs_all
from edge_agent.ticks import seconds_of
from models.preprocessing import Luma

# About ten seconds of video in which nothing at all could be decoded.
_BROKEN_IN_A_ROW = 300
# What decoders mostly give: eight bits, and a luma plane that needs no more than a table: quicker than FFmpeg's own.
_LUMA_FIRST = frozenset({"yuv420p", "nv12"})
_FULL_RANGE = 2

Admission = Callable[["av.Packet[av.VideoStream]"], None]
"""Sees each packet that carries data before anything is done with it, and may hold it back or give it a time."""


class VideoImage:
    """A decoded frame, converted when asked, always by the thread that asks: left to itself, FFmpeg starts as many
    threads as there are cores for every single frame, and keeps them for as long as that frame lives."""

    def __init__(self, frame: av.VideoFrame) -> None:
        self._frame = frame

    @property
    def size(self) -> tuple[int, int]:
        return self._frame.height, self._frame.width

    def luma(self) -> Luma:
        frame = self._frame
        if frame.format.name not in _LUMA_FIRST:
            return np.asarray(frame.to_ndarray(format="gray", threads=1), dtype=np.uint8)
        plane = frame.planes[0]
        rows = np.frombuffer(memoryview(plane).toreadonly(), np.uint8).reshape(plane.height, plane.line_size)
        luma = rows[:, : frame.width]
        return luma if frame.color_range == _FULL_RANGE else to_full_range(luma)

    def colour(self, largest_side: int) -> NDArray[np.uint8]:
        height, width = fit(self.size, largest_side)
        # A converter of its own: the frame's may be at work in the camera's thread.
        picture = VideoReformatter().reformat(self._frame, width=width, height=height, format="bgr24", threads=1)
        return np.asarray(picture.to_ndarray(), dtype=np.uint8)


class Decoded(NamedTuple):
    """A decoded picture: seconds since the stream's first, whether those right before it were not decoded, and how many
    seconds ago it came, as far as the stream's ``Lag`` knows."""

    time_s: float
    image: VideoImage
    paused: bool
    late_s: float


class VideoReader:
    """Reads one opened stream to its end. Packets and frames that are broken are skipped and counted; what nobody needs
    is not decoded."""

    def __init__(
        self,
        uri: str,
        options: SourceOptions,
        clock: Callable[[], float],
        *,
        format_: str | None = None,
        flags: Mapping[str, str] = MappingProxyType({}),
        hasty: Mapping[str, str] = MappingProxyType({}),
        needed: Need = needs_all,
        lag: Lag | None = None,
        patience: Patience | None = None,
        admit: Callable[[InputContainer], Admission] | None = None,
        sink: PacketSink | None = None,
        begins_s: float = 0.0,
    ) -> None:
        """Open ``uri``, as FFmpeg's ``format_`` where given, with its private ``flags``; ``hasty`` are tried besides,
        and left out where what is shown is not known then. ``needed`` is asked for each picture before it is decoded,
        and while ``lag`` finds the stream behind none is; ``patience`` says how long it may be left unread. ``admit``
        chooses, by what was opened, how packets are let in. ``sink`` is given every packet, and the stream's first
        picture is at ``begins_s`` of its source's clock. Raises ``SourceOpenError``."""
        self.name = redact(uri)
        self._clock = clock
        self._read_timeout_s = options.read_timeout_s
        self._turns = options.turns
        self._container = self._open(uri, options, format_, flags, hasty)
        self._stream = self._container.streams.video[0]
        self._decoder = self._open_decoder(options)
        self._admit = admit(self._container) if admit else None
        self._packets: Iterator[av.Packet[av.VideoStream]] = self._container.demux(self._stream)
        self._needed, self._lag, self._patience = needed, lag, patience
        self._feed = sink.open(self._stream) if sink else None
        self._begins_s = begins_s
        self._backlog: Backlog[av.Packet[av.VideoStream]] = Backlog()
        self._due: deque[Due[av.Packet[av.VideoStream]]] = deque()
        self._decoded: deque[av.VideoFrame] = deque()
        self._paused = self._was_behind = False
        self._first_s: float | None = None
        self._last_s = self._waited_s = 0.0
        self._broken_in_a_row = self.skipped = 0

    @property
    def decoding(self) -> str:
        """By what it is decoded, for people."""
        return self._decoder.description

    def read(self) -> Decoded | None:
        """The next picture; ``None`` at the end. Raises ``SourceReadError``."""
        while not self._decoded:
            if self._due:
                self._decode(self._due.popleft())
                continue
            packet = self._next_packet()
            if packet is None:
                return None
            self._due += self._backlog.offer(packet, needed=self._is_needed(packet), closed=self._decoder.is_closed)
            if not self._due and self._backlog.is_soon_repeated:
                self._decoder.close()
        frame = self._decoded.popleft()
        paused, self._paused = self._paused, False
        time_s = self._time_of(frame)
        late_s = self._lag.late_s(time_s, self._clock()) if self._lag else 0.0
        return Decoded(time_s, VideoImage(frame), paused, late_s)

    def close(self) -> None:
        self._container.close()

    def _open(
        self,
        uri: str,
        options: SourceOptions,
        format_: str | None,
        flags: Mapping[str, str],
        hasty: Mapping[str, str],
    ) -> av.container.InputContainer:
        began_s = self._clock()
        container = self._connect(uri, format_, {**flags, **hasty}, options.open_timeout_s)
        left_s = began_s + options.open_timeout_s - self._clock()
        if not hasty or _is_described(container) or left_s <= 0:
            return container
        try:
            described = self._connect(uri, format_, flags, left_s)
        except SourceOpenError:
            # It shows what it shows from its first key picture on; cameras that serve one at a time exist.
            return container
        container.close()
        return described

    def _connect(
        self, uri: str, format_: str | None, flags: Mapping[str, str], timeout_s: float
    ) -> av.container.InputContainer:
        began_s = self._clock()
        timeouts_s = (timeout_s, self._read_timeout_s)
        try:
            container = av.open(uri, format=format_, options=dict(flags), timeout=timeouts_s)
        except (av.FFmpegError, OSError, ValueError) as error:
            # Not chained: FFmpeg's own error holds the address with its password.
            raise SourceOpenError(f"{self.name}: cannot be opened: {self._reason(error, began_s, timeout_s)}") from None
        if not container.streams.video:
            container.close()
            raise SourceOpenError(f"{self.name}: holds no video; a source needs a video stream")
        return container

    def _open_decoder(self, options: SourceOptions) -> Decoder:
        # Not while an engine records on the GPU that may decode.
        with self._turns:
            return Decoder(self._stream, self.name, openers_of(options.decode))

    def _next_packet(self) -> av.Packet[av.VideoStream] | None:
        began_s = self._clock()
        try:
            packet = next(self._packets, None)
        except EOFError:
            return None
        except (av.FFmpegError, OSError) as error:
            raise SourceReadError(
                f"{self.name}: stopped: {self._reason(error, began_s, self._read_timeout_s)}"
            ) from None
        self._waited_s = self._clock() - began_s
        if self._admit and packet is not None and packet.size:
            self._admit(packet)
        if self._feed is not None and packet is not None:
            self._feed.take(packet)
        return packet

    def _is_needed(self, packet: av.Packet[av.VideoStream]) -> bool:
        tick = packet.time_base
        if self._first_s is None or packet.pts is None or tick is None:
            return True
        time_s = seconds_of(packet.pts, tick) - self._first_s
        given_up = self._is_given_up(packet, time_s)
        needed = self._ask(packet, time_s, hurries=given_up)
        if not given_up:
            return needed
        if needed:
            self.skipped += 1
            self._turns.miss()
        return False

    def _ask(self, packet: av.Packet[av.VideoStream], time_s: float, *, hurries: bool) -> bool:
        """Whether the picture is needed. Unless it ``hurries``, that may take as long as the stream has patience."""
        if self._patience is None:
            return self._needed(time_s, key=packet.is_keyframe, spare_s=0.0)
        spare_s = self._patience.follow(time_s, packet.size)
        began_s = self._clock()
        needed = self._needed(time_s, key=packet.is_keyframe, spare_s=0.0 if hurries else spare_s)
        self._patience.rested(self._clock() - began_s)
        return needed

    def _is_given_up(self, packet: av.Packet[av.VideoStream], time_s: float) -> bool:
        """Whether the stream is behind, or was and has not come to a key picture since: what waits since the one before
        is old, and decoding it would put the stream behind again."""
        if self._lag is None:
            return False
        if self._lag.follow(time_s, self._clock(), self._waited_s):
            self._was_behind = True
        elif packet.is_keyframe or self._backlog.waits_for_few:
            self._was_behind = False
        return self._was_behind

    def _decode(self, due: Due[av.Packet[av.VideoStream]]) -> None:
        self._paused = self._paused or due.paused
        try:
            with self._turns:
                if due.paused:
                    # What the decoder still holds is of pictures before the gap.
                    self._decoder.flush()
                frames = [frame for frame in self._decoder.decode(due.packet) if isinstance(frame, av.VideoFrame)]
        except EOFError:
            return
        except (av.FFmpegError, ValueError):
            if not due.again:
                self._skip()
            return
        if due.again:
            return
        for frame in frames:
            if frame.is_corrupt:
                self._skip()
            else:
                self._broken_in_a_row = 0
                self._decoded.append(frame)

    def _skip(self) -> None:
        self.skipped += 1
        self._broken_in_a_row += 1
        if self._broken_in_a_row > _BROKEN_IN_A_ROW:
            raise SourceReadError(f"{self.name}: {self._broken_in_a_row} packets in a row could not be decoded")

    def _time_of(self, frame: av.VideoFrame) -> float:
        time_s = frame.time
        if time_s is None:
            if self._first_s is None:
                return 0.0
            rate = self._stream.average_rate or self._stream.guessed_rate or 25
            return self._last_s + 1.0 / float(rate)
        if self._first_s is None:
            self._first_s = time_s
            if self._feed is not None:
                self._feed.place(time_s - self._begins_s)
        self._last_s = time_s - self._first_s
        return self._last_s

    def _reason(self, error: Exception, began_s: float, timeout_s: float) -> str:
        """What FFmpeg says, without the address that its error holds; after a timeout it says all sorts of things."""
        if isinstance(error, av.ExitError) or self._clock() - began_s >= timeout_s:
            return f"no answer within {timeout_s:g} s"
        return getattr(error, "strerror", None) or type(error).__name__


def _is_described(container: InputContainer) -> bool:
    """Whether it is known what its video shows before any of it is decoded."""
    context = container.streams.video[0].codec_context
    return context.width > 0 and context.pix_fmt is not None
