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
from builder.training.network import Network
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

    def slim(self, network: Network, whole: Network) -> tuple[Network, dict[str, tuple[float, ...]]]:
        """The student with a narrower encoder, which learns to embed as the ``whole`` student's does where it is asked
        to ``tune``, and with a new head where a ``probe`` is; the losses per epoch of both.

        Raises ``WidthsError`` when it cannot become as narrow as asked.
        """
        recovery, slimming, seed, told = self.recovery, self.slimming, self.recovery.student.seed, {}
        load_keras().utils.set_random_seed(seed)
        encoder, head = self._narrowed(network, seed), network.head
        if slimming.tune is not None:
            told["tune"] = recovery.imitate(encoder, whole, self.windows, slimming.tune)
        if slimming.probe is not None:
            head, told["probe"] = recovery.teach_anew(encoder, head, slimming.probe)
        return recovery.join(encoder, head), told

    def _narrowed(self, network: Network, seed: int) -> tf_keras.Model:
        recovery = self.recovery
        panes = self.windows.reshape(-1, *recovery.preprocessing.pane_shape)
        shown = panes[np.random.default_rng(seed).permutation(len(panes))[:FITTED]]
        real = normalise(shown, recovery.preprocessing)
        return Narrower(self.slimming.keep, real, seed, recovery.progress).narrow(network.encoder)
