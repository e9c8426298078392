"""The spool: messages on disk from before they are offered to the broker until it has acknowledged them."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_agent.delivery.errors import SpoolError, SpoolFullError, SpoolInUseError
from edge_agent.delivery.message import Message
from edge_agent.delivery.reserve import Reserve
from edge_agent.delivery.salvage import FAULTS, TABLES, Row, is_damage, restore, salvage

log = logging.getLogger(__name__)

EARLIEST_PLAUSIBLE_CLOCK = 1_735_689_600.0
"""2025-01-01: a message stamped earlier was stamped before the clock was set, so its age is unknown, not great."""

# Payload last: SQLite then reads the other columns without touching the overflow pages of a snapshot.
_TABLES = """
create table if not exists message (
    id integer primary key autoincrement,
    queued_at real not null,
    bytes integer not null,
    refusal text,
    topic text not null,
    content_type text not null,
    properties text not null,
    incident text,
    digest integer,
    payload blob not null
);
create table if not exists open_incident (
    incident text primary key,
    topic text not null,
    payload blob not null
);
create table if not exists retained (topic text primary key);
create table if not exists loss (cause text primary key, messages integer not null);
"""
_INDEX = "create index if not exists step on message (incident, id) where incident is not null"
_ADDED = {"incident": "text", "digest": "integer"}
"""Columns that spools of earlier versions lack; there they are null."""
_COLUMNS = "id, topic, content_type, properties, payload, digest"
_WAITING = (
    f"select {_COLUMNS} from message where refusal is null"  # noqa: S608 our own names
    " and topic not in (select value from json_each(?)) and id not in (select value from json_each(?))"
)
"""The messages that may be offered, but those of topics in a list and those with ids in another; to be narrowed."""
_PRAGMAS = (
    "locking_mode=exclusive",
    "journal_mode=wal",
    "synchronous=full",
    # A log of 1 MB is written back, so that the reserve has room for all of it.
    "wal_autocheckpoint=256",
    "journal_size_limit=1048576",
)
_DAMAGED = "damaged on disk"


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """What the spool may hold; oldest messages leave first."""

    max_bytes: int
    max_age_s: float


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message and its place in the order of the spool."""

    id: int
    message: Message


@dataclass(frozen=True, slots=True)
class SpoolCounts:
    """What is inside now, and what was lost since the spool was made."""

    waiting: int
    bytes: int
    refused: int
    dropped_by_age: int
    dropped_by_size: int


