"""Starts and stops the real RTSP server of ``rtsp_server.py``."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_PYTHON = "/usr/bin/python3"
_SERVER = Path(__file__).with_name("rtsp_server.py")
_PROBE = (
    "import gi; gi.require_version('Gst', '1.0'); gi.require_version('GstRtspServer', '1.0'); "
    "from gi.repository import Gst, GstRtspServer; Gst.init(None); "
    "assert all(map(Gst.ElementFactory.find, ('x264enc', 'h264parse', 'rtph264pay', 'h265parse', 'rtph265pay')))"
)


def _installed() -> bool:
    try:
        return subprocess.run([_PYTHON, "-c", _PROBE], capture_output=True, timeout=60, check=False).returncode == 0
    except OSError:
        return False


needs_rtsp_server = pytest.mark.skipif(
    not _installed(),
    reason="needs the Debian packages gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-{base,good,bad,ugly}",
)


@contextmanager
def rtsp_server(
    port: int, *credentials: str, film: Path | None = None, codec: str = "h264", sound: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """Serve ``rtsp://127.0.0.1:port/camera``: 160 x 120 at 15 frames a second, or the film, of H.264 or of the
    ``codec`` h265, for each that connects; ``sound`` comes with it, and goes on after five seconds of pictures."""
    shown = ["--film", str(film), "--codec", codec] if film else []
    shown += ["--sound"] if sound else []
    command = [_PYTHON, str(_SERVER), str(port), *shown, *credentials]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == "ready\n"
            yield server
        finally:
            server.kill()
