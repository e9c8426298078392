from __future__ import annotations

import shutil
from pathlib import Path

import av
import pytest

from benchmarks.idle import ALWAYS_ON, NEVER_ON, Cost, Measurement, Result, describe
from benchmarks.site import free_port
from benchmarks.streaming import Encoding, film_footage, serve
from models.bundle import Bundle
from scenes import Scene, parse_scene
from tests.edge_agent.rtsp import needs_rtsp_server

RELEASED = next(Path("models/released").glob("*.nexara"))
needs_mosquitto = pytest.mark.skipif(
    shutil.which("mosquitto", path="/usr/sbin:/usr/bin") is None, reason="needs the Debian package mosquitto"
)


def write(path: Path, seconds: int) -> Path:
    spec = parse_scene(f"scene:yard?seed=3&size=320x180&fps=10&duration={seconds}")
    return film_footage(Scene(spec), path, Encoding(key_every_s=1.0))


def test_films_are_encoded_as_cameras_do(tmp_path: Path) -> None:
    film = write(tmp_path / "film.mp4", 4)
    with av.open(str(film)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert [index for index, packet in enumerate(packets) if packet.is_keyframe] == [0, 10, 20, 30]
    assert all(packet.pts == packet.dts for packet in packets)


@pytest.mark.slow
@needs_rtsp_server
@needs_mosquitto
def test_idle_and_awake_cameras_are_measured_from_outside(tmp_path: Path) -> None:
    with serve(free_port(), [write(tmp_path / "film.mp4", 60)]) as streams:
        measure = Measurement(RELEASED, streams.addresses, 4.0, tmp_path / "site", settle_s=2.0)
        first_s = measure.first_glance()
        idle = measure.agent("idle", 2, NEVER_ON)
        awake = measure.agent("awake", 2, ALWAYS_ON)
        naive = measure.naive()
    assert 0 < first_s < 60
    assert idle.samples_a_second == pytest.approx(1.0, abs=0.5)
    assert awake.samples_a_second > 5 * idle.samples_a_second
    assert 0 < idle.core < awake.core
    assert naive.samples_a_second > 0.4
    assert min(cost.memory_mb for cost in (idle, awake, naive)) > 50


def test_costs_are_told_each_beside_the_idle_one(tiny: Bundle) -> None:
    costs = tuple(
        Cost(design=name, cameras=cameras, core=core, samples_a_second=1.0, dropped=0, memory_mb=100.0)
        for name, cameras, core in (
            ("idle", 16, 0.16),
            ("idle, nobody there", 16, 0.04),
            ("always on", 2, 0.2),
            ("naive", 1, 0.4),
        )
    )
    lines = list(
        describe(
            Result(
                bundle=tiny.manifest.name,
                seconds=1.0,
                key_every_s=2.0,
                kbit_a_second=1000.0,
                first_glance_s=1.234,
                costs=costs,
            )
        )
    )
    of = "an idle camera costs {} (idle) and {} (idle, nobody there) of one that is {}"
    assert of.format("10.0%", "2.5%", "always on") in lines
    assert of.format("2.5%", "0.6%", "naive") in lines
    assert lines[-1].startswith("first glance 1.23 s")
