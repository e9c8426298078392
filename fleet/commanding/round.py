"""Who was asked, who answered and who is next: one round of a command through the devices."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from edge_agent.commands.message import Answer
from edge_agent.delivery.request import UNREADABLE
from fleet.devices.name import DeviceName

Kind = Literal["done", "failed", "silent", "offline", "refused"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended at one device; ``text`` is the result, or what was wrong."""

    name: DeviceName
    kind: Kind
    text: str


class Round:
    """Asks at most ``at_once`` devices at a time; whoever has not answered ``deadline_s`` after being asked is silent.
    Each device ends with one outcome. No clock: time, seconds of a rising clock, is given."""

    def __init__(self, names: Sequence[DeviceName], at_once: int, deadline_s: float) -> None:
        self._waiting = deque(names)
        self._at_once = at_once
        self._deadline_s = deadline_s
        self._asked: dict[DeviceName, float] = {}
        self.outcomes: dict[DeviceName, Outcome] = {}

    @property
    def over(self) -> bool:
        return not self._waiting and not self._asked

    @property
    def asked(self) -> int:
        """How many have been asked and not answered."""
        return len(self._asked)

    def take_due(self, now_s: float) -> list[DeviceName]:
        """Those to ask now, which count as asked from here on."""
        due = [self._waiting.popleft() for _ in range(min(self._at_once - len(self._asked), len(self._waiting)))]
        self._asked.update(dict.fromkeys(due, now_s))
        return due

    def end(self, outcome: Outcome) -> None:
        """Note how it ended at a device that was asked; what comes later, or again, counts no more."""
        if self._asked.pop(outcome.name, None) is not None:
            self.outcomes[outcome.name] = outcome

    def expire(self, now_s: float) -> None:
        """Give up those that had their time."""
        for name, asked_s in list(self._asked.items()):
            if now_s - asked_s >= self._deadline_s:
                self.end(Outcome(name, "silent", f"no answer within {self._deadline_s:g} s"))


def read_answer(name: DeviceName, payload: bytes) -> Outcome:
    """What a device's answer says; raises nothing."""
    try:
        # Whatever the result is: a device of another version may have more to tell.
        answer = msgspec.json.decode(payload, type=Answer[Any])
        if answer.ok:
            return Outcome(name, "done", msgspec.json.encode(answer.result).decode())
    except UNREADABLE as error:
        return Outcome(name, "failed", f"an answer that cannot be read: {error}")
    fault = answer.error
    return Outcome(name, "failed", "no reason given" if fault is None else f"{fault.kind}: {fault.text}")
