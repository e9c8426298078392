"""The configuration as data: every key, its type, its range and its default."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from edge_agent.agent_options import AgentOptions
from edge_agent.attention import AttentionPolicy
from edge_agent.bundles.trial import TrialPolicy
from edge_agent.clips.policy import ClipPolicy, KeepPolicy
from edge_agent.commands.options import CommandLimits
from edge_agent.config.value_types import (
    AlertRate,
    Allowed,
    AnswerPrefix,
    Box,
    Faces,
    FilePath,
    GridText,
    Hours,
    HttpsAddress,
    IdleInterval,
    Listen,
    Name,
    Polygon,
    Port,
    PrivateKeyFile,
    Seconds,
    Secret,
    Smoothing,
    Text,
    Wait,
    WebSocketPath,
)
from edge_agent.delivery.broker import WEBSOCKET_PATH, Protocol, Transport
from edge_agent.delivery.courier import Drain
from edge_agent.delivery.topics import DISCOVERY_PREFIX
from edge_agent.incidents import IncidentPolicy
from edge_agent.logs import LogFormat
from edge_agent.sampling import SamplingPolicy
from edge_agent.snapshot import SnapshotPolicy
from edge_agent.sources.decoding import Decoding
from edge_agent.sources.source import SourceOptions
from models.manifest import Probability

_AGENT = AgentOptions()
_SAMPLING, _ATTENTION = SamplingPolicy(), AttentionPolicy()
_INCIDENTS, _SNAPSHOTS = IncidentPolicy(), SnapshotPolicy()
_CLIPS, _KEEP = ClipPolicy(), KeepPolicy()
_COMMANDS = CommandLimits()
_SOURCE = SourceOptions()
_TRIAL = TrialPolicy()
_DRIFT = _TRIAL.drift


class Bundle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[bundle]``: the detector. ``accept`` below ``trusted`` is for development."""

    path: FilePath
    accept: Literal["trusted", "untrusted", "unsigned"] = "trusted"
    trusted_keys: tuple[FilePath, ...] = ()


