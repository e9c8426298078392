"""A session with the broker that comes back by itself, and asks for what is retained in portions."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge_agent.backoff import Backoff
from edge_agent.delivery.connection import Connection
from edge_agent.delivery.errors import BrokerError, BrokerUnreachableError
from edge_agent.delivery.message import Message
from edge_agent.delivery.request import Request

log = logging.getLogger(__name__)

PORTION = 100
"""Topic filters in one packet. Each may bring several messages, and a broker that is asked for more than a thousand at
a time may silently drop the rest, as Mosquitto does."""
_PAUSE_S, _QUIET_S, _LONGEST_UNREST_S = 0.02, 0.3, 2.0
_SEND_S = 30.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message that the broker did not take."""

    message: Message
    reason: str


class Line:
    """One client's way to the broker, used by one thread. Opened by ``open``, which raises ``BrokerError``; whatever
    breaks later is mended by ``step``, after waits of ``backoff``, with all that was heard before."""

    def __init__(
        self,
        connect: Callable[[], Connection],
        filters: Sequence[str],
        receive: Callable[[Request], None],
        backoff: Backoff,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``receive`` is called by ``step`` and ``send`` and must not raise; ``clock`` is monotonic seconds."""
        self._connect = connect
        self._groups = [tuple(filters)]
        self._receive = receive
        self._backoff = backoff
        self._clock = clock
        self._connection: Connection | None = None
        self._pending: deque[tuple[str, ...]] = deque()
        self._fence: str | None = None
        self._fenced = False
        self._opened_s = self._due_s = self._heard_s = self._asked_s = 0.0

    @property
    def connected(self) -> bool:
        return self._connection is not None and self._connection.alive

    @property
    def caught_up(self) -> bool:
        """Whether what is retained has been heard, as far as a client can tell: the broker took every subscription, and
        then was silent for a moment or had time enough."""
        if self._connection is None or not self.connected or self._pending:
            return False
        return self._has_told(self._connection, _QUIET_S)

    def open(self) -> None:
        """Begin a session; raises ``BrokerError``."""
        self._connection = self._connect()
        self._opened_s = self._clock()
        self._pending = deque(self._groups)
        self._ask(self._connection)

    def hear(self, filters: Sequence[str]) -> None:
        """Hear these too, in every session from now on. The last should be a topic at which a message is retained: once
        that comes, so have those of the others."""
        self._groups.append(tuple(filters))
        self._pending.append(tuple(filters))

    def step(self, timeout_s: float) -> None:
        """Wait for the network at most so long and do what is due; raises nothing for the broker's sake."""
        connection = self._connection
        if connection is None or not connection.alive:
            self._come_back(timeout_s)
            return
        connection.step(min(timeout_s, _PAUSE_S) if self._pending else timeout_s)
        if connection.subscribing:
            # What is retained comes after the answer, however far away the broker is.
            self._asked_s = self._heard_s = self._clock()
        # After the step: what lies in the socket while this machine is busy is no silence.
        if self._pending and self._has_told(connection, _PAUSE_S if self._fenced else _QUIET_S):
            self._ask(connection)

    def send(self, messages: Sequence[Message]) -> list[Refusal]:
        """Publish, and wait until the broker has taken or refused each; those refused are returned. Raises
        ``BrokerUnreachableError`` when the session ends before, and some may have been taken then."""
        connection = self._connection
        waiting = deque(messages)
        sent: dict[int, Message] = {}
        refusals: list[Refusal] = []
        deadline_s = self._clock() + _SEND_S
        while waiting or sent:
            if connection is None or not connection.alive or self._clock() > deadline_s:
                why = "no session" if connection is None else connection.ended
                raise BrokerUnreachableError(f"{len(waiting) + len(sent)} message(s) were not taken: {why}; try again")
            while waiting and len(sent) < connection.window:
                message = waiting.popleft()
                sent[connection.publish(message)] = message
            for answer in connection.step(1.0):
                deadline_s = self._clock() + _SEND_S
                taken = sent.pop(answer.ticket, None)
                if taken is not None and answer.refused:
                    refusals.append(Refusal(taken, answer.reason))
        return refusals

    def close(self) -> None:
        """Say goodbye."""
        if self._connection is not None and self._connection.alive:
            self._connection.close()
        self._connection = None

    def _come_back(self, timeout_s: float) -> None:
        if self._connection is not None:
            log.warning("the broker is away: %s; trying again", self._connection.ended)
            self._backoff.session_lasted(self._clock() - self._opened_s)
            self._connection.abandon()
            self._connection = None
            self._due_s = self._clock() + self._backoff.next_delay()
        wait_s = self._due_s - self._clock()
        if wait_s > 0:
            time.sleep(min(wait_s, timeout_s))
            return
        try:
            self.open()
        except BrokerError as error:
            log.warning("%s; trying again", error)
            self._due_s = self._clock() + self._backoff.next_delay()

    def _ask(self, connection: Connection) -> None:
        portion = list(self._pending.popleft())
        # What has a wildcard at its end may bring any number, and is a portion of its own.
        self._fenced = "+" not in portion[-1]
        while self._fenced and self._pending and len(portion) < PORTION:
            portion.extend(self._pending.popleft())
        self._fence = portion[-1] if self._fenced else None
        self._asked_s = self._heard_s = self._clock()
        connection.hear(portion, self._take)

    def _has_told(self, connection: Connection, quiet_s: float) -> bool:
        """Whether what is retained for the last portion has come: its last message has, and nothing retained for a
        moment. In a fleet that talks all the time, or where that message is gone, it is waited for long enough."""
        if connection.subscribing:
            return False
        now_s = self._clock()
        silent = self._fence is None and now_s - self._heard_s >= quiet_s
        return silent or now_s - self._asked_s >= _LONGEST_UNREST_S

    def _take(self, request: Request) -> None:
        if request.topic == self._fence:
            self._fence = None
        if request.retained:
            self._heard_s = self._clock()
        self._receive(request)
