"""``nexara-edge run``: watch the configured cameras until told to stop."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TypeVar, get_args

from edge_agent.agent import open_book, open_covers, run_agent
from edge_agent.bundles.bundle_in_use import BundleInUse
from edge_agent.bundles.choosing import Choice, Opener, choose_bundle
from edge_agent.bundles.switch import Effects, Switch
from edge_agent.bundles.update_room import UpdateRoom, open_update_room
from edge_agent.bundles.workshop import plan_workshop
from edge_agent.camera_spec import CameraSpec
from edge_agent.clips.recording import Recording, recording
from edge_agent.clips.redaction import Redaction, redact
from edge_agent.clips.shelf import Shelf
from edge_agent.commands.options import CommandLimits
from edge_agent.commands.serving import CommandRoom, Subject
from edge_agent.config import load_config
from edge_agent.config.overlaid_plan import lay_kept_over
from edge_agent.config.overlay import OverlayFile
from edge_agent.config.plan import Plan
from edge_agent.config_argument import add_config_argument
from edge_agent.cover_book import CoverBook
from edge_agent.delivery.opening import open_outbox
from edge_agent.delivery.outbox import MqttOutbox
from edge_agent.desk import Desk
from edge_agent.logs import LogFormat, start_log
from edge_agent.metrics.about import About
from edge_agent.metrics.opening import serve_metrics
from edge_agent.metrics.tally import Tally
from edge_agent.notifier import Notifier
from edge_agent.policy_book import PolicyBook
from edge_agent.recent_lines import RecentLines, keeping
from edge_agent.reloading import Reloader, reload_on_hangup
from edge_agent.seat import Seat
from edge_agent.state_file import StateFile
from edge_agent.stopwatch import Stopwatch
from edge_agent.tracer import UNTRACED, Tracer
from edge_agent.version import read_version
from edge_agent.vigil import Vigil
from models.bundle import Bundle
from runtimes.environment import probe_environment
from runtimes.errors import NoRuntimeError

log = logging.getLogger(__name__)

_What = TypeVar("_What")


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Declare what ``run`` takes."""
    parser.add_argument("--log-format", choices=get_args(LogFormat), help="how to log, whatever the configuration says")
    add_config_argument(parser)
    parser.set_defaults(command=_run)


def _run(arguments: argparse.Namespace) -> int:
    run(arguments.config, arguments.log_format)
    return 0


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
    with _probing():
        choice = choose_bundle(plan.shelf(), plan.open_usable, plan.trial(), time.monotonic)
    try:
        _run_with(plan, choice, log_format)
    except NoRuntimeError as error:
        # What this bundle is to blame for: that of before may have an engine here.
        if choice.trial is None:
            raise
        choice.trial.fail(error)
        choice.trial.require_success()


@contextmanager
def _probing() -> Iterator[None]:
    """Find out meanwhile which engines this machine has: loading them takes as long as checking a bundle."""
    probing = threading.Thread(target=probe_environment, name="probe", daemon=True)
    probing.start()
    try:
        yield
    finally:
        probing.join()


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
        in_use = BundleInUse(choice.bundle, choice.digest)
        _watch(_Watched(plan, choice, cameras, policies, covers, reloader, recent, stop, in_use), notifier, room)


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
    in_use: BundleInUse


@dataclass(frozen=True, slots=True)
class _Told:
    """Who is told of the work while it goes on, and by whom."""

    outbox: MqttOutbox
    tally: Tally
    tracer: Tracer

    def use_runtime(self, runtime: str) -> None:
        self.outbox.use_runtime(runtime)
        self.tally.use_runtime(runtime)


