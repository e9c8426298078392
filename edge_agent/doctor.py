"""What this machine offers, and whether a configuration would work on it: every check tried for real."""

from __future__ import annotations

import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from edge_agent.bundles.choosing import current_bundle
from edge_agent.bundles.errors import ShelfError
from edge_agent.camera_spec import CameraSpec
from edge_agent.cell_image import CellImage
from edge_agent.clips.encoder import ENCODERS, list_encoders
from edge_agent.config.errors import ConfigError, SecretError
from edge_agent.config.plan import Plan
from edge_agent.delivery.broker import Broker
from edge_agent.delivery.connection import open_connection
from edge_agent.delivery.errors import SpoolError, SpoolInUseError
from edge_agent.delivery.opening import SPOOL_FILE
from edge_agent.delivery.spool import EARLIEST_PLAUSIBLE_CLOCK, Spool, SpoolLimits
from edge_agent.frame import Image
from edge_agent.glance import SERVES_ALL
from edge_agent.privacy.weights import FASTEST_DET
from edge_agent.sources import SourceError, open_source
from edge_agent.sources.decoding import probe_decoding
from edge_agent.sources.key_spacing import WATCHED_S, KeySpacing
from models.bundle import Bundle
from models.errors import BundleError, NexaraError
from runtimes.detector import open_detector
from runtimes.environment import Environment, probe_environment
from runtimes.protocol import SessionOptions

Outcome = Literal["ok", "warning", "failed", "skipped"]
Look = Callable[[CameraSpec, Image], None]
"""Is handed the first picture of each camera, by a thread of its own."""

