"""A real X server's screen, where one can be started."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from edge_agent.sources import SourceOptions, check_address, explain_absence, open_source
from edge_agent.sources.screen import read_screen
from edge_agent.sources.source import SourceOpenError, SourceUriError

HERE = explain_absence("screen::0")


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """A white screen of 320 x 240."""
    if HERE or shutil.which("Xvfb") is None:
        pytest.skip(HERE or "no Xvfb here; install the Debian package xvfb")
    reading, writing = os.pipe()
    # Without -noreset it begins anew when its last client leaves, and refuses whoever comes meanwhile.
    options = ["-screen", "0", "320x240x24", "-wr", "-nolisten", "tcp", "-noreset"]
    command = ["Xvfb", "-displayfd", str(writing), *options]
    with subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL) as server:
        os.close(writing)
        with os.fdopen(reading) as told:
            number = told.readline().strip()
        yield f":{number}"
        server.terminate()


@pytest.mark.parametrize(
    ("part", "size", "fps"), [("", (240, 320), 10), (".0+16,8?size=160x120&fps=25", (120, 160), 25)]
)
def test_screen_is_captured_whole_or_in_part(display: str, part: str, size: tuple[int, int], fps: int) -> None:
    began_s = time.monotonic()
    source = open_source(f"screen:{display}{part}", SourceOptions(), time.monotonic)
    frames = [source.read(threading.Event()) for _ in range(5)]
    took_s = time.monotonic() - began_s
    source.close()
    assert {frame.image.size for frame in frames if frame} == {size}
    assert {int(np.median(frame.image.luma())) for frame in frames if frame} == {255}
    times = [frame.time_s for frame in frames if frame]
    assert times == sorted(times)
    # A busy machine is late with some pictures, and catches up; it has none before its time.
    assert took_s >= 4 / fps


def test_screen_fails_with_reason_when_no_server_runs() -> None:
    if HERE:
        pytest.skip(HERE)
    with pytest.raises(SourceOpenError, match=r":97.*cannot be opened"):
        open_source("screen::97", SourceOptions(), time.monotonic)


@pytest.mark.parametrize(
    ("rest", "display", "flags"),
    [
        (":0", ":0", {"framerate": "10", "draw_mouse": "0"}),
        ("box:1.2+3,4?fps=5", "box:1.2+3,4", {"framerate": "5", "draw_mouse": "0"}),
        (":0?size=64x48", ":0", {"framerate": "10", "draw_mouse": "0", "video_size": "64x48"}),
    ],
)
def test_address_is_understood_when_it_is_one(rest: str, display: str, flags: dict[str, str]) -> None:
    assert read_screen(rest) == (display, flags)


@pytest.mark.parametrize("rest", ["0", ":0+5", ":0?size=big", ":0?size=0x5", ":0?fps=0", ":0?fps=", ":0?colour=1"])
def test_address_is_refused_with_its_form_when_it_is_none(rest: str) -> None:
    with pytest.raises(SourceUriError, match=r"screen::0.0\+100,200\?size=1280x720&fps=10"):
        check_address(f"screen:{rest}")
