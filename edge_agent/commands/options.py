"""Which commands are taken, and from whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from edge_agent.commands.name import CommandName
from edge_agent.delivery.topics import Topics

SHORTEST_KEY = 16
"""Bytes of an operator's key: fewer can be tried out by whoever saw one signed command."""


@dataclass(frozen=True, slots=True)
class Signer:
    """An operator's key, and what it is good for."""

    key: bytes = field(repr=False)
    allow: frozenset[CommandName]


@dataclass(frozen=True, slots=True)
class CommandLimits:
    """How far a command's time may be from this device's clock, how large it may be, how long a mute lasts at most, and
    how long the agent must have run before a restart. Seconds."""

    window_s: float = 60.0
    max_bytes: int = 16_384
    longest_mute_s: float = 8 * 3600.0
    restart_after_s: float = 120.0


@dataclass(frozen=True, slots=True)
class CommandOptions:
    """``operators`` are by name; where there are any, each command must be signed by one. ``answers`` is what the
    topics of answers begin with."""

    topics: Topics
    answers: str
    allow: frozenset[CommandName]
    operators: Mapping[str, Signer] = field(default_factory=lambda: MappingProxyType({}))
    limits: CommandLimits = field(default_factory=CommandLimits)