_CAMERA_PATIENCE_S = 8.0
_PACKETS_OVER_RTP = ("rtsp:", "rtsps:")
# Half a pane of the bundles that we release: below it, a cell is blown up to look at, and shows nothing more for it.
_LEAST_CELL_PX = 64
_SYNCHRONIZED = Path("/run/systemd/timesync/synchronized")


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing looked at. ``failed`` means that the agent cannot do its work with it; a ``warning`` does not."""

    name: str
    outcome: Outcome
    detail: str


def examine_machine(environment: Environment) -> Iterator[Finding]:
    """Processor, accelerators and engines."""
    memory = f", {environment.memory_bytes / 2**30:.1f} GiB memory" if environment.memory_bytes else ""
    detail = f"{environment.cpu}, {environment.host_architecture}, {environment.cores} core(s){memory}"
    yield Finding(name="machine", outcome="ok", detail=detail)
    gpus = ", ".join(gpu.name for gpu in environment.gpus) or "no GPU"
    yield Finding(name="accelerators", outcome="ok", detail=gpus)
    for probe in environment.probes:
        offers = f"{probe.version}" + (f" with {', '.join(probe.accelerators)}" if probe.accelerators else "")
        yield Finding(
            name=f"engine {probe.runtime}",
            outcome="ok" if probe.available else "warning",
            detail=offers if probe.available else probe.reason or "not available",
        )
    yield examine_decoding()
    if not any(probe.available for probe in environment.probes):
        yield Finding(name="engines", outcome="failed", detail="none can run here; install nexaravision[tflite]")


def examine_decoding() -> Finding:
    """By what video can be decoded; software always can."""
    probes = probe_decoding()
    there = [kind for kind, absence in probes.items() if absence is None]
    absences = "; ".join(f"no {kind}: {absence}" for kind, absence in probes.items() if absence)
    detail = ", ".join(["software", *there]) + (f" ({absences})" if absences else "")
    return Finding(name="video decoding", outcome="ok", detail=detail)


def examine_clock(now: float, synchronized: Path = _SYNCHRONIZED) -> Finding:
    """Whether the wall clock may be believed; ``now`` is seconds since the epoch."""
    if now < EARLIEST_PLAUSIBLE_CLOCK:
        detail = f"it is {time.strftime('%Y-%m-%d', time.gmtime(now))}, which is not true; set the clock or enable NTP"
        return Finding(name="clock", outcome="failed", detail=detail)
    told = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    if synchronized.exists():
        return Finding(name="clock", outcome="ok", detail=f"{told}, synchronized by NTP")
    return Finding(name="clock", outcome="warning", detail=f"{told}; systemd-timesyncd does not say it is synchronized")


def examine_plan(plan: Plan, look: Look | None = None) -> Iterator[Finding]:
    """Bundle, cameras, faces, spool, clips and broker of a valid configuration; ``look`` sees what the cameras show."""
    yield Finding(name="configuration", outcome="ok", detail=str(plan.config.path))
    try:
        bundle = current_bundle(plan.shelf(), plan.open_usable)
    except (BundleError, ShelfError) as error:
        yield Finding(name="bundle", outcome="failed", detail=str(error))
        yield Finding(name="cameras", outcome="skipped", detail="their thresholds need the bundle")
    else:
        yield _examine_bundle(plan, bundle)
        yield from _examine_cameras(plan, bundle, look)
    yield from _examine_faces(plan)
    if plan.metrics_address() is not None:
        yield _examine_metrics()
    yield _examine_spool(plan)
    if plan.config.settings.commands is not None:
        yield _examine_commands(plan)
    clips = plan.config.settings.clips
    if clips is not None:
        yield _examine_clips(plan.config.resolve(clips.directory), clips.max_megabytes * 1e6)
    yield from _examine_brokers(plan)


def examine(plan: Plan | None, now: float, look: Look | None = None) -> list[Finding]:
    """Everything, in the order in which it should be mended; ``look`` sees what the cameras show."""
    findings = [*examine_machine(probe_environment()), examine_clock(now)]
    return findings if plan is None else [*findings, *examine_plan(plan, look)]


def _examine_bundle(plan: Plan, bundle: Bundle) -> Finding:
    runtime = plan.config.settings.runtime
    try:
        detector = open_detector(bundle, target=runtime.target, options=SessionOptions(threads=runtime.threads or 1))
    except NexaraError as error:
        return Finding(name="bundle", outcome="failed", detail=str(error))
    with closing(detector):
        detail = f"{bundle.manifest.name} {bundle.manifest.version}, {bundle.signature.state}, self-test passed on"
        outcome: Outcome = "ok" if bundle.signature.state == "trusted" else "warning"
        return Finding(name="bundle", outcome=outcome, detail=f"{detail} {detector.description}")


def _examine_faces(plan: Plan) -> Iterator[Finding]:
    """What finds heads, where any camera's are to be blurred: the agent does not start without it."""
    try:
        finder = plan.head_finder()
    except ConfigError as error:
        yield Finding(name="faces", outcome="failed", detail=str(error))
        return
    if finder is not None:
        picture = np.zeros((720, 1280, 3), np.uint8)
        began_s = time.monotonic()
        finder.find(picture, closely=True)
        took_ms = 1000 * (time.monotonic() - began_s)
        detail = f"blurred where {FASTEST_DET.name} finds them, {took_ms:.0f} ms a snapshot"
        yield Finding(name="faces", outcome="ok", detail=detail)


def _examine_metrics() -> Finding:
    if find_spec("prometheus_client") is None:
        detail = "[metrics] needs the package prometheus-client; install nexaravision[metrics]"
        return Finding(name="metrics", outcome="warning", detail=f"{detail}; the agent watches without")
    return Finding(name="metrics", outcome="ok", detail="prometheus-client is installed")


def _examine_commands(plan: Plan) -> Finding:
    try:
        options = plan.commands()
    except SecretError as error:
        return Finding(name="commands", outcome="failed", detail=str(error))
    allowed = ", ".join(sorted(options.allow)) if options else "none"
    if options is not None and options.operators:
        return Finding(name="commands", outcome="ok", detail=f"{allowed}, signed by {', '.join(options.operators)}")
    detail = f"{allowed}, from everybody whom the broker lets publish to {plan.topics().commands}"
    return Finding(name="commands", outcome="ok", detail=detail)


