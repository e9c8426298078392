from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from edge_agent.agent import _Agent, open_book, run_agent
from edge_agent.agent_options import AgentOptions
from edge_agent.backoff import BackoffPolicy
from edge_agent.camera_policies import CameraPolicies
from edge_agent.camera_spec import CameraSpec
from edge_agent.desk import NOBODY
from edge_agent.events import CameraState, Health, IncidentEvent, Snapshot
from edge_agent.judging import open_judge
from edge_agent.observation import Observation
from edge_agent.policy import PolicyError
from edge_agent.policy_book import PolicyBook
from edge_agent.sampling import SamplingPolicy
from edge_agent.sources import SourceOptions
from edge_agent.sources.source import SourceUriError
from edge_agent.tracer import UNTRACED
from models.bundle import Bundle
from models.manifest import Requirement, Thresholds
from runtimes.errors import NoRuntimeError
from tests.edge_agent.hanging import hanging_file
from tests.edge_agent.plot import Plot, make_plot
from tests.edge_agent.rtsp import needs_rtsp_server, rtsp_server
from tests.edge_agent.sources.test_live import mute_server
from tests.ports import free_port

FAST = SourceOptions(realtime=False)
TO_THE_END = AgentOptions(stop_when_ended=True, retry=BackoffPolicy(first_s=0.1, most_s=0.2))


@dataclass
class RecordingOutbox:
    """Keeps what the agent said, in order."""

    incidents: list[IncidentEvent] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    states: list[CameraState] = field(default_factory=list)
    healths: list[Health] = field(default_factory=list)

    def incident(self, event: IncidentEvent) -> None:
        self.incidents.append(event)

    def snapshot(self, snapshot: Snapshot) -> None:
        self.snapshots.append(snapshot)

    def camera_state(self, state: CameraState) -> None:
        self.states.append(state)

    def health(self, health: Health) -> None:
        self.healths.append(health)

    def phases(self, camera: str) -> list[str]:
        return [event.phase for event in self.incidents if event.camera == camera]


class Running:
    """An agent at work on a thread of its own."""

    def __init__(
        self, bundle: Bundle, cameras: list[CameraSpec], options: AgentOptions, policies: PolicyBook | None
    ) -> None:
        self.outbox = RecordingOutbox()
        self.seen: dict[str, Observation] = {}
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(bundle, cameras, options, policies))

    def until(self, condition: Callable[[], object], seconds: float = 40.0) -> None:
        """Return when the condition holds; ``seconds`` only bound a broken test."""
        end_s = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end_s, f"waited in vain; states: {self.outbox.states}"
            assert self.thread.is_alive(), "the agent ended by itself"
            time.sleep(0.02)

    def _run(
        self, bundle: Bundle, cameras: list[CameraSpec], options: AgentOptions, policies: PolicyBook | None
    ) -> None:
        def observe(observation: Observation) -> None:
            self.seen[observation.camera] = observation

        run_agent(cameras, bundle, self.outbox, stop=self.stop, options=options, policies=policies, observe=observe)


@contextmanager
def running(
    bundle: Bundle, cameras: list[CameraSpec], options: AgentOptions, policies: PolicyBook | None = None
) -> Iterator[Running]:
    agent = Running(bundle, cameras, options, policies)
    agent.thread.start()
    try:
        yield agent
    finally:
        agent.stop.set()
        agent.thread.join(30)
    assert not agent.thread.is_alive()


def test_pictures_missed_while_the_engine_opened_slow_nobody_down(tiny: Bundle, tmp_path: Path) -> None:
    spec = CameraSpec("yard", f"file:{tmp_path / 'none.mp4'}", SourceOptions())
    book = open_book([spec], tiny.manifest)
    now = [0.0]
    agent = _Agent(
        [spec], tiny.manifest, RecordingOutbox(), AgentOptions(), book, NOBODY, UNTRACED,
        clock=lambda: now[0], wall=lambda: datetime.now(timezone.utc), make_id=str, observe=None,
    )  # fmt: skip
    agent._turns._missed = 3
    agent._halted.set()
    agent._start_judging().join()
    assert agent._govern(2.0) == 1.0


