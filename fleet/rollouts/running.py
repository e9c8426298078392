"""Runs a roll-out at a broker until it has ended: looks, keeps what comes of it, then sends."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from edge_agent.commands.signature import OPERATOR_PROPERTY
from edge_agent.delivery.errors import BrokerUnreachableError
from edge_agent.delivery.message import Message
from edge_agent.delivery.payloads import DesiredBundle
from fleet.access import Operator
from fleet.devices.name import DeviceName
from fleet.devices.watching import Watch
from fleet.errors import FleetError
from fleet.rollouts.ending import end, is_ours, list_owed, settle
from fleet.rollouts.progress import Sights, advance
from fleet.rollouts.record import ENDED, Record
from fleet.rollouts.rollout import Member, Rollout
from fleet.rollouts.verdict import UNSEEN, Sight

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.25


class Runner:
    """Sends only what is kept already: one that is killed between the two sends it when it goes on."""

    def __init__(
        self,
        record: Record,
        watch: Watch,
        operator: Operator | None,
        tell: Callable[[Rollout, Rollout], object],
        *,
        utc: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``tell`` is given each change, as the roll-out before and after it; ``clock`` is monotonic seconds."""
        self._record = record
        self._watch = watch
        self._operator = operator
        self._tell = tell
        self._utc = utc
        self._clock = clock

    def run(self, rollout: Rollout) -> Rollout:
        """Go on until it has ended. Raises ``FleetError`` when the broker refuses what is to be sent, and
        ``StateError``; both leave it where it was."""
        unsent = {member.name for member in rollout.members if member.outcome == "asked"}
        while rollout.phase not in ENDED:
            end_s = self._clock() + _LOOK_EVERY_S
            while (left_s := end_s - self._clock()) > 0:
                self._watch.line.step(left_s)
            if not self._watch.line.caught_up:
                continue
            sights = look(self._watch, (member.name for member in rollout.members), self._clock())
            following = self._follow(rollout, sights)
            asked = {member.name for member in following.members if member.outcome == "asked"}
            unsent = (unsent & asked) | (asked - _named(rollout, "asked"))
            rollout = self._keep(rollout, following)
            try:
                unsent -= self._ask(rollout, unsent, sights)
                if rollout.phase not in {"running", *ENDED}:
                    self._send_back(rollout, sights)
                    rollout = self._keep(rollout, settle(rollout, sights))
            except BrokerUnreachableError as error:
                log.warning("%s", error)
        return rollout

    def _follow(self, rollout: Rollout, sights: Sights) -> Rollout:
        if rollout.phase == "running" and self._record.asked_to_stop:
            return end(rollout, "stopped by an operator", self._utc())
        return advance(rollout, sights, self._utc())

    def _keep(self, before: Rollout, after: Rollout) -> Rollout:
        if after != before:
            self._record.write(after)
            if after.phase != "running":
                self._record.forget_note()
            self._tell(before, after)
        return after

    def _ask(self, rollout: Rollout, names: set[DeviceName], sights: Sights) -> set[DeviceName]:
        """Send the bundle to these; who has been sent it."""
        members = [member for member in rollout.members if member.name in names]
        self._send(
            self._write(member, rollout.desire(member))
            for member in members
            if not is_ours(rollout, sights.get(member.name, UNSEEN))
        )
        return {member.name for member in members}

    def _send_back(self, rollout: Rollout, sights: Sights) -> None:
        self._send(self._write(member, desired) for member, desired in list_owed(rollout, sights))

    def _send(self, messages: Iterable[Message]) -> None:
        refusals = self._watch.line.send(list(messages))
        if refusals:
            first = refusals[0]
            raise FleetError(
                f"the broker refused {first.message.topic} and {len(refusals) - 1} more: {first.reason}; let this user"
                " write there, and go on with: nexara fleet rollout resume"
            )

    def _write(self, member: Member, desired: DesiredBundle | None) -> Message:
        topic = member.name.topics.desired_bundle
        if desired is None:
            return Message(topic, b"", retain=True)
        payload = msgspec.json.encode(desired)
        operator = self._operator
        signed = () if operator is None else ((OPERATOR_PROPERTY, operator.name), operator.sign(topic, payload))
        return Message(topic, payload, user_properties=signed, retain=True)


def look(watch: Watch, names: Iterable[DeviceName], now_s: float) -> dict[DeviceName, Sight]:
    """How these devices are now; ``now_s`` is of the book's own clock."""
    devices = watch.book.devices
    return {
        name: Sight(
            online=device.online,
            away_s=0.0 if device.away_since_s is None else now_s - device.away_since_s,
            bundle=device.bundle,
            desired=device.desired,
        )
        for name in names
        if (device := devices.get(name)) is not None
    }


def _named(rollout: Rollout, outcome: str) -> set[DeviceName]:
    return {member.name for member in rollout.members if member.outcome == outcome}
