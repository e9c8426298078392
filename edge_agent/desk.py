"""What may be changed at a running agent, and asked of it, from outside of its loop."""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.cover_book import CoverBook
from edge_agent.mutes import Mutes
from edge_agent.picture_desk import PictureDesk
from edge_agent.seat import Seat


@dataclass(frozen=True, slots=True)
class Desk:
    """``covers`` and ``mutes`` are read anew before each decision; without them the cameras' own covers stay in force,
    and none is muted. ``pictures`` is handed a camera's next judged picture. Who sits in ``seat`` judges."""

    covers: CoverBook | None = None
    mutes: Mutes | None = None
    pictures: PictureDesk | None = None
    seat: Seat | None = None


NOBODY = Desk()
"""Nobody changes anything."""
