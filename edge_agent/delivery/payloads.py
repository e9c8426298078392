"""What each MQTT payload says. Consumers must ignore fields that they do not know; none is ever renamed within v1."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from edge_agent.delivery.discovery import Discovery
from edge_agent.delivery.threat import ThreatLevel
from edge_agent.delivery.timestamp import Timestamp
from edge_agent.events import Connection, EndReason, Mode, Phase, Picture
from models.manifest import Probability, Thresholds

Count = Annotated[int, msgspec.Meta(ge=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$", description="of the bundle's file")]
FileAddress = Annotated[str, msgspec.Meta(pattern=r"^https://", max_length=2048)]
"""Where a bundle's file is fetched; whatever else may be wrong with it shows when it is."""
UpdateState = Literal["settled", "fetching", "verifying", "trial", "kept", "left", "refused", "failed"]


class BundleName(msgspec.Struct, frozen=True, kw_only=True):
    """The bundle that judges."""

    name: str
    version: str


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """``status``: whether the device is there. In the last will (offline), ``at`` is when the lost session began."""

    state: Literal["online", "offline", "stopping"]
    at: Timestamp
    version: str
    boot_id: Annotated[str, msgspec.Meta(description="changes when the machine boots")]
    started_at: Annotated[Timestamp, msgspec.Meta(description="when this agent process started")]
    bundle: BundleName | None
    runtime: Annotated[str, msgspec.Meta(description="the target in use, such as tflite-int8")] | None


class CameraState(msgspec.Struct, frozen=True, kw_only=True):
    """``camera/<id>/state``: how one camera is doing. Read it together with ``status``."""

    camera: str
    at: Timestamp
    connection: Connection
    mode: Mode
    score: Annotated[Probability, msgspec.Meta(description="last calibrated probability of a fight")] | None
    reason: Annotated[str, msgspec.Meta(description="why it is not connected")] | None
    picture: Annotated[Picture, msgspec.Meta(description="what is wrong with what it shows, for 30 s or more")] = "ok"
    armed: Annotated[bool, msgspec.Meta(description="whether schedule and mute let an incident start now")] = True
    muted_until: Annotated[Timestamp, msgspec.Meta(description="when a mute by command ends")] | None = None
    incident: Annotated[str, msgspec.Meta(description="`incident` of the one in progress")] | None = None


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """``camera/<id>/incident``: one step of one incident. ``id`` is the same in every delivery of the same step."""

    id: Annotated[str, msgspec.Meta(description="incident and sequence; drop a message whose id was seen")]
    incident: str
    sequence: Count
    phase: Phase
    site: str
    device: str
    camera: str
    at: Timestamp
    source_time_s: Annotated[float, msgspec.Meta(description="the source's own clock at `at`, seconds from its start")]
    started_at: Timestamp
    ended_at: Timestamp | None
    reason: Annotated[EndReason, msgspec.Meta(description="why it ended")] | None = None
    probability: Probability
    peak: Probability
    mean: Probability
    threat: ThreatLevel
    snapshot: Annotated[str, msgspec.Meta(description="`reference` of the snapshot that belongs to it")] | None
    clip: (
        Annotated[
            str,
            msgspec.Meta(description="where in the device's folder of clips the incident's film lies once it is whole"),
        ]
        | None
    ) = None
    bundle: BundleName
    thresholds: Annotated[Thresholds, msgspec.Meta(description="those that judged this step")]


class SnapshotProperties(msgspec.Struct, frozen=True, kw_only=True):
    """``camera/<id>/snapshot``: the MQTT 5 user properties beside the JPEG that is the payload."""

    id: Annotated[str, msgspec.Meta(description="drop a snapshot whose id was seen")]
    incident: Annotated[str, msgspec.Meta(description="empty for one that a command asked for")]
    reference: Annotated[str, msgspec.Meta(description="what the incident's `snapshot` names")]
    camera: str
    at: Timestamp


class SpoolHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What waits on disk, and what was lost since the spool was made."""

    messages: Annotated[Count, msgspec.Meta(description="waiting for the broker's acknowledgement")]
    bytes: Count
    refused: Annotated[Count, msgspec.Meta(description="refused for good by the broker, kept for inspection")]
    dropped_by_age: Count
    dropped_by_size: Count
    dropped_unwritten: Annotated[Count, msgspec.Meta(description="lost because the disk took no writes")]
    blocked_topics: Annotated[tuple[str, ...], msgspec.Meta(description="topics the broker refuses for now")]
    unwritten: Annotated[Count, msgspec.Meta(description="waiting in memory, since the disk takes no writes")] = 0


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """``health``: figures of the last period."""

    at: Timestamp
    samples_per_s: NotNegative
    queue: Count
    latency_p50_ms: NotNegative | None
    latency_p99_ms: NotNegative | None
    dropped: Annotated[Count, msgspec.Meta(description="samples given up because inference was behind")]
    rate_share: Annotated[
        float,
        msgspec.Meta(
            gt=0, le=1, description="of the alert rate; below 1 while more cameras are awake than can be judged"
        ),
    ]
    memory_bytes: Count
    temperature_c: float | None
    spool: SpoolHealth


class BundleFile(msgspec.Struct, frozen=True, kw_only=True):
    """The bundle that judges, and its file."""

    name: str
    version: str
    sha256: (
        Annotated[str, msgspec.Meta(description="of its file; null for a folder that the configuration names")] | None
    )


class DesiredBundle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``desired/bundle``: which bundle the device should have, said by whoever rolls it out. It is retained, so it may
    be old, and is heard again in each session. An empty payload desires nothing."""

    id: Annotated[
        str, msgspec.Meta(min_length=1, max_length=64, description="told again in `bundle`, by which to follow")
    ]
    issued_at: Annotated[
        datetime, msgspec.Meta(tz=True, description="RFC 3339 time with its zone; none older than the last is taken")
    ]
    url: Annotated[FileAddress, msgspec.Meta(description="where its file is fetched")]
    sha256: Sha256
    again: Annotated[bool, msgspec.Meta(description="also one that was on trial before and was left")] = False


class DesiredName(msgspec.Struct, frozen=True, kw_only=True):
    """Which desire is told of."""

    id: str
    sha256: str


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """How the bundle on trial and the one before judge the same windows."""

    windows: Count
    mean: Annotated[Probability, msgspec.Meta(description="difference of their probabilities, the mean of its amount")]
    largest: Annotated[Probability, msgspec.Meta(description="the largest such difference")]
    differing: Annotated[
        Probability, msgspec.Meta(description="share of windows that one calls a fight and one does not")
    ]
    slowdown: Annotated[
        float,
        msgspec.Meta(ge=0, description="time that the new one takes to encode a sample, as a multiple of the old"),
    ]


class BundleStatus(msgspec.Struct, frozen=True, kw_only=True):
    """``bundle``: which bundle judges, and what became of the one that is desired. ``settled`` and ``kept`` mean that
    it is in use, where ``current.sha256`` is that of ``desired``."""

    at: Timestamp
    current: BundleFile
    trial: Annotated[bool, msgspec.Meta(description="whether the current one is on trial")]
    desired: DesiredName | None
    state: UpdateState
    progress: Annotated[Probability, msgspec.Meta(description="share of the file that was fetched")] | None
    reason: Annotated[str, msgspec.Meta(description="why so; empty where there is nothing to say")]
    drift: Drift | None = None
    listens: (
        Annotated[bool, msgspec.Meta(description="whether it hears `desired/bundle`; null: it does not say")] | None
    ) = None


PAYLOADS: dict[str, type[msgspec.Struct]] = {
    "status": Status,
    "health": Health,
    "camera-state": CameraState,
    "incident": Incident,
    "snapshot-properties": SnapshotProperties,
    "home-assistant": Discovery,
    "bundle": BundleStatus,
    "desired-bundle": DesiredBundle,
}
"""Every payload by the name of its schema file."""
