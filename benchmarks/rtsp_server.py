"""A real RTSP server: ``python3 rtsp_server.py PORT FILM …`` serves H.264 in MP4, in its own time and from its start
for each that connects, as ``/0``, ``/1`` and so on; prints "ready" when it serves, and "playing N S" when it begins to
play film ``N`` to somebody, with the seconds ``S`` of this machine's monotonic clock.

It needs Debian's gir1.2-gst-rtsp-server-1.0, python3-gi and gstreamer1.0-plugins-{base,good,bad}, which belong to the
system's Python, so it is run as a program and not imported.
"""

from __future__ import annotations

import sys
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402 - only after the versions are chosen

# The parser puts parameter sets before a key picture; the payloader would put them before each slice of one, and
# whoever receives that takes the slices for pictures, all of them broken.
PLAYING = "( filesrc location={} ! qtdemux ! h264parse config-interval=-1 ! rtph264pay name=pay0 pt=96 )"


def main(port: str, films: list[str]) -> None:
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    for number, film in enumerate(films):
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(PLAYING.format(film))
        factory.connect("media-configure", announce, number)
        server.get_mount_points().add_factory(f"/{number}", factory)
    server.attach(None)
    say("ready")
    GLib.MainLoop().run()


def announce(_factory: GstRtspServer.RTSPMediaFactory, media: GstRtspServer.RTSPMedia, number: int) -> None:
    def follow(_media: GstRtspServer.RTSPMedia, state: int) -> None:
        if state == int(Gst.State.PLAYING):
            say(f"playing {number} {time.monotonic()}")

    media.connect("new-state", follow)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
