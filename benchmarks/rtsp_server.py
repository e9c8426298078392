"""A real RTSP server: ``python3 rtsp_server.py PORT FILM …`` serves H.264 in MP4, in its own time and from its start
for each that connects, as ``/0``, ``/1`` and so on; prints "ready" when it serves.

It needs Debian's gir1.2-gst-rtsp-server-1.0, python3-gi and gstreamer1.0-plugins-{base,good,bad}, which belong to the
system's Python, so it is run as a program and not imported.
"""

from __future__ import annotations

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402 - only after the versions are chosen

PLAYING = "( filesrc location={} ! qtdemux ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1 )"


def main(port: str, films: list[str]) -> None:
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    for number, film in enumerate(films):
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(PLAYING.format(film))
        server.get_mount_points().add_factory(f"/{number}", factory)
    server.attach(None)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
