"""How much of an incident a clip shows, and how many clips are kept."""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.policy import PolicyError, require_positive


@dataclass(frozen=True, slots=True)
class ClipPolicy:
    """A clip begins ``before_s`` before the incident's start, or at the key picture before that, and goes on for
    ``after_s`` after its end. One that would be longer than ``longest_s``, that key picture and what is before its time
    not counted, is cut. Seconds throughout."""

    before_s: float = 5.0
    after_s: float = 5.0
    longest_s: float = 120.0

    def __post_init__(self) -> None:
        if not (self.before_s >= 0 and self.after_s >= 0 and self.longest_s > self.before_s):
            raise PolicyError(
                f"clips: found before_s = {self.before_s}, after_s = {self.after_s}, longest_s = {self.longest_s}; "
                "allowed are at least 0, at least 0 and more than before_s; correct the configuration"
            )


@dataclass(frozen=True, slots=True)
class KeepPolicy:
    """What finished clips may take: bytes, seconds since they were written, and their number. The oldest leave
    first."""

    max_bytes: int = 2_000_000_000
    max_age_s: float = 168 * 3600.0
    max_count: int = 1000

    def __post_init__(self) -> None:
        require_positive(max_bytes=self.max_bytes, max_age_s=self.max_age_s, max_count=self.max_count)
