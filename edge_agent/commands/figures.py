"""What became of requests, counted."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CommandFigures:
    """``outcomes`` are counts by command and outcome, ``ok`` or why it was refused; ``labels`` are counts by verdict of
    the newest ones that operators gave."""

    outcomes: Mapping[tuple[str, str], int]
    labels: Mapping[str, int]


class CommandTally:
    """Counts of requests by command and outcome, both of which come from fixed lists; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._outcomes: Counter[tuple[str, str]] = Counter()

    def count(self, command: str, outcome: str) -> None:
        with self._lock:
            self._outcomes[command, outcome] += 1

    def outcomes(self) -> dict[tuple[str, str], int]:
        """A copy of all counts."""
        with self._lock:
            return dict(self._outcomes)