class Spool:
    """An ordered, bounded, crash-safe queue in one SQLite file; safe to use from several threads.

    Once ``put`` has returned, its messages survive a power cut (WAL, ``synchronous=FULL``). The file is locked for
    this process: two agents delivering one spool would each send everything. A file found damaged is set aside, named
    in the log, and a new one begun with all that can still be read of it, since an agent that cannot report is worse
    than one that lost its backlog. A message whose bytes have changed on the disk is not offered but buried.

    All methods raise ``SpoolError`` when the disk does not play along.
    """

    def __init__(self, path: Path, limits: SpoolLimits, clock: Callable[[], float]) -> None:
        """Open or make the spool at ``path``; ``clock`` gives seconds since the epoch."""
        self._path = path
        self._limits = limits
        self._clock = clock
        self._lock = threading.RLock()
        self._reserve = Reserve(path.with_name(f"{path.name}.reserve"))
        self._unopened = False
        self._highest_id = 0
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._database = self._open()
        except (OSError, *FAULTS) as error:
            kind = SpoolInUseError if "locked" in str(error) else SpoolError
            raise kind(f"spool {path}: {error}; needed: a writable directory that no other agent uses") from error

    def put(self, messages: Sequence[Message]) -> None:
        """Write messages in order, then let go of what is too old or too much.

        The newest step of an incident is kept apart too, delivered or not, until its last one is written."""
        now = self._clock()
        with self._lock:
            self._reserve.keep()
        rows = [_row(message, now) for message in messages]
        with self._transaction() as database:
            database.executemany(
                "insert into message (queued_at, bytes, topic, content_type, properties, incident, digest, payload)"
                " values (?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
            _note_incidents(database, messages)
            self._drop_old(database, now)
            self._drop_excess(database)

    def peek(
        self, after: int, most: int, blocked: Collection[str] = (), passed: Collection[int] = ()
    ) -> list[StoredMessage]:
        """Up to ``most`` waiting messages with ids above ``after``, in order, but none of the ``blocked`` topics or the
        ids ``passed``."""
        query = f"{_WAITING} and id > ? order by id limit ?"
        with self._transaction() as database:
            rows = database.execute(query, (_listed(blocked), _listed(passed), after, most)).fetchall()
            return self._tell(_whole(database, rows))

    def peek_newest(
        self, most: int, blocked: Collection[str] = (), passed: Collection[int] = ()
    ) -> list[StoredMessage]:
        """Up to ``most`` waiting messages, the newest first, but each with the other steps of its incident, in their
        order, so that no step overtakes an earlier one. None of the ``blocked`` topics or the ids ``passed``."""
        found: list[StoredMessage] = []
        with self._transaction() as database:
            while len(found) < most:
                gone = (_listed(blocked), _listed((*passed, *(stored.id for stored in found))))
                newest = database.execute(f"{_WAITING} order by id desc limit 1", gone).fetchone()
                if newest is None:
                    break
                step = database.execute("select incident from message where id = ?", (newest[0],)).fetchone()[0]
                rows = [newest]
                if step is not None:
                    query = f"{_WAITING} and incident = ? order by id limit ?"
                    rows = database.execute(query, (*gone, step, most - len(found))).fetchall()
                found.extend(_whole(database, rows))
        return self._tell(found)

    def remove(self, ids: Collection[int]) -> None:
        """Forget messages: the broker has them. On a full disk the room held in reserve is given up for it."""
        with self._lock:
            try:
                self._delete(ids)
            except SpoolFullError:
                self._reserve.release()
                # Written back, the log gives its own room free.
                with suppress(*FAULTS):
                    self._database.execute("pragma wal_checkpoint(truncate)")
                self._delete(ids)

    def bury(self, id_: int, refusal: str) -> None:
        """Keep a message but never offer it again, because the broker refuses it for good."""
        with self._transaction() as database:
            database.execute("update message set refusal = ? where id = ?", (refusal, id_))

    def open_incidents(self) -> list[Message]:
        """The newest step of each incident whose end was never written."""
        with self._transaction() as database:
            rows = database.execute("select topic, payload, incident from open_incident order by rowid").fetchall()
        return [Message(topic, payload, incident=incident) for topic, payload, incident in rows]

    def note_retained(self, topics: Collection[str]) -> None:
        """Remember topics on which the broker is about to retain something, so that a later run can withdraw it."""
        with self._transaction() as database:
            database.executemany("insert or ignore into retained values (?)", [(topic,) for topic in topics])

    def retained(self) -> list[str]:
        """The topics remembered, in the order in which they came."""
        with self._transaction() as database:
            return [topic for (topic,) in database.execute("select topic from retained order by rowid")]

    def forget_retained(self, topic: str) -> None:
        """Forget a topic: the broker retains nothing on it any more."""
        with self._transaction() as database:
            database.execute("delete from retained where topic = ?", (topic,))

    def counts(self) -> SpoolCounts:
        """Depth and losses."""
        with self._transaction() as database:
            total, size, refused = database.execute(
                "select count(*), coalesce(sum(cast(bytes as integer)), 0), count(refusal) from message"
            ).fetchone()
            losses = dict(database.execute("select cause, cast(messages as integer) from loss").fetchall())
        return SpoolCounts(total - refused, size, refused, losses.get("age", 0), losses.get("size", 0))

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def _delete(self, ids: Collection[int]) -> None:
        with self._transaction() as database:
            database.executemany("delete from message where id = ?", [(id_,) for id_ in ids])

    def _tell(self, stored: list[StoredMessage]) -> list[StoredMessage]:
        self._highest_id = max([self._highest_id, *(one.id for one in stored)])
        return stored

    def _open(self) -> sqlite3.Connection:
        if not self._path.exists() and self._part.exists():
            # Whole, since the other was set aside only then.
            self._part.replace(self._path)
        try:
            return _connect(self._path)
        except FAULTS as error:
            if not is_damage(error):
                raise
            return self._exchange(error)

    def _exchange(self, damage: Exception) -> sqlite3.Connection:
        """Set the damaged file aside, in the place of one set aside before, and begin a new one with what is left."""
        aside = self._path.with_name(f"{self._path.name}.damaged-{int(self._clock())}")
        log.error("spool %s is damaged (%s): set aside as %s, a new one is begun", self._path, damage, aside.name)
        for earlier in self._path.parent.glob(f"{self._path.name}.damaged-*"):
            earlier.unlink()
        self._reserve.release()
        saved = {table: salvage(self._path, table) for table in TABLES}
        self._make_part(saved)
        self._path.replace(aside)
        for suffix in ("-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        self._part.replace(self._path)
        log.error("spool %s: %d message(s) could be read and are kept", self._path, len(saved["message"]))
        return _connect(self._path)

    @property
    def _part(self) -> Path:
        return self._path.with_name(f"{self._path.name}.new")

    def _make_part(self, saved: Mapping[str, Sequence[Row]]) -> None:
        """A whole spool of what was saved beside the damaged one, which stays until then: the disk may be full too."""
        for suffix in ("", "-wal"):
            self._part.with_name(self._part.name + suffix).unlink(missing_ok=True)
        with closing(_connect(self._part)) as database:
            with database:
                database.execute("begin immediate")
                for table, rows in saved.items():
                    restore(database, table, rows)
                # What is offered next must not pass for what was offered before.
                database.execute("insert into sqlite_sequence values ('message', ?)", (self._highest_id,))
            # Nothing of it in a log, which would not come along.
            database.execute("pragma journal_mode=delete")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._unopened:
                self._open_again()
            try:
                with self._database:
                    self._database.execute("begin immediate")
                    yield self._database
            except FAULTS as error:
                if is_damage(error):
                    self._begin_anew(error)
                kind = SpoolFullError if "full" in str(error) else SpoolError
                raise kind(f"spool {self._path}: {error}; check the disk's free space and health") from error

    def _begin_anew(self, damage: Exception) -> None:
        self._database.close()
        self._unopened = True
        with self._opening():
            self._database = self._exchange(damage)

    def _open_again(self) -> None:
        with self._opening():
            self._database = self._open()

    @contextmanager
    def _opening(self) -> Iterator[None]:
        try:
            yield
        except (OSError, *FAULTS) as error:
            raise SpoolError(f"spool {self._path}: cannot be begun anew: {error}; check the disk") from error
        self._unopened = False

    def _drop_old(self, database: sqlite3.Connection, now: float) -> None:
        dropped = database.execute(
            "delete from message where queued_at >= ? and queued_at < ?",
            (EARLIEST_PLAUSIBLE_CLOCK, now - self._limits.max_age_s),
        ).rowcount
        _count_loss(database, "age", dropped)

    def _drop_excess(self, database: sqlite3.Connection) -> None:
        query = "select coalesce(sum(cast(bytes as integer)), 0) from message"
        excess = database.execute(query).fetchone()[0] - self._limits.max_bytes
        if excess <= 0:
            return
        doomed = []
        for id_, size in database.execute("select id, cast(bytes as integer) from message order by id"):
            if excess <= 0:
                break
            doomed.append((id_,))
            excess -= size
        database.executemany("delete from message where id = ?", doomed)
        _count_loss(database, "size", len(doomed))


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
    try:
        # Exclusive before WAL: the index of the log then lives in memory, so that network file systems work too.
        for pragma in _PRAGMAS:
            database.execute(f"pragma {pragma}")
        database.executescript(_TABLES)
        # Text that is none any more must not keep what lies behind it from being read.
        database.text_factory = lambda text: text.decode(errors="replace")
        columns = {column[1] for column in database.execute("pragma table_info(message)")}
        for column, kind in _ADDED.items():
            if column not in columns:
                database.execute(f"alter table message add column {column} {kind}")
        database.execute(_INDEX)
    except FAULTS:
        database.close()
        raise
    return database


def _listed(values: Collection[object]) -> str:
    """Any number of values as one: of variables SQLite takes 32766 in a query, or what its builder chose."""
    return json.dumps(list(values))


def _row(message: Message, now: float) -> tuple[object, ...]:
    properties = json.dumps(message.user_properties)
    digest = _digest(message.topic, message.content_type, properties, message.payload)
    return (now, message.size, message.topic, message.content_type, properties, message.incident, digest,
            message.payload)  # fmt: skip


def _digest(topic: str, content_type: str, properties: str, payload: bytes) -> int:
    """Of all that is sent: SQLite has no checksums of its own once the log is written back."""
    return zlib.crc32(payload, zlib.crc32("\0".join((topic, content_type, properties)).encode()))


def _whole(database: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> list[StoredMessage]:
    """The messages of ``rows``; one that is not what was put is buried."""
    found = []
    for id_, topic, content_type, properties, payload, digest in rows:
        try:
            pairs = tuple((name, value) for name, value in json.loads(properties))
            whole = digest is None or digest == _digest(topic, content_type, properties, payload)
        except (TypeError, ValueError, AttributeError):
            whole = False
        if whole:
            found.append(StoredMessage(id_, Message(topic, payload, content_type, pairs)))
        else:
            log.error("spool: message %d on %r is %s and not sent", id_, topic, _DAMAGED)
            database.execute("update message set refusal = ? where id = ?", (_DAMAGED, id_))
    return found


def _note_incidents(database: sqlite3.Connection, messages: Sequence[Message]) -> None:
    for message in messages:
        if message.incident is None:
            continue
        if message.ends:
            database.execute("delete from open_incident where incident = ?", (message.incident,))
        else:
            step = (message.incident, message.topic, message.payload)
            database.execute("insert or replace into open_incident values (?, ?, ?)", step)


def _count_loss(database: sqlite3.Connection, cause: str, messages: int) -> None:
    if messages > 0:
        log.error("spool: %d message(s) dropped by %s before the broker took them", messages, cause)
        database.execute(
            "insert into loss values (?, ?) on conflict (cause) do update set messages = messages + excluded.messages",
            (cause, messages),
        )
