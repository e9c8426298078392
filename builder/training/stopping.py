"""When to stop: once what is held out gets no better, going back to where it was best.

Source: Prechelt, Early stopping - but when? (1998).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from builder.training.averaging import Average
from builder.training.batch import Batch

if TYPE_CHECKING:
    import tf_keras

BATCH = 16


class Stopping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Stop after ``patience`` epochs in which the held-out loss did not fall by more than ``least``."""

    patience: Annotated[int, msgspec.Meta(ge=1)] = 3
    least: Annotated[float, msgspec.Meta(ge=0)] = 0.0


class BestWeights:
    """The averaged weights of the epoch that judged ``held_out`` best; they would be what is left if training ended."""

    def __init__(self, model: tf_keras.Model, average: Average, stopping: Stopping, held_out: Batch) -> None:
        self._model = model
        self._average = average
        self._stopping = stopping
        self._held_out = held_out
        self._best: list[NDArray[np.float32]] = []
        self._least = np.inf
        self._waited = 0

    def judge(self) -> bool:
        """Judge the averaged weights at an epoch's end, and go on with the others; True when it is time to stop."""
        going_on = self._model.get_weights()
        self._average.lay()
        loss = held_out_loss(self._model, self._held_out)
        if loss < self._least - self._stopping.least:
            self._best, self._least, self._waited = self._model.get_weights(), loss, 0
        else:
            self._waited += 1
        self._model.set_weights(going_on)
        return self._waited >= self._stopping.patience

    def lay(self) -> None:
        """Put the best weights in the place of the network's, or the average when none could be judged."""
        if self._best:
            self._model.set_weights(self._best)
        else:
            self._average.lay()


def held_out_loss(model: tf_keras.Model, held_out: Batch) -> float:
    """Mean cross-entropy to plain labels, without smoothing, weights or teacher."""
    starts = range(0, len(held_out.labels), BATCH)
    parts = [model.predict_on_batch(held_out.windows[start : start + BATCH]) for start in starts]
    logits = np.concatenate(parts).astype(np.float64)
    log = logits - np.logaddexp(logits[:, :1], logits[:, 1:])
    return float(-(held_out.labels * log).sum(axis=1).mean())
