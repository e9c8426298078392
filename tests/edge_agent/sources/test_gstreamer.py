"""Real pipelines, where GStreamer and a PyGObject for this version of Python are installed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import av
import numpy as np
import pytest

from edge_agent.sources import SourceOptions, check_address, explain_absence, open_source
from edge_agent.sources.source import SourceOpenError
from tests.edge_agent.films import picture
from tests.edge_agent.rtsp import needs_rtsp_server, rtsp_server
from tests.ports import free_port

ROOT = Path(__file__).parents[3]
_SYSTEMS = Path("/usr/lib/python3/dist-packages/gi")
_PROBE = (
    "import gi; [gi.require_version(name, '1.0') for name in ('Gst', 'GstApp', 'GstVideo')]; "
    "from gi.repository import Gst, GstApp, GstVideo; Gst.init(None); "
    "assert all(Gst.ElementFactory.find(name) for name in ('videotestsrc', 'videoconvert', 'appsink', 'filesrc'))"
)
SOURCE = "videotestsrc is-live=true ! video/x-raw,format={},width=162,height=120,framerate=20/1"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables under which this Python sees PyGObject, its own or the system's."""
    places = tmp_path_factory.mktemp("gi")
    if _SYSTEMS.is_dir():
        (places / "gi").symlink_to(_SYSTEMS)
    variables = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{places}"}
    found = subprocess.run([sys.executable, "-c", _PROBE], env=variables, capture_output=True, text=True, check=False)
    if found.returncode:
        reason = (found.stderr.strip().splitlines() or ["no reason told"])[-1]
        pytest.skip(f"needs GStreamer, python3-gi for Python {sys.version_info[0]}.{sys.version_info[1]}: {reason}")
    return variables


def play(
    environment: dict[str, str], folder: Path, pipeline: str, count: int, wait_s: float = 10.0
) -> tuple[dict[str, Any], Any]:
    """What the player prints, and the pictures that it kept."""
    program = Path(__file__).with_name("gstreamer_player.py")
    command = [sys.executable, str(program), pipeline, str(count), str(folder), str(wait_s)]
    played = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(played.stdout), np.load(folder / "pictures.npz")


@pytest.mark.parametrize("format_", ["I420", "NV12", "GRAY8", "BGRx"])
def test_pipeline_gives_frames_with_its_own_times_when_it_runs(
    environment: dict[str, str], tmp_path: Path, format_: str
) -> None:
    told, pictures = play(environment, tmp_path, SOURCE.format(format_), 10)
    assert told["error"] is None
    assert np.diff(told["times"]) == pytest.approx(np.full(9, 0.05), abs=1e-3)
    # An odd width pads the rows; the bars of a test picture go from white to dark blue, over red.
    lumas = pictures["lumas"]
    assert lumas.shape == (10, 120, 162)
    assert lumas[0, 20, 4] > 225
    assert lumas[0, 20, 150] < 60
    colour = pictures["colours"][0]
    assert colour.shape == (46, 64, 3)
    blue, green, red = (int(level) for level in colour[15, 52])
    assert (red - max(blue, green) > 100) == (format_ != "GRAY8")


@pytest.mark.parametrize("format_", ["I420", "NV12"])
def test_luma_is_what_ffmpeg_makes_of_the_same_picture(
    environment: dict[str, str], tmp_path: Path, format_: str
) -> None:
    name = {"I420": "yuv420p", "NV12": "nv12"}[format_]
    shown = picture(90)
    shown[:, :, 1] = np.arange(128, dtype=np.uint8) * 2
    frame = av.VideoFrame.from_ndarray(shown, format="bgr24").reformat(format=name)
    raw = tmp_path / "raw"
    raw.write_bytes(frame.to_ndarray().tobytes())
    parse = f"rawvideoparse format={format_.lower()} width=128 height=96 framerate=10/1"
    told, pictures = play(environment, tmp_path, f"filesrc location={raw} ! {parse}", 1)
    assert told["error"] is None
    assert np.array_equal(pictures["lumas"][0], frame.to_ndarray(format="gray"))
    assert pictures["colours"][0].shape == (48, 64, 3)


@pytest.mark.parametrize(
    ("pipeline", "error"),
    [
        ("nosuchelement", 'SourceOpenError: gstreamer:nosuchelement: not a pipeline: no element "nosuchelement"'),
        ("filesrc location=/nowhere ! decodebin", "Resource not found"),
        ("videotestsrc num-buffers=3", "SourceReadError: gstreamer:videotestsrc num-buffers=3: stopped: the pipeline"),
        ("videotestsrc is-live=true ! valve drop=true", "SourceReadError: .*: no frame within 1 s"),
        ("videotestsrc pattern=rtsp://bob:s3cret@x/y", r'to "rtsp://\*\*\*@x/y"'),
        ("rtspsrc location=rtsp://127.0.0.1:1/x user-id=bob user-pw=s3cret ! decodebin", r"user-pw=\*\*\*"),
    ],
)
def test_pipeline_fails_with_reason_and_without_its_password(
    environment: dict[str, str], tmp_path: Path, pipeline: str, error: str
) -> None:
    told, _ = play(environment, tmp_path, pipeline, 50, wait_s=1.0)
    assert re.search(error, told["error"])
    assert "s3cret" not in told["error"]


@needs_rtsp_server
def test_pipeline_signs_in_to_a_camera_when_its_password_stands_in_the_address(
    environment: dict[str, str], tmp_path: Path
) -> None:
    port = free_port()
    secret = quote("p@ss/w:rd", safe="")
    pipeline = (
        f"rtspsrc location=rtsp://bob:{secret}@127.0.0.1:{port}/camera latency=0 protocols=tcp"
        " ! rtph264depay ! h264parse ! openh264dec"
    )
    with rtsp_server(port, "bob", "p@ss/w:rd"):
        told, pictures = play(environment, tmp_path, pipeline, 30)
    if "no element" in (told["error"] or ""):
        pytest.skip(told["error"])
    assert told["error"] is None
    # GStreamer follows the packets' arrival: on a busy machine times are uneven, and yet in order.
    assert told["times"] == sorted(told["times"])
    assert pictures["lumas"].shape == (30, 120, 160)


def test_gstreamer_says_what_to_install_when_python_has_no_pygobject() -> None:
    if explain_absence("gstreamer:videotestsrc") is None:
        pytest.skip("this Python has PyGObject")
    check_address("gstreamer:videotestsrc")
    with pytest.raises(SourceOpenError, match="no PyGObject; install the Debian packages python3-gi"):
        open_source("gstreamer:videotestsrc", SourceOptions(), lambda: 0.0)
