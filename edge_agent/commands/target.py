"""Which cameras a command means."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated

import msgspec

from edge_agent.commands.errors import CommandError
from edge_agent.config.settings import Settings
from edge_agent.config.walls import list_views
from edge_agent.delivery.topics import NAME_PATTERN

CameraId = Annotated[
    str, msgspec.Meta(pattern=NAME_PATTERN, description="the id of a camera or of a wall's cell, as in its topics")
]
SomeCamera = Annotated[str, msgspec.Meta(pattern=NAME_PATTERN, description="the id of a camera, a wall or a cell")]
_MOST_TOLD = 32


def require_view(camera: str, views: Collection[str]) -> str:
    """``camera``, if it is one that is watched; raises ``CommandError``."""
    if camera not in views:
        raise _unknown(camera, views)
    return camera


def find_views(camera: str | None, sources: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The ids of a camera, of all cells of a wall, or of all cameras for ``None``. ``sources`` has each source's views;
    raises ``CommandError``."""
    views = [view for some in sources.values() for view in some]
    if camera is None:
        return tuple(views)
    if camera in sources:
        return tuple(sources[camera])
    return (require_view(camera, views),)


def find_tables(camera: str | None, settings: Settings) -> tuple[str, ...]:
    """The ids of the tables that say how a camera, all cells of a wall or all cameras are watched; raises
    ``CommandError``."""
    tables: dict[str, tuple[str, ...]] = {}
    for one in settings.camera:
        tables[one.id] = tuple(cell.id for cell in one.cell) or (one.id,)
        tables |= {cell.id: (cell.id,) for cell in one.cell}
        if camera is not None and one.grid is not None and camera in {view.id for view in list_views(one)}:
            text = f"found {camera!r}, a cell of the grid {one.id!r}: what is set there is set for all its cells"
            raise CommandError("arguments", f"{text}; give {one.id!r}")
    if camera is None:
        return tuple(dict.fromkeys(id_ for ids in tables.values() for id_ in ids))
    if camera not in tables:
        raise _unknown(camera, tables)
    return tables[camera]


def _unknown(camera: str, known: Collection[str]) -> CommandError:
    told = ", ".join(list(known)[:_MOST_TOLD]) + (", ..." if len(known) > _MOST_TOLD else "")
    return CommandError("arguments", f"found the camera {camera!r}; allowed are {told}")
