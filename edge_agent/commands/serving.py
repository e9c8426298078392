"""Commands of a running agent: what hears them, what does them, and the thread between."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from edge_agent.bundles.update_room import UpdateRoom
from edge_agent.clips.shelf import Shelf
from edge_agent.commands.clerk import Act, Clerk
from edge_agent.commands.figures import CommandFigures, CommandTally
from edge_agent.commands.gate import Gate
from edge_agent.commands.inbox import Inbox
from edge_agent.commands.label import Labelling
from edge_agent.commands.labels import Labels
from edge_agent.commands.logs import Logs
from edge_agent.commands.mute import Muting
from edge_agent.commands.name import CommandName
from edge_agent.commands.options import CommandOptions
from edge_agent.commands.ping import Ping
from edge_agent.commands.restart import Restart
from edge_agent.commands.seen_ids import SeenIds
from edge_agent.commands.setting import Setting
from edge_agent.commands.snapshot import Snapshots
from edge_agent.commands.update import Updating
from edge_agent.delivery.broker import Broker
from edge_agent.delivery.outbox import MqttOutbox
from edge_agent.delivery.payloads import BundleName
from edge_agent.delivery.request import Subscription
from edge_agent.desk import Desk
from edge_agent.mutes import Mutes
from edge_agent.picture_desk import PictureDesk
from edge_agent.policy_book import PolicyBook
from edge_agent.recent_lines import RecentLines
from edge_agent.reloading import Reloader
from edge_agent.state_file import StateFile

log = logging.getLogger(__name__)

# Longer than an answer takes to be made; what waits for a picture hears of the end at once.
_END_S = 5.0


@dataclass(frozen=True, slots=True)
class Subject:
    """What commands are about: the running agent as they find it. ``sources`` has each source's views by its id,
    ``filmed`` says that clips are made. ``updates`` is there where further bundles may be put on trial."""

    version: str
    bundle: Callable[[], BundleName]
    policies: PolicyBook
    reloader: Reloader
    recent: RecentLines
    sources: Mapping[str, Sequence[str]]
    stop: threading.Event
    filmed: bool
    updates: UpdateRoom | None = None


class CommandRoom:
    """What commands need before there is a session: their inbox, what they are kept in, and their counts."""

    def __init__(
        self,
        options: CommandOptions,
        directory: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
        utc: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        """Takes up what is kept in ``directory``; ``clock`` is monotonic seconds."""
        self._options = options
        self._clock = clock
        self._utc = utc
        self._started_at = utc()
        self._inbox = Inbox()
        self._tally = CommandTally()
        self._labels = Labels(StateFile(directory / "labels.jsonl"))
        self._mutes = Mutes(options.limits.longest_mute_s, StateFile(directory / "mutes.json"))
        self._pictures = PictureDesk()
        self._gate = Gate(options, SeenIds(options.limits.window_s, StateFile(directory / "seen.json")))

    def subscription(self, broker: Broker) -> Subscription | None:
        """What to hear at a broker; none where it speaks no MQTT 5, which is told once."""
        if broker.protocol != "5":
            log.warning("no commands are taken: they need MQTT 5, and %s is spoken to as %s", broker.address,
                        broker.protocol)  # fmt: skip
            return None
        return Subscription(self._options.topics.commands, self._inbox.put)

    def desk(self, desk: Desk) -> Desk:
        """What the agent is run with so that commands reach it."""
        return replace(desk, mutes=self._mutes, pictures=self._pictures)

    def figures(self) -> CommandFigures:
        """What became of requests, and what operators said of incidents."""
        counts = self._labels.counts()
        return CommandFigures(self._tally.outcomes(), {"true": counts.true, "false": counts.false})

    @contextmanager
    def serving(self, subject: Subject, outbox: MqttOutbox, shelf: Shelf | None) -> Iterator[None]:
        """Serve commands until left, on a thread of its own; ``shelf`` is where clips are."""
        halted = threading.Event()
        clerk = Clerk(
            self._inbox,
            self._gate,
            self._acts(subject, outbox, shelf, halted),
            self._options,
            outbox.answer,
            self._tally,
            clock=self._clock,
            utc=self._utc,
        )
        thread = threading.Thread(target=clerk.run, args=(halted,), name="commands", daemon=True)
        thread.start()
        try:
            yield
        finally:
            halted.set()
            thread.join(_END_S)

    def _acts(
        self, subject: Subject, outbox: MqttOutbox, shelf: Shelf | None, halted: threading.Event
    ) -> dict[CommandName, Act]:
        snapshots = Snapshots(
            self._pictures,
            subject.policies,
            outbox.snapshot,
            stop=halted,
            clock=self._clock,
            utc=self._utc,
            make_id=lambda: str(uuid.uuid4()),
        )
        restart = Restart(subject.stop, self._options.limits.restart_after_s, self._clock)
        updating = Updating(subject.updates)
        return {
            "ping": Ping(subject.version, subject.bundle, self._started_at, tuple(subject.policies.pages)).act,
            "snapshot": snapshots.act,
            "set": Setting(subject.reloader, restart if subject.filmed else None).act,
            "mute": Muting(self._mutes, subject.sources, self._utc).act,
            "label": Labelling(self._labels, shelf, self._utc).act,
            "logs": Logs(subject.recent).act,
            "restart": restart.act,
            "update": updating.update,
            "rollback": updating.roll_back,
        }
