"""``set``: how cameras are watched, checked as the configuration is, kept over restarts, and taken back on demand."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from edge_agent.commands.errors import CommandError
from edge_agent.commands.gate import Admitted
from edge_agent.commands.restart import Restart
from edge_agent.commands.target import SomeCamera, find_tables
from edge_agent.config.errors import ConfigError
from edge_agent.config.overlay import MASKS, Overlay
from edge_agent.config.value_types import AlertRate, IdleInterval, Polygon, Seconds, Wait
from edge_agent.reloading import Reloader
from models.manifest import Probability

_MOST_POLYGONS = 64
_NO_KEYS = {"camera", "revert"}


class SetArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys as at a ``[[camera]]`` of the configuration; what is left out stays as it is. ``masks`` come beside those
    that are there. ``revert`` takes back all that was set for these cameras, but for masks, and stands alone."""

    camera: Annotated[SomeCamera | None, msgspec.Meta(description="null: all cameras")] = None
    wake: Probability | UnsetType = UNSET
    alert: Probability | UnsetType = UNSET
    clear: Probability | UnsetType = UNSET
    idle_interval_s: IdleInterval | UnsetType = UNSET
    alert_rate_hz: AlertRate | UnsetType = UNSET
    calm_hold_s: Seconds | UnsetType = UNSET
    doubt_hold_s: Wait | UnsetType = UNSET
    zones: Annotated[tuple[Polygon, ...], msgspec.Meta(max_length=_MOST_POLYGONS)] | UnsetType = UNSET
    masks: Annotated[tuple[Polygon, ...], msgspec.Meta(min_length=1, max_length=_MOST_POLYGONS)] | UnsetType = UNSET
    revert: bool = False


class SetResult(msgspec.Struct, frozen=True, kw_only=True):
    """What changed."""

    applied: Annotated[tuple[str, ...], msgspec.Meta(description="a line for each key that changed, with the cameras")]
    restarts: Annotated[bool, msgspec.Meta(description="the agent restarts now, so that films hide the masks too")]


class Setting:
    """Changes the overlay. Where cameras are filmed, more masks need a start anew: what a film hides is settled when
    its recorder is made, and until then it would show what nobody may see any more."""

    def __init__(self, reloader: Reloader, restart: Restart | None) -> None:
        """``restart`` is for more masks where cameras are filmed, ``None`` where none are."""
        self._reloader = reloader
        self._restart = restart

    def act(self, arguments: SetArguments, _request: Admitted) -> SetResult:
        """Raises ``CommandError`` for what the configuration would not allow, and ``StateError``."""
        keys = {name: value for name, value in _document(arguments).items() if name not in _NO_KEYS}
        if bool(keys) is arguments.revert:
            text = "found revert beside other keys" if keys else "found nothing to set"
            raise CommandError("arguments", f"{text}; allowed are keys to set, or revert alone")
        tables = find_tables(arguments.camera, self._reloader.config.settings)
        if self._restart is not None and MASKS in keys:
            self._restart.require_rested()

        def change(overlay: Overlay) -> Overlay:
            return overlay.without_keys(tables) if arguments.revert else overlay.with_keys(tables, keys)

        try:
            amendment = self._reloader.amend(change)
        except ConfigError as error:
            # The file's path and lines say nothing to somebody who sees neither.
            faults = "; ".join(f"{one.key}: {one.text}" for one in error.problems)
            raise CommandError("arguments", faults) from error
        if self._restart is None or not amendment.masked:
            return SetResult(applied=amendment.applied, restarts=False)
        self._restart.begin()
        return SetResult(applied=amendment.applied, restarts=True)


def _document(arguments: SetArguments) -> dict[str, Any]:
    """The arguments that were given, as a TOML document has them."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(arguments))
    return found
