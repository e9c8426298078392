"""From a camera to a dashboard, nothing in between replaced: RTSP server, agent, Mosquitto and ``mosquitto_sub``."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from runtimes.environment import probe_environment
from tests.edge_agent.delivery.listener import wait_for
from tests.edge_agent.rtsp import needs_rtsp_server, rtsp_server
from tests.end_to_end.conftest import Site
from tests.end_to_end.play import SIZE, Play
from tests.end_to_end.subscriber import of, phases

ROOT = "nexara/v1/north-school/gate-1"
pytestmark = [pytest.mark.slow, needs_rtsp_server]


def test_alarm_reaches_the_subscriber_and_the_will_when_agent_is_killed(site: Site, play: Play) -> None:
    site.broker.start()
    with site.subscribe() as dashboard, rtsp_server(site.camera_port, film=play.film), site.agent() as agent:
        heard = dashboard.until(lambda all_: any(told[-1] == "ended" for told in phases(all_).values()))
        agent.kill()
        dashboard.until(lambda all_: of(all_, "status")[-1].document["state"] == "offline")
        with site.subscribe() as late:
            kept = late.until(lambda all_: len({one.topic for one in all_}) == 2)

    assert of(heard, "status")[0].document["state"] == "online"
    best = "tflite-int8" if probe_environment().int8_dot else "tflite-float32"
    assert of(heard, "status")[-1].document["runtime"].startswith(best)
    # A camera may answer before the engine is open, and before anything is told of it.
    assert [one.document["connection"] for one in of(heard, "state")][-1] == "connected"
    assert {one.document["mode"] for one in of(heard, "state")} == {"idle", "alert"}

    steps = [one.document for one in of(heard, "incident")]
    assert {one.topic for one in of(heard, "incident")} == {f"{ROOT}/camera/yard/incident"}
    assert [step["phase"] for step in steps] == ["started", *["updated"] * (len(steps) - 2), "ended"]
    assert [step["sequence"] for step in steps] == list(range(len(steps)))
    assert steps[0]["started_at"] == steps[-1]["started_at"] <= steps[-1]["ended_at"] <= steps[-1]["at"]
    assert all(earlier["at"] < later["at"] for earlier, later in pairwise(steps))
    assert all(step["thresholds"]["alert"] == play.thresholds.alert <= step["peak"] for step in steps)

    pictures = of(heard, "snapshot")
    named = [step["snapshot"] for step in steps if step["snapshot"]]
    assert [one.user_properties.count(f"reference:{name}") for one, name in zip(pictures, named, strict=True)]
    for one in pictures:
        assert (one.qos, one.content_type) == (1, "image/jpeg")
        assert cv2.imdecode(np.frombuffer(one.payload, np.uint8), cv2.IMREAD_COLOR).shape == (*SIZE, 3)
    assert of(heard, "health")[-1].document["samples_per_s"] > 0

    assert {one.topic: one.retained for one in kept} == {f"{ROOT}/status": True, f"{ROOT}/camera/yard/state": True}
    assert of(kept, "status")[0].document["state"] == "offline"


def test_alarms_wait_and_arrive_in_order_when_broker_comes_late(site: Site, play: Play, tmp_path: Path) -> None:
    site.broker.start()
    # A session that the broker keeps stands for a dashboard that subscribed long ago.
    durable = ["-i", "dashboard", "-c", "-x", "3600"]
    with site.subscribe(*durable):
        wait_for(lambda: site.broker.has_logged("nexara/v1/# (QoS 1)"), "no subscription")
    site.broker.stop()
    spooled = tmp_path / "spool" / "spool.sqlite-wal"
    with rtsp_server(site.camera_port, film=play.film), site.agent():
        wait_for(lambda: spooled.exists() and b'"phase":"ended"' in spooled.read_bytes(), "nothing spooled", 40)
        site.broker.start()
        with site.subscribe(*durable) as dashboard:
            heard = dashboard.until(lambda all_: any(told[-1] == "ended" for told in phases(all_).values()))
    first = of(heard, "incident")[0].document["incident"]
    steps = [one.document for one in of(heard, "incident") if one.document["incident"] == first]
    assert [step["sequence"] for step in steps] == list(range(len(steps)))
    assert of(heard, "snapshot")
    assert site.log().count("trying again until it answers, incidents wait on disk") == 1


def test_camera_comes_back_and_nothing_piles_up_when_its_server_is_restarted(site: Site, play: Play) -> None:
    site.broker.start()
    with site.subscribe() as dashboard, site.agent() as agent:
        dashboard.until(lambda all_: any(one.document["connection"] == "failed" for one in of(all_, "state")))
        with rtsp_server(site.camera_port, film=play.film):
            dashboard.until(phases)
            before = _count_open(agent.pid)
        heard = dashboard.until(lambda all_: of(all_, "state")[-1].document["connection"] == "stalled")
        reason = of(heard, "state")[-1].document["reason"]
        told = len(phases(heard))
        with rtsp_server(site.camera_port, film=play.film):
            dashboard.until(lambda all_: len(phases(all_)) > told)
            after = _count_open(agent.pid)
    assert agent.returncode == 0
    assert f"rtsp://127.0.0.1:{site.camera_port}/camera: " in reason
    assert after == before


def _count_open(pid: int) -> tuple[int, int]:
    """Threads and file descriptors of a process."""
    return len(os.listdir(f"/proc/{pid}/task")), len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - names are enough
