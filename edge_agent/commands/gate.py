"""Who and what is let in: every check that a request has to pass before anything is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import get_args

import msgspec

from edge_agent.commands.authority import require_authority
from edge_agent.commands.errors import CommandError
from edge_agent.commands.message import Request as Envelope
from edge_agent.commands.name import CommandName
from edge_agent.commands.options import CommandOptions
from edge_agent.commands.seen_ids import SeenIds
from edge_agent.delivery.request import UNREADABLE, Request


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that was let in; its arguments have not been read yet. ``operator`` is known by a signature only."""

    name: CommandName
    id: str
    operator: str | None
    arguments: bytes = field(repr=False)


class Gate:
    """Checks requests, one after another, cheapest first. What it refuses has had no effect."""

    def __init__(self, options: CommandOptions, seen: SeenIds) -> None:
        self._options = options
        self._seen = seen

    def admit(self, request: Request, now: datetime) -> Admitted:
        """Let a request in, once, or raise ``CommandError``; ``now`` is this device's clock."""
        options = self._options
        if len(request.payload) > options.limits.max_bytes:
            text = f"found {len(request.payload)} bytes; allowed are {options.limits.max_bytes} ([commands] max_bytes)"
            raise CommandError("size", text)
        if request.retained:
            text = "found a retained message: it would be sent again at each connection; publish it without retain"
            raise CommandError("retained", f"{text}, and clear the topic")
        name = self._name(request.topic)
        form = _read(request.payload)
        require_authority(options.operators, name, form.operator, request)
        self._date(form, now)
        operator = form.operator or ""
        if self._seen.holds(operator, form.id, now):
            raise CommandError("replayed", f"found the id {form.id!r} again; give each request an id of its own")
        if self._seen.full:
            raise CommandError("busy", "found too many commands within the window; send fewer, or wait")
        self._seen.add(operator, form.id, form.issued_at)
        return Admitted(name, form.id, form.operator if options.operators else None, bytes(form.arguments))

    def _name(self, topic: str) -> CommandName:
        name = topic.rpartition("/")[2]
        allowed = ", ".join(sorted(self._options.allow))
        if name not in get_args(CommandName):
            raise CommandError("unknown", f"found the command {name[:64]!r}; allowed here are {allowed}")
        if name not in self._options.allow:
            text = f"found the command {name!r}; allowed here are {allowed}; [commands] allow must name it"
            raise CommandError("not_allowed", text)
        return name

    def _date(self, form: Envelope[msgspec.Raw], now: datetime) -> None:
        issued = form.issued_at.astimezone(timezone.utc)
        if abs(now - issued) > timedelta(seconds=self._options.limits.window_s):
            ago_s = (now - issued).total_seconds()
            text = (
                f"found issued_at {abs(ago_s):.0f} s {'before' if ago_s > 0 else 'after'} this device's clock; allowed"
            )
            raise CommandError(
                "time", f"{text} are {self._options.limits.window_s:g} s; send it anew, and compare the clocks"
            )


def _read(payload: bytes) -> Envelope[msgspec.Raw]:
    try:
        form = msgspec.json.decode(payload, type=Envelope[msgspec.Raw])
        form.issued_at.astimezone(timezone.utc)
    except UNREADABLE as error:
        raise CommandError("malformed", f"found what is no request: {error}; see the schema of this command") from error
    return form
