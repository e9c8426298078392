"""What can still be read of a damaged spool."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

Row = tuple[Any, ...]


def salvage(path: Path, table: str, columns: Sequence[str]) -> list[Row]:
    """The rows of ``table``, by rowid, of the SQLite file at ``path`` and its log, as far as they can be read: from the
    first on up to the damage, and from the last on down to it. Nothing is written, and nothing raised."""
    found: dict[int, Row] = {}
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=0)) as database:
            database.text_factory = lambda text: text.decode(errors="replace")
            for order in ("asc", "desc"):
                found.update(_read(database, table, columns, order, frozenset(found)))
    except (sqlite3.Error, UnicodeDecodeError):
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
    except (sqlite3.Error, UnicodeDecodeError):
        return