@pytest.fixture(scope="session")
def plot(tiny: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Plot:
    return make_plot(tiny, tmp_path_factory.mktemp("plot"))


def watch(tiny: Bundle, *cameras: CameraSpec, options: AgentOptions = TO_THE_END) -> RecordingOutbox:
    outbox = RecordingOutbox()
    run_agent(list(cameras), tiny, outbox, stop=threading.Event(), options=options)
    return outbox


def test_opencv_works_on_its_callers_thread_once_an_agent_runs(tiny: Bundle, plot: Plot, tmp_path: Path) -> None:
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        watch(tiny, CameraSpec("yard", f"file:{plot.film(tmp_path / 'a.mp4', ('calm', 1))}", FAST))
        assert cv2.getNumThreads() == 1
    finally:
        cv2.setNumThreads(before)


def test_agent_tells_one_incident_when_one_fight_is_filmed(tiny: Bundle, plot: Plot, tmp_path: Path) -> None:
    film = plot.film(tmp_path / "a.mp4", ("calm", 5), ("fight", 6), ("calm", 12))
    outbox = watch(tiny, CameraSpec("yard", str(film), FAST, CameraPolicies(plot.thresholds)))
    phases = outbox.phases("yard")
    assert phases == ["started", *["updated"] * (len(phases) - 2), "ended"]
    started, ended = outbox.incidents[0], outbox.incidents[-1]
    # The glance comes within two seconds of the fight, and the alert within one of the glance.
    assert 5 <= started.source_time_s <= 8.2
    assert [event.sequence for event in outbox.incidents] == list(range(len(phases)))
    assert len({(event.incident, event.started_at) for event in outbox.incidents}) == 1
    assert ended.ended_at is not None
    assert (ended.ended_at - ended.started_at).total_seconds() == pytest.approx(11 - started.source_time_s, abs=2)
    assert plot.thresholds.alert <= started.probability <= ended.peak <= 1


def test_agent_sends_picture_of_the_fight_when_incident_starts(tiny: Bundle, plot: Plot, tmp_path: Path) -> None:
    film = plot.film(tmp_path / "a.mp4", ("calm", 5), ("fight", 4), ("calm", 8))
    outbox = watch(tiny, CameraSpec("yard", str(film), FAST, CameraPolicies(plot.thresholds)))
    named = [event.snapshot for event in outbox.incidents if event.snapshot]
    assert outbox.incidents[0].snapshot == named[0]
    assert [snapshot.reference for snapshot in outbox.snapshots] == named
    picture = cv2.imdecode(np.frombuffer(outbox.snapshots[0].jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert min(np.abs(picture.astype(int) - one).mean() for one in plot.fight) < 20


def test_agent_stays_silent_when_all_is_calm(tiny: Bundle, plot: Plot, tmp_path: Path) -> None:
    film = plot.film(tmp_path / "a.mp4", ("calm", 10))
    outbox = watch(tiny, CameraSpec("yard", str(film), FAST, CameraPolicies(plot.thresholds)))
    assert outbox.incidents == []
    assert {state.mode for state in outbox.states} == {"idle"}


def test_agent_tells_cameras_apart_when_one_fights_and_others_are_broken(
    tiny: Bundle, plot: Plot, tmp_path: Path
) -> None:
    film = plot.film(tmp_path / "fight.mp4", ("calm", 3), ("fight", 60))
    calm = plot.film(tmp_path / "calm.mp4", ("calm", 60))
    (tmp_path / "broken.mp4").write_bytes(b"broken")
    with mute_server() as port:
        cameras = [
            CameraSpec("absent", str(tmp_path / "none.mp4")),
            CameraSpec("broken", str(tmp_path / "broken.mp4")),
            CameraSpec("mute", f"rtsp://admin:s3cret@127.0.0.1:{port}/a", SourceOptions(open_timeout_s=1.0)),
            CameraSpec("device", "v4l2:/dev/video99"),
            CameraSpec("calm", str(calm), SourceOptions(loop=True), CameraPolicies(plot.thresholds)),
            CameraSpec("fight", str(film), SourceOptions(loop=True), CameraPolicies(plot.thresholds)),
        ]
        with running(tiny, cameras, AgentOptions(health_interval_s=0.5, observe_interval_s=0.1)) as agent:
            agent.until(lambda: "started" in agent.outbox.phases("fight"))
            agent.until(lambda: agent.outbox.healths and agent.seen["mute"].connection == "failed")
            agent.until(lambda: agent.seen["fight"].incident is not None)
            assert agent.seen["fight"].mode == "alert"
            assert agent.seen["calm"].mode == "idle"
    connections = {camera: observation.connection for camera, observation in agent.seen.items()}
    assert connections == {
        "absent": "failed", "broken": "failed", "mute": "failed", "device": "failed",
        "calm": "connected", "fight": "connected",
    }  # fmt: skip
    assert {event.camera for event in agent.outbox.incidents} == {"fight"}
    assert agent.outbox.phases("fight")[-1] == "ended"
    told = [state.incident for state in agent.outbox.states if state.camera == "fight"]
    assert [id_ for id_ in dict.fromkeys(told) if id_] == list(
        dict.fromkeys(e.incident for e in agent.outbox.incidents)
    )
    # What is retained when the agent has ended must not tell of an incident.
    assert told[-1] is None
    reasons = " ".join(state.reason or "" for state in agent.outbox.states)
    assert "no answer within 1 s" in reasons
    assert "s3cret" not in reasons


def test_agent_stops_when_a_source_hangs_in_native_code(tiny: Bundle, plot: Plot, tmp_path: Path) -> None:
    film = plot.film(tmp_path / "fight.mp4", ("fight", 60))
    (tmp_path / "hung").mkdir()
    with hanging_file(tmp_path / "hung" / "clip.mp4"):
        cameras = [
            CameraSpec("hung", f"folder:{tmp_path}/hung"),
            CameraSpec("fight", str(film), SourceOptions(loop=True), CameraPolicies(plot.thresholds)),
        ]
        with running(tiny, cameras, AgentOptions()) as agent:
            agent.until(lambda: "started" in agent.outbox.phases("fight"))
        # Whoever waited for the thread that hangs would wait here for ever.
        assert agent.outbox.phases("fight")[-1] == "ended"
        assert agent.seen["hung"].connection == "connecting"


def test_agent_reports_rate_and_latency_when_it_watches(tiny: Bundle, plot: Plot, tmp_path: Path) -> None:
    film = plot.film(tmp_path / "a.mp4", ("fight", 20))
    camera = CameraSpec("yard", str(film), SourceOptions(loop=True), CameraPolicies(plot.thresholds))
    with running(tiny, [camera], AgentOptions(health_interval_s=2.0, thumbnail_side=64)) as agent:
        agent.until(lambda: len(agent.outbox.healths) >= 2)
        agent.until(lambda: agent.seen["yard"].thumbnail is not None)
    health = agent.outbox.healths[1]
    assert 5 <= health.samples_per_s <= 12
    assert health.latency_p50_ms is not None
    assert health.latency_p99_ms is not None
    assert 0 < health.latency_p50_ms <= health.latency_p99_ms
    assert health.memory_bytes > 10_000_000
    thumbnail = agent.seen["yard"].thumbnail
    assert thumbnail is not None
    assert thumbnail.shape == (48, 64, 3)


def test_what_waited_for_the_engine_is_judged_and_no_sign_of_too_many_cameras(
    tiny: Bundle, plot: Plot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_slowly(*given: Any) -> Any:
        # Longer than a sample may wait, and than it takes to make one.
        time.sleep(1.5)
        return open_judge(*given)

    monkeypatch.setattr("edge_agent.agent.open_judge", open_slowly)
    film = plot.film(tmp_path / "a.mp4", ("calm", 20))
    cameras = [CameraSpec("yard", str(film), SourceOptions(loop=True))]
    with running(tiny, cameras, AgentOptions(health_interval_s=0.05)) as agent:
        agent.until(lambda: any(state.score is not None for state in agent.outbox.states))
        agent.until(lambda: agent.outbox.healths)
    assert {(health.dropped, health.rate_share) for health in agent.outbox.healths} == {(0, 1.0)}


def test_agent_watches_scenes_when_they_loop(tiny: Bundle, plot: Plot) -> None:
    address = "scene:yard?seed=3&fight=none&duration=2&fps=10&size=160x96&people=1&loop=1"
    with running(
        tiny, [CameraSpec("scene", address, policies=CameraPolicies(plot.thresholds))], AgentOptions()
    ) as agent:
        agent.until(lambda: agent.seen.get("scene") and agent.seen["scene"].score is not None)
    assert agent.seen["scene"].connection == "connected"


def test_agent_ends_with_the_last_film_when_another_source_keeps_failing(
    tiny: Bundle, plot: Plot, tmp_path: Path
) -> None:
    film = plot.film(tmp_path / "a.mp4", ("calm", 2))
    cameras = [CameraSpec("absent", str(tmp_path / "none.mp4")), CameraSpec("yard", str(film), FAST)]
    outbox = watch(tiny, *cameras)
    last = {state.camera: state for state in outbox.states}
    assert (last["absent"].connection, last["yard"].connection) == ("failed", "stalled")
    assert last["yard"].score is not None


def test_agent_goes_on_and_calls_no_more_when_the_observer_fails(
    tiny: Bundle, plot: Plot, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    film = plot.film(tmp_path / "a.mp4", ("fight", 3), ("calm", 8))
    calls: list[str] = []

    def observe(observation: Observation) -> None:
        calls.append(observation.camera)
        raise RuntimeError("the window was closed")

    outbox = RecordingOutbox()
    cameras = [CameraSpec("yard", str(film), FAST, CameraPolicies(plot.thresholds))]
    run_agent(cameras, tiny, outbox, stop=threading.Event(), options=TO_THE_END, observe=observe)
    assert outbox.phases("yard")[-1] == "ended"
    assert calls == ["yard"]
    assert caplog.text.count("the observer failed") == 1


def test_agent_samples_and_judges_by_the_new_policies_when_they_are_applied(
    tiny: Bundle, plot: Plot, tmp_path: Path
) -> None:
    film = plot.film(tmp_path / "a.mp4", ("fight", 20))
    camera = CameraSpec("yard", str(film), SourceOptions(loop=True), CameraPolicies(plot.thresholds))
    deaf = CameraPolicies(Thresholds(wake=1.0, alert=1.0, clear=1.0), sampling=SamplingPolicy(idle_interval_s=60.0))
    book = open_book([camera], tiny.manifest)
    book.apply({"yard": deaf})
    with running(tiny, [camera], AgentOptions(), book) as agent:
        agent.until(lambda: agent.seen.get("yard") and agent.seen["yard"].score is not None)
        assert agent.outbox.incidents == []
        # With the sampling that it began with, the next glance would come in a minute.
        book.apply({"yard": CameraPolicies(plot.thresholds)})
        agent.until(lambda: "started" in agent.outbox.phases("yard"))
    assert {event.thresholds for event in agent.outbox.incidents} == {plot.thresholds}


def test_a_camera_is_sampled_at_its_own_rate_only_while_a_verdict_is_waited_for(
    tiny: Bundle, plot: Plot, tmp_path: Path
) -> None:
    film = plot.film(tmp_path / "a.mp4", ("fight", 6))
    sampling = SamplingPolicy(alert_rate_hz=2 * tiny.manifest.geometry.rate_hz)
    camera = CameraSpec("yard", str(film), SourceOptions(loop=True), CameraPolicies(plot.thresholds, sampling=sampling))
    rising = Thresholds(wake=plot.thresholds.wake, alert=1.0, clear=plot.thresholds.clear)
    doubtful = Thresholds(wake=0.01, alert=1.0, clear=1.0)
    book = open_book([camera], tiny.manifest)
    book.apply({"yard": CameraPolicies(doubtful, sampling=sampling)})
    with running(tiny, [camera], AgentOptions(), book) as agent:

        def sampled(low_hz: float, high_hz: float) -> Callable[[], bool]:
            return lambda: "yard" in agent.seen and low_hz < agent.seen["yard"].samples_per_s < high_hz

        agent.until(sampled(8, 11))
        book.apply({"yard": CameraPolicies(rising, sampling=sampling)})
        agent.until(sampled(16, 21))
        assert agent.outbox.incidents == []
        book.apply({"yard": CameraPolicies(plot.thresholds, sampling=sampling)})
        agent.until(lambda: agent.seen["yard"].incident is not None)
        agent.until(sampled(8, 11))
        assert agent.seen["yard"].incident is not None
        book.apply({"yard": CameraPolicies(doubtful, sampling=replace(sampling, steady_rate_hz=15.0))})
        agent.until(lambda: agent.seen["yard"].incident is None)
        agent.until(sampled(13, 17))


@needs_rtsp_server
def test_agent_says_it_when_rtsp_camera_goes_and_comes_back(tiny: Bundle, plot: Plot) -> None:
    port = free_port()
    options = AgentOptions(retry=BackoffPolicy(first_s=0.1, most_s=0.5))
    address = f"rtsp://127.0.0.1:{port}/camera"
    camera = CameraSpec(
        "gate", address, SourceOptions(open_timeout_s=5.0, read_timeout_s=2.0), CameraPolicies(plot.thresholds)
    )
    with running(tiny, [camera], options) as agent:
        for _ in range(2):
            with rtsp_server(port):
                agent.until(lambda: agent.outbox.states and agent.outbox.states[-1].connection == "connected")
            agent.until(lambda: agent.outbox.states[-1].connection in ("stalled", "failed"))
        with rtsp_server(port):
            agent.until(lambda: agent.outbox.states[-1].connection == "connected")
    connections = [state.connection for state in agent.outbox.states]
    assert connections.count("connected") >= 3
    assert all(state.reason for state in agent.outbox.states if state.connection in ("stalled", "failed"))


@pytest.mark.parametrize(
    ("cameras", "error", "message"),
    [
        ([], PolicyError, "no cameras"),
        ([CameraSpec("a", "x.mp4"), CameraSpec("a", "y.mp4")], PolicyError, "'a' is used more than once"),
        ([CameraSpec("a", "gopher://x")], SourceUriError, "unknown scheme 'gopher'"),
    ],
)
def test_agent_refuses_to_start_when_cameras_make_no_sense(
    tiny: Bundle, cameras: list[CameraSpec], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run_agent(cameras, tiny, RecordingOutbox(), stop=threading.Event())


def test_agent_refuses_to_start_when_no_engine_can_run_the_bundle(tiny: Bundle) -> None:
    artifacts = tuple(
        msgspec.structs.replace(artifact, requires=Requirement(engine="abacus")) for artifact in tiny.manifest.artifacts
    )
    bundle = replace(tiny, manifest=msgspec.structs.replace(tiny.manifest, artifacts=artifacts))
    with pytest.raises(NoRuntimeError, match="nothing in it can run here"):
        run_agent([CameraSpec("a", "x.mp4")], bundle, RecordingOutbox(), stop=threading.Event())
