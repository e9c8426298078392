"""Messages as the agent's delivery writes them, for the demo's tests."""

from __future__ import annotations

import msgspec

from edge_agent.delivery.payloads import BundleName, CameraState, Incident, Status
from edge_agent.demo.stage import TOPICS
from edge_agent.demo.subscriber import Message
from models.manifest import Thresholds

AT = "2026-01-01T00:00:00.000Z"


def arrived(topic: str, payload: msgspec.Struct | bytes) -> Message:
    content = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
    return Message(topic, content, retained=False, received_s=1.5)


def status(state: str = "online") -> Message:
    bundle = BundleName(name="fights", version="1.2.3")
    payload = Status(state=state, at=AT, version="0", boot_id="b", started_at=AT, bundle=bundle, runtime="tflite-int8")  # type: ignore[arg-type]
    return arrived(TOPICS.status, payload)


def camera_state(camera: str, connection: str = "connected", mode: str = "idle", score: float = 0.125) -> Message:
    payload = CameraState(camera=camera, at=AT, connection=connection, mode=mode, score=score, reason=None)  # type: ignore[arg-type]
    return arrived(TOPICS.camera_state(camera), payload)


def incident(camera: str, source_time_s: float, phase: str = "started", name: str = "i1") -> Message:
    payload = Incident(
        id=f"{name}:0",
        incident=name,
        sequence=0,
        phase=phase,  # type: ignore[arg-type]
        site=TOPICS.site,
        device=TOPICS.device,
        camera=camera,
        at=AT,
        source_time_s=source_time_s,
        started_at=AT,
        ended_at=None,
        probability=0.91,
        peak=0.95,
        mean=0.9,
        threat="high",
        snapshot=None,
        bundle=BundleName(name="fights", version="1.2.3"),
        thresholds=Thresholds(wake=0.3, alert=0.6, clear=0.4),
    )
    return arrived(TOPICS.incident(camera), payload)
