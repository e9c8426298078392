"""An agent's figures as they are scraped, beside what its parts give when they are driven by hand."""

from __future__ import annotations

import logging
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

import pytest

from edge_agent.agent import run_agent
from edge_agent.agent_options import AgentOptions
from edge_agent.camera_policies import CameraPolicies
from edge_agent.camera_spec import CameraSpec
from edge_agent.delivery.errors import SpoolError
from edge_agent.delivery.figures import DeliveryFigures
from edge_agent.metrics.tally import Tally
from edge_agent.observation import Observation
from edge_agent.sample import SampleMaker
from edge_agent.sampling import SamplingPolicy
from edge_agent.sources import SourceOptions, open_source
from edge_agent.stopwatch import Stopwatch
from models.bundle import Bundle
from models.manifest import Thresholds
from tests.edge_agent.delivery.listener import wait_for
from tests.edge_agent.metrics.scrape import scrape, scrape_text, serving
from tests.edge_agent.plot import make_plot
from tests.edge_agent.test_agent import TO_THE_END, RecordingOutbox
from tests.ports import free_port

FAST = SourceOptions(realtime=False)
LOOK = "duration=9&fps=10&size=160x90&fight=none"
CALM = CameraPolicies(Thresholds(wake=1.0, alert=1.0, clear=1.0))


def watch(
    bundle: Bundle,
    cameras: list[CameraSpec],
    tally: Tally,
    options: AgentOptions = TO_THE_END,
    stop: threading.Event | None = None,
) -> RecordingOutbox:
    outbox = RecordingOutbox()
    run_agent(
        cameras,
        bundle,
        outbox,
        stop=stop or threading.Event(),
        options=options,
        observe=tally.observe,
        on_runtime=tally.use_runtime,
        tracer=Stopwatch(tally, time.monotonic, time.thread_time),
    )
    return outbox


@contextmanager
def watching(bundle: Bundle, camera: CameraSpec, tally: Tally) -> Iterator[threading.Thread]:
    """An agent at work on a thread of its own."""
    stop = threading.Event()
    agent = threading.Thread(target=watch, args=(bundle, [camera], tally, AgentOptions(), stop))
    agent.start()
    try:
        yield agent
    finally:
        stop.set()
        agent.join(30)
    assert not agent.is_alive()


def count_by_hand(bundle: Bundle, source: str) -> tuple[int, int, int]:
    """Frames of a source, the samples that a glance every two seconds makes of them, and how many are still."""
    maker = SampleMaker("hand", SamplingPolicy(), bundle.manifest.geometry, bundle.manifest.preprocessing)
    opened, frames, samples, still = open_source(source, FAST, time.monotonic), 0, 0, 0
    while frame := opened.read(threading.Event()):
        frames += 1
        made = maker.make(frame, 0.0)
        samples += len(made)
        still += sum(sample.still for sample in made)
    return frames, samples, still


def test_counts_are_those_of_the_sources_when_every_frame_was_watched(tiny: Bundle) -> None:
    sources = {"yard": f"scene:yard?seed=3&{LOOK}", "hall": f"scene:corridor?seed=4&{LOOK}"}
    tally, port = Tally([*sources, "gone"]), free_port()
    cameras = [CameraSpec(name, source, FAST, CALM) for name, source in sources.items()]
    cameras.append(CameraSpec("gone", "/nowhere.mp4"))
    with serving(port, tally):
        watch(tiny, cameras, tally)
        reading = scrape(port)
    encoded = 0
    for name, source in sources.items():
        frames, samples, still = count_by_hand(tiny, source)
        assert samples > 2
        assert reading.value("nexara_frames_read_total", camera=name) == frames
        assert reading.value("nexara_samples_made_total", camera=name) == samples
        assert reading.value("nexara_samples_judged_total", camera=name) == samples
        assert reading.value("nexara_samples_still_total", camera=name) == still
        assert reading.value("nexara_latency_seconds_count", camera=name) == samples
        assert reading.value("nexara_latency_seconds_bucket", camera=name, le="+Inf") == samples
        assert reading.value("nexara_samples_dropped_total", camera=name) == 0
        encoded += samples - still
        for stage in ("open", "decode", "shrink", "sample", "decide"):
            assert reading.value("nexara_stage_cpu_seconds_total", camera=name, stage=stage) > 0, stage
        assert reading.value("nexara_stage_seconds_total", camera=name, stage="wait") > 0
    assert reading.value("nexara_encoder_batch_samples_sum") == encoded
    for stage in ("encode", "head"):
        assert reading.value("nexara_stage_seconds_total", camera="", stage=stage) > 0
    assert reading.value("nexara_queue_samples") == 0
    assert reading.value("nexara_samples_judged_total", camera="gone") == 0
    assert reading.find("nexara_probability", camera="gone") is None
    assert reading.label("nexara_camera_connection", "connection", camera="gone") == "failed"


def test_states_are_those_of_the_cameras_when_one_fights(tiny: Bundle, tmp_path: Path) -> None:
    plot = make_plot(tiny, tmp_path)
    film = plot.film(tmp_path / "fight.mp4", ("calm", 3), ("fight", 60))
    tally, port = Tally(["yard"]), free_port()
    camera = CameraSpec("yard", str(film), SourceOptions(loop=True), CameraPolicies(plot.thresholds))
    with serving(port, tally), watching(tiny, camera, tally):
        wait_for(lambda: scrape(port).value("nexara_incidents_started_total", camera="yard") == 1, "no incident", 60)
        wait_for(lambda: scrape(port).value("nexara_camera_mode", camera="yard", mode="alert") == 1, "not alert", 60)
        reading = scrape(port)
        assert reading.value("nexara_camera_mode", camera="yard", mode="idle") == 0
        assert reading.value("nexara_camera_connection", camera="yard", connection="connected") == 1
        assert reading.value("nexara_probability", camera="yard") >= plot.thresholds.wake
        assert reading.value("nexara_stage_cpu_seconds_total", camera="yard", stage="snapshot") > 0


