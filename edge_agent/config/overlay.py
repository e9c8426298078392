"""What was changed by command, to be laid over the configuration's file."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from edge_agent.config.errors import ConfigError, Problem
from edge_agent.config.loading import Config, check_document
from edge_agent.config.settings import Settings
from edge_agent.state_file import StateError, StateFile

log = logging.getLogger(__name__)

FORMAT = 1
MASKS = "masks"
_MOST_MASKS = 64


class Overlay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``tables`` are keys and values by the id of the ``[[camera]]`` or ``[[camera.cell]]`` at which they stand in the
    place of the file's; ``masks`` come beside those of the file, and never in their place."""

    format: int = FORMAT
    tables: dict[str, dict[str, Any]] = {}

    def with_keys(self, ids: tuple[str, ...], keys: Mapping[str, Any]) -> Overlay:
        """With further keys at these tables; masks are added to those that are there."""
        tables = dict(self.tables)
        for id_ in ids:
            table = {**tables.get(id_, {}), **{key: value for key, value in keys.items() if key != MASKS}}
            masks = [*table.get(MASKS, ()), *(mask for mask in keys.get(MASKS, ()) if mask not in table.get(MASKS, ()))]
            tables[id_] = {**table, MASKS: masks} if masks else table
        return Overlay(tables=tables)

    def without_keys(self, ids: tuple[str, ...]) -> Overlay:
        """Without what was given for these tables, but for masks, which no command takes away."""
        return Overlay(
            tables={
                id_: kept
                for id_, table in self.tables.items()
                if (kept := table if id_ not in ids else {key: table[key] for key in (MASKS,) if key in table})
            }
        )

    def only_masks(self) -> Overlay:
        """What must not be lost when the rest cannot be used."""
        return self.without_keys(tuple(self.tables))


class OverlayFile:
    """Where the overlay is kept over restarts."""

    def __init__(self, file: StateFile) -> None:
        self._file = file

    def read(self) -> Overlay:
        """What it holds. A file that cannot be understood is set aside, and told; the overlay is empty then. Raises
        ``StateError`` for one that cannot be read: it may hold masks, and the disk may be fine a minute later."""
        content = self._file.read()
        if content is None:
            return Overlay()
        try:
            overlay = msgspec.json.decode(content, type=Overlay)
            if overlay.format != FORMAT:
                self._file.set_aside(f"found format {overlay.format}, allowed is {FORMAT}")
                return Overlay()
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            self._file.set_aside(str(error))
            return Overlay()
        return overlay

    def write(self, overlay: Overlay) -> None:
        """Keep it; raises ``StateError``."""
        self._file.write(msgspec.json.encode(overlay))

    def set_aside(self, reason: str, kept: Overlay) -> None:
        """Keep only what can be used; the rest is put out of the way, and told."""
        self._file.set_aside(reason)
        if kept.tables:
            try:
                self.write(kept)
            except StateError as error:
                log.error("%s; the masks that were set by command are in force until the next start", error)  # noqa: TRY400


def lay_over(config: Config, overlay: Overlay) -> Config:
    """The configuration with ``overlay`` on top, checked as a file is; raises ``ConfigError``. Tables for cameras that
    it does not have are passed over."""
    if not overlay.tables:
        return config
    document = copy.deepcopy(config.document)
    crowded = []
    for path, table in list_tables(document):
        changed = overlay.tables.get(str(table.get("id")))
        if changed is None:
            continue
        masks = [*table.get(MASKS, ()), *changed.get(MASKS, ())]
        table.update({**changed, MASKS: masks} if masks else changed)
        if len(masks) > _MOST_MASKS:
            text = f"found {len(masks)} with those of the file; allowed are {_MOST_MASKS}"
            crowded.append(Problem(1, f"{path}.{MASKS}", text))
    if crowded:
        raise ConfigError(config.path, crowded)
    check_document(config.path, document, config.locator)
    return replace(config, settings=msgspec.convert(document, Settings))


def list_tables(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each ``[[camera]]`` and ``[[camera.cell]]`` of a valid document, with its key."""
    for number, camera in enumerate(document["camera"]):
        yield f"camera[{number}]", camera
        for place, cell in enumerate(camera.get("cell", ())):
            yield f"camera[{number}].cell[{place}]", cell
