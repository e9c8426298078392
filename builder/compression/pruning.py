"""Magnitude pruning while the student goes on learning.

Source: Zhu & Gupta, "To prune, or not to prune" (2017), by the TensorFlow Model Optimization toolkit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from builder.compression.recovery import Recovery
from builder.errors import BuilderError
from builder.framework import load_builder_module, load_keras
from builder.recipe import Pruning
from builder.training.network import Network, mixes_channels
from builder.training.schedule import Schedule
from builder.training.training_set import shuffled

if TYPE_CHECKING:
    import tf_keras

TOLERANCE = 0.02
TOOLKIT = "tensorflow_model_optimization"


class PruningError(BuilderError):
    """A network did not become as sparse as was asked."""


@dataclass(frozen=True, slots=True)
class Pruner:
    """How a student is pruned, and what it learns from all the while."""

    recovery: Recovery
    pruning: Pruning

    def prune(self, network: Network, whole: Network) -> tuple[Network, dict[str, tuple[float, ...]]]:
        """Set a share of each convolution's and dense layer's weights to zero, distilling all the while.

        Depthwise kernels and the last layer stay whole, since they are few and each counts, and so do frozen layers,
        which could not learn to make do. Hints are what the ``whole`` student embeds, before any pass. With
        ``pruning.probe`` the head is then learnt anew, and pruned, on what the pruned encoder still tells. Returns the
        pruned network, free of wrappers, with its losses per epoch of ``prune`` and ``probe``. Raises ``PruningError``
        when the measured sparsity is not what was asked.
        """
        load_keras().utils.set_random_seed(self.recovery.student.seed)
        encoder, head, losses = self._prune_both(network, whole)
        told = {"prune": losses}
        if self.pruning.probe is not None:
            head, told["probe"] = self._learn_head(encoder, network.head, self.pruning.probe)
        _require(self.pruning.sparsity, measure_sparsity(network, [encoder, head]))
        return self.recovery.join(encoder, head), told

    def _prune_both(self, network: Network, whole: Network) -> tuple[tf_keras.Model, tf_keras.Model, tuple[float, ...]]:
        """Encoder and head pruned while the whole learns, with the losses per epoch."""
        tfmot, pruning, tune, recovery = load_builder_module(TOOLKIT), self.pruning, self.pruning.tune, self.recovery
        views = recovery.hinting(whole) if pruning.hint else recovery.views
        steps = tune.epochs * len(views.epoch(recovery.student.seed, tune.batch, 0))
        # Encoder and head are wrapped apart: wrapping a model that holds models skips what is inside them.
        encoder, head = (_wrap(tfmot, model, pruning.sparsity, steps) for model in (network.encoder, network.head))
        update = tfmot.sparsity.keras.UpdatePruningStep()
        losses = recovery.tune(recovery.join(encoder, head), views, tune, pruning.hint, (update,))
        return _strip(tfmot, encoder), _strip(tfmot, head), losses

    def _learn_head(
        self, encoder: tf_keras.Model, form: tf_keras.Model, schedule: Schedule
    ) -> tuple[tf_keras.Model, tuple[float, ...]]:
        """A new head of the ``form`` given, pruned while it learns from the embeddings of the pruned encoder."""
        tfmot = load_builder_module(TOOLKIT)
        embeddings = self.recovery.embedded(encoder)
        steps = schedule.epochs * len(shuffled(embeddings.shape[0] * embeddings.shape[1], schedule.batch, (0,)))
        head = _wrap(tfmot, load_keras().models.clone_model(form), self.pruning.sparsity, steps)
        losses = self.recovery.teach(head, embeddings, schedule, (tfmot.sparsity.keras.UpdatePruningStep(),))
        return _strip(tfmot, head), losses


def measure_sparsity(network: Network, models: list[tf_keras.Model] | None = None) -> dict[str, float]:
    """The share of zeros in each prunable layer of ``network``, or of ``models`` in the place of its parts."""
    names = {layer.name for model in (network.encoder, network.head) for layer in model.layers if _prunable(layer)}
    return {
        layer.name: float(np.mean(layer.get_weights()[0] == 0))
        for model in models or (network.encoder, network.head)
        for layer in model.layers
        if layer.name in names
    }


def _wrap(tfmot: Any, model: tf_keras.Model, sparsity: float, steps: int) -> tf_keras.Model:  # noqa: ANN401 - tfmot is not typed
    # Masks are set anew some twenty times over the first half and then rest, while what is left learns to make do.
    half = max(1, steps // 2)
    frequency = max(1, half // 20)
    schedule = tfmot.sparsity.keras.PolynomialDecay(
        initial_sparsity=0.0,
        final_sparsity=sparsity,
        begin_step=0,
        end_step=half // frequency * frequency,
        frequency=frequency,
    )

    def clone(layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
        if not _prunable(layer):
            return layer
        return tfmot.sparsity.keras.prune_low_magnitude(layer, pruning_schedule=schedule)

    return load_keras().models.clone_model(model, clone_function=clone)


def _prunable(layer: tf_keras.layers.Layer) -> bool:
    kernel = mixes_channels(layer) or isinstance(layer, load_keras().layers.Dense)
    return kernel and layer.trainable and layer.name not in {"logits", "stem_conv", "attention_score"}


def _strip(tfmot: Any, model: tf_keras.Model) -> tf_keras.Model:  # noqa: ANN401 - tfmot is not typed
    # The averaged weights take the place of the masked ones when training ends, so the masks are laid on once more.
    for layer in model.layers:
        if hasattr(layer, "pruning_vars"):
            for weight, mask, _ in layer.pruning_vars:
                weight.assign(weight * mask)
    return tfmot.sparsity.keras.strip_pruning(model)


def _require(wanted: float, measured: dict[str, float]) -> None:
    off = {name: share for name, share in measured.items() if abs(share - wanted) > TOLERANCE}
    if off or not measured:
        found = ", ".join(f"{name} {share:.2f}" for name, share in off.items()) or "no prunable layer"
        raise PruningError(f"sparsity {wanted:.2f} was asked, found {found}; prune for more epochs or ask for less")
