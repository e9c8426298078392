"""The form of every request and of every answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Generic, TypeVar

import msgspec

from edge_agent.commands.errors import RefusalKind
from edge_agent.delivery.timestamp import Timestamp

Arguments = TypeVar("Arguments")
Result = TypeVar("Result")

CommandId = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z0-9_.:-]{1,64}$",
        description="1 to 64 letters, digits, '_', '.', ':' or '-', another for each request, such as a UUID",
    ),
]


class Request(msgspec.Struct, Generic[Arguments], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``command/<name>``: one request."""

    id: CommandId
    issued_at: Annotated[datetime, msgspec.Meta(tz=True, description="RFC 3339 time with its zone")]
    operator: Annotated[str, msgspec.Meta(max_length=64, description="whose key signed it")] | None = None
    arguments: Arguments


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Why it was not done."""

    kind: RefusalKind
    text: Annotated[str, msgspec.Meta(description="what was found, what is allowed, what to do")]


class Answer(msgspec.Struct, Generic[Result], frozen=True, kw_only=True):
    """The answer to one request, at its response topic, with its correlation data."""

    id: Annotated[str, msgspec.Meta(description="that of the request, where it could be read")] | None
    command: str
    at: Timestamp
    ok: bool
    result: Annotated[Result | None, msgspec.Meta(description="what it did")]
    error: Fault | None
