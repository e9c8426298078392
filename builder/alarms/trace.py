"""What a network says of footage in time, judged as a camera that is awake is judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from builder.alarms.rule import AlarmRule
from builder.data.decode import DecodedClip
from builder.data.samples import cut_samples, sample_times
from builder.evaluation.scoring import Scorer
from builder.training.calibration import sigmoid
from models.manifest import Geometry, Preprocessing
from models.window import pick_window

_BATCH = 64
Judged = Sequence[tuple[float, float]]
"""Seconds and probabilities of a fight, in time."""


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """Footage judged ``K`` times: seconds ``times_s``, the calibrated ``log_odds`` of a fight in the windows that end
    there, and the ``glances``, the same of the newest sample alone. ``label`` is 1 for a fight."""

    name: str
    label: Literal[0, 1]
    seconds: float
    times_s: tuple[float, ...]
    log_odds: tuple[float, ...]
    glances: tuple[float, ...]

    def judged(self) -> Judged:
        """The seconds and the probabilities of a fight."""
        return list(zip(self.times_s, sigmoid(np.array(self.log_odds)).tolist(), strict=True))


def trace(
    name: str,
    label: Literal[0, 1],
    decoded: DecodedClip,
    scorer: Scorer,
    temperature: float,
    geometry: Geometry,
    preprocessing: Preprocessing,
    rule: AlarmRule,
) -> Trace:
    """Judge footage at the rule's rate from its first sample on, as if something had just woken the camera.

    ``temperature`` makes log-odds of the scorer's margins.
    """
    seconds = float(decoded.times_s[-1])
    times = sample_times(seconds, msgspec.structs.replace(geometry, rate_hz=rule.rate_hz))
    batches = [times[start : start + _BATCH] for start in range(0, len(times), _BATCH)]
    embeddings = np.concatenate(
        [scorer.encode(cut_samples(decoded, batch, geometry, preprocessing)) for batch in batches]
    )
    # A window reaches back so many samples and no more: the search for its members need not either.
    reach = int(np.ceil(geometry.samples * rule.rate_hz / geometry.rate_hz)) + 1
    log_odds: list[float] = []
    glances: list[float] = []
    for start in range(0, len(times), _BATCH):
        ends = range(start, min(start + _BATCH, len(times)))
        picked = [_window(times, end, reach, geometry) for end in ends]
        alone = np.repeat(np.array(ends)[:, None], geometry.samples, axis=1)
        log_odds += _log_odds(scorer, embeddings[np.stack(picked)], temperature)
        glances += _log_odds(scorer, embeddings[alone], temperature)
    return Trace(
        name=name,
        label=label,
        seconds=seconds,
        times_s=tuple(times.tolist()),
        log_odds=tuple(log_odds),
        glances=tuple(glances),
    )


def _window(times: NDArray[np.float64], end: int, reach: int, geometry: Geometry) -> NDArray[np.intp]:
    first = max(0, end - reach)
    return first + pick_window(times[first : end + 1], geometry)


def _log_odds(scorer: Scorer, windows: NDArray[np.float32], temperature: float) -> list[float]:
    logits = scorer.logits(windows).astype(np.float64)
    return [float(margin) for margin in (logits[:, 1] - logits[:, 0]) / temperature]
