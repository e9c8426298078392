"""What delivery counts of itself."""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.delivery.payloads import SpoolHealth


@dataclass(frozen=True, slots=True)
class CourierCounts:
    """Since the start: sessions with the broker, messages of the spool that it took, and messages that it refused, each
    time that it did."""

    sessions: int
    delivered: int
    refusals: int


@dataclass(frozen=True, slots=True)
class DeliveryFigures:
    """How delivery is doing now, and what became of messages."""

    connected: bool
    courier: CourierCounts
    spool: SpoolHealth
