"""What stands beside each clip, as JSON."""

from __future__ import annotations

from typing import Literal

import msgspec

from edge_agent.clips.redaction import Hidden
from edge_agent.delivery.payloads import BundleName
from edge_agent.delivery.timestamp import Timestamp
from edge_agent.events import EndReason
from models.manifest import Probability

Alarm = Literal["true", "false"]
Cut = Literal["longest", "stream", "stopped", "crowded", "disk"]
"""Why a clip ends before its time: it reached ``longest_s``, the camera's stream ended or became another, the agent
stopped, too many clips of the camera were in progress, or the disk, or what encodes, was too slow."""


class ClipLabel(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator said of the incident: whether it was a ``true`` alarm or a ``false`` one."""

    alarm: Alarm
    at: Timestamp
    operator: str | None
    note: str | None


class ClipFacts(msgspec.Struct, frozen=True, kw_only=True):
    """``begins_at`` is when the first picture was taken. ``ended_at``, ``reason``, ``peak`` and ``mean`` are those of
    the incident when the clip ended: a clip that was cut may end before its incident, which has no end then.
    ``encoded``: it is no copy of the camera's stream, and ``hidden`` says what cannot be seen in it. ``label`` came by
    command, if any did."""

    incident: str
    camera: str
    started_at: Timestamp
    ended_at: Timestamp | None
    reason: EndReason | None
    begins_at: Timestamp
    duration_s: float
    codec: str
    peak: Probability
    mean: Probability
    bundle: BundleName
    cut: Cut | None
    encoded: bool = False
    hidden: tuple[Hidden, ...] = ()
    label: ClipLabel | None = None
