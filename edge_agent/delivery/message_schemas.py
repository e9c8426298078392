"""The published JSON Schema of each payload."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from edge_agent.delivery.payloads import PAYLOADS

DIRECTORY = Path(__file__).parent / "schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def generate_schemas(payloads: Mapping[str, Any] = PAYLOADS) -> dict[str, dict[str, Any]]:
    """JSON Schema (2020-12) of every payload, by name, generated from its struct."""
    return {
        name: {"$schema": DIALECT, "title": f"nexara/v1 {name}", **msgspec.json.schema(payload)}
        for name, payload in payloads.items()
    }


def render_schema(schema: dict[str, Any]) -> bytes:
    """A schema as it is stored: indented, one final newline."""
    return msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"


def write_schemas(directory: Path = DIRECTORY, payloads: Mapping[str, Any] = PAYLOADS) -> None:
    """Write one ``<name>.schema.json`` for every payload."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, schema in generate_schemas(payloads).items():
        (directory / f"{name}.schema.json").write_bytes(render_schema(schema))
