"""Every command's arguments and result: the one list from which requests are read and schemas are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from edge_agent.commands.label import LabelArguments, LabelResult
from edge_agent.commands.logs import LogsArguments, LogsResult
from edge_agent.commands.message import Answer, Request
from edge_agent.commands.mute import MuteArguments, MuteResult
from edge_agent.commands.name import CommandName
from edge_agent.commands.ping import PingArguments, PingResult
from edge_agent.commands.restart import RestartArguments, RestartResult
from edge_agent.commands.setting import SetArguments, SetResult
from edge_agent.commands.snapshot import SnapshotArguments, SnapshotResult
from edge_agent.commands.update import RollbackArguments, RollbackResult, UpdateArguments, UpdateResult


@dataclass(frozen=True, slots=True)
class Form:
    """What a command is given and what it gives back."""

    arguments: type[msgspec.Struct]
    result: type[msgspec.Struct]


FORMS: dict[CommandName, Form] = {
    "ping": Form(PingArguments, PingResult),
    "snapshot": Form(SnapshotArguments, SnapshotResult),
    "set": Form(SetArguments, SetResult),
    "mute": Form(MuteArguments, MuteResult),
    "label": Form(LabelArguments, LabelResult),
    "logs": Form(LogsArguments, LogsResult),
    "restart": Form(RestartArguments, RestartResult),
    "update": Form(UpdateArguments, UpdateResult),
    "rollback": Form(RollbackArguments, RollbackResult),
}

COMMAND_PAYLOADS: dict[str, Any] = {
    **{f"command-{name}": Request[form.arguments] for name, form in FORMS.items()},  # type: ignore[name-defined]
    **{f"answer-{name}": Answer[form.result] for name, form in FORMS.items()},  # type: ignore[name-defined]
}
"""Every request and answer by the name of its schema file."""
