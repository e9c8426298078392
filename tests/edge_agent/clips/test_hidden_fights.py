"""What leaves a running agent whose camera has a mask and blurred faces: snapshots and a clip."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from edge_agent.agent import run_agent
from edge_agent.camera_policies import CameraPolicies
from edge_agent.camera_spec import CameraSpec
from edge_agent.clips.recording import ClipOptions, recording
from edge_agent.cover import Cover
from edge_agent.run_command import filmed, redactions
from models.bundle import Bundle
from tests.edge_agent.clips.test_fights import BUNDLE, H264, POLICY
from tests.edge_agent.clips.test_redacted_film import BLACK, decode
from tests.edge_agent.plot import make_plot
from tests.edge_agent.privacy.finding import FixedFinder
from tests.edge_agent.test_agent import FAST, TO_THE_END, RecordingOutbox

# Neither is where the plot's fight is told from its calm.
CORNER = ((0.0, 0.0), (0.2, 0.0), (0.2, 0.2), (0.0, 0.2))
HEAD = (0.8, 0.8, 1.0, 1.0)


def test_nothing_that_leaves_the_agent_shows_what_is_hidden(tiny: Bundle, tmp_path: Path) -> None:
    plot = make_plot(tiny, tmp_path)
    film = plot.film(
        tmp_path / "a.mp4", ("calm", 6), ("fight", 5), ("calm", 12), codec="libx264", options={**H264, "g": "20"}
    )
    cover = Cover(masks=(CORNER,), heads=FixedFinder(HEAD))
    cameras = [CameraSpec("yard", str(film), FAST, CameraPolicies(plot.thresholds), cover=cover)]
    outbox, folder = RecordingOutbox(), tmp_path / "clips"
    options = ClipOptions(folder, BUNDLE, POLICY)
    with recording(options, filmed(cameras), outbox, redactions(cameras)) as recorded:
        shown = [replace(camera, sink=recorded.sinks[camera.id]) for camera in cameras]
        run_agent(shown, tiny, recorded.outbox, stop=threading.Event(), options=TO_THE_END)
    pictures = [
        np.asarray(cv2.imdecode(np.frombuffer(one.jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)
        for one in outbox.snapshots
    ]
    assert pictures
    clip = outbox.incidents[0].clip
    assert clip is not None
    facts = json.loads((folder / clip).with_suffix(".json").read_text())
    assert (facts["encoded"], facts["hidden"], facts["codec"]) == (True, ["masks", "faces"], "h264")
    _, filmed_pictures = decode(folder / clip)
    assert len(filmed_pictures) > 100
    for picture in (*pictures, *filmed_pictures):
        height, width = picture.shape[:2]
        assert picture[: height // 5 - 2, : width // 5 - 2].max() <= BLACK
        # Cells of 8 pixels on the picture's own grid.
        top, left = -(-round(0.8 * height) // 8) * 8, -(-round(0.8 * width) // 8) * 8
        cell = picture[top : top + 8, left : left + 8].mean(axis=2)
        assert cell[2:6, 2:6].std() < 6
