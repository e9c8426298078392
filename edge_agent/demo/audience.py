"""Who the demo is shown to."""

from __future__ import annotations

from typing import Protocol

from edge_agent.demo.news import News
from edge_agent.observation import Observation


class Audience(Protocol):
    """Takes in what happens, in order; all calls come from one thread."""

    def announce(self, text: str) -> None:
        """Tell something about the demo itself."""
        ...

    def watch(self, observation: Observation) -> None:
        """See how a camera is doing, from inside the agent."""
        ...

    def hear(self, news: News) -> None:
        """Learn of a message that the separate MQTT client received."""
        ...

    def refresh(self) -> None:
        """Show what changed; called several times a second."""
        ...
