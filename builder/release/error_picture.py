"""The worst errors as pictures inside the bundle, so that the model card shows what it counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.release.contact_sheet import contact_sheet
from builder.report.data import ErrorSheet

FOLDER = "pictures"
TOTAL_BYTES = 144_000
"""Of all pictures together: a card is looked at on slow lines too, and the bundle is sent to every device."""


@dataclass(frozen=True, slots=True)
class ErrorPicture:
    """``file`` is the path inside the bundle."""

    file: str
    sheet: ErrorSheet

    @property
    def kind(self) -> str:
        """A fight taken for calm, or calm taken for a fight."""
        return "missed fight" if self.sheet.label else "false alarm"


def write_pictures(errors: Sequence[ErrorSheet], directory: Path) -> tuple[ErrorPicture, ...]:
    """Write one contact sheet for each error that has pictures, in order, as ``pictures/<number>.jpg``."""
    shown = [sheet for sheet in errors if sheet.pictures]
    if shown:
        (directory / FOLDER).mkdir()
    return tuple(_written(shown, directory))


def _written(shown: Sequence[ErrorSheet], directory: Path) -> Iterator[ErrorPicture]:
    for number, sheet in enumerate(shown, 1):
        # The clip's own name may hold what no file name, and no link in Markdown, can.
        file = f"{FOLDER}/{number}.jpg"
        (directory / file).write_bytes(contact_sheet(sheet.pictures, TOTAL_BYTES // len(shown)))
        yield ErrorPicture(file, sheet)