class Runtime(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[runtime]``: ``target`` names one of the bundle's targets; without it the best that runs here is used.
    ``threads`` compute there on the processor; without it as many, up to the cores, as are timed to pay."""

    target: Text | None = None
    threads: Annotated[int, msgspec.Meta(ge=1, le=64)] | None = _AGENT.threads


class TLS(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[mqtt.tls]``: its presence turns TLS on; ``ca`` replaces the system's authorities."""

    ca: FilePath | None = None
    certificate: FilePath | None = None
    key: PrivateKeyFile | None = None


class HomeAssistant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[mqtt.home_assistant]``: its presence has Home Assistant find the device and its cameras by itself."""

    prefix: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$",
            description="the discovery prefix that Home Assistant has: levels of letters, digits, '_', '.' or '-',"
            " parted by '/'",
        ),
    ] = DISCOVERY_PREFIX


class Fallback(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[[mqtt.fallback]]``: a broker that is used while those before it do not answer. What it does not say is as in
    ``[mqtt]``; one with a ``username`` has its own ``password`` or none."""

    host: Text
    port: Port | None = None
    username: Text | None = None
    password: Secret | None = None
    transport: Transport | None = None
    path: WebSocketPath | None = None
    tls: TLS | None = None


class Mqtt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[mqtt]``: the broker. ``port``, if not given, is 8883 with TLS and 1883 without, over WebSockets 443 and 80. A
    broker before the ``fallback`` in use is tried again after ``return_after_s``. ``protocol`` ``3.1.1`` is for brokers
    that have no MQTT 5, and keeps less of what is promised."""

    host: Text
    port: Port | None = None
    username: Text | None = None
    password: Secret | None = None
    keepalive_s: Annotated[int, msgspec.Meta(ge=5, le=3600)] = 30
    transport: Transport = "tcp"
    path: WebSocketPath = WEBSOCKET_PATH
    protocol: Protocol = "5"
    message_expiry_s: Annotated[int, msgspec.Meta(ge=1, le=4_294_967_295)] | None = None
    tls: TLS | None = None
    fallback: Annotated[tuple[Fallback, ...], msgspec.Meta(max_length=8)] = ()
    return_after_s: Annotated[float, msgspec.Meta(ge=10, le=86_400)] = 300.0
    home_assistant: HomeAssistant | None = None


class Spool(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[spool]``: where incidents wait for the broker, and how many; the oldest leave first. ``drain`` says which of
    them are offered first once the broker is there."""

    directory: FilePath
    max_megabytes: Annotated[float, msgspec.Meta(ge=1, le=1_000_000)] = 256.0
    max_age_hours: Annotated[float, msgspec.Meta(gt=0, le=87_600)] = 168.0
    drain: Drain = "oldest"


class Thresholds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[thresholds]``: calibrated probabilities for all cameras; those not given are the bundle's."""

    wake: Probability | None = None
    alert: Probability | None = None
    clear: Probability | None = None


class Sampling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[sampling]``: how often to look."""

    idle_interval_s: IdleInterval = _SAMPLING.idle_interval_s
    alert_rate_hz: AlertRate = _SAMPLING.alert_rate_hz
    steady_rate_hz: AlertRate | None = _SAMPLING.steady_rate_hz
    full_glance_s: Wait = _SAMPLING.full_glance_s
    largest_gap_s: Seconds = _AGENT.largest_gap_s
    calm_hold_s: Seconds = _ATTENTION.calm_hold_s
    doubt_hold_s: Wait = _ATTENTION.doubt_hold_s


class Incidents(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[incidents]``: when a run of scores is one incident."""

    smoothing: Smoothing = _INCIDENTS.smoothing
    smoothing_span_s: Seconds = _INCIDENTS.smoothing_span_s
    start_hold_s: Wait = _INCIDENTS.start_hold_s
    update_interval_s: Seconds = _INCIDENTS.update_interval_s
    end_hold_s: Seconds = _INCIDENTS.end_hold_s
    silence_s: Seconds = _INCIDENTS.silence_s
    cooldown_s: Wait = _INCIDENTS.cooldown_s
    schedule: tuple[Hours, ...] = _INCIDENTS.schedule


class Snapshots(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[snapshots]``: the pictures that go with incidents."""

    largest_side: Annotated[int, msgspec.Meta(ge=16, le=8192)] = _SNAPSHOTS.largest_side
    largest_bytes: Annotated[int, msgspec.Meta(ge=4096, le=10_000_000)] = _SNAPSHOTS.largest_bytes
    quality: Annotated[int, msgspec.Meta(ge=1, le=100)] = _SNAPSHOTS.quality
    score: bool = _SNAPSHOTS.score


class Privacy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[privacy]``: whether people's heads are made unrecognisable in pictures and clips, and the weights that find
    them, which the agent does not bring along."""

    faces: Faces = "show"
    detector: FilePath | None = None


class Clips(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[clips]``: its presence has a film of each incident kept on the device; the oldest leave first."""

    directory: FilePath
    before_s: Annotated[float, msgspec.Meta(ge=0, le=60)] = _CLIPS.before_s
    after_s: Annotated[float, msgspec.Meta(ge=0, le=600)] = _CLIPS.after_s
    longest_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = _CLIPS.longest_s
    max_megabytes: Annotated[float, msgspec.Meta(ge=1, le=10_000_000)] = _KEEP.max_bytes / 1e6
    max_age_hours: Annotated[float, msgspec.Meta(gt=0, le=87_600)] = _KEEP.max_age_s / 3600
    max_count: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = _KEEP.max_count


class Operator(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[[commands.operator]]``: somebody who signs commands with ``key``, and which of them that is good for; without
    ``allow`` all that ``[commands]`` allows."""

    name: Name
    key: Secret
    allow: Allowed | None = None


class Commands(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[commands]``: its presence has the agent take commands over MQTT. With an ``operator`` none is taken that is
    not signed. ``window_s`` is how far the time that a command was issued at may be from this device's clock, and
    ``restart_after_s`` how long the agent must have run before it may be told to restart."""

    allow: Allowed
    operator: tuple[Operator, ...] = ()
    window_s: Annotated[float, msgspec.Meta(ge=1, le=600)] = _COMMANDS.window_s
    max_bytes: Annotated[int, msgspec.Meta(ge=256, le=65_536)] = _COMMANDS.max_bytes
    longest_mute_s: Annotated[float, msgspec.Meta(gt=0, le=604_800)] = _COMMANDS.longest_mute_s
    restart_after_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = _COMMANDS.restart_after_s
    answers: AnswerPrefix | None = None


class Health(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[health]``: how often figures are published."""

    interval_s: Seconds = _AGENT.health_interval_s
    state_interval_s: Seconds = _AGENT.state_interval_s


class Metrics(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[metrics]``: its presence serves figures for Prometheus at ``http://<listen>/metrics``, to whoever asks."""

    listen: Listen = "127.0.0.1:9464"


class Log(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[log]``: lines for a person, or one JSON object a line."""

    format: LogFormat = "text"


class Watched(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is watched: a camera, or one cell of a wall. The keys of ``[thresholds]``, ``[sampling]`` (but
    ``largest_gap_s``) and ``[incidents]`` may stand here too and come before those for all cameras.

    ``zones`` and ``masks`` are polygons: outside of all zones nothing is judged, and what is inside a mask is neither
    judged nor shown. A wall has them at its cells. ``faces`` comes before that of ``[privacy]``.
    """

    id: Name
    wake: Probability | None = None
    alert: Probability | None = None
    clear: Probability | None = None
    idle_interval_s: IdleInterval | None = None
    alert_rate_hz: AlertRate | None = None
    steady_rate_hz: AlertRate | None = None
    full_glance_s: Wait | None = None
    calm_hold_s: Seconds | None = None
    doubt_hold_s: Wait | None = None
    smoothing: Smoothing | None = None
    smoothing_span_s: Seconds | None = None
    start_hold_s: Wait | None = None
    update_interval_s: Seconds | None = None
    end_hold_s: Seconds | None = None
    silence_s: Seconds | None = None
    cooldown_s: Wait | None = None
    schedule: tuple[Hours, ...] | None = None
    zones: tuple[Polygon, ...] = ()
    masks: tuple[Polygon, ...] = ()
    faces: Faces | None = None


class Cell(Watched, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[[camera.cell]]``: one cell of a wall, a camera of its own to everybody outside. ``box`` is its left, top,
    right and bottom edge as shares of the picture; what stands here comes before what stands at the ``[[camera]]``."""

    box: Box


class Camera(Watched, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[[camera]]``: one camera, or a wall of them in one picture. ``password`` goes into the ``source``'s address,
    which then names the user: ``rtsp://user@host/stream``.

    ``grid`` makes it a wall of even cells, rows x columns, with ``border`` pixels between two: their ids are the wall's
    with ``-1``, ``-2`` and so on, row by row. ``[[camera.cell]]`` tables name the cells of any other wall one by one.
    """

    source: Text
    password: Secret | None = None
    grid: GridText | None = None
    border: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    cell: Annotated[tuple[Cell, ...], msgspec.Meta(min_length=1, max_length=64)] = ()
    loop: bool = _SOURCE.loop
    realtime: bool = _SOURCE.realtime
    transport: Literal["tcp", "udp"] = _SOURCE.transport
    decode: Decoding = _SOURCE.decode
    open_timeout_s: Seconds = _SOURCE.open_timeout_s
    read_timeout_s: Seconds = _SOURCE.read_timeout_s


class Updates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[updates]``: bundles that are installed beside that of ``[bundle]`` lie in ``directory``. One on trial is kept
    ``window_s`` after its first judgement, and left when a camera was there for ``silence_s`` and it judged nothing,
    or when in ``least_windows`` or more it is too far from the bundle before: ``max_drift`` is of probabilities, in the
    mean, ``max_differing`` the share of decisions, ``max_slowdown`` the time for a sample as a multiple. Of an
    address no more than ``max_megabytes`` are fetched, from who ``ca`` vouches for, or else the system's authorities.
    ``desired`` has the agent hear on MQTT which bundle it should have; ``manifest`` is where
    ``nexara-edge bundle update`` reads it."""

    directory: FilePath
    window_s: Seconds = _TRIAL.window_s
    silence_s: Seconds = _TRIAL.silence_s
    least_windows: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = _DRIFT.least_windows
    max_drift: Annotated[float, msgspec.Meta(gt=0, le=1)] = _DRIFT.max_mean
    max_differing: Annotated[float, msgspec.Meta(ge=0, le=1)] = _DRIFT.max_differing
    max_slowdown: Annotated[float, msgspec.Meta(gt=0, le=1000)] = _DRIFT.max_slowdown
    ca: FilePath | None = None
    max_megabytes: Annotated[float, msgspec.Meta(gt=0, le=10_000)] = 64.0
    desired: bool = False
    manifest: HttpsAddress | None = None


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``edge.toml``: one device of one site."""

    site: Name
    device: Name
    bundle: Bundle
    mqtt: Mqtt
    spool: Spool
    camera: Annotated[tuple[Camera, ...], msgspec.Meta(min_length=1, max_length=1024)]
    runtime: Runtime = Runtime()
    thresholds: Thresholds = Thresholds()
    sampling: Sampling = Sampling()
    incidents: Incidents = Incidents()
    snapshots: Snapshots = Snapshots()
    privacy: Privacy = Privacy()
    clips: Clips | None = None
    updates: Updates | None = None
    commands: Commands | None = None
    health: Health = Health()
    metrics: Metrics | None = None
    log: Log = Log()
