"""What an operator knows by now: the received messages folded into one account, and the verdict on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.delivery.payloads import CameraState, Incident, Status
from edge_agent.demo.news import News
from edge_agent.demo.site import DemoCamera


@dataclass(frozen=True, slots=True)
class Alarm:
    """An incident's start as it was received. ``delay_s`` runs from the drawn fight's start, on the camera's own
    clock; ``None``: no fight was on."""

    incident: Incident
    delay_s: float | None


class Ledger:
    """Fed with every message in order of arrival; answers what the demo has to prove."""

    def __init__(self, cameras: Sequence[DemoCamera]) -> None:
        self._cameras = {camera.id: camera for camera in cameras}
        self._connected: set[str] = set()
        self._online = False
        self._alarms: dict[str, Alarm] = {}

    def enter(self, news: News) -> None:
        """Take one message into account; a repeated incident step changes nothing."""
        match news.content:
            case Status(state=state):
                self._online = state == "online"
            case CameraState(camera=camera, connection=connection):
                (self._connected.add if connection == "connected" else self._connected.discard)(camera)
            case Incident(phase="started") as incident:
                delay_s = self._cameras[incident.camera].delay_s(incident.source_time_s)
                self._alarms.setdefault(incident.incident, Alarm(incident, delay_s))

    @property
    def ready(self) -> bool:
        """Whether the agent is online and all cameras are connected, as far as MQTT tells."""
        return self._online and self._connected == self._cameras.keys()

    @property
    def detections(self) -> tuple[Alarm, ...]:
        """Alarms raised while a fight was on at that camera."""
        return tuple(alarm for alarm in self._alarms.values() if alarm.delay_s is not None)

    @property
    def false_alarms(self) -> tuple[Alarm, ...]:
        return tuple(alarm for alarm in self._alarms.values() if alarm.delay_s is None)

    @property
    def missing(self) -> str:
        """What should have been received by now and was not."""
        if not self._online:
            return "the agent never came online"
        absent = [camera for camera in self._cameras if camera not in self._connected]
        if absent:
            return f"cameras never connected: {', '.join(absent)}"
        fighting = [camera.id for camera in self._cameras.values() if camera.fights]
        return f"the fight on {', '.join(fighting)} raised no incident"
