"""Everything that passes between the agent and others on MQTT: what it says, what it is asked, and what it answers.

``python -m edge_agent.mqtt_contract`` writes the schemas and the AsyncAPI document of the package anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge_agent.commands.forms import COMMAND_PAYLOADS, FORMS
from edge_agent.delivery.asyncapi import FILE, generate_asyncapi
from edge_agent.delivery.channels import CHANNELS, Channel
from edge_agent.delivery.message_schemas import DIRECTORY, render_schema, write_schemas
from edge_agent.delivery.payloads import PAYLOADS
from edge_agent.delivery.topics import Topics

_TOPICS = Topics("{site}", "{device}")

ALL_PAYLOADS: dict[str, Any] = {**PAYLOADS, **COMMAND_PAYLOADS}
"""Every payload by the name of its schema."""

ALL_CHANNELS = (
    *CHANNELS,
    *(
        Channel(f"command-{name}", _TOPICS.command(name), f"command-{name}", retained=False, qos=1, heard=True)
        for name in FORMS
    ),
    *(
        Channel(f"answer-{name}", f"{_TOPICS.answers}{{asker}}", f"answer-{name}", retained=False, qos=1)
        for name in FORMS
    ),
)
"""Every kind of topic; answers to all commands share theirs."""

COMMAND_DIRECTORY = Path(__file__).parent / "commands" / "schemas"


def write_contract(directory: Path = DIRECTORY, command_directory: Path = COMMAND_DIRECTORY) -> None:
    """Write every schema and the AsyncAPI document that the package ships anew from the code."""
    write_schemas(directory)
    write_schemas(command_directory, COMMAND_PAYLOADS)
    (directory / FILE).write_bytes(render_schema(generate_asyncapi(ALL_CHANNELS, ALL_PAYLOADS)))


if __name__ == "__main__":
    write_contract()
