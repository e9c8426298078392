"""The rows of all devices, made anew only where something changed."""

from __future__ import annotations

from fleet.devices.book import Book
from fleet.devices.name import DeviceName
from fleet.overview.row import Row, make_row


class Board:
    """What a view draws from: the work of a refresh follows what was heard, not how many devices there are."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._rows: dict[DeviceName, Row] = {}

    def refresh(self) -> list[Row]:
        """The rows of now, in no order."""
        for name in self._book.changed:
            self._rows[name] = make_row(self._book.devices[name])
        self._book.changed.clear()
        return list(self._rows.values())
