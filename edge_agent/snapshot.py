"""A picture of an incident: the judged frame in colour, as a JPEG of bounded size."""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.policy import PolicyError


@dataclass(frozen=True, slots=True)
class SnapshotPolicy:
    """No side of a snapshot exceeds ``largest_side`` pixels, nor its JPEG ``largest_bytes``; ``score`` draws it in."""

    largest_side: int = 1280
    largest_bytes: int = 200_000
    quality: int = 80
    score: bool = False

    def __post_init__(self) -> None:
        if not (16 <= self.largest_side <= 8192 and 1 <= self.quality <= 100 and self.largest_bytes >= 4096):  # noqa: PLR2004 - the limits stand in the message
            raise PolicyError(
                f"snapshot: found largest_side = {self.largest_side}, quality = {self.quality}, largest_bytes = "
                f"{self.largest_bytes}; allowed are 16..8192 pixels, 1..100 and at least 4096 bytes"
            )
