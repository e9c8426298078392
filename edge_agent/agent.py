"""The agent: every camera's frames in, every camera's incidents out, until it is told to stop."""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial

import cv2
import numpy as np

from edge_agent.agent_options import AgentOptions
from edge_agent.announcer import Announcer
from edge_agent.camera import Camera
from edge_agent.camera_policies import CameraPolicies
from edge_agent.camera_spec import CameraSpec, check_cameras
from edge_agent.camera_turn import CameraTurn
from edge_agent.cover_book import CoverBook
from edge_agent.desk import NOBODY, Desk
from edge_agent.events import CameraState, Outbox
from edge_agent.governor import Governor, GovernorPolicy, slow_down
from edge_agent.health import HealthMeter
from edge_agent.inference import Judgement, judge_until
from edge_agent.judging import open_judge
from edge_agent.observation import Observation
from edge_agent.pending import PendingSamples
from edge_agent.policy_book import PolicyBook
from edge_agent.sample import SampleMaker
from edge_agent.sampling import SamplingPolicy
from edge_agent.seat import Seat
from edge_agent.sitting import Alone, Sitting
from edge_agent.sources import open_source
from edge_agent.splitter import Splitter
from edge_agent.timed_source import open_timed
from edge_agent.tracer import UNTRACED, Tracer
from edge_agent.turns import Turns
from edge_agent.view import View
from edge_agent.watch import Watch
from models.bundle import Bundle
from models.manifest import Manifest
from runtimes.environment import count_cores

_log = logging.getLogger(__name__)
_TICK_S = 0.1
# Each round looks at every camera. Were there one for each judgement, the work would grow with the square of their
# number, and those that compute wait for the interpreter's lock.
_ROUND_S = 0.2
_STOP_WITHIN_S = 2.0
# Four alert samples are 0.4 s: what waits longer is news of the past, and an alert within a second has no use for it.
_DEPTH = 4
_OLDEST_S = 0.6
_MOST_BATCHES = 64


def run_agent(
    cameras: Sequence[CameraSpec],
    bundle: Bundle,
    outbox: Outbox,
    *,
    stop: threading.Event,
    options: AgentOptions = AgentOptions(),
    policies: PolicyBook | None = None,
    desk: Desk = NOBODY,
    clock: Callable[[], float] = time.monotonic,
    wall: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    make_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    observe: Callable[[Observation], None] | None = None,
    on_runtime: Callable[[str], None] | None = None,
    tracer: Tracer = UNTRACED,
) -> None:
    """Watch ``cameras`` with ``bundle`` and tell ``outbox``, until ``stop`` is set; returns within about 3 s of that.

    A camera that is not there, breaks or hangs is reported and tried again, and disturbs no other. ``policies`` are
    read anew before each decision, so that whoever holds the book may change them; without it those of ``cameras``
    stay in force. ``desk`` is what else may be changed or asked for. ``observe`` is called on this thread, and no more
    once it raised; ``on_runtime`` is told which engine judges, at the start and, on another thread, whenever that
    changes; ``tracer`` hears of each piece of work on its thread. OpenCV then uses its caller's thread alone.

    Raises ``PolicyError`` for cameras that cannot be told apart, ``SourceUriError`` for an address that cannot be
    understood and ``NoRuntimeError`` when nothing here can run the bundle.
    """
    check_cameras(cameras)
    # Every camera's pictures are shrunk on a thread of its own. With OpenCV's pool, one thread a core, they would queue
    # for that pool, and its threads would take the cores on which the engine judges.
    cv2.setNumThreads(1)
    manifest = bundle.manifest
    book = policies or open_book(cameras, manifest)
    agent = _Agent(
        cameras, manifest, outbox, options, book, desk, tracer, clock=clock, wall=wall, make_id=make_id, observe=observe
    )
    agent.run(partial(open_judge, bundle, options, clock, on_runtime, tracer), stop)


def open_book(cameras: Sequence[CameraSpec], manifest: Manifest) -> PolicyBook:
    """The policies that ``cameras`` come with."""
    default = CameraPolicies(manifest.calibration.thresholds)
    return PolicyBook({view.id: view.policies or default for spec in cameras for view in spec.views})


def open_covers(cameras: Sequence[CameraSpec]) -> CoverBook:
    """The covers that ``cameras`` come with."""
    return CoverBook({view.id: view.cover for spec in cameras for view in spec.views})


_Opener = Callable[[Alone], Sitting]
"""Opens the engine; what it is given is entered while no camera may use a GPU."""


@dataclass(slots=True)
class _Post:
    """Everything the agent keeps for one view of a camera's source."""

    camera: Camera
    watch: Watch
    announcer: Announcer
    observed_s: float = -math.inf
    observed_incident: str | None = None


