"""The acceptance page: made by the command, of real cameras and a real broker."""

from __future__ import annotations

import base64
import re
import stat
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.acceptance.camera_pictures import CameraPicture, CameraPictures
from edge_agent.acceptance.page import render
from edge_agent.acceptance.report import Report
from edge_agent.camera_spec import CameraSpec
from edge_agent.command_line import main
from edge_agent.config.overlay import Overlay
from edge_agent.cover import Cover
from edge_agent.doctor import Finding
from models.preprocessing import Luma
from tests.edge_agent.agent_process import set_port
from tests.edge_agent.delivery.mosquitto import Mosquitto

CORNER = ((0.0, 0.0), (0.5, 0.0), (0.5, 0.5), (0.0, 0.5))
MASK = f"masks = [{[list(point) for point in CORNER]}]"


class Broken:
    """A picture that cannot be converted."""

    size = (48, 64)

    def luma(self) -> Luma:
        raise ValueError("no picture")

    def colour(self, largest_side: int) -> NDArray[np.uint8]:
        raise ValueError(f"no picture of {largest_side}")


def pictures(page: str) -> dict[str, NDArray[np.uint8]]:
    found = re.findall(r'alt="([^"]+)" src="data:image/jpeg;base64,([^"]+)"', page)
    return {
        name: np.asarray(cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR), np.uint8)
        for name, data in found
    }


def accept(config: Path) -> tuple[int, str]:
    out = config.with_name("report.html")
    code = main(["accept", "--config", str(config), "--out", str(out)])
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    return code, out.read_text()


def test_device_on_which_all_works_is_accepted_and_shows_its_camera(config: Path, broker: Mosquitto) -> None:
    code, page = accept(set_port(config, broker.port))
    assert code == 0
    assert "Accepted: everything that was tried works" in page
    assert pictures(page)["yard"].shape == (48, 64, 3)
    assert "school / gate" in page
    assert "self-test passed" in page
    assert re.findall(r'(?:src|href)="(?!data:)', page) == []


@pytest.mark.parametrize("by", ["file", "command"])
def test_what_nobody_may_see_is_not_shown(config: Path, broker: Mosquitto, by: str) -> None:
    set_port(config, broker.port)
    if by == "file":
        config.write_text(f"{config.read_text()}{MASK}\n")
    else:
        state = config.parent / "spool" / "commands"
        state.mkdir(parents=True)
        (state / "overlay.json").write_bytes(msgspec.json.encode(Overlay(tables={"yard": {"masks": [CORNER]}})))
    picture = pictures(accept(config)[1])["yard"]
    assert picture[:20, :28].max() < 24
    assert picture[28:, 36:].max() > 100


def test_device_with_faults_is_not_accepted_and_says_which(config: Path, broker: Mosquitto) -> None:
    gone = '[[camera]]\nid = "gone"\nsource = "rtsp://127.0.0.1:1/stream"\n'
    set_port(config, broker.port).write_text(f"{config.read_text()}{gone}")
    code, page = accept(config)
    assert code == 1
    assert "Not accepted: camera gone" in page
    assert "no picture: " in page
    assert set(pictures(page)) == {"yard"}


def test_picture_that_cannot_be_hidden_or_made_is_left_out() -> None:
    taken = CameraPictures()
    taken.look(CameraSpec("yard", "scene:yard", cover=Cover(masks=(CORNER,))), Broken())
    assert taken.of("yard") == CameraPicture("yard", None, "no picture of 640")
    assert taken.of("other").jpeg is None


def test_page_shows_what_devices_say_as_text() -> None:
    finding = Finding(name="<b>", outcome="failed", detail="<script>alert(1)</script> & more")
    page = render(Report("site", "device", "now", (("<i>", "\"'"),), (finding,), (CameraPicture("a", None, "<p>"),)))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "Not accepted: &lt;b&gt;, camera a" in page


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 16, 36, 64])
def test_pictures_leave_room_for_the_rest_of_the_page(count: int) -> None:
    cameras = tuple(CameraPicture(f"camera-{number}", None) for number in range(count))
    findings = tuple(Finding(name=f"part {number}", outcome="ok", detail="of some length " * 8) for number in range(15))
    page = render(Report("site", "device", "now", (), findings, cameras))
    found = re.search(r"repeat\((\d+), ([\d.]+)mm\)", page)
    assert found is not None
    columns, width_mm = int(found[1]), float(found[2])
    assert columns * width_mm + 2 * (columns - 1) <= 186
    rows = -(-count // columns)
    assert rows * (width_mm * 9 / 16 + 4) + 2 * (rows - 1) + 15 * 2 * 3.9 + 76 <= 273
