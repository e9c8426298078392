"""``label``: an operator says whether an incident was a true alarm."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import msgspec

from edge_agent.clips.errors import ClipError
from edge_agent.clips.facts import Alarm, ClipFacts, ClipLabel
from edge_agent.clips.shelf import Shelf
from edge_agent.commands.errors import CommandError
from edge_agent.commands.gate import Admitted
from edge_agent.commands.labels import Label, LabelCounts, Labels
from edge_agent.delivery.timestamp import rfc3339

IncidentId = Annotated[
    str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="`incident` of the incident's messages")
]


class LabelArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which incident, and what it was."""

    incident: IncidentId
    alarm: Alarm
    note: Annotated[str, msgspec.Meta(max_length=500)] | None = None


class LabelResult(msgspec.Struct, frozen=True, kw_only=True):
    """``clip`` is the film beside which the label was written, if there is one; ``newest`` counts the labels of the
    last incidents that have one."""

    clip: str | None
    newest: LabelCounts


class Labelling:
    """Keeps labels, and writes each beside the incident's film, from which a network may learn one day."""

    def __init__(self, labels: Labels, shelf: Shelf | None, utc: Callable[[], datetime]) -> None:
        self._labels = labels
        self._shelf = shelf
        self._utc = utc

    def act(self, arguments: LabelArguments, request: Admitted) -> LabelResult:
        """Raises ``StateError``, and ``CommandError`` when the label is kept but cannot be written beside the film."""
        at = rfc3339(self._utc())
        label = ClipLabel(alarm=arguments.alarm, at=at, operator=request.operator, note=arguments.note)
        self._labels.add(
            Label(incident=arguments.incident, alarm=label.alarm, at=at, operator=label.operator, note=label.note)
        )
        return LabelResult(clip=self._write_beside(arguments.incident, label), newest=self._labels.counts())

    def _write_beside(self, incident: str, label: ClipLabel) -> str | None:
        def change(notes: bytes) -> bytes:
            facts = msgspec.json.decode(notes, type=ClipFacts)
            return msgspec.json.encode(msgspec.structs.replace(facts, label=label))

        if self._shelf is None:
            return None
        try:
            return self._shelf.annotate(incident, change)
        except (ClipError, msgspec.MsgspecError) as error:
            raise CommandError("failed", f"the label is kept, but not beside the clip: {error}") from error
