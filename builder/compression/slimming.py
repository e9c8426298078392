"""A faster student: channels that it can do without go, and what is left learns to judge without them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from builder.compression.narrowing import Narrower
from builder.compression.recovery import Recovery
from builder.recipe import Slimming
from builder.training.network import Network


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
        recovery, slimming, told = self.recovery, self.slimming, {}
        panes = recovery.shown(self.windows)
        encoder = Narrower(slimming.keep, panes, recovery.student.seed, recovery.progress).narrow(network.encoder)
        if slimming.tune is not None:
            told["tune"] = recovery.imitate(encoder, whole, self.windows, slimming.tune)
        slim, probed = recovery.finish(encoder, network.head, slimming.probe)
        return slim, {**told, **probed}
