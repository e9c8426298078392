"""How the agent as a whole works."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge_agent.backoff import BackoffPolicy
from edge_agent.policy import require_positive
from edge_agent.timeline import LARGEST_GAP_S


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """How the agent works; ``target`` names the bundle's artifact to use (``None``: the best that runs here),
    ``threads`` how many compute there (``None``: as many as make it faster, up to the cores), and
    ``thumbnail_side`` asks for a small picture in each observation. A silence between frames above ``largest_gap_s`` is
    a break: no window reaches across it. Intervals are in seconds.

    ``stop_when_ended`` is for recordings: it ends the agent when every source has come to its end. One that failed
    three times in a row counts as ended, since a run that waits for a missing file would never end.
    """

    target: str | None = None
    threads: int | None = None
    largest_gap_s: float = LARGEST_GAP_S
    retry: BackoffPolicy = field(default_factory=BackoffPolicy)
    health_interval_s: float = 30.0
    state_interval_s: float = 10.0
    observe_interval_s: float = 0.5
    thumbnail_side: int | None = None
    stop_when_ended: bool = False

    def __post_init__(self) -> None:
        require_positive(
            threads=1 if self.threads is None else self.threads,
            largest_gap_s=self.largest_gap_s,
            health_interval_s=self.health_interval_s,
            state_interval_s=self.state_interval_s,
            observe_interval_s=self.observe_interval_s,
        )
