"""Recorded clips as a source: a file, or a folder of them one after another."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import unquote

from edge_agent.frame import Frame
from edge_agent.sources.pacer import Pacer
from edge_agent.sources.sink import PacketSink
from edge_agent.sources.source import Need, SourceError, SourceOpenError, SourceOptions, SourceReadError
from edge_agent.sources.video import Decoded, VideoReader

_log = logging.getLogger(__name__)
_VIDEO_SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ts", ".webm", ".wmv"})


class Playlist:
    """Plays clips in order, over and over when asked. Its clock runs on from clip to clip, and each clip is a segment
    of its own. A clip that is broken is skipped and counted while another plays, and named once in the log, however
    often its turn comes."""

    def __init__(
        self,
        clips: Sequence[Path],
        options: SourceOptions,
        *,
        loop: bool,
        clock: Callable[[], float],
        sink: PacketSink | None = None,
    ) -> None:
        """Open the first clip that opens; raises ``SourceOpenError`` when none does."""
        self._options = options
        self._clock = clock
        self._sink = sink
        self._pacer = Pacer(clock) if options.realtime else None
        self._order = _turns(clips, loop=loop)
        self._segment = -1
        self._start_s = 0.0
        self._end_s = 0.0
        self._skipped = 0
        self._played = True
        self._named: set[str] = set()
        self._reader: VideoReader | None = self._open_next()

    @property
    def skipped(self) -> int:
        return self._skipped + (self._reader.skipped if self._reader else 0)

    @property
    def decoding(self) -> str:
        return self._reader.decoding if self._reader else "software"

    def read(self, stop: threading.Event) -> Frame | None:
        while self._reader is not None and not stop.is_set():
            picture = self._read_clip(self._reader)
            if picture is None:
                self.close()
                self._reader = self._open_next()
                continue
            time_s = self._start_s + picture.time_s
            self._end_s = max(self._end_s, time_s)
            self._played = True
            if self._pacer:
                self._pacer.wait(time_s, stop)
            return Frame(time_s, self._segment, picture.image)
        return None

    def close(self) -> None:
        if self._reader is not None:
            self._skipped += self._reader.skipped
            self._reader.close()
            self._reader = None

    def _read_clip(self, reader: VideoReader) -> Decoded | None:
        try:
            return reader.read()
        except SourceReadError as error:
            self._skipped += 1
            self._name(f"{error}; the rest of it is skipped")
            return None

    def _open_next(self) -> VideoReader | None:
        """The next clip that opens; ``None`` after the last. Raises ``SourceOpenError`` when a whole round of clips
        gave not one frame: playing on would only spin."""
        failures: list[SourceError] = []
        # One frame's time at 25 a second stands between two clips, as between two frames.
        start_s = 0.0 if self._segment < 0 else self._end_s + 0.04
        for clip in self._order:
            if clip.starts_round and not self._played:
                raise failures[-1] if failures else SourceOpenError(f"{clip.path}: none of its frames can be decoded")
            self._played = self._played and not clip.starts_round
            try:
                reader = VideoReader(str(clip.path), self._options, self._clock, sink=self._sink, begins_s=start_s)
            except SourceOpenError as error:
                failures.append(error)
                self._skipped += 1
                continue
            for failure in failures:
                self._name(f"{failure}; skipped")
            self._segment += 1
            self._start_s = start_s
            return reader
        if self._segment < 0 and failures:
            raise failures[-1]
        return None

    def _name(self, fault: str) -> None:
        if fault not in self._named:
            self._named.add(fault)
            _log.warning("%s", fault)


@dataclass(frozen=True, slots=True)
class _Turn:
    path: Path
    starts_round: bool


def _turns(clips: Sequence[Path], *, loop: bool) -> Iterator[_Turn]:
    for _ in count() if loop else range(1):
        for index, clip in enumerate(clips):
            yield _Turn(clip, starts_round=index == 0)


def open_file(
    rest: str, options: SourceOptions, clock: Callable[[], float], _needed: Need, sink: PacketSink | None
) -> Playlist:
    """``file:PATH``, ``file://PATH`` or a plain path; raises ``SourceOpenError``."""
    path = Path(unquote(rest[2:]) if rest.startswith("//") else rest)
    if not path.is_file():
        raise SourceOpenError(f"{path}: no such file; name a video file")
    return Playlist([path], options, loop=options.loop, clock=clock, sink=sink)


def open_folder(
    rest: str, options: SourceOptions, clock: Callable[[], float], _needed: Need, sink: PacketSink | None
) -> Playlist:
    """``folder:DIR``: every video below it, in the order of their names, over and over; raises ``SourceOpenError``."""
    folder = Path(rest)
    if not folder.is_dir():
        raise SourceOpenError(f"{folder}: no such folder; name a folder of video files")
    clips = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _VIDEO_SUFFIXES)
    if not clips:
        raise SourceOpenError(f"{folder}: holds no video; allowed are {', '.join(sorted(_VIDEO_SUFFIXES))}")
    return Playlist(clips, options, loop=True, clock=clock, sink=sink)
