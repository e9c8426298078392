"""Everything that passes between the agent and others on MQTT: what it says, what it is asked, and what it answers."""

from __future__ import annotations

from typing import Any

from edge_agent.commands.forms import COMMAND_PAYLOADS, FORMS
from edge_agent.delivery.channels import CHANNELS, Channel
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
