"""``fleet.toml``: where the broker is, and as whom to sign."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge_agent.config.errors import ConfigError
from edge_agent.config.loading import read_document
from edge_agent.config.settings import TLS
from edge_agent.config.validation import find_problems
from edge_agent.config.value_types import Name, Port, Secret, Text


class FleetBroker(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[mqtt]``: the broker, as in a device's configuration."""

    host: Text
    port: Port | None = None
    username: Text | None = None
    password: Secret | None = None
    tls: TLS | None = None


class FleetOperator(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[operator]``: whose key signs what is sent; without it nothing is signed."""

    name: Name
    key: Secret


class FleetSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    mqtt: FleetBroker | None = None
    operator: FleetOperator | None = None


@dataclass(frozen=True, slots=True)
class FleetConfig:
    """Valid settings and the file they came from; relative paths start at that file's folder."""

    path: Path
    settings: FleetSettings

    def resolve(self, path: str) -> Path:
        """A path of the file as one that can be opened from anywhere."""
        return self.path.absolute().parent / path


def load_fleet_config(path: Path) -> FleetConfig:
    """Read and check a ``fleet.toml``; raises ``ConfigError`` with every problem in it."""
    document, locator = read_document(path)
    problems = find_problems(document, locator, FleetSettings)
    if problems:
        raise ConfigError(path, problems)
    return FleetConfig(path, msgspec.convert(document, FleetSettings))


def default_path(environment: Mapping[str, str] = os.environ) -> Path:
    """Where ``fleet.toml`` lies if nobody says otherwise."""
    return _home(environment, "XDG_CONFIG_HOME", ".config") / "nexara" / "fleet.toml"


def state_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where what has to survive is kept if nobody says otherwise."""
    return _home(environment, "XDG_STATE_HOME", ".local/state") / "nexara"


def _home(environment: Mapping[str, str], variable: str, fallback: str) -> Path:
    named = environment.get(variable)
    return Path(named) if named else Path(environment.get("HOME") or Path.home()) / fallback