def _examine_spool(plan: Plan) -> Finding:
    directory = plan.config.resolve(plan.config.settings.spool.directory)
    limits = plan.spool_limits()
    try:
        waiting = _count_waiting(directory / SPOOL_FILE, limits)
        free = shutil.disk_usage(_nearest_folder(directory)).free
    except SpoolInUseError:
        return Finding(name="spool", outcome="ok", detail=f"{directory}: in use by a running agent")
    except SpoolError as error:
        return Finding(name="spool", outcome="failed", detail=str(error))
    except OSError as error:
        detail = f"{directory}: {error.strerror}; give spool.directory a folder that the agent may write"
        return Finding(name="spool", outcome="failed", detail=detail)
    detail = f"{directory}: {waiting} message(s) waiting, {free / 1e6:.0f} MB free"
    if free < limits.max_bytes:
        return Finding(name="spool", outcome="warning", detail=f"{detail}, less than spool.max_megabytes")
    return Finding(name="spool", outcome="ok", detail=detail)


def _count_waiting(path: Path, limits: SpoolLimits) -> int:
    if path.is_symlink():
        # The doctor may be root, and whom the folder belongs to would choose which file of root's is written to.
        raise SpoolError(f"spool {path}: found a link; link its folder instead")
    if path.exists():
        with closing(Spool(path, limits, time.time)) as spool:
            return spool.counts().waiting
    # Not made here: the doctor may be root, and the agent could not write a spool that root owns.
    with tempfile.TemporaryFile(dir=_nearest_folder(path.parent)):
        return 0


