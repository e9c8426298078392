"""Which nodes of a compiled graph compute which layers of a network: converters give nodes names of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from builder.compilation.compiled import CompilationError

if TYPE_CHECKING:
    import tf_keras


class WeightedNode(NamedTuple):
    """A convolution of a graph, and how many weights its kernel has."""

    name: str
    weights: int


def convolutions(model: tf_keras.Model) -> dict[str, int]:
    """The network's convolutions by name, in the order of computing, and how many weights each kernel has."""
    layers = (layer for layer in model.layers if hasattr(layer, "kernel_size"))
    return {layer.name: int(np.prod(layer.weights[0].shape)) for layer in layers}


def layers_by_node(model: tf_keras.Model, nodes: Sequence[WeightedNode]) -> dict[str, str]:
    """Names of the network's layers by those of a graph's convolutions, both in the order of computing; none where the
    two do not pair off by the sizes of their kernels."""
    layers = convolutions(model)
    if [node.weights for node in nodes] != list(layers.values()):
        return {}
    return {node.name: layer for node, layer in zip(nodes, layers, strict=True)}


def nodes_of_layers(model: tf_keras.Model, nodes: Sequence[WeightedNode], layers: Sequence[str]) -> list[str]:
    """Names of the graph's convolutions that compute these layers of the network.

    Raises ``CompilationError`` for a layer that the network has not, and where the graph's convolutions are not the
    network's.
    """
    require_layers(model, layers)
    names = layers_by_node(model, nodes)
    if layers and not names:
        raise CompilationError(
            f"float_layers: the converted graph has {len(nodes)} convolutions that do not pair off with the network's "
            f"{len(convolutions(model))}, so that {', '.join(layers)} cannot be told in it; leave float_layers out"
        )
    return [node for node, layer in names.items() if layer in layers]


def require_layers(model: tf_keras.Model, layers: Sequence[str]) -> None:
    """Raises ``CompilationError`` for a layer that is none of the network's convolutions."""
    known = convolutions(model)
    unknown = [layer for layer in layers if layer not in known]
    if unknown:
        raise CompilationError(f"float_layers: no layer named {unknown[0]!r}; there are {', '.join(known)}")
