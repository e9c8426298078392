from __future__ import annotations

from edge_agent.sample import SampleMaker
from edge_agent.sources.source import Need


def needs_of(maker: SampleMaker) -> Need:
    """What a sample maker needs, told at once."""

    def needed(time_s: float, *, key: bool, spare_s: float) -> bool:  # noqa: ARG001 a Need takes it
        return maker.needs(time_s, key=key)

    return needed
