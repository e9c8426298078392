"""``nexara-edge run``: watch the configured cameras until told to stop."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import TypeVar

from edge_agent.agent import open_book, open_covers, run_agent
from edge_agent.bundles.choosing import Choice, OnTrial, choose_bundle
from edge_agent.bundles.installing import plan_installer
from edge_agent.bundles.pursuit import Device
from edge_agent.bundles.update_room import UpdateRoom, open_update_room
from edge_agent.camera_spec import CameraSpec
from edge_agent.clips.recording import recording
from edge_agent.clips.redaction import Redaction, redact
from edge_agent.clips.shelf import Shelf
from edge_agent.commands.options import CommandLimits
from edge_agent.commands.serving import CommandRoom, Subject
from edge_agent.config import load_config
from edge_agent.config.overlaid_plan import lay_kept_over
from edge_agent.config.overlay import OverlayFile
from edge_agent.config.plan import Plan
from edge_agent.cover_book import CoverBook
from edge_agent.delivery.opening import open_outbox
from edge_agent.delivery.outbox import MqttOutbox
from edge_agent.delivery.payloads import BundleFile, BundleName
from edge_agent.desk import Desk
from edge_agent.logs import LogFormat, start_log
from edge_agent.metrics.about import About
from edge_agent.metrics.opening import serve_metrics
from edge_agent.metrics.tally import Tally
from edge_agent.notifier import Notifier
from edge_agent.observation import Observation
from edge_agent.policy_book import PolicyBook
from edge_agent.recent_lines import RecentLines, keeping
from edge_agent.reloading import Reloader, reload_on_hangup
from edge_agent.state_file import StateFile
from edge_agent.stopwatch import Stopwatch
from edge_agent.tracer import UNTRACED
from edge_agent.version import read_version
from edge_agent.vigil import Vigil
from runtimes.errors import NoRuntimeError

log = logging.getLogger(__name__)

_Told = TypeVar("_Told")


def run(path: Path, log_format: LogFormat | None = None) -> None:
    """Run the agent that ``path`` describes until SIGTERM, or until Ctrl-C, which raises ``KeyboardInterrupt`` once
    everything has ended cleanly. SIGHUP has ``path`` read again. ``log_format`` comes before the configuration's.

    Raises ``NexaraError`` for what makes a start impossible: the configuration, the bundle, no engine, the spool. A
    camera or broker that is not there does not.
    """
    if log_format is not None:
        start_log(log_format)
    plan = Plan(load_config(path), os.environ)
    log_format = log_format or plan.config.settings.log.format
    start_log(log_format)
    choice = choose_bundle(plan.shelf(), plan.open_usable, plan.trial(), time.monotonic)
    try:
        _run_with(plan, choice, log_format)
    except NoRuntimeError as error:
        # What this bundle is to blame for: that of before may have an engine here.
        if choice.trial is None:
            raise
        choice.trial.fail(error)
    if choice.trial is not None:
        choice.trial.require_success()


def _run_with(plan: Plan, choice: Choice, log_format: LogFormat) -> None:
    manifest = choice.bundle.manifest
    overlays = OverlayFile(StateFile(plan.state_directory() / "overlay.json"))
    plan = lay_kept_over(plan, overlays, manifest)
    cameras = plan.cameras(manifest)
    notifier, recent = Notifier(os.environ), RecentLines(log_format)
    policies, covers = open_book(cameras, manifest), open_covers(cameras)
    reloader = Reloader(plan, manifest, policies, notifier, overlays, covers)
    options = plan.commands()
    room = None if options is None else CommandRoom(options, plan.state_directory())
    with _stop_on_signals() as stop, reload_on_hangup(reloader.reload), keeping(recent):
        _watch(_Watched(plan, choice, cameras, policies, covers, reloader, recent, stop), notifier, room)


@dataclass(frozen=True, slots=True)
class _Watched:
    """Everything that an agent is run with, and ``stop``, which ends it."""

    plan: Plan
    choice: Choice
    cameras: Sequence[CameraSpec]
    policies: PolicyBook
    covers: CoverBook
    reloader: Reloader
    recent: RecentLines
    stop: threading.Event


def _watch(watched: _Watched, notifier: Notifier, room: CommandRoom | None) -> None:
    plan, cameras, policies = watched.plan, watched.cameras, watched.policies
    manifest, version, listen = watched.choice.bundle.manifest, read_version(), plan.metrics_address()
    # A wall is read as one source and judged cell by cell: both have figures.
    tally = Tally(dict.fromkeys((*(camera.id for camera in cameras), *policies.pages)))
    tracer = UNTRACED if listen is None else Stopwatch(tally, time.monotonic, time.thread_time)
    delivery = plan.delivery(version, manifest)
    updates = open_update_room(plan)
    subscriptions = [found for one in (room, updates) if one and (found := one.subscription(delivery.broker))]
    outbox = open_outbox(delivery, tracer=tracer, subscriptions=subscriptions)
    vigil = Vigil(notifier, lambda: outbox.healthy, time.monotonic)
    outbox.start()
    log.info("watching %d camera(s) with bundle %s %s", len(policies.pages), manifest.name, manifest.version)
    about, desk = About(version, manifest.name, manifest.version), Desk(watched.covers)
    try:
        with (
            serve_metrics(listen, tally, outbox.figures, about, None if room is None else room.figures),
            recording(plan.clips(manifest), filmed(cameras), outbox, redactions(cameras)) as recorded,
            _serving(room, watched, version, outbox, recorded.shelf),
            _updating(updates, watched, outbox),
        ):
            run_agent(
                [replace(camera, sink=recorded.sinks.get(camera.id)) for camera in cameras],
                watched.choice.bundle,
                recorded.outbox,
                stop=watched.stop,
                options=plan.options(),
                policies=policies,
                desk=desk if room is None else room.desk(desk),
                on_runtime=_both(outbox.use_runtime, tally.use_runtime),
                observe=_both(_both(vigil.observe, tally.observe), watching(watched.choice.trial, watched.stop)),
                tracer=tracer,
            )
    finally:
        notifier.stopping()
        outbox.close()


def _serving(
    room: CommandRoom | None, watched: _Watched, version: str, outbox: MqttOutbox, shelf: Shelf | None
) -> AbstractContextManager[None]:
    if room is None:
        return nullcontext()
    manifest = watched.choice.bundle.manifest
    subject = Subject(
        version=version,
        bundle=BundleName(name=manifest.name, version=manifest.version),
        policies=watched.policies,
        reloader=watched.reloader,
        recent=watched.recent,
        sources=filmed(watched.cameras),
        stop=watched.stop,
        filmed=shelf is not None,
        installer=plan_installer(watched.plan),
    )
    return room.serving(subject, outbox, shelf)


def _updating(room: UpdateRoom | None, watched: _Watched, outbox: MqttOutbox) -> AbstractContextManager[None]:
    if room is None:
        return nullcontext()
    choice, commands = watched.choice, watched.plan.config.settings.commands
    manifest = choice.bundle.manifest
    in_use = BundleFile(name=manifest.name, version=manifest.version, sha256=choice.digest)
    rest_s = CommandLimits().restart_after_s if commands is None else commands.restart_after_s
    return room.serving(Device(lambda: in_use, lambda: None, watched.stop.set, rest_s), outbox.post)


def filmed(cameras: Sequence[CameraSpec]) -> dict[str, tuple[str, ...]]:
    """The views of each source, whose clips are of all of it."""
    return {camera.id: tuple(view.id for view in camera.views) for camera in cameras}


def redactions(cameras: Sequence[CameraSpec]) -> dict[str, Redaction]:
    """What must be hidden in the clips of each source that has such: a copy of its stream would show it."""
    found = {camera.id: redact(camera.views) for camera in cameras}
    return {id_: redaction for id_, redaction in found.items() if redaction is not None}


def watching(trial: OnTrial | None, stop: threading.Event) -> Callable[[Observation], None]:
    """What a trial, where there is one, is told of each camera."""

    def observe(observation: Observation) -> None:
        if trial is not None:
            trial.observe(observation, stop)

    return observe


def _both(first: Callable[[_Told], None], second: Callable[[_Told], None]) -> Callable[[_Told], None]:
    def tell(what: _Told) -> None:
        first(what)
        second(what)

    return tell


@contextmanager
def _stop_on_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set; an interrupt is raised again at the end."""
    stop = threading.Event()
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        stop.set()

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if signal.SIGINT in received:
        raise KeyboardInterrupt
