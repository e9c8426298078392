"""The clerk: takes requests one after another, has them done, and answers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, get_args

import msgspec

from edge_agent.commands.complaints import Complaints
from edge_agent.commands.errors import CommandError
from edge_agent.commands.figures import CommandTally
from edge_agent.commands.forms import FORMS
from edge_agent.commands.gate import Admitted, Gate
from edge_agent.commands.inbox import Inbox
from edge_agent.commands.message import Answer, Fault
from edge_agent.commands.name import CommandName
from edge_agent.commands.options import CommandOptions
from edge_agent.commands.response_topic import find_topic_fault
from edge_agent.delivery.message import Message
from edge_agent.delivery.request import Request
from edge_agent.delivery.timestamp import rfc3339
from models.errors import NexaraError

log = logging.getLogger(__name__)

Act = Callable[[Any, Admitted], msgspec.Struct]
"""Does one command, whose arguments have been read, and says what it did. Raises ``NexaraError`` when it cannot."""

_TAKE_S = 0.2
_MOST_CORRELATION_BYTES = 1024


class Clerk:
    """Serves requests on the thread that calls ``run``. None of them ends it: what a command raises is its answer."""

    def __init__(
        self,
        inbox: Inbox,
        gate: Gate,
        acts: Mapping[CommandName, Act],
        options: CommandOptions,
        reply: Callable[[Message], None],
        tally: CommandTally,
        *,
        clock: Callable[[], float],
        utc: Callable[[], datetime],
    ) -> None:
        """``reply`` sends a message without waiting; ``clock`` is monotonic seconds."""
        self._inbox = inbox
        self._gate = gate
        self._acts = acts
        self._options = options
        self._reply = reply
        self._tally = tally
        self._utc = utc
        self._complaints = Complaints(clock)
        self._dropped = 0

    def run(self, halted: threading.Event) -> None:
        """Serve until ``halted``."""
        while not halted.is_set():
            request = self._inbox.take(_TAKE_S)
            self._count_dropped()
            if request is not None:
                self.serve(request)

    def serve(self, request: Request) -> None:
        """Do one request and answer it; never raises."""
        name = request.topic.rpartition("/")[2]
        command = name if name in get_args(CommandName) else "unknown"
        topic, correlation = request.response_topic, request.correlation
        try:
            fault = topic and find_topic_fault(topic, self._options.answers, self._options.topics)
            if fault or len(correlation or b"") > _MOST_CORRELATION_BYTES:
                text = fault or f"found correlation data of more than {_MOST_CORRELATION_BYTES} bytes"
                self._refuse("response_topic", command, text)
                return
            answer = self._do(request, command)
            if topic:
                payload = msgspec.json.encode(answer)
                self._reply(Message(topic, payload, correlation=correlation))
        except Exception:  # the last place that hears of it: the next request must find its thread
            log.exception("command %s could not be answered", command)

    def _do(self, request: Request, command: str) -> Answer[msgspec.Struct]:
        id_: str | None = None
        try:
            admitted = self._gate.admit(request, self._utc())
            id_ = admitted.id
            result = self._act(admitted)
        except CommandError as error:
            self._refuse(error.kind, command, str(error))
            return self._answer(id_ or read_id(request.payload), command, None, Fault(kind=error.kind, text=str(error)))
        except NexaraError as error:
            self._refuse("failed", command, str(error))
            return self._answer(id_, command, None, Fault(kind="failed", text=str(error)))
        except Exception:
            log.exception("command %s failed", command)
            self._tally.count(command, "failed")
            fault = Fault(kind="failed", text="the agent has a fault, which its log tells; report it")
            return self._answer(id_, command, None, fault)
        self._tally.count(command, "ok")
        who = f" for {admitted.operator}" if admitted.operator else ""
        log.info("command %s done%s, id %r", command, who, admitted.id)
        return self._answer(admitted.id, command, result, None)

    def _act(self, admitted: Admitted) -> msgspec.Struct:
        try:
            arguments = msgspec.json.decode(admitted.arguments, type=FORMS[admitted.name].arguments)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError) as error:
            text = f"found arguments that are not those of {admitted.name}: {error}; see the schema of this command"
            raise CommandError("arguments", text) from error
        return self._acts[admitted.name](arguments, admitted)

    def _answer(
        self, id_: str | None, command: str, result: msgspec.Struct | None, error: Fault | None
    ) -> Answer[msgspec.Struct]:
        at = rfc3339(self._utc())
        return Answer(id=id_, command=command, at=at, ok=error is None, result=result, error=error)

    def _refuse(self, kind: str, command: str, text: str) -> None:
        self._tally.count(command, kind)
        self._complaints.tell(kind, command, text)

    def _count_dropped(self) -> None:
        dropped = self._inbox.dropped
        for _ in range(dropped - self._dropped):
            self._refuse("busy", "unknown", "found more requests than can wait; send fewer")
        self._dropped = dropped


class _Named(msgspec.Struct):
    id: str = ""


def read_id(payload: bytes) -> str | None:
    """The id of a request that was refused, as far as it can be told."""
    try:
        return msgspec.json.decode(payload, type=_Named).id[:64] or None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError):
        return None
