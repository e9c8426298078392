"""One camera as those see it who look on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from edge_agent.events import Connection, Mode


@dataclass(frozen=True, slots=True)
class Observation:
    """One camera as a live view shows it. ``score`` is the last calibrated probability, ``incident`` the id of the one
    in progress, ``incidents`` how many there were; ``thumbnail`` is ``(h, w, 3) uint8 BGR``, and ``skipped`` counts
    broken packets, frames and clips."""

    camera: str
    at: datetime
    connection: Connection
    mode: Mode
    score: float | None
    samples_per_s: float
    incidents: int
    incident: str | None
    reason: str | None
    thumbnail: NDArray[np.uint8] | None = field(default=None, repr=False, compare=False)
    skipped: int = 0
