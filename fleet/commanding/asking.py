"""Sends a command's requests and collects the answers."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import datetime

import msgspec

from edge_agent.commands.message import Request as Envelope
from edge_agent.commands.name import CommandName
from edge_agent.delivery.errors import BrokerUnreachableError
from edge_agent.delivery.message import Message
from edge_agent.delivery.request import Request
from fleet.access import Operator
from fleet.commanding.round import Outcome, Round, read_answer
from fleet.devices.name import DeviceName
from fleet.devices.watching import Watch

_STEP_S = 0.5


class Asker:
    """Asks devices for one command. Its answers come to topics that end in ``mark``, which nobody else has."""

    def __init__(
        self,
        command: CommandName,
        arguments: bytes,
        operator: Operator | None,
        utc: Callable[[], datetime],
        make_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._command = command
        self._arguments = arguments
        self._operator = operator
        self._utc = utc
        self._make_id = make_id
        self.mark = f"fleet-{make_id()}"
        self._round: Round | None = None
        self._correlations: dict[bytes, DeviceName] = {}

    def receive(self, request: Request) -> None:
        """Take what may be an answer; one that is none of ours is nobody's."""
        name = self._correlations.get(request.correlation or b"")
        if name is None or self._round is None or request.topic != self._response_topic(name):
            return
        self._round.end(read_answer(name, request.payload))

    def ask(
        self, watch: Watch, round_: Round, tell: Callable[[int], object], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Have a whole round done; ``tell`` is given how many have ended. Raises ``BrokerUnreachableError`` when the
        broker goes away."""
        self._round = round_
        while not round_.over:
            due = [(name, self.write(name)) for name in round_.take_due(clock())]
            refusals = {refusal.message.topic: refusal.reason for refusal in watch.line.send([one for _, one in due])}
            for name, message in due:
                if message.topic in refusals:
                    round_.end(Outcome(name, "refused", f"the broker took no request: {refusals[message.topic]}"))
            if not round_.over:
                watch.line.step(_STEP_S)
            if not watch.line.connected:
                raise BrokerUnreachableError("the broker went away; what was asked may have been done all the same")
            round_.expire(clock())
            tell(len(round_.outcomes))

    def write(self, name: DeviceName) -> Message:
        """The request to one device, of this moment: a device takes none that is a minute old."""
        topic = f"{name.topics.root}/command/{self._command}"
        envelope = Envelope[msgspec.Raw](
            id=self._make_id(),
            issued_at=self._utc(),
            operator=None if self._operator is None else self._operator.name,
            arguments=msgspec.Raw(self._arguments),
        )
        payload = msgspec.json.encode(envelope)
        signed = () if self._operator is None else (self._operator.sign(topic, payload),)
        correlation = self._make_id().encode()
        self._correlations[correlation] = name
        return Message(
            topic,
            payload,
            user_properties=signed,
            correlation=correlation,
            response_topic=self._response_topic(name),
        )

    def _response_topic(self, name: DeviceName) -> str:
        return f"{name.topics.answers}{self.mark}"
