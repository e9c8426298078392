"""What Home Assistant is told of the agent and its cameras, so that nobody has to configure them there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import msgspec

from edge_agent.delivery.discovery import (
    Availability,
    BinarySensor,
    Component,
    Device,
    Discovery,
    Image,
    Origin,
    Sensor,
)
from edge_agent.delivery.message import Message
from edge_agent.delivery.topics import DISCOVERY_PREFIX, Topics, discovery_topic
from edge_agent.events import Connection, Mode, Picture

PRODUCT = "NexaraVision"
_ON = "{{{{ 'ON' if {} else 'OFF' }}}}"
_ONLINE = "{{{{ 'online' if {} else 'offline' }}}}"
_PERCENT = "{{ (100 * value_json.score) | round(1) if value_json.score is number else none }}"
_RUNS = "value_json.state == 'online'"
# A camera that is blind is not calm: but for an incident in progress, nothing is known of it.
_SEES = "value_json.connection == 'connected' or value_json.incident"
_LOSSES = ("refused", "dropped_by_age", "dropped_by_size", "dropped_unwritten")
_FIGURES = {
    "latency": ("Latency (p99)", "value_json.latency_p99_ms", "ms"),
    "temperature": ("Temperature", "value_json.temperature_c", "°C"),
    "waiting": ("Messages waiting", "value_json.spool.messages", None),
    "lost": ("Messages lost", " + ".join(f"value_json.spool.{loss}" for loss in _LOSSES), None),
}
"""Of ``health``: name, value and unit."""
_CHOICES = {"connection": get_args(Connection), "mode": get_args(Mode), "picture": get_args(Picture)}
"""Of a camera's state: each field and what it may say."""


@dataclass(frozen=True, slots=True)
class HomeAssistant:
    """Announces one agent and the cameras that it watches. Pure: what it makes depends on nothing else, so that every
    start announces the same under the same ids."""

    topics: Topics
    version: str
    prefix: str = DISCOVERY_PREFIX

    def announce(self, cameras: Sequence[str]) -> tuple[Message, ...]:
        """One retained message for the agent and one for each camera."""
        return (self._agent(), *(self._camera(camera) for camera in cameras))

    def _agent(self) -> Message:
        id_ = self._object()
        device = Device(
            identifiers=(id_,),
            name=self.topics.device,
            manufacturer=PRODUCT,
            model="nexara-edge",
            sw_version=self.version,
        )
        return self._message(id_, device, self._agent_components(id_))

    def _camera(self, camera: str) -> Message:
        id_ = self._object(camera)
        device = Device(
            identifiers=(id_,),
            name=camera,
            manufacturer=PRODUCT,
            model="camera",
            sw_version=self.version,
            via_device=self._object(),
        )
        return self._message(id_, device, self._camera_components(id_, camera))

    def _agent_components(self, id_: str) -> dict[str, Component]:
        return {
            "status": BinarySensor(
                unique_id=f"{id_}_status",
                name="Status",
                state_topic=self.topics.status,
                value_template=_ON.format(_RUNS),
                device_class="connectivity",
                qos=1,
                # Whatever the status says: this is there to say that the agent is not.
                availability=(Availability(topic=self.topics.status, value_template="online"),),
                entity_category="diagnostic",
            ),
            "runtime": Sensor(
                unique_id=f"{id_}_runtime",
                name="Runtime",
                state_topic=self.topics.status,
                value_template="{{ value_json.runtime }}",
                qos=1,
                entity_category="diagnostic",
            ),
            **{key: self._figure(f"{id_}_{key}", *figure) for key, figure in _FIGURES.items()},
        }

    def _figure(self, id_: str, name: str, value: str, unit: str | None) -> Sensor:
        return Sensor(
            unique_id=id_,
            name=name,
            state_topic=self.topics.health,
            value_template=f"{{{{ {value} }}}}",
            qos=1,
            device_class="temperature" if unit == "°C" else None,
            state_class="measurement",
            unit_of_measurement=unit,
            suggested_display_precision=None if unit is None else 1,
            entity_category="diagnostic",
        )

    def _camera_components(self, id_: str, camera: str) -> dict[str, Component]:
        state = self.topics.camera_state(camera)
        sees = (self._here, Availability(topic=state, value_template=_ONLINE.format(_SEES)))
        return {
            "violence": BinarySensor(
                unique_id=f"{id_}_violence",
                name="Violence",
                state_topic=state,
                value_template=_ON.format("value_json.incident"),
                device_class="safety",
                qos=1,
                availability=sees,
                availability_mode="all",
            ),
            "score": Sensor(
                unique_id=f"{id_}_score",
                name="Score",
                state_topic=state,
                value_template=_PERCENT,
                qos=1,
                availability=sees,
                availability_mode="all",
                state_class="measurement",
                unit_of_measurement="%",
            ),
            "snapshot": Image(
                unique_id=f"{id_}_snapshot",
                name="Snapshot",
                image_topic=self.topics.snapshot(camera),
                content_type="image/jpeg",
                qos=1,
            ),
            **{key: self._choice(f"{id_}_{key}", key, state, options) for key, options in _CHOICES.items()},
        }

    def _choice(self, id_: str, key: str, topic: str, options: tuple[str, ...]) -> Sensor:
        return Sensor(
            unique_id=id_,
            name=key.capitalize(),
            state_topic=topic,
            value_template=f"{{{{ value_json.{key} }}}}",
            qos=1,
            device_class="enum",
            options=options,
            entity_category="diagnostic",
        )

    @property
    def _here(self) -> Availability:
        return Availability(topic=self.topics.status, value_template=_ONLINE.format(_RUNS))

    def _object(self, *camera: str) -> str:
        """A name that no other agent or camera has: ``_`` alone parts what ``_quote`` has left without one."""
        return "_".join(("nexara", *map(_quote, (self.topics.site, self.topics.device, *camera))))

    def _message(self, id_: str, device: Device, components: dict[str, Component]) -> Message:
        origin = Origin(name=PRODUCT, sw_version=self.version)
        payload = Discovery(device=device, origin=origin, availability=(self._here,), components=components)
        return Message(discovery_topic(self.prefix, id_), msgspec.json.encode(payload), retain=True)


def _quote(name: str) -> str:
    """Home Assistant takes no dot in an object's id. A name begins with a letter or digit, so that what follows a
    single ``_`` never is ``_`` or ``-``."""
    return name.replace("_", "__").replace(".", "_-")
