"""What the demo says of each message, in a few words: one wording for the live view and the plain lines."""

from __future__ import annotations

from edge_agent.delivery.payloads import CameraState, Health, Incident, Status
from edge_agent.demo.news import News


def summary(news: News) -> str:
    """One line, without its topic."""
    match news.content:
        case Status() as status:
            return _status(status)
        case CameraState() as state:
            return _state(state)
        case Incident() as incident:
            return _incident(incident)
        case Health() as health:
            return _health(health)
        case None:
            return f"JPEG, {news.size / 1000:.0f} kB"


def _status(status: Status) -> str:
    if status.state != "online" or status.bundle is None:
        return status.state
    runtime = f" on {status.runtime}" if status.runtime else ""
    return f"online, {status.bundle.name} {status.bundle.version}{runtime}"


def _state(state: CameraState) -> str:
    if state.connection != "connected":
        return f"{state.connection}: {state.reason}" if state.reason else state.connection
    score = "" if state.score is None else f", score {state.score:.2f}"
    return f"connected, {state.mode}{score}"


def _incident(incident: Incident) -> str:
    picture = ", with a snapshot" if incident.snapshot else ""
    return f"{incident.phase}, probability {incident.probability:.2f}, threat {incident.threat}{picture}"


def _health(health: Health) -> str:
    latency = "" if health.latency_p50_ms is None else f", latency {health.latency_p50_ms:.0f} ms"
    return f"{health.samples_per_s:.1f} samples/s{latency}, {health.spool.messages} waiting on disk"
