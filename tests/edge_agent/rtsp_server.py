"""A real RTSP server for tests: ``python3 rtsp_server.py PORT [--film FILE [--codec h265]] [--sound] [USER PASSWORD]``;
prints "ready" when it serves. Without a film (H.264 or H.265 in MP4, played from its start for each that connects) it
shows a moving ball; with ``--sound`` there is a microphone too, which goes on when the ball's five seconds are over.

It needs Debian's gir1.2-gst-rtsp-server-1.0, python3-gi and gstreamer1.0-plugins-{base,good,bad,ugly}, which belong to
the system's Python, so it is run as a program and not imported.
"""

from __future__ import annotations

import argparse

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402 - only after the versions are chosen

BALL = (
    "( videotestsrc is-live=true pattern=ball ! video/x-raw,width=160,height=120,framerate=15/1 "
    "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 ! rtph264pay name=pay0 pt=96 )"
)
SOUND = (
    " audiotestsrc is-live=true samplesperbuffer=160 ! audio/x-raw,rate=8000 ! alawenc ! rtppcmapay name=pay1 pt=8 )"
)
# The parser puts parameter sets before a key picture; the payloader would put them before each slice of one.
FILM = "( filesrc location={0} ! qtdemux ! {1}parse config-interval=-1 ! rtp{1}pay name=pay0 pt=96 )"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port")
    parser.add_argument("--film")
    parser.add_argument("--codec", choices=("h264", "h265"), default="h264")
    parser.add_argument("--sound", action="store_true")
    parser.add_argument("credentials", nargs="*")
    arguments = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(arguments.port)
    factory = GstRtspServer.RTSPMediaFactory()
    shown = FILM.format(arguments.film, arguments.codec) if arguments.film else BALL
    if arguments.sound:
        shown = shown.replace("is-live=true", "is-live=true num-buffers=75").removesuffix(" )") + SOUND
    factory.set_launch(shown)
    factory.set_shared(not arguments.film)
    if arguments.credentials:
        protect(server, factory, *arguments.credentials)
    server.get_mount_points().add_factory("/camera", factory)
    server.attach(None)
    print("ready", flush=True)
    GLib.MainLoop().run()


def protect(
    server: GstRtspServer.RTSPServer, factory: GstRtspServer.RTSPMediaFactory, user: str, password: str
) -> None:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    factory.add_role_from_structure(
        Gst.Structure.new_from_string("viewer,media.factory.access=true,media.factory.construct=true")
    )


if __name__ == "__main__":
    main()
