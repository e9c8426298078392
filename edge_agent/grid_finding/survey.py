"""Some seconds of a source, looked at for where its cells lie."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from edge_agent.frame import Image
from edge_agent.grid_finding.errors import GridFindingError
from edge_agent.grid_finding.evidence import Evidence, Gatherer
from edge_agent.sources import SourceOptions, open_source

# Five pictures a second: what moves has moved on from one to the next, and a quiet wall has not changed its layout.
_INTERVAL_S = 0.2
_FEWEST = 5


@dataclass(frozen=True, slots=True)
class Survey:
    """What ``seconds`` of a source showed, and its last picture."""

    evidence: Evidence
    picture: Image
    seconds: float


def survey(address: str, seconds: float, options: SourceOptions, clock: Callable[[], float]) -> Survey:
    """Look at ``seconds`` of a source, or all of it where it is shorter. After a change of resolution it begins anew.

    Raises ``SourceError`` as sources do, and ``GridFindingError`` for one that gave hardly a picture.
    """
    gatherer: Gatherer | None = None
    picture: Image | None = None
    first_s = last_s = 0.0
    with closing(open_source(address, options, clock)) as source:
        stop = threading.Event()
        while (frame := source.read(stop)) is not None:
            if gatherer is None or picture is None or frame.image.size != picture.size:
                gatherer, first_s, last_s = Gatherer(frame.image.size), frame.time_s, frame.time_s - _INTERVAL_S
            if frame.time_s - last_s >= _INTERVAL_S - 1e-3:
                gatherer.add(frame.image.luma())
                picture, last_s = frame.image, frame.time_s
            if last_s - first_s >= seconds:
                break
    count = gatherer.count if gatherer else 0
    if gatherer is None or picture is None or count < _FEWEST:
        raise GridFindingError(
            f"only {count} picture(s) {_INTERVAL_S:g} s apart in {last_s - first_s:.1f} s; at least {_FEWEST} are"
            " needed: give a longer film, or --seconds"
        )
    return Survey(gatherer.evidence(), picture, last_s - first_s)