def _watch(watched: _Watched, notifier: Notifier, room: CommandRoom | None) -> None:
    plan, policies, cameras, in_use = watched.plan, watched.policies, watched.cameras, watched.in_use
    manifest, listen = in_use.bundle.manifest, plan.metrics_address()
    # A wall is read as one source and judged cell by cell: both have figures.
    tally = Tally(dict.fromkeys((*(camera.id for camera in cameras), *policies.pages)))
    tracer = UNTRACED if listen is None else Stopwatch(tally, time.monotonic, time.thread_time)
    delivery = plan.delivery(read_version(), manifest)
    seat = Seat()
    updates = open_update_room(plan, seat.still)
    subscriptions = [found for one in (room, updates) if one and (found := one.subscription(delivery.broker))]
    outbox = open_outbox(delivery, tracer=tracer, subscriptions=subscriptions)
    vigil = Vigil(notifier, lambda: outbox.healthy, time.monotonic)
    outbox.start()
    log.info("watching %d camera(s) with bundle %s %s", len(policies.pages), manifest.name, manifest.version)
    told, desk = _Told(outbox, tally, tracer), Desk(watched.covers, seat=seat)
    try:
        with (
            serve_metrics(listen, tally, outbox.figures, partial(_tell_about, in_use), room.figures if room else None),
            recording(plan.clips(manifest), filmed(cameras), outbox, redactions(cameras)) as recorded,
            _updating(updates, watched, told, recorded, seat) as switch,
            _serving(room, watched, outbox, recorded.shelf, updates),
        ):
            run_agent(
                [replace(camera, sink=recorded.sinks.get(camera.id)) for camera in cameras],
                in_use.bundle,
                recorded.outbox,
                stop=watched.stop,
                options=plan.options(),
                policies=policies,
                desk=desk if room is None else room.desk(desk),
                on_runtime=_each(told.use_runtime, switch.note_runtime if switch else None),
                observe=_each(vigil.observe, tally.observe, switch.observe if switch else None),
                tracer=tracer,
            )
    finally:
        notifier.stopping()
        outbox.close()
    if switch is not None and switch.trial is not None:
        switch.trial.require_success()


def _tell_about(in_use: BundleInUse) -> About:
    return About(read_version(), in_use.name.name, in_use.name.version)


def _serving(
    room: CommandRoom | None, watched: _Watched, outbox: MqttOutbox, shelf: Shelf | None, updates: UpdateRoom | None
) -> AbstractContextManager[None]:
    if room is None:
        return nullcontext()
    subject = Subject(
        version=read_version(),
        bundle=lambda: watched.in_use.name,
        policies=watched.policies,
        reloader=watched.reloader,
        recent=watched.recent,
        sources=filmed(watched.cameras),
        stop=watched.stop,
        filmed=shelf is not None,
        updates=updates,
    )
    return room.serving(subject, outbox, shelf)


@contextmanager
def _updating(
    room: UpdateRoom | None, watched: _Watched, told: _Told, recorded: Recording, seat: Seat
) -> Iterator[Switch | None]:
    if room is None:
        yield None
        return

    def change(in_use: BundleInUse) -> None:
        told.outbox.use_bundle(in_use.name)
        recorded.use_bundle(in_use.name)
        watched.reloader.use(in_use.bundle.manifest)

    plan, commands = watched.plan, watched.plan.config.settings.commands
    rest_s = CommandLimits().restart_after_s if commands is None else commands.restart_after_s
    planned = plan_workshop(plan, time.monotonic, told.use_runtime, told.tracer)
    workshop = replace(planned, file=_fit_for(planned.file, watched.reloader))
    effects = Effects(change, watched.stop.set, rest_s, room.nudge)
    switch = Switch(room.installer.shelf, workshop, seat, watched.in_use, watched.choice.trial, effects)
    with room.serving(switch, told.outbox.post):
        yield switch


def _fit_for(open_: Opener, reloader: Reloader) -> Opener:
    """Opens no bundle of the shelf that contradicts what was set or reloaded since the start: a start anew sets aside
    what was set by command, or leaves the bundle. That of the configuration is never refused, since no other is
    left."""

    def open_fit(path: Path | None) -> Bundle:
        bundle = open_(path)
        if path is not None:
            reloader.require_fit(bundle.manifest)
        return bundle

    return open_fit


def filmed(cameras: Sequence[CameraSpec]) -> dict[str, tuple[str, ...]]:
    """The views of each source, whose clips are of all of it."""
    return {camera.id: tuple(view.id for view in camera.views) for camera in cameras}


def redactions(cameras: Sequence[CameraSpec]) -> dict[str, Redaction]:
    """What must be hidden in the clips of each source that has such: a copy of its stream would show it."""
    found = {camera.id: redact(camera.views) for camera in cameras}
    return {id_: redaction for id_, redaction in found.items() if redaction is not None}


def _each(*listeners: Callable[[_What], None] | None) -> Callable[[_What], None]:
    def tell(what: _What) -> None:
        for listener in listeners:
            if listener is not None:
                listener(what)

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
