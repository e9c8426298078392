"""``nexara-edge schema``."""

from __future__ import annotations

import argparse
import sys

import msgspec

from edge_agent.config import Settings
from edge_agent.delivery.asyncapi import generate_asyncapi
from edge_agent.delivery.message_schemas import DIALECT, generate_schemas, render_schema
from edge_agent.mqtt_contract import ALL_CHANNELS, ALL_PAYLOADS


def add_schema_options(parser: argparse.ArgumentParser) -> None:
    """Declare what ``schema`` takes."""
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--messages", action="store_true", help="print those of the MQTT payloads instead, by name")
    shown.add_argument("--asyncapi", action="store_true", help="print the AsyncAPI document of all MQTT topics instead")
    parser.set_defaults(command=print_schema)


def print_schema(arguments: argparse.Namespace) -> int:
    """Print what was asked for, as JSON."""
    if arguments.asyncapi:
        shown = generate_asyncapi(ALL_CHANNELS, ALL_PAYLOADS)
    elif arguments.messages:
        shown = generate_schemas(ALL_PAYLOADS)
    else:
        shown = {"$schema": DIALECT, "title": "nexara-edge configuration", **msgspec.json.schema(Settings)}
    sys.stdout.write(render_schema(shown).decode())
    return 0
