"""What int8 files are fitted to: windows of training clips, and weights rounded for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from builder.compilation.catalogue import Target
from builder.compilation.layer_nodes import require_layers
from builder.compilation.rounding import Rounding, round_to_fit
from builder.compilation.targets import Calibrating
from builder.training.network import Network
from builder.training.probe import embedder
from models.manifest import Preprocessing
from models.preprocessing import normalise


def calibrate_int8(
    network: Network,
    windows: NDArray[np.uint8],
    targets: Sequence[Target],
    preprocessing: Preprocessing,
    rounding: Rounding,
    float_layers: tuple[str, ...] = (),
) -> Calibrating:
    """What the ``targets`` are calibrated by, from ``windows (M, T, P * H, W, C) uint8`` of training clips; the weights
    of ``float_layers`` stay as they are.

    Raises ``CompilationError`` for a layer that the encoder has not.
    """
    require_layers(network.encoder, float_layers)
    embeddings = embedder(network.encoder, preprocessing)(windows)
    panes = windows.reshape(len(windows), -1, *preprocessing.pane_shape)
    calibrating = Calibrating(embeddings, panes, network.encoder, float_layers)
    if rounding == "nearest" or all(target.precision != "int8" for target in targets):
        return calibrating
    samples = normalise(calibrating.samples, preprocessing)
    rounded = replace(calibrating, encoder=round_to_fit(network.encoder, samples, float_layers))
    if not float_layers or not any(target.all_int8 for target in targets):
        return rounded
    return replace(rounded, whole=round_to_fit(network.encoder, samples))
