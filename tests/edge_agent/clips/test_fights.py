"""Clips of fights that a running agent saw: a file read faster than time, and a real RTSP camera."""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest

from edge_agent.agent import run_agent
from edge_agent.agent_options import AgentOptions
from edge_agent.camera_policies import CameraPolicies
from edge_agent.camera_spec import CameraSpec
from edge_agent.clips.policy import ClipPolicy
from edge_agent.clips.recording import ClipOptions, recording
from edge_agent.delivery.payloads import BundleName
from edge_agent.incidents import IncidentPolicy
from edge_agent.sources import SourceOptions
from models.bundle import Bundle
from tests.edge_agent.clips.viewing import find, view
from tests.edge_agent.delivery.listener import wait_for
from tests.edge_agent.plot import FPS, Plot, make_plot
from tests.edge_agent.rtsp import needs_rtsp_server, rtsp_server
from tests.edge_agent.test_agent import FAST, TO_THE_END, RecordingOutbox
from tests.ports import free_port

POLICY = ClipPolicy(before_s=3.0, after_s=2.0, longest_s=60.0)
BUNDLE = BundleName(name="tiny", version="0.1.0")
# A key picture every second and a half.
H264 = {"g": "30", "keyint_min": "30", "sc_threshold": "0", "bf": "0", "crf": "18"}


@pytest.fixture(scope="module")
def plot(tiny: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Plot:
    return make_plot(tiny, tmp_path_factory.mktemp("plot"))


def facts_of(clip: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(clip.with_suffix(".json").read_text())
    return facts


def test_clip_shows_the_fight_of_a_film_and_what_was_before_it(tiny: Bundle, plot: Plot, tmp_path: Path) -> None:
    film = plot.film(
        tmp_path / "a.mp4", ("calm", 8), ("fight", 5), ("calm", 12), codec="libx264", options={**H264, "g": "20"}
    )
    camera = CameraSpec("yard", str(film), FAST, CameraPolicies(plot.thresholds))
    outbox = RecordingOutbox()
    folder = tmp_path / "clips"
    with recording(ClipOptions(folder, BUNDLE, POLICY), {"yard": ["yard"]}, outbox) as recorded:
        filmed = replace(camera, sink=recorded.sinks["yard"])
        run_agent([filmed], tiny, recorded.outbox, stop=threading.Event(), options=TO_THE_END)
    started, ended = outbox.incidents[0], outbox.incidents[-1]
    assert {event.clip for event in outbox.incidents} == {started.clip}
    assert started.clip is not None
    clip = view(folder / started.clip)
    began_s = started.source_time_s - (started.at - started.started_at).total_seconds()
    assert ended.ended_at is not None
    ended_s = began_s + (ended.ended_at - ended.started_at).total_seconds()
    first_s = find(clip, view(film)) / FPS
    # It begins with the key picture before what was asked for; these come every second.
    assert began_s - 3 - 1.1 <= first_s <= began_s - 3
    assert first_s + len(clip.lumas) / FPS >= ended_s + 2 - 0.1
    assert clip.begins_with_key
    assert clip.times[0] == 0.0
    facts = facts_of(folder / started.clip)
    assert (facts["cut"], facts["reason"], facts["incident"]) == (None, "calm", started.incident)
    assert facts["peak"] == ended.peak


@needs_rtsp_server
def test_clip_of_a_camera_shows_what_it_sent_before_anybody_looked(
    tiny: Bundle, plot: Plot, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    film = plot.film(tmp_path / "a.mp4", ("calm", 6), ("fight", 4), ("calm", 20), codec="libx264", options=H264)
    port = free_port()
    policies = CameraPolicies(plot.thresholds, incidents=IncidentPolicy(end_hold_s=1.0))
    camera = CameraSpec("gate", f"rtsp://127.0.0.1:{port}/camera", SourceOptions(read_timeout_s=2.0), policies)
    outbox, stop, folder = RecordingOutbox(), threading.Event(), tmp_path / "clips"

    def look() -> None:
        with recording(ClipOptions(folder, BUNDLE, POLICY), {"gate": ["gate"]}, outbox) as recorded:
            filmed = replace(camera, sink=recorded.sinks["gate"])
            run_agent([filmed], tiny, recorded.outbox, stop=stop, options=AgentOptions())

    caplog.set_level(logging.INFO)
    with rtsp_server(port, film=film):
        thread = threading.Thread(target=look)
        thread.start()
        try:
            wait_for(lambda: list(folder.glob("*/*.mp4")), "no clip", 60)
        finally:
            stop.set()
            thread.join(30)
    started = outbox.incidents[0]
    assert started.clip is not None
    clip, whole = view(folder / started.clip), view(film)
    assert (clip.tag, clip.begins_with_key, clip.times[0]) == ("avc1", True, 0.0)
    began_s = started.source_time_s - (started.at - started.started_at).total_seconds()
    # The film loops its pictures, so that a stretch is found by when it was: its calm before the fight, and the fight.
    start = round((began_s - 3 - 1.5) * FPS)
    found = find(clip, replace(whole, lumas=whole.lumas[start:])) + start
    assert began_s - 3 - 1.6 <= found / FPS <= began_s - 3 + 0.1
    assert clip.times[-1] == pytest.approx((len(clip.lumas) - 1) / FPS, abs=0.1)
    assert facts_of(folder / started.clip)["cut"] is None
    assert f"clip {started.clip}" in caplog.text
    with av.open(str(folder / started.clip)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
