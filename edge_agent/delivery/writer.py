"""From the agent's facts to MQTT messages."""

from __future__ import annotations

from dataclasses import asdict

import msgspec

from edge_agent.delivery import payloads
from edge_agent.delivery.message import JPEG, Message
from edge_agent.delivery.threat import threat_level
from edge_agent.delivery.timestamp import rfc3339
from edge_agent.delivery.topics import Topics
from edge_agent.events import CameraState, Health, IncidentEvent, Snapshot


class Writer:
    """Writes each event as the message of its topic. No clock, no network."""

    def __init__(self, topics: Topics, bundle: payloads.BundleName) -> None:
        self._topics = topics
        self._bundle = bundle

    def use_bundle(self, bundle: payloads.BundleName) -> None:
        """Name the bundle that judges from now on."""
        self._bundle = bundle

    def incident(self, event: IncidentEvent) -> Message:
        payload = payloads.Incident(
            id=f"{event.incident}:{event.sequence}",
            incident=event.incident,
            sequence=event.sequence,
            phase=event.phase,
            site=self._topics.site,
            device=self._topics.device,
            camera=event.camera,
            at=rfc3339(event.at),
            source_time_s=event.source_time_s,
            started_at=rfc3339(event.started_at),
            ended_at=None if event.ended_at is None else rfc3339(event.ended_at),
            probability=event.probability,
            peak=event.peak,
            mean=event.mean,
            threat=threat_level(event.peak, event.thresholds.alert),
            snapshot=event.snapshot,
            clip=event.clip,
            bundle=self._bundle,
            thresholds=event.thresholds,
            reason=event.reason,
        )
        return incident_message(self._topics.incident(event.camera), payload)

    def snapshot(self, snapshot: Snapshot) -> Message:
        properties = payloads.SnapshotProperties(
            id=f"{snapshot.incident}:{snapshot.reference}" if snapshot.incident else snapshot.reference,
            incident=snapshot.incident,
            reference=snapshot.reference,
            camera=snapshot.camera,
            at=rfc3339(snapshot.at),
        )
        pairs = tuple((name, str(value)) for name, value in msgspec.structs.asdict(properties).items())
        return Message(self._topics.snapshot(snapshot.camera), snapshot.jpeg, JPEG, pairs)

    def camera_state(self, state: CameraState) -> Message:
        payload = payloads.CameraState(
            camera=state.camera,
            at=rfc3339(state.at),
            connection=state.connection,
            mode=state.mode,
            score=state.score,
            reason=state.reason,
            picture=state.picture,
            armed=state.armed,
            muted_until=None if state.muted_until is None else rfc3339(state.muted_until),
            incident=state.incident,
        )
        return Message(self._topics.camera_state(state.camera), msgspec.json.encode(payload), retain=True)

    def health(self, health: Health, spool: payloads.SpoolHealth) -> Message:
        payload = payloads.Health(**{**asdict(health), "at": rfc3339(health.at)}, spool=spool)
        return Message(self._topics.health, msgspec.json.encode(payload), qos=0)


def interrupted(step: Message) -> Message:
    """The end of an incident of which ``step`` is the last that is known: whoever watched it is gone.

    Its times and figures are those of ``step``; its clip was never completed. Raises ``msgspec.MsgspecError`` when
    ``step`` cannot be read.
    """
    last = msgspec.json.decode(step.payload, type=payloads.Incident)
    sequence = last.sequence + 1
    end = msgspec.structs.replace(
        last,
        id=f"{last.incident}:{sequence}",
        sequence=sequence,
        phase="ended",
        ended_at=last.at,
        snapshot=None,
        clip=None,
        reason="interrupted",
    )
    return incident_message(step.topic, end)


def unwatched(step: Message) -> Message:
    """The state of the camera of ``step``, the last that is known of an incident, until it is watched again. Raises
    ``msgspec.MsgspecError`` when ``step`` cannot be read."""
    last = msgspec.json.decode(step.payload, type=payloads.Incident)
    state = payloads.CameraState(
        camera=last.camera, at=last.at, connection="connecting", mode="idle", score=None, reason=None
    )
    return Message(f"{step.topic.removesuffix('incident')}state", msgspec.json.encode(state), retain=True)


def incident_message(topic: str, payload: payloads.Incident) -> Message:
    """The message of one step."""
    return Message(topic, msgspec.json.encode(payload), incident=payload.incident, ends=payload.phase == "ended")
