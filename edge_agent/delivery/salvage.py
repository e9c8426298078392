"""What can still be read of a damaged spool."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

Row = tuple[Any, ...]
FAULTS = (sqlite3.Error, UnicodeDecodeError)
"""What SQLite's module raises: the latter where damage stands in the text of its own error."""
TABLES = {
    "message": (
        "id",
        "queued_at",
        "bytes",
        "refusal",
        "topic",
        "content_type",
        "properties",
        "payload",
        "incident",
        "digest",
    ),
    "open_incident": ("incident", "topic", "payload"),
    "retained": ("topic",),
    "loss": ("cause", "messages"),
}
"""What is read of a spool, and its columns."""


def salvage(path: Path, table: str) -> list[Row]:
    """The rows of ``table``, by rowid, of the SQLite file at ``path`` and its log, as far as they can be read: from the
    first on up to the damage, and from the last on down to it. Nothing is written, and nothing raised."""
    found: dict[int, Row] = {}
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=0)) as database:
            database.text_factory = lambda text: text.decode(errors="replace")
            for order in ("asc", "desc"):
                found.update(_read(database, table, TABLES[table], order, frozenset(found)))
    except FAULTS:
        pass  # Not even its first page: what was found is all.
    return [found[rowid] for rowid in sorted(found)]


def _read(
    database: sqlite3.Connection, table: str, columns: Sequence[str], order: str, known: frozenset[int]
) -> Iterator[tuple[int, Row]]:
    """Rows in this order up to the first that cannot be read, or is known."""
    query = f"select rowid, {', '.join(columns)} from {table} order by rowid {order}"  # noqa: S608 our own names
    try:
        for rowid, *values in database.execute(query):
            if rowid in known:
                return
            yield rowid, tuple(values)
    except FAULTS:
        return


def restore(database: sqlite3.Connection, table: str, rows: Sequence[Row]) -> None:
    """Put rows that were salvaged into a new spool, but for those that it cannot hold."""
    columns = TABLES[table]
    query = f"insert or ignore into {table} ({', '.join(columns)}) values ({', '.join('?' * len(columns))})"  # noqa: S608 our own names
    database.executemany(query, rows)


def is_damage(error: Exception) -> bool:
    """Whether the file itself is at fault, and not the disk or who else has it open."""
    if isinstance(error, UnicodeDecodeError):
        return True
    # Python 3.10 has no error codes here, and SQLite has kept these two texts since version 3.0.
    return any(text in str(error) for text in ("malformed", "not a database"))
