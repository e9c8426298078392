"""From an address to an open source: the table of schemes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from edge_agent.sources.address import redact, split_address
from edge_agent.sources.live import open_rtsp, open_rtsps, open_v4l2
from edge_agent.sources.playlist import open_file, open_folder
from edge_agent.sources.scene import open_scene_source, read_scene
from edge_agent.sources.sink import PacketSink
from edge_agent.sources.source import Need, Source, SourceOptions, SourceUriError, needs_all

Opener = Callable[[str, SourceOptions, Callable[[], float], Need, PacketSink | None], Source]

OPENERS: Mapping[str, Opener] = MappingProxyType(
    {
        "": open_file,
        "file": open_file,
        "folder": open_folder,
        "rtsp": open_rtsp,
        "rtsps": open_rtsps,
        "scene": open_scene_source,
        "v4l2": open_v4l2,
    }
)


def check_address(uri: str) -> None:
    """Raise ``SourceUriError`` for an address whose scheme is not known, or that names nothing or no scene."""
    scheme, rest = split_address(uri)
    if scheme not in OPENERS:
        allowed = ", ".join(f"{name}:" for name in OPENERS if name)
        raise SourceUriError(f"{redact(uri)}: unknown scheme {scheme!r}; allowed are a plain path and {allowed}")
    if not rest.strip("/"):
        raise SourceUriError(f"{uri!r} names nothing; write what to open after the scheme, as in file:yard.mp4")
    if scheme == "scene":
        read_scene(rest)


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
