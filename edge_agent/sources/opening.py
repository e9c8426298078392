"""From an address to an open source: the table of schemes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from edge_agent.sources.address import redact, split_address
from edge_agent.sources.gstreamer import explain_no_gstreamer, open_gstreamer
from edge_agent.sources.http import open_http, open_https
from edge_agent.sources.live import open_rtsp, open_rtsps, open_v4l2
from edge_agent.sources.playlist import open_file, open_folder
from edge_agent.sources.scene import open_scene_source, read_scene
from edge_agent.sources.screen import explain_no_screen, open_screen, read_screen
from edge_agent.sources.sink import PacketSink
from edge_agent.sources.source import Need, Source, SourceOptions, SourceUriError, needs_all

Opener = Callable[[str, SourceOptions, Callable[[], float], Need, PacketSink | None], Source]

OPENERS: Mapping[str, Opener] = MappingProxyType(
    {
        "": open_file,
        "file": open_file,
        "folder": open_folder,
        "gstreamer": open_gstreamer,
        "http": open_http,
        "https": open_https,
        "rtsp": open_rtsp,
        "rtsps": open_rtsps,
        "scene": open_scene_source,
        "screen": open_screen,
        "v4l2": open_v4l2,
    }
)
READERS: Mapping[str, Callable[[str], object]] = MappingProxyType({"scene": read_scene, "screen": read_screen})
"""What understands the rest of an address, for the schemes that have a grammar of their own."""
ABSENCES: Mapping[str, Callable[[], str | None]] = MappingProxyType(
    {"gstreamer": explain_no_gstreamer, "screen": explain_no_screen}
)
"""Why a scheme cannot work on this machine, for those that need more than the package."""


def check_address(uri: str) -> None:
    """Raise ``SourceUriError`` for an address whose scheme is not known, that names nothing or is not understood."""
    scheme, rest = split_address(uri)
    if scheme not in OPENERS:
        allowed = ", ".join(f"{name}:" for name in OPENERS if name)
        raise SourceUriError(f"{redact(uri)}: unknown scheme {scheme!r}; allowed are a plain path and {allowed}")
    if not rest.strip("/"):
        raise SourceUriError(f"{uri!r} names nothing; write what to open after the scheme, as in file:yard.mp4")
    if scheme in READERS:
        READERS[scheme](rest)


def explain_absence(uri: str) -> str | None:
    """Why no source of this kind can be opened on this machine, whatever it names; ``None``: one can."""
    scheme, _ = split_address(uri)
    return ABSENCES[scheme]() if scheme in ABSENCES else None


def open_source(
    uri: str,
    options: SourceOptions,
    clock: Callable[[], float],
    needed: Need = needs_all,
    sink: PacketSink | None = None,
) -> Source:
    """Open ``uri``; a camera's source decodes only what is ``needed``, a recording or a scene gives every frame.
    ``sink`` is given every packet, decoded or not; a scene has none.

    Raises ``SourceUriError`` for an address that cannot be understood and ``SourceOpenError`` for a source that is not
    there now. May block for ``options.open_timeout_s``, and where native code hangs for longer."""
    check_address(uri)
    scheme, rest = split_address(uri)
    return OPENERS[scheme](rest, options, clock, needed, sink)