def _examine_clips(directory: Path, max_bytes: float) -> Finding:
    there = next(path for path in (directory, *directory.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
        taken = sum(path.stat().st_size for path in directory.glob("*/*"))
    except OSError as error:
        detail = f"{directory}: {error.strerror}; give clips.directory a folder that the agent may write"
        return Finding(name="clips", outcome="failed", detail=detail)
    detail = f"{directory}: {taken / 1e6:.0f} MB of clips, {free / 1e6:.0f} MB free"
    if not list_encoders():
        told = f"{detail}; nothing here encodes H.264 ({', '.join(ENCODERS)}): cameras that hide something get no clips"
        return Finding(name="clips", outcome="warning", detail=told)
    if free + taken < max_bytes:
        return Finding(name="clips", outcome="warning", detail=f"{detail}, less than clips.max_megabytes")
    return Finding(name="clips", outcome="ok", detail=detail)


def _nearest_folder(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def _examine_brokers(plan: Plan) -> list[Finding]:
    """The broker and its fallbacks. One that does not accept is a failure only where none does."""
    mqtt = plan.config.settings.mqtt
    try:
        # An id of its own: the agent's would end the session of an agent that is running.
        brokers = [plan.broker("-doctor"), *plan.fallbacks("-doctor")]
    except NexaraError as error:
        return [Finding(name="broker", outcome="failed", detail=str(error))]
    names = ["broker", *(f"fallback broker {number}" for number in range(1, len(brokers)))]
    passwords = [mqtt.password, *(table.password for table in mqtt.fallback)]
    findings = list(map(_examine_broker, names, brokers, passwords))
    if all(finding.outcome == "failed" for finding in findings):
        return findings
    return [
        msgspec.structs.replace(finding, outcome="warning") if finding.outcome == "failed" else finding
        for finding in findings
    ]


def _examine_broker(name: str, broker: Broker, password: str | None) -> Finding:
    try:
        open_connection(broker).close()
    except NexaraError as error:
        return Finding(name=name, outcome="failed", detail=str(error))
    if password is not None and _is_open_to_others(password):
        return Finding(name=name, outcome="warning", detail=f"{password} can be read by other users; chmod 600 it")
    if broker.tls is None and broker.password is not None and broker.host not in {"localhost", "127.0.0.1", "::1"}:
        detail = f"{broker.address}: accepted, but the password travels unencrypted; add [mqtt.tls]"
        return Finding(name=name, outcome="warning", detail=detail)
    return Finding(name=name, outcome="ok", detail=f"{broker.address}: accepted")


def _is_open_to_others(reference: str) -> bool:
    kind, _, name = reference.partition(":")
    return kind == "file" and bool(Path(name).stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def _examine_cameras(plan: Plan, bundle: Bundle, seen: Look | None) -> list[Finding]:
    try:
        cameras = plan.cameras(bundle.manifest)
        policies = plan.policies(bundle.manifest)
    except NexaraError as error:
        return [Finding(name="cameras", outcome="failed", detail=str(error))]
    findings = {
        camera.id: Finding(
            name=f"camera {camera.id}",
            outcome="failed",
            detail=f"not looked at within {_CAMERA_PATIENCE_S + WATCHED_S:g} s",
        )
        for camera in cameras
    }
    stop = threading.Event()

    def look(camera: CameraSpec) -> None:
        interval_s = min(policies[view.id].sampling.idle_interval_s for view in camera.views)
        found = _examine_camera(camera, interval_s, stop, time.monotonic, seen)
        if not stop.is_set():
            findings[camera.id] = found

    # Daemons, since native code that hangs in a camera's driver cannot be ended.
    threads = [threading.Thread(target=look, args=(camera,), daemon=True) for camera in cameras]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + _CAMERA_PATIENCE_S + WATCHED_S
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    stop.set()
    return list(findings.values())


def _examine_camera(
    camera: CameraSpec, interval_s: float, stop: threading.Event, clock: Callable[[], float], seen: Look | None
) -> Finding:
    began = clock()
    name = f"camera {camera.id}"
    spacing = KeySpacing()
    try:
        with closing(open_source(camera.source, camera.options, clock, spacing)) as source:
            frame = source.read(stop)
            took_s = clock() - began
            decoding = source.decoding
            over_rtp = camera.source.startswith(_PACKETS_OVER_RTP)
            # The first pictures may come without a time, and are given whether needed or not.
            while over_rtp and not spacing.watched and clock() - began < took_s + WATCHED_S:
                source.read(stop)
    except SourceError as error:
        return Finding(name=name, outcome="failed", detail=str(error))
    if frame is None:
        return Finding(name=name, outcome="failed", detail="it ended before its first frame")
    height, width = frame.image.size
    detail = f"{width}x{height} after {took_s:.1f} s, decoded by {decoding}"
    if seen is not None:
        seen(camera, frame.image)
    if not camera.cells:
        return _judge_spacing(name, detail, spacing.seconds, interval_s)
    rows, columns = min(
        (CellImage(frame.image, cell.region).size for cell in camera.cells), key=lambda size: size[0] * size[1]
    )
    told = f"{detail}, {len(camera.cells)} cell(s), the smallest {columns}x{rows}"
    if min(rows, columns) < _LEAST_CELL_PX:
        return Finding(name=name, outcome="warning", detail=f"{told}: too small to tell a fight; have it shown larger")
    return _judge_spacing(name, told, spacing.seconds, interval_s)


def _judge_spacing(name: str, detail: str, spacing_s: float, interval_s: float) -> Finding:
    if spacing_s <= SERVES_ALL * interval_s:
        return Finding(name=name, outcome="ok", detail=detail)
    return Finding(
        name=name,
        outcome="warning",
        detail=f"{detail}; key pictures are {spacing_s:.1f} s apart or more, and glances between them decode all since "
        "the last, several times as much: have the camera send one (an I-frame) every "
        f"{interval_s:g} s or oftener",
    )
