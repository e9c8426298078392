"""The weights that training leaves: an average of those that it went through."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from builder.framework import load_keras, load_tensorflow

if TYPE_CHECKING:
    import tf_keras


class Swa(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Izmailov et al., Averaging weights leads to wider optima and better generalization (UAI 2018).

    The weights at the ends of the last ``epochs`` epochs are averaged, in place of the exponential moving average. The
    rate in them is ``learning_rate``, or with a ``cycle`` of so many epochs it falls in each from the schedule's own
    rate to it, and only the weights at the end of a cycle count.
    """

    epochs: Annotated[int, msgspec.Meta(ge=1)]
    learning_rate: Annotated[float, msgspec.Meta(gt=0)]
    cycle: Annotated[int, msgspec.Meta(ge=0)] = 0

    def __post_init__(self) -> None:
        if self.cycle and self.epochs % self.cycle:
            raise ValueError(
                f"cycle is {self.cycle} and epochs is {self.epochs}; epochs are whole cycles, so give a multiple"
            )


class Average(Protocol):
    """An average of a network's weights."""

    def follow(self, epoch: int) -> None:
        """Take note of the weights that epoch number ``epoch`` ended with."""

    def lay(self) -> None:
        """Put the average in the place of the network's weights."""


class ExponentialAverage:
    """The one that the optimizer keeps, step by step."""

    def __init__(self, model: tf_keras.Model, optimizer: tf_keras.optimizers.Optimizer) -> None:
        self._model = model
        self._optimizer = optimizer

    def follow(self, epoch: int) -> None:
        """Nothing to do: the optimizer follows every step."""

    def lay(self) -> None:
        """Put the average in the place of the network's trainable weights."""
        self._optimizer.finalize_variable_values(self._model.trainable_variables)


class StochasticAverage:
    """The mean over the ends of the epochs from ``start`` on, every ``cycle``-th of them."""

    def __init__(self, model: tf_keras.Model, start: int, cycle: int) -> None:
        self._model = model
        self._start = start
        self._cycle = max(1, cycle)
        self._sums: list[NDArray[np.float64]] = []
        self._count = 0

    def follow(self, epoch: int) -> None:
        """Add the weights when ``epoch`` (from 0) ends a cycle."""
        passed = epoch + 1 - self._start
        if passed <= 0 or passed % self._cycle:
            return
        weights = [variable.numpy().astype(np.float64) for variable in self._model.trainable_variables]
        before = self._sums or [np.zeros_like(weight) for weight in weights]
        self._sums = [total + weight for total, weight in zip(before, weights, strict=True)]
        self._count += 1

    def lay(self) -> None:
        """Put the mean in the place of the network's trainable weights; the others stay as they are."""
        for variable, total in zip(self._model.trainable_variables, self._sums, strict=True):
            variable.assign((total / self._count).astype(np.float32))


def learning_norms(model: tf_keras.Model) -> list[Any]:
    """The batch normalisations of ``model``, however deep, whose statistics training changes."""
    kind = load_keras().layers.BatchNormalization
    return [layer for layer in model.submodules if isinstance(layer, kind) and layer.trainable]


def refresh_statistics(model: tf_keras.Model, windows: Iterable[NDArray[Any]]) -> None:
    """Take the statistics of each batch normalisation that learns anew, as the mean over batches of ``windows``: those
    of the weights on the way do not fit their average. Frozen ones keep theirs."""
    tf = load_tensorflow()
    norms = learning_norms(model)
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for count, batch in enumerate(windows):
        for norm in norms:
            norm.momentum = count / (count + 1)
        model(tf.convert_to_tensor(batch), training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
