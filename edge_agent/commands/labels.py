"""What operators said of incidents."""

from __future__ import annotations

from typing import Annotated

import msgspec

from edge_agent.clips.facts import Alarm
from edge_agent.delivery.timestamp import Timestamp
from edge_agent.state_file import StateError, StateFile

MOST = 1000
NEWEST = 100
"""Labels that the rolling counts are of."""


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """One incident's label, a line of the file."""

    incident: str
    alarm: Alarm
    at: Timestamp
    operator: str | None
    note: str | None


class LabelCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Of the newest labels, 100 at most, how many were true and how many false alarms."""

    true: Annotated[int, msgspec.Meta(ge=0)]
    false: Annotated[int, msgspec.Meta(ge=0)]


class Labels:
    """The newest labels, one for an incident, as JSON lines in one file; the oldest leave first. Written by one thread,
    read by any."""

    def __init__(self, file: StateFile, most: int = MOST) -> None:
        """Takes up what ``file`` holds; one that cannot be used is set aside."""
        self._file = file
        self._most = most
        self._labels = self._read()

    def add(self, label: Label) -> None:
        """Keep a label, in place of an earlier one of the incident. Raises ``StateError``; nothing has changed then."""
        others = [one for one in self._labels if one.incident != label.incident]
        labels = (*others, label)[-self._most :]
        self._file.write(msgspec.json.Encoder().encode_lines(labels))
        self._labels = labels

    def counts(self) -> LabelCounts:
        """How many of the newest were true alarms, and how many false ones."""
        newest = [label.alarm for label in self._labels[-NEWEST:]]
        return LabelCounts(true=newest.count("true"), false=newest.count("false"))

    def _read(self) -> tuple[Label, ...]:
        try:
            content = self._file.read()
            return tuple(msgspec.json.Decoder(Label).decode_lines(content)) if content is not None else ()
        except (StateError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            self._file.set_aside(str(error))
            return ()