class _Agent:
    """The loop that joins all: it alone decides and tells; cameras and engine have threads of their own."""

    def __init__(
        self,
        cameras: Sequence[CameraSpec],
        manifest: Manifest,
        outbox: Outbox,
        options: AgentOptions,
        policies: PolicyBook,
        desk: Desk,
        tracer: Tracer,
        *,
        clock: Callable[[], float],
        wall: Callable[[], datetime],
        make_id: Callable[[], str],
        observe: Callable[[Observation], None] | None,
    ) -> None:
        self._manifest = manifest
        self._outbox = outbox
        self._options = options
        self._policies = policies
        self._desk = desk
        self._seat = desk.seat or Seat()
        self._covers = desk.covers or open_covers(cameras)
        self._clock = clock
        self._wall = wall
        self._make_id = make_id
        self._observe = observe
        self._tracer = tracer
        # A recording is played as fast as it is judged: what it shows does not grow old.
        oldest_s = _OLDEST_S if all(spec.options.realtime for spec in cameras) else math.inf
        self._pending = PendingSamples(_DEPTH, tracer, oldest_s, clock)
        self._judged: queue.Queue[list[Judgement]] = queue.Queue(_MOST_BATCHES)
        self._halted = threading.Event()
        self._meter = HealthMeter(clock())
        self._opened_s = clock()
        self._governor = Governor(GovernorPolicy(), self._opened_s)
        self._reported_s = clock()
        self._turns = Turns(count_cores(), clock)
        seeds = np.random.default_rng().spawn(len(cameras))
        self._cameras = [self._camera(spec, random) for spec, random in zip(cameras, seeds, strict=True)]
        self._posts = self._open_posts(cameras)

    def run(self, open_: _Opener, stop: threading.Event) -> None:
        """Watch until ``stop`` is set, or all sources have ended where that was asked for; raises what ``open_``
        raises."""
        try:
            # Cameras take as long to answer as an engine to open.
            for camera in self._cameras:
                camera.start()
            self._seat.take(open_(self._turns.alone))
        except BaseException:
            self._close()
            raise
        judging = self._start_judging()
        try:
            self._watch(stop)
        finally:
            self._close(judging)
        # A thread that hangs in its engine still uses it.
        if not judging.is_alive():
            self._seat.close()

    def _watch(self, stop: threading.Event) -> None:
        round_s = -math.inf
        while not stop.is_set():
            decided = self._decide(_TICK_S)
            now_s = self._clock()
            if now_s - round_s < _ROUND_S:
                at = self._wall()
                for id_ in decided:
                    self._announce(id_, self._posts[id_], now_s, at)
                continue
            round_s = now_s
            # Before the round, which tells of it.
            ended = self._options.stop_when_ended and self._ended()
            self._tend(now_s)
            if ended:
                return

    def _start_judging(self) -> threading.Thread:
        # What waited and was lost while the engine opened is no sign of too many cameras.
        self._pending.renew()
        self._opened_s = self._clock()
        self._governor = Governor(GovernorPolicy(), self._opened_s, self._missed)
        judging = threading.Thread(
            target=judge_until,
            args=(self._halted, self._pending, self._seat, self._deliver, self._clock),
            name="judge",
            daemon=True,
        )
        judging.start()
        return judging

    def _open_posts(self, cameras: Sequence[CameraSpec]) -> dict[str, _Post]:
        return {
            view.id: self._post(view, camera)
            for spec, camera in zip(cameras, self._cameras, strict=True)
            for view in spec.views
        }

    def _camera(self, spec: CameraSpec, random: np.random.Generator) -> Camera:
        options = replace(spec.options, turns=CameraTurn(self._turns))
        return Camera(
            spec.id,
            spec.source,
            lambda needed: open_timed(
                partial(open_source, spec.source, options, self._clock, needed, spec.sink), spec.id, self._tracer
            ),
            lambda: Splitter({view.id: (view.region, self._maker(view)) for view in spec.views}),
            self._pending.put,
            options=options,
            retry=self._options.retry,
            clock=self._clock,
            random=random,
        )

    def _maker(self, view: View) -> SampleMaker:
        manifest, sampling = self._manifest, self._policies.of(view.id).sampling
        return SampleMaker(
            view.id,
            sampling,
            manifest.geometry,
            manifest.preprocessing,
            self._options.largest_gap_s,
            self._tracer,
            self._covers.of(view.id),
        )

    def _post(self, view: View, camera: Camera) -> _Post:
        watch = Watch(
            view.id,
            partial(self._policies.of, view.id),
            self._outbox,
            clock=self._clock,
            wall=self._wall,
            make_id=self._make_id,
            keep_image=self._options.thumbnail_side is not None,
            tracer=self._tracer,
            mutes=self._desk.mutes,
        )
        return _Post(camera, watch, Announcer(self._options.state_interval_s))

    def _deliver(self, judgements: list[Judgement]) -> None:
        while not self._halted.is_set():
            try:
                self._judged.put(judgements, timeout=_TICK_S)
            except queue.Full:
                continue
            return

    def _decide(self, timeout_s: float) -> set[str]:
        """Decide on what was judged, waiting for it at most ``timeout_s``; the views that it was of."""
        try:
            judgements = self._judged.get(timeout=timeout_s)
        except queue.Empty:
            return set()
        for judgement in judgements:
            view = judgement.sample.camera
            post = self._posts[view]
            self._meter.judged(judgement.latency_s)
            self._governor.judged(min(judgement.waited_s, judgement.judged_s - self._opened_s))
            self._tracer.judged(judgement)
            if self._desk.pictures is not None:
                self._desk.pictures.offer(view, judgement.sample.image)
            with self._tracer.timed("decide", view):
                post.camera.set_mode(view, post.watch.judge(judgement))
                post.camera.set_sampling(view, self._sampling(post.watch, view, self._governor.share))
            post.camera.settle()
        return {judgement.sample.camera for judgement in judgements}

    def _tend(self, now_s: float) -> None:
        at = self._wall()
        share = self._govern(now_s)
        for camera in self._cameras:
            camera.tend(now_s)
        for id_, post in self._posts.items():
            post.camera.set_sampling(id_, self._sampling(post.watch, id_, share))
            post.camera.set_cover(id_, self._covers.of(id_))
            post.camera.set_mode(id_, post.watch.tend(now_s))
            self._announce(id_, post, now_s, at)
        if now_s - self._reported_s >= self._options.health_interval_s:
            self._reported_s = now_s
            waiting, dropped = len(self._pending), self._pending.dropped
            self._outbox.health(self._meter.report(now_s, at, queue=waiting, dropped=dropped, share=share))

    def _sampling(self, watch: Watch, id_: str, share: float) -> SamplingPolicy:
        policies = self._policies.of(id_)
        most_hz = policies.sampling.most_hz(self._manifest.geometry, hurries=watch.hurries)
        sampling = slow_down(policies, share, most_hz)
        # Two bundles can be compared on what is encoded alone.
        return replace(sampling, full_glance_s=0.0) if self._seat.compares else sampling

    @property
    def _missed(self) -> int:
        """Samples and pictures so far that were given up."""
        return self._pending.dropped + self._turns.missed

    def _govern(self, now_s: float) -> float:
        before = self._governor.share
        share = self._governor.tend(now_s, self._missed)
        if (share < 1) != (before < 1):
            _log.warning(
                "more cameras are awake than can be judged: all are sampled less often, as health tells"
                if share < 1
                else "all cameras are sampled at their own rates again"
            )
        return share

    def _announce(self, id_: str, post: _Post, now_s: float, at: datetime) -> None:
        link, watch = post.camera.link, post.watch
        picture, muted_until = post.camera.picture(id_), watch.muted_until
        state = CameraState(
            id_,
            link.connection,
            watch.mode,
            watch.score,
            at,
            link.reason,
            picture,
            watch.armed,
            muted_until,
            watch.incident,
        )
        told = post.announcer.due(state, now_s)
        if told:
            self._outbox.camera_state(state)
        changed = told or watch.incident != post.observed_incident
        if self._observe is None or (not changed and now_s - post.observed_s < self._options.observe_interval_s):
            return
        post.observed_s, post.observed_incident = now_s, watch.incident
        try:
            self._observe(self._look(post, state, now_s))
        except Exception:  # noqa: BLE001 - whoever looks on is not ours, and must not end what watches
            _log.exception("the observer failed; it is told no more")
            self._observe = None

    def _look(self, post: _Post, state: CameraState, now_s: float) -> Observation:
        side, watch = self._options.thumbnail_side, post.watch
        return Observation(
            camera=state.camera,
            at=state.at,
            connection=state.connection,
            mode=state.mode,
            score=state.score,
            samples_per_s=watch.rate(now_s),
            incidents=watch.incidents,
            incident=watch.incident,
            reason=state.reason,
            skipped=post.camera.skipped,
            thumbnail=watch.image.colour(side) if side and watch.image is not None else None,
        )

    def _ended(self) -> bool:
        """Whether no source will give more and all they gave has been decided upon."""
        ended = all(camera.spent for camera in self._cameras)
        return ended and self._pending.idle and self._judged.empty()

    def _close(self, judging: threading.Thread | None = None) -> None:
        self._halted.set()
        for camera in self._cameras:
            camera.halt()
        deadline_s = time.monotonic() + _STOP_WITHIN_S
        if judging is not None:
            judging.join(_STOP_WITHIN_S)
        for camera in self._cameras:
            camera.join(max(0.0, deadline_s - time.monotonic()))
        for id_, post in self._posts.items():
            busy = post.watch.incident is not None
            post.watch.close()
            if busy:
                # The state is retained: it must not speak of this incident until the next start.
                self._announce(id_, post, self._clock(), self._wall())
