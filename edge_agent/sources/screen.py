"""This machine's screen as a source: what an X server shows, whole or in part."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qsl

import av

from edge_agent.sources.live import LiveSource
from edge_agent.sources.sink import PacketSink
from edge_agent.sources.source import Need, SourceOpenError, SourceOptions, SourceUriError
from edge_agent.sources.video import VideoReader

_DEVICE = "x11grab"
_DISPLAY = re.compile(r"[A-Za-z0-9.-]*:\d+(\.\d+)?(\+\d+,\d+)?")
_SIZE = re.compile(r"[1-9]\d{0,4}x[1-9]\d{0,4}")
_RATE = re.compile(r"[1-9]\d?")
# Samples are made of frames a tenth of a second apart, and copying a screen costs.
_USUAL_RATE = "10"
_FORM = "screen::0.0+100,200?size=1280x720&fps=10, where all but :0 may be left out"


def read_screen(rest: str) -> tuple[str, dict[str, str]]:
    """The display with its corner, and the grabber's flags, that ``screen:…`` asks for; raises ``SourceUriError``."""
    display, _, query = rest.partition("?")
    fields = dict(parse_qsl(query, keep_blank_values=True))
    size, rate = fields.pop("size", None), fields.pop("fps", _USUAL_RATE)
    if fields:
        raise SourceUriError(f"screen:{rest}: found {', '.join(fields)}; allowed are size and fps, as in {_FORM}")
    if not _DISPLAY.fullmatch(display) or (size and not _SIZE.fullmatch(size)) or not _RATE.fullmatch(rate):
        raise SourceUriError(f"screen:{rest}: not understood; allowed is {_FORM}")
    flags = {"framerate": rate, "draw_mouse": "0"}
    return display, flags | ({"video_size": size} if size else {})


def explain_no_screen() -> str | None:
    """Why no screen can be captured here; ``None``: it can, where an X server runs."""
    if _DEVICE in av.formats_available:
        return None
    return f"this build of PyAV has no {_DEVICE}; install PyAV from a wheel, or built against an FFmpeg that has it"


def open_screen(
    rest: str, options: SourceOptions, clock: Callable[[], float], needed: Need, sink: PacketSink | None
) -> LiveSource:
    """``screen::DISPLAY[+X,Y][?size=WxH&fps=N]``; raises ``SourceUriError`` and ``SourceOpenError``."""
    display, flags = read_screen(rest)
    absence = explain_no_screen()
    if absence:
        raise SourceOpenError(f"screen:{rest}: {absence}")
    return LiveSource(VideoReader(display, options, clock, format_=_DEVICE, flags=flags, needed=needed, sink=sink))
