"""The courier: carries the board and the spool to the broker, session after session, for as long as it takes."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Literal

from edge_agent.backoff import Backoff
from edge_agent.delivery.board import Board
from edge_agent.delivery.brokers import Brokers
from edge_agent.delivery.connection import Acknowledgement, Connection
from edge_agent.delivery.errors import BrokerError, SpoolError
from edge_agent.delivery.figures import CourierCounts
from edge_agent.delivery.message import Message
from edge_agent.delivery.replies import Replies
from edge_agent.delivery.spool import Spool, StoredMessage
from edge_agent.delivery.suspects import Suspects
from edge_agent.delivery.wakeup import Wakeup
from edge_agent.tracer import UNTRACED, Tracer

log = logging.getLogger(__name__)

Drain = Literal["oldest", "newest"]
"""What of a backlog is offered first: the oldest message, or the incident that was last heard of, its own steps in
their order."""
PERMANENT_REFUSALS = {
    0x90: "topic name invalid",
    0x95: "packet too large",
    0x99: "payload format invalid",
}
"""Refusals of the message itself: no change at the broker short of its limits would let the same bytes through."""
BLOCKED_FOR_S = 60.0
"""How long a topic rests after a curable refusal (an ACL, a quota): a person mends those, in minutes at best."""
Farewell = Callable[[Literal["stopping", "offline"]], Message]
_PACKET_OVERHEAD_BYTES = 64
_SPOOL_RETRY_S = 1.0
_GOODBYE_S = 2.0


@dataclass(slots=True)
class _Session:
    """What is known of the session that is up, and ends with it."""

    connection: Connection
    last_offered: int = 0
    in_flight: dict[int, Message | StoredMessage] = field(default_factory=dict)
    offered_s: dict[int, float] = field(default_factory=dict)
    delivered: list[int] = field(default_factory=list)
    """Of the spool, and still to be removed from it."""
    unburied: list[int] = field(default_factory=list)
    """Refused for good, which the disk did not take: not to be offered again in this session."""
    blocked: dict[str, float] = field(default_factory=dict)
    passed_over: dict[int, float] = field(default_factory=dict)
    proved: bool = False
    """Whether the broker has taken anything."""
    unsure: bool = False
    """Whether something is on its way that is never answered."""
    spool_rests_until: float = -math.inf
    removal_rests_until: float = -math.inf


class Courier:
    """The one thread that talks to the broker. Its rules:

    - a new session begins with everything kept on the board, in the order it was first posted, and then offers the
      spool in order, from its oldest message on or as ``drain`` says, at most a window at a time;
    - a message leaves the spool only when the broker has acknowledged it with success;
    - answers go before anything else and are offered once;
    - a message that the broker refuses for good is buried (kept, never offered again);
    - one over which the broker ends sessions is passed over for a while, as ``Suspects`` tells;
    - any other refusal blocks its topic for ``BLOCKED_FOR_S`` or until the next session; the messages of other topics
      pass meanwhile, and its own keep their order;
    - once a broker that comes before the one in use answers, the session is ended as ``offline`` there, so that nobody
      who watches there takes the device for present, and the next one begins at once.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        brokers: Brokers,
        spool: Spool,
        board: Board,
        backoff: Backoff,
        clock: Callable[[], float],
        tracer: Tracer = UNTRACED,
        replies: Replies | None = None,
        *,
        drain: Drain = "oldest",
    ) -> None:
        """``connect`` opens a session with the one that ``brokers`` chooses or raises ``BrokerError``; ``clock`` is
        monotonic seconds."""
        self._connect = connect
        self._brokers = brokers
        self._drain = drain
        self._spool = spool
        self._board = board
        self._backoff = backoff
        self._clock = clock
        self._tracer = tracer
        self._replies = replies or Replies()
        self._suspects = Suspects(clock)
        self._sessions = self._delivered = self._refusals = 0
        self._wakeup = Wakeup()
        self._stopping = threading.Event()
        self._flush_until = 0.0
        self._blocked_topics: tuple[str, ...] = ()
        self._connected = False
        self._complaint = ""

    @property
    def blocked_topics(self) -> tuple[str, ...]:
        """Topics that the broker refuses for now."""
        return self._blocked_topics

    @property
    def connected(self) -> bool:
        return self._connected

    def counts(self) -> CourierCounts:
        """What became of the spool's messages since the start."""
        return CourierCounts(self._sessions, self._delivered, self._refusals)

    def notice(self) -> None:
        """Say that the board or the spool holds something new."""
        self._wakeup.ring()

    def stop(self, flush_s: float) -> None:
        """Ask ``run`` to end: at once without a session, else after delivering for up to ``flush_s``."""
        self._flush_until = self._clock() + flush_s
        self._stopping.set()
        self._brokers.halt()
        self._wakeup.ring()

    def run(self, farewell: Farewell) -> None:
        """Deliver until stopped; ``farewell`` makes the last message to a broker that is left."""
        complaint = ""
        while not self._stopping.is_set():
            try:
                connection = self._connect()
            except BrokerError as error:
                if str(error) != complaint and not self._stopping.is_set():
                    log.warning("%s; trying again until it answers, incidents wait on disk", error)
                complaint = str(error)
            else:
                complaint = ""
                log.info("connected to the broker")
                if self._serve(connection, farewell):
                    continue
            if not self._stopping.is_set():
                self._stopping.wait(self._backoff.next_delay())
        self._wakeup.close()

    def _serve(self, connection: Connection, farewell: Farewell) -> bool:
        """Use a session to its end; whether it was given up for that of an earlier broker."""
        began = self._clock()
        session = _Session(connection, blocked=self._suspects.topics, passed_over=self._suspects.passed_over)
        self._sessions += 1
        self._blocked_topics = tuple(sorted(session.blocked))
        self._board.renew()
        self._connected = True
        leaving = False
        try:
            while connection.alive and not self._done(session) and not leaving:
                self._round(session)
                leaving = not self._stopping.is_set() and self._brokers.earlier_answers()
            if connection.alive:
                self._say_goodbye(session, farewell("offline" if leaving else "stopping"))
            else:
                self._brokers.session_lasted(self._clock() - began)
                unsure = len(session.in_flight)
                log.warning("lost the broker: %s; %d message(s) unacknowledged", connection.ended, unsure)
                self._suspect(session)
        except OSError as error:
            log.warning("lost the broker: %s", error)
            self._brokers.session_lasted(self._clock() - began)
            connection.abandon()
        finally:
            self._connected = False
            self._backoff.session_lasted(self._clock() - began)
        return leaving

    def _done(self, session: _Session) -> bool:
        if not self._stopping.is_set():
            return False
        waiting = session.in_flight or not self._board.empty or self._has_more(session)
        return self._clock() >= self._flush_until or not waiting

    def _has_more(self, session: _Session) -> bool:
        if not self._replies.empty:
            return True
        try:
            return bool(self._waiting(session, 1))
        except SpoolError:
            return False

    def _round(self, session: _Session) -> None:
        """Offer what there is room for, wait for the network, settle what the broker answered."""
        patience = self._flush_until - self._clock() if self._stopping.is_set() else 1.0
        for reply in self._replies.take(self._room(session)):
            self._offer_reply(session, reply)
        late = self._suspects.late_topics(proved=session.proved)
        for message in self._board.take(self._room(session), session.blocked, but=late):
            self._offer(session, message)
        # A disk that fails must not keep the session waiting: what is on the board needs no disk.
        try:
            if self._clock() >= session.spool_rests_until and self._unblock(session):
                self._offer_spool(session)
            if not session.in_flight:
                for message in self._board.take(1, session.blocked):
                    self._offer(session, message)
            answers = session.connection.step(patience, self._wakeup)
            self._settle(session, answers)
        except SpoolError as error:
            self._complain(error)
            session.spool_rests_until = self._clock() + _SPOOL_RETRY_S

    def _offer(self, session: _Session, item: Message | StoredMessage) -> None:
        message = item if isinstance(item, Message) else item.message
        try:
            with self._tracer.timed("publish", count=int(isinstance(item, StoredMessage))):
                ticket = session.connection.publish(message)
        except ValueError as error:
            # No topic that MQTT knows, as damage to the disk can leave it: the next message must not wait for it.
            log.error("%r cannot be published: %s", message.topic, error)  # noqa: TRY400 the message says it all
            if isinstance(item, StoredMessage):
                self._bury(session, item, str(error))
            return
        if message.qos:
            session.in_flight[ticket] = item
            session.offered_s[ticket] = self._clock()
        else:
            session.unsure = True

    def _offer_reply(self, session: _Session, reply: Message) -> None:
        largest = session.connection.max_packet_bytes
        if largest is not None and reply.size + _PACKET_OVERHEAD_BYTES > largest:
            log.error("answer on %s not sent: %d bytes, the broker takes %d", reply.topic, reply.size, largest)
        else:
            self._offer(session, reply)

    def _offer_spool(self, session: _Session) -> None:
        room = self._room(session)
        if room <= 0:
            return
        largest = session.connection.max_packet_bytes
        late = self._suspects.late_ids
        waiting = self._waiting(session, room, late)
        if not waiting and not session.in_flight:
            if late:
                session.last_offered = 0
                waiting = self._waiting(session, 1)
            if not waiting:
                self._suspects.relax()
        for stored in waiting:
            session.last_offered = stored.id
            if largest is not None and stored.message.size + _PACKET_OVERHEAD_BYTES > largest:
                self._refusals += 1
                reason = f"packet too large: {stored.message.size} bytes, the broker takes {largest}"
                self._bury(session, stored, reason)
            else:
                self._offer(session, stored)

    def _waiting(self, session: _Session, most: int, late: Collection[int] = ()) -> list[StoredMessage]:
        """Up to ``most`` messages that are to be offered next, without those that are ``late``."""
        over = {*session.passed_over, *late}
        if self._drain == "oldest":
            return self._spool.peek(session.last_offered, most, session.blocked, over)
        offered = [item.id for item in session.in_flight.values() if isinstance(item, StoredMessage)]
        passed = (*offered, *session.delivered, *session.unburied, *over)
        return self._spool.peek_newest(most, session.blocked, passed=passed)

    def _settle(self, session: _Session, answers: list[Acknowledgement]) -> None:
        for answer in answers:
            item = session.in_flight.pop(answer.ticket, None)
            offered_s = session.offered_s.pop(answer.ticket, None)
            if offered_s is not None and isinstance(item, StoredMessage):
                self._tracer.answered(self._clock() - offered_s)
            if item is not None:
                self._suspects.answered(item)
                session.proved, session.unsure = session.proved or not answer.refused, False
            if answer.refused and item is not None:
                self._refused(session, item, answer)
            elif isinstance(item, StoredMessage):
                session.delivered.append(item.id)
            elif item is not None and item.withdraws:
                self._withdrawn(item)
        if session.delivered and self._clock() >= session.removal_rests_until:
            self._remove(session)

    def _remove(self, session: _Session) -> None:
        """Take what was delivered out of the spool; a disk that lets nothing be removed keeps nothing from being
        delivered."""
        try:
            with self._tracer.timed("commit", count=0):
                self._spool.remove(session.delivered)
        except SpoolError as error:
            session.removal_rests_until = self._clock() + _SPOOL_RETRY_S
            self._complain(error)
        else:
            self._delivered += len(session.delivered)
            session.delivered.clear()
            self._complaint = ""

    def _complain(self, error: SpoolError) -> None:
        """Say it once, not every second for as long as a disk is broken."""
        if str(error) != self._complaint:
            log.error("%s; trying again", error)
        self._complaint = str(error)

    def _refused(self, session: _Session, item: Message | StoredMessage, answer: Acknowledgement) -> None:
        topic = item.topic if isinstance(item, Message) else item.message.topic
        reason = f"{answer.reason} (reason code 0x{answer.code:02x})"
        self._refusals += 1
        if isinstance(item, Message):
            log.error("the broker refused %s: %s", topic, reason)
        elif answer.code in PERMANENT_REFUSALS:
            self._bury(session, item, reason)
        else:
            if topic not in session.blocked:
                log.error(
                    "the broker refused %s: %s; its messages stay on disk and are offered again in %g s; check the"
                    " broker's ACL for this user",
                    topic, reason, BLOCKED_FOR_S,
                )  # fmt: skip
            session.blocked[topic] = self._clock() + BLOCKED_FOR_S
            self._blocked_topics = tuple(sorted(session.blocked))

    def _room(self, session: _Session) -> int:
        """How many more messages may be offered now."""
        window = 1 if self._suspects.careful else session.connection.window
        return max(0, window - len(session.in_flight))

    def _suspect(self, session: _Session) -> None:
        """Look for the message over which the broker ended a session."""
        unanswered = list(session.in_flight.values())
        alone = self._suspects.careful and len(unanswered) == 1 and not session.unsure
        rest_s = self._suspects.lost(unanswered, alone=alone, proved=session.proved)
        if rest_s is None:
            return
        self._refusals += 1
        message = unanswered[0] if isinstance(unanswered[0], Message) else unanswered[0].message
        log.error(
            "the broker ends sessions over a message of %d bytes on %s, the last with: %s; it is passed over and"
            " offered again in %g s; check the broker's log, its limits and its ACL",
            message.size, message.topic, session.connection.ended, rest_s,
        )  # fmt: skip

    def _withdrawn(self, message: Message) -> None:
        try:
            self._spool.forget_retained(message.topic)
        except SpoolError as error:
            # Kept, so that the next session has it withdrawn again; what else was answered must be heard.
            self._complain(error)
        else:
            self._board.forget(message)

    def _bury(self, session: _Session, stored: StoredMessage, reason: str) -> None:
        log.error("the broker refuses message %d on %s for good: %s", stored.id, stored.message.topic, reason)
        try:
            self._spool.bury(stored.id, reason)
        except SpoolError as error:
            session.unburied.append(stored.id)
            self._complain(error)

    def _unblock(self, session: _Session) -> bool:
        """Let topics that have rested try again; whether the spool may be offered from now."""
        now = self._clock()
        rested = [topic for topic, until in session.blocked.items() if until <= now]
        if not rested and all(until > now for until in session.passed_over.values()):
            return True
        if session.in_flight:
            return False
        # From the start again, and only with nothing in flight: the refused are older than what passed them since.
        session.blocked = {topic: until for topic, until in session.blocked.items() if topic not in rested}
        session.passed_over = self._suspects.passed_over
        session.last_offered = 0
        self._blocked_topics = tuple(sorted(session.blocked))
        return True

    def _say_goodbye(self, session: _Session, farewell: Message) -> None:
        self._offer(session, farewell)
        deadline = self._clock() + _GOODBYE_S
        try:
            while session.connection.alive and session.in_flight and self._clock() < deadline:
                self._settle(session, session.connection.step(deadline - self._clock()))
        except SpoolError as error:
            log.error("%s; what the broker has taken is offered again", error)  # noqa: TRY400 the message says it all
        session.connection.close()
