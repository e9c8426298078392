"""What a bundle says of a long video, and which moments of many videos are the worst."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from builder.evaluation.scoring import Scorer
from builder.mining.sample_stream import TimedSample
from models.manifest import Geometry
from runtimes.pair import probability

_BATCH = 64


class Window(NamedTuple):
    """One window of a video: when it ends, in seconds since the first frame, and its probability of a fight."""

    end_s: float
    probability: float


class Alarm(NamedTuple):
    """A window that was picked, and the video that it is of."""

    video: str
    end_s: float
    probability: float


def judge_stream(
    scorer: Scorer, samples: Iterable[TimedSample], geometry: Geometry, temperature: float
) -> Iterator[Window]:
    """Every full window of a video; each sample is encoded once. A video too short for one gives none."""
    recent: deque[NDArray[np.float32]] = deque(maxlen=geometry.samples)
    stream = iter(samples)
    while batch := list(islice(stream, _BATCH)):
        embeddings = scorer.encode(np.stack([sample.pixels for sample in batch]))
        windows, ends = [], []
        for sample, embedding in zip(batch, embeddings, strict=True):
            recent.append(embedding)
            if len(recent) == geometry.samples:
                windows.append(np.stack(recent))
                ends.append(sample.time_s)
        if windows:
            found = probability(scorer.logits(np.stack(windows)), temperature)
            yield from (Window(end_s, float(value)) for end_s, value in zip(ends, found, strict=True))


def pick_alarms(
    windows: Mapping[str, Sequence[Window]], *, minimum: float, apart_s: float, count: int
) -> tuple[Alarm, ...]:
    """At most ``count`` windows of a probability from ``minimum``, those of one video at least ``apart_s`` apart.

    Within a video the most probable comes first and suppresses its neighbours. Videos give one each in turn, so that a
    single bad one does not crowd out the others; in each turn the most probable come first.
    """
    peaks = {video: _peaks(video, found, minimum, apart_s) for video, found in windows.items()}
    turns = max(map(len, peaks.values()), default=0)
    dealt = (
        alarm
        for turn in range(turns)
        for alarm in sorted(
            (found[turn] for found in peaks.values() if turn < len(found)),
            key=lambda alarm: (-alarm.probability, alarm.video),
        )
    )
    return tuple(islice(dealt, count))


def _peaks(video: str, windows: Sequence[Window], minimum: float, apart_s: float) -> list[Alarm]:
    taken: list[Alarm] = []
    for window in sorted(windows, key=lambda window: (-window.probability, window.end_s)):
        if window.probability < minimum:
            break
        if all(abs(window.end_s - other.end_s) >= apart_s for other in taken):
            taken.append(Alarm(video, window.end_s, window.probability))
    return taken
