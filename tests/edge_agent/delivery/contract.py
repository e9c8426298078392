"""What is promised of every message, asked of each that a test hears: its topic, how it travels, its JSON Schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

from edge_agent.delivery.channels import Channel
from edge_agent.delivery.message import JPEG
from edge_agent.delivery.message_schemas import generate_schemas
from edge_agent.delivery.topics import DISCOVERY_PREFIX
from edge_agent.mqtt_contract import ALL_CHANNELS, ALL_PAYLOADS
from tests.edge_agent.delivery.heard import Heard

OURS = ("nexara/", f"{DISCOVERY_PREFIX}/device/nexara_")
"""Beginnings of the topics that nothing but the table of channels may lead to."""
_VALIDATORS = {name: Draft202012Validator(schema) for name, schema in generate_schemas(ALL_PAYLOADS).items()}
_TOPICS = {channel: re.compile(re.sub(r"{\w+}", r"[^/]+", channel.address)) for channel in ALL_CHANNELS}


def list_faults(heard: Heard, *, mqtt: int = 5) -> list[str]:
    """What is wrong with a message of ours. With version 3 of ``mqtt`` it has no properties, so none are missed."""
    if not heard.topic.startswith(OURS):
        return []
    if "/command/" in heard.topic or "/desired/" in heard.topic:
        # Others publish there, and in tests they do so badly.
        return []
    channels = [channel for channel, topic in _TOPICS.items() if topic.fullmatch(heard.topic)]
    # Answers to all commands share their topics, and need the form of one.
    found = [[*_list_faults(channel, heard, mqtt)] for channel in channels]
    faults = min(found, key=len, default=["no channel has this topic"])
    return [f"{heard.topic}: {fault}: {heard.payload[:500]!r}" for fault in faults]


def _list_faults(channel: Channel, heard: Heard, mqtt: int) -> Iterator[str]:
    if heard.qos not in (None, channel.qos):
        yield f"QoS {heard.qos}, not {channel.qos}"
    if heard.retain and not channel.retained:
        yield "retained"
    if not heard.payload and channel.name == "home-assistant":
        return
    if mqtt >= 5 and heard.content_type != channel.content_type:
        yield f"content type {heard.content_type}, not {channel.content_type}"
    if channel.content_type == JPEG:
        if not heard.payload.startswith(b"\xff\xd8"):
            yield "no JPEG"
        if mqtt >= 5:
            yield from _check(channel, heard.user_properties)
        return
    try:
        document = json.loads(heard.payload)
    except ValueError as error:
        yield f"no JSON: {error}"
    else:
        yield from _check(channel, document)


def _check(channel: Channel, document: Any) -> Iterator[str]:
    validator = _VALIDATORS[channel.schema]
    yield from (f"{error.json_path}: {error.message}" for error in validator.iter_errors(document))
