"""The AsyncAPI document of what the agent says on MQTT."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any, get_origin

import msgspec

from edge_agent.delivery.channels import Channel
from edge_agent.delivery.message import JPEG, JSON
from edge_agent.delivery.topics import DISCOVERY_PREFIX, NAME_PATTERN

FILE = "asyncapi.json"
_PARTS = {
    "site": "Where the device is.",
    "device": "The device's own name within its site.",
    "camera": "A camera, or a cell of a wall.",
    "asker": "Who asked, as the request's response topic says; it may have further levels.",
    "object": f"Of the agent or one of its cameras. `{DISCOVERY_PREFIX}` may be configured to be another prefix.",
}


def generate_asyncapi(channels: Sequence[Channel], payloads: Mapping[str, Any]) -> dict[str, Any]:
    """An AsyncAPI 3.0 document of ``channels``, made from their table and the structs of ``payloads`` by name."""
    references, schemas = msgspec.json.schema_components(payloads.values(), ref_template="#/components/schemas/{name}")
    referred = dict(zip(payloads, references, strict=True))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "What a NexaraVision agent says on MQTT",
            "version": "1.0.0",
            "description": "Within v1 no field is renamed or removed; new ones may come, so a consumer must ignore"
            f" fields that it does not know. Names of sites, devices and cameras match `{NAME_PATTERN}`.",
        },
        "defaultContentType": JSON,
        "channels": {channel.name: _channel(channel) for channel in channels},
        "operations": {
            f"{'hear' if channel.heard else 'publish'}-{channel.name}": _operation(channel) for channel in channels
        },
        "components": {
            "messages": {
                channel.name: _message(channel, payloads[channel.schema], referred[channel.schema])
                for channel in channels
            },
            "schemas": _without_discriminators(schemas),
        },
    }


def _channel(channel: Channel) -> dict[str, Any]:
    parts = re.findall(r"{(\w+)}", channel.address)
    return {
        "address": channel.address,
        "parameters": {part: {"description": _PARTS[part]} for part in parts},
        "messages": {channel.name: {"$ref": f"#/components/messages/{channel.name}"}},
    }


def _operation(channel: Channel) -> dict[str, Any]:
    return {
        "action": "receive" if channel.heard else "send",
        "channel": {"$ref": f"#/channels/{channel.name}"},
        "messages": [{"$ref": f"#/channels/{channel.name}/messages/{channel.name}"}],
        "bindings": {"mqtt": {"qos": channel.qos, "retain": channel.retained, "bindingVersion": "0.2.0"}},
    }


def _message(channel: Channel, payload: Any, schema: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 a struct's type
    message = {
        "name": channel.name,
        "summary": inspect.getdoc(get_origin(payload) or payload),
        "contentType": channel.content_type,
    }
    if channel.content_type == JPEG:
        picture = {"type": "string", "format": "binary", "description": "the JPEG itself"}
        return {**message, "headers": schema, "payload": picture}
    return {**message, "payload": schema}


def _without_discriminators(schema: Any) -> Any:  # noqa: ANN401 any JSON
    """msgspec writes them as OpenAPI has them, which AsyncAPI does not allow; the alternatives exclude each other."""
    if isinstance(schema, dict):
        return {key: _without_discriminators(value) for key, value in schema.items() if key != "discriminator"}
    return [_without_discriminators(value) for value in schema] if isinstance(schema, list) else schema
