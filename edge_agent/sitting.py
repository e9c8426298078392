"""A judge with all that he works with, opened and closed as one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edge_agent.comparison import Comparison
from edge_agent.inference import Judge
from runtimes.detector import Detector


class RuntimeNews:
    """Tells which engine judges, while its detector is the one in office."""

    def __init__(self, tell: Callable[[str], None] | None) -> None:
        self._tell = tell
        self.in_office = False

    def tell(self, runtime: str) -> None:
        if self.in_office and self._tell is not None:
            self._tell(runtime)


@dataclass(frozen=True, slots=True)
class Sitting:
    """``comparison`` is with the bundle of before, while this one is on trial."""

    detector: Detector
    judge: Judge
    news: RuntimeNews
    comparison: Comparison | None = None

    def take_office(self) -> None:
        """Tell from now on which engine judges."""
        self.news.in_office = True
        self.news.tell(self.detector.description)

    def leave_office(self) -> None:
        """Tell nothing more."""
        self.news.in_office = False

    def close(self) -> None:
        """Close the engines of both bundles."""
        if self.comparison is not None:
            self.comparison.close()
        self.detector.close()
