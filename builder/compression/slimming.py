"""A faster student: channels that it can do without go, and what is left learns to judge without them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from builder.compression.narrowing import Narrower
from builder.compression.recovery import Recovery
from builder.framework import load_keras
from builder.recipe import Slimming
from builder.training.imitation import imitate
from builder.training.network import Network
from builder.training.probe import embedder
from builder.training.schedule import Schedule
from models.preprocessing import normalise

if TYPE_CHECKING:
    import tf_keras


FITTED = 1536
"""Panes that what is left is fitted to: more of them change little."""


@dataclass(frozen=True, slots=True)
class Slimmer:
    """``windows (M, T, P * H, W, C) uint8`` of clips that are learnt from show what the encoder shall still see."""

    recovery: Recovery
    slimming: Slimming
    windows: NDArray[np.uint8]

    def slim(self, network: Network) -> tuple[Network, dict[str, tuple[float, ...]]]:
        """The student with a narrower encoder and, where a ``probe`` is asked for, a new head; its losses per epoch of
        ``tune`` and ``probe``, as far as there are any.

        Raises ``WidthsError`` when it cannot become as narrow as asked.
        """
        recovery, slimming, seed, told = self.recovery, self.slimming, self.recovery.student.seed, {}
        load_keras().utils.set_random_seed(seed)
        encoder, head = self._narrowed(network, seed), network.head
        if slimming.tune is not None:
            told["tune"] = self._imitate(encoder, network, slimming.tune)
        if slimming.probe is not None:
            head = load_keras().models.clone_model(network.head)
            told["probe"] = recovery.teach(head, recovery.embedded(encoder), slimming.probe)
        return recovery.join(encoder, head), told

    def _panes(self) -> NDArray[np.uint8]:
        return self.windows.reshape(-1, *self.recovery.preprocessing.pane_shape)

    def _narrowed(self, network: Network, seed: int) -> tf_keras.Model:
        panes, recovery = self._panes(), self.recovery
        shown = panes[np.random.default_rng(seed).permutation(len(panes))[:FITTED]]
        real = normalise(shown, recovery.preprocessing)
        return Narrower(self.slimming.keep, real, seed, recovery.progress).narrow(network.encoder)

    def _imitate(self, encoder: tf_keras.Model, network: Network, schedule: Schedule) -> tuple[float, ...]:
        recovery, seen = self.recovery, self.recovery.preprocessing
        wanted = embedder(network.encoder, seen)(self.windows).reshape(-1, network.encoder.output_shape[-1])
        return imitate(encoder, self._panes(), wanted, schedule, seen, recovery.student.seed, recovery.progress)
