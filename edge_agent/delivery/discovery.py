"""What Home Assistant reads of a device before it shows any of it: the form of its MQTT discovery messages.

Names are Home Assistant's own. Keys are spelt out, since a person who looks at the broker should understand them.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Category = Annotated[Literal["diagnostic"], msgspec.Meta(description="shown apart from what the device is for")]


class Availability(msgspec.Struct, frozen=True, kw_only=True):
    """A topic whose template gives ``online`` while the entity can be trusted."""

    topic: str
    value_template: str


class BinarySensor(
    msgspec.Struct, frozen=True, kw_only=True, tag="binary_sensor", tag_field="platform", omit_defaults=True
):
    """On or off; the template gives ``ON`` or ``OFF``."""

    unique_id: str
    name: str
    state_topic: str
    value_template: str
    device_class: Literal["safety", "connectivity"]
    qos: Literal[1]
    availability: tuple[Availability, ...] = ()
    availability_mode: Literal["all"] | None = None
    entity_category: Category | None = None


class Sensor(msgspec.Struct, frozen=True, kw_only=True, tag="sensor", tag_field="platform", omit_defaults=True):
    """A figure, or one of ``options``."""

    unique_id: str
    name: str
    state_topic: str
    value_template: str
    qos: Literal[1]
    availability: tuple[Availability, ...] = ()
    availability_mode: Literal["all"] | None = None
    device_class: Literal["temperature", "enum"] | None = None
    state_class: Literal["measurement"] | None = None
    unit_of_measurement: str | None = None
    suggested_display_precision: int | None = None
    options: tuple[str, ...] | None = None
    entity_category: Category | None = None


class Image(msgspec.Struct, frozen=True, kw_only=True, tag="image", tag_field="platform", omit_defaults=True):
    """A picture that comes as it is."""

    unique_id: str
    name: str
    image_topic: str
    content_type: Literal["image/jpeg"]
    qos: Literal[1]


Component = BinarySensor | Sensor | Image


class Device(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What its entities are grouped under; ``via_device`` is the device that a camera is watched by."""

    identifiers: tuple[str, ...]
    name: str
    manufacturer: str
    model: str
    sw_version: str
    via_device: str | None = None


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Who announces."""

    name: str
    sw_version: str


class Discovery(msgspec.Struct, frozen=True, kw_only=True):
    """``<prefix>/device/<object>/config``: one device and its entities. ``availability`` is that of all which have none
    of their own. An empty payload removes the device."""

    device: Device
    origin: Origin
    availability: tuple[Availability, ...]
    components: dict[str, Component]
