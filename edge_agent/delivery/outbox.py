"""The outbox that ends in MQTT: takes events from any thread at once, and sees them to the broker."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

import msgspec

from edge_agent.backoff import Backoff
from edge_agent.delivery.board import Board
from edge_agent.delivery.brokers import Brokers
from edge_agent.delivery.connection import Connection
from edge_agent.delivery.courier import Courier, Drain
from edge_agent.delivery.errors import SpoolError
from edge_agent.delivery.figures import DeliveryFigures
from edge_agent.delivery.intake import Intake
from edge_agent.delivery.message import Message
from edge_agent.delivery.payloads import BundleName, SpoolHealth
from edge_agent.delivery.presence import Presence
from edge_agent.delivery.replies import Replies
from edge_agent.delivery.request import Subscription
from edge_agent.delivery.spool import Spool
from edge_agent.delivery.writer import Writer, interrupted, unwatched
from edge_agent.events import CameraState, Health, IncidentEvent, Snapshot
from edge_agent.tracer import UNTRACED, Tracer

log = logging.getLogger(__name__)

MOST_UNWRITTEN_BYTES = 64 * 1024 * 1024
_EXPIRY_PERIOD_S = 60.0
_DISK_RETRY_S = 1.0
FLUSH_S = 5.0
_THREAD_END_S = 10.0
"""Longer than most attempts to connect take. A thread that still runs after it waits for a broker or hangs on a broken
disk, and ends with the process."""


class MqttOutbox:
    """Implements ``edge_agent.events.Outbox``.

    No call waits for the disk or the network. The durability moment: an incident or snapshot is safe against a crash
    or a power cut once the writing thread has committed it to the spool, milliseconds after the call, and always before
    it is offered to the broker. What a crash catches in those milliseconds is lost; what a full disk keeps out waits in
    memory, up to ``MOST_UNWRITTEN_BYTES``, and is counted when it must be dropped.
    """

    def __init__(
        self,
        writer: Writer,
        presence: Presence,
        spool: Spool,
        brokers: Brokers,
        backoff: Backoff,
        clock: Callable[[], float] = time.monotonic,
        tracer: Tracer = UNTRACED,
        *,
        announcements: Sequence[Message] = (),
        subscriptions: Sequence[Subscription] = (),
        drain: Drain = "oldest",
    ) -> None:
        """``clock`` is monotonic seconds. ``announcements`` are retained messages beside the events'. ``subscriptions``
        are heard in each session, and ``drain`` says which of what waits is offered first."""
        self._subscriptions = subscriptions
        self._replies = Replies()
        self._tracer = tracer
        self._writer = writer
        self._presence = presence
        self._spool = spool
        self._brokers = brokers
        self._announcements = announcements
        self._board = Board()
        self._intake = Intake(MOST_UNWRITTEN_BYTES)
        self._courier = Courier(
            self._open_session, brokers, spool, self._board, backoff, clock, tracer, self._replies, drain=drain
        )
        self._health: Health | None = None
        self._complaint = ""
        # Made and posted as one, so that a status never takes the place of a newer one.
        self._telling = threading.Lock()
        self._threads = (
            threading.Thread(target=self._write, name="spool", daemon=True),
            threading.Thread(target=self._courier.run, args=(presence.message,), name="courier", daemon=True),
        )

    def start(self) -> None:
        """Begin to write and deliver; the broker need not be there. Incidents that an agent before this one left open,
        because it was killed or lost power, are ended first, and what it announced and this one does not is withdrawn.
        Raises ``SpoolError`` when the spool cannot be read."""
        self._end_interrupted()
        self._announce()
        for thread in self._threads:
            thread.start()

    @property
    def healthy(self) -> bool:
        """Whether both delivery threads are running (a broker that is away does not count against them)."""
        return all(thread.is_alive() for thread in self._threads)

    @property
    def connected(self) -> bool:
        return self._courier.connected

    def figures(self) -> DeliveryFigures:
        """What was delivered, what waits and what was lost; raises ``SpoolError``."""
        return DeliveryFigures(self._courier.connected, self._courier.counts(), self._spool_health())

    def use_runtime(self, runtime: str) -> None:
        """Say on ``status`` which target judges from now on."""
        self._presence.use_runtime(runtime)
        self._tell_status()
        self._courier.notice()

    def use_bundle(self, bundle: BundleName) -> None:
        """Say which bundle judges from now on, on ``status`` and with each incident."""
        self._writer.use_bundle(bundle)
        self._presence.use_bundle(bundle)
        self._tell_status()
        self._courier.notice()

    def incident(self, event: IncidentEvent) -> None:
        self._intake.put(self._writer.incident(event))

    def snapshot(self, snapshot: Snapshot) -> None:
        self._intake.put(self._writer.snapshot(snapshot))

    def camera_state(self, state: CameraState) -> None:
        self._post(self._writer.camera_state(state))

    def health(self, health: Health) -> None:
        # Counting the spool reads the disk, so the writing thread does it.
        self._health = health
        self._intake.nudge()

    def answer(self, message: Message) -> None:
        """Send a message once, before all else that waits; one that meets no session soon is lost."""
        self._replies.put(message)
        self._courier.notice()

    def post(self, message: Message) -> None:
        """Have a retained message take the place of that of its topic, now and in each session to come."""
        self._post(message)

    def close(self, flush_s: float = FLUSH_S) -> None:
        """End cleanly: write what is in memory, deliver for up to ``flush_s`` while a broker is there, say stopping."""
        writing, delivering = self._threads
        self._intake.close()
        writing.join(_THREAD_END_S)
        self._courier.stop(flush_s)
        delivering.join(flush_s + _THREAD_END_S)
        self._spool.close()

    def _end_interrupted(self) -> None:
        for step in self._spool.open_incidents():
            try:
                end = interrupted(step)
            except msgspec.MsgspecError as error:  # noqa: PERF203 a camera each at most
                # Written by a version that says it otherwise: no reason not to watch.
                log.error("incident %s was left open and cannot be ended: %s", step.incident, error)  # noqa: TRY400
            else:
                log.warning("incident %s was interrupted; it is ended", step.incident)
                self._intake.put(end)
                # Retained is still the state in which the incident goes on, and the engine may take minutes to open.
                self._board.post(unwatched(step))

    def _announce(self) -> None:
        topics = [message.topic for message in self._announcements]
        for topic in self._spool.retained():
            if topic not in topics:
                self._board.post(Message(topic, b"", retain=True))
        # Before anything is sent: a power cut must not leave the broker with what nobody remembers.
        self._spool.note_retained(topics)
        for message in self._announcements:
            self._board.post(message)

    def _open_session(self) -> Connection:
        connection = self._brokers.open(self._presence.message("offline"))
        for subscription in self._subscriptions:
            if subscription.begin is not None:
                subscription.begin()
            connection.subscribe(subscription)
        self._tell_status()
        return connection

    def _tell_status(self) -> None:
        with self._telling:
            self._board.post(self._presence.message("online"))

    def _post(self, message: Message) -> None:
        self._board.post(message)
        self._courier.notice()

    def _write(self) -> None:
        """Body of the writing thread; an empty batch lets old messages expire."""
        while not self._intake.closed:
            self._write_batch(self._intake.take(_EXPIRY_PERIOD_S))
            self._write_health()
        self._write_batch(self._intake.take(0))

    def _write_batch(self, batch: list[Message]) -> None:
        try:
            with self._tracer.timed("commit", count=len(batch)):
                self._spool.put(batch)
        except SpoolError as error:
            if str(error) != self._complaint:
                log.error("%d message(s) wait in memory: %s", len(batch), error)  # noqa: TRY400 the message says it all
            self._complaint = str(error)
            self._intake.put_back(batch)
            if not self._intake.closed:
                time.sleep(_DISK_RETRY_S)
        else:
            if self._complaint:
                log.warning("the spool takes messages again, %d that waited in memory among them", len(batch))
            self._complaint = ""
            self._courier.notice()

    def _write_health(self) -> None:
        health, self._health = self._health, None
        if health is None:
            return
        try:
            self._post(self._writer.health(health, self._spool_health()))
        except SpoolError as error:
            log.error("health not sent: %s", error)  # noqa: TRY400 the message says it all

    def _spool_health(self) -> SpoolHealth:
        counts = self._spool.counts()
        return SpoolHealth(
            messages=counts.waiting,
            bytes=counts.bytes,
            refused=counts.refused,
            dropped_by_age=counts.dropped_by_age,
            dropped_by_size=counts.dropped_by_size,
            dropped_unwritten=self._intake.dropped,
            unwritten=self._intake.waiting,
            blocked_topics=self._courier.blocked_topics,
        )