def test_names_follow_the_conventions_and_process_and_delivery_are_told() -> None:
    port = free_port()
    with serving(port, Tally(["yard"])):
        text, reading = scrape_text(port), scrape(port)
    assert "# TYPE nexara_latency_seconds histogram" in text
    assert "# TYPE nexara_frames_read_total counter" in text
    assert 'nexara_build_info{bundle="tiny",bundle_version="0.2.0",version="0.1.0"} 1.0' in text
    assert reading.value("nexara_broker_reconnects_total") == 2
    assert reading.value("nexara_messages_delivered_total") == 7
    assert reading.value("nexara_messages_dropped_total", cause="size") == 4
    assert reading.value("nexara_spool_bytes") == 96
    assert reading.value("nexara_commands_total", command="unknown", outcome="malformed") == 2
    assert reading.value("nexara_labels", alarm="false") == 1
    assert reading.value("process_resident_memory_bytes") > 10_000_000
    assert reading.value("process_start_time_seconds") > 0


def test_the_rest_is_told_when_the_spool_cannot_be_read() -> None:
    def broken() -> DeliveryFigures:
        raise SpoolError("the disk is gone")

    port = free_port()
    with serving(port, Tally(["yard"]), broken):
        reading = scrape(port)
    assert reading.find("nexara_spool_bytes") is None
    assert reading.find("nexara_frames_read_total", camera="yard") == 0


def test_nothing_is_kept_of_cameras_that_are_not_configured(tiny: Bundle) -> None:
    tally = Tally(["yard"])
    watch(tiny, [CameraSpec("stranger", f"scene:yard?seed=3&{LOOK}", FAST, CALM)], tally)
    figures = tally.figures()
    assert list(figures.cameras) == ["yard"]
    assert {camera for camera, _ in figures.stages} == {""}


def test_watching_goes_on_and_the_log_says_why_when_the_port_is_taken(
    tiny: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    tally = Tally(["yard"])
    with socket.create_server(("127.0.0.1", 0)) as taken, serving(taken.getsockname()[1], tally):
        watch(tiny, [CameraSpec("yard", f"scene:yard?seed=3&{LOOK}", FAST, CALM)], tally)
    assert tally.figures().cameras["yard"].judged > 2
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert [text for text in told if "Address already in use" in text and "watching goes on" in text] == told
    assert len(told) == 1


def test_watching_goes_on_and_the_log_says_what_to_install_when_the_package_is_missing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.delitem(sys.modules, "edge_agent.metrics.collector", raising=False)
    with serving(free_port(), Tally(["yard"])):
        pass
    assert "install nexaravision[metrics]" in caplog.text


def test_clients_that_say_nothing_are_few_and_disturb_nobody(tiny: Bundle) -> None:
    tally, port = Tally(["yard"]), free_port()
    camera = CameraSpec("yard", f"scene:yard?seed=3&{LOOK}", SourceOptions(loop=True), CALM)
    with serving(port, tally), watching(tiny, camera, tally):
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(4)]
        with socket.create_connection(("127.0.0.1", port)) as excess:
            excess.settimeout(10)
            assert excess.recv(1) == b""
        before = tally.figures().cameras["yard"].judged
        wait_for(lambda: tally.figures().cameras["yard"].judged > before, "nothing judged", 60)
        for one in silent:
            one.close()
        wait_for(lambda: answers(port), "no answer any more", 60)


def answers(port: int) -> bool:
    try:
        return "nexara_build_info" in scrape_text(port)
    except OSError:
        return False


@pytest.mark.parametrize("path", ["/", "/metric"])
def test_other_paths_are_not_found(path: str) -> None:
    port = free_port()
    with serving(port, Tally([])), socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        assert client.makefile("rb").readline().split()[1] == b"404"


@pytest.mark.parametrize(("readings", "total"), [((3, 5, 7), 7), ((3, 0, 2), 5), ((3, 3, 1), 4)])
def test_broken_packets_add_up_when_a_reader_is_replaced(readings: tuple[int, ...], total: int) -> None:
    tally = Tally(["yard"])
    for skipped in readings:
        at = datetime.now(timezone.utc)
        tally.observe(Observation("yard", at, "connected", "idle", 0.5, 1.0, 0, None, None, skipped=skipped))
    assert tally.figures().cameras["yard"].broken == total


def test_every_metric_is_in_the_installers_table_and_no_other() -> None:
    document = (Path(__file__).parents[3] / "docs" / "installing.md").read_text()
    table = document.partition("<!-- metrics -->")[2].partition("\n\n")[0]
    documented = set(re.findall(r"`(nexara_\w+)`", table))
    port = free_port()
    with serving(port, Tally(["yard"])):
        kinds = dict(re.findall(r"^# TYPE (nexara_\w+) (\w+)", scrape_text(port), re.MULTILINE))
    # Not every machine has a sensor.
    assert documented - set(kinds) <= {"nexara_temperature_celsius"}
    assert set(kinds) <= documented
