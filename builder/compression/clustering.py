"""Weights that share a few values in each kernel, which packs smaller: each weight is then the number of its value.

Source: Han et al., Deep compression (ICLR 2016): values start evenly spaced over a kernel's range, settle by k-means,
and learn on by what the gradients of all their weights ask.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from builder.compression.recovery import Recovery
from builder.recipe import Clustering
from builder.training.network import Network, copy_encoder, mixes_channels

if TYPE_CHECKING:
    import tf_keras

SETTLING = 50
"""Most rounds of k-means: in one dimension it rests long before."""


@dataclass(frozen=True, slots=True)
class Clusterer:
    """``windows (M, T, P * H, W, C) uint8`` of clips that are learnt from show what the encoder shall still see."""

    recovery: Recovery
    clustering: Clustering
    windows: NDArray[np.uint8]

    def cluster(self, network: Network) -> tuple[Network, dict[str, tuple[float, ...]]]:
        """The student with so many values in each kernel of its encoder, learning to embed as it did before, which is
        what its head was taught by; zeros stay zeros. Depthwise kernels and the stem stay as they are, since they are
        few and each counts. Returns the losses per epoch of ``tune`` and ``probe`` too, as far as the recipe asks for
        either."""
        recovery, clustering, told = self.recovery, self.clustering, {}
        encoder = copy_encoder(network.encoder)
        kernels = [SharedKernel(layer, clustering.values) for layer in encoder.layers if _shares(layer)]

        def share() -> None:
            for kernel in kernels:
                kernel.share()

        share()
        if clustering.tune is not None:
            told["tune"] = recovery.imitate(encoder, network, self.windows, clustering.tune, share)
            # The averaged weights took the place of the shared ones.
            share()
        clustered, probed = recovery.finish(encoder, network.head, clustering.probe)
        return clustered, {**told, **probed}


class SharedKernel:
    """A layer's kernel whose weights share ``values`` values; which weights share one stays as it is at first."""

    def __init__(self, layer: tf_keras.layers.Layer, values: int) -> None:
        self._kernel = layer.weights[0]
        whole = self._kernel.numpy()
        self._rows = np.flatnonzero(whole)
        self._shape = whole.shape
        self._numbers = group_values(whole.ravel()[self._rows], values)

    def share(self) -> None:
        """Give each weight the mean of those that it shares its value with, and zeros where there were some."""
        flat = np.zeros(int(np.prod(self._shape)), np.float32)
        own = self._kernel.numpy().ravel()[self._rows].astype(np.float64)
        counts = np.maximum(1, np.bincount(self._numbers))
        flat[self._rows] = (np.bincount(self._numbers, own) / counts)[self._numbers]
        self._kernel.assign(flat.reshape(self._shape))


def group_values(weights: NDArray[np.float32], values: int) -> NDArray[np.intp]:
    """The group, of ``values`` at most, that each of ``weights (N,)`` is in: k-means in one dimension."""
    if not len(weights):
        return np.zeros(0, np.intp)
    centres = np.linspace(weights.min(), weights.max(), values)
    for _ in range(SETTLING):
        numbers = np.searchsorted((centres[1:] + centres[:-1]) / 2, weights)
        counts = np.bincount(numbers, minlength=values)
        means = np.bincount(numbers, weights, minlength=values) / np.maximum(1, counts)
        settled = np.where(counts > 0, means, centres)
        if np.array_equal(settled, centres):
            break
        centres = settled
    return np.searchsorted((centres[1:] + centres[:-1]) / 2, weights)


def measure_values(encoder: tf_keras.Model) -> dict[str, int]:
    """How many values other than zero each kernel has that may share some."""
    kernels = {layer.name: layer.get_weights()[0] for layer in encoder.layers if _shares(layer)}
    return {name: len(np.unique(kernel[kernel != 0])) for name, kernel in kernels.items()}


def _shares(layer: tf_keras.layers.Layer) -> bool:
    return mixes_channels(layer) and layer.name != "stem_conv"
