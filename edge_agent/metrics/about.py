"""What an agent is, as its metrics tell it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class About:
    """The versions of the agent's code and of its bundle."""

    version: str
    bundle: str
    bundle_version: str
