"""Channels inside an encoder that nothing but one projection reads, and what each of them costs.

An inverted residual block (Sandler et al., MobileNetV2, CVPR 2018) widens its input, filters each channel for itself
and projects them back: those in between may go one by one, and the widths of all that is around stay as they are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from builder.framework import load_keras
from builder.training.network import mixes_channels

if TYPE_CHECKING:
    import tf_keras

ACTIVATION = 29.0
"""Multiply-adds that take as long as writing and reading one activation: measured in int8 on two cores with AVX-512."""


class Bottleneck(NamedTuple):
    """Layers by name: ``inside`` are those whose channels nothing but the ``projection`` reads, the convolution that
    makes them, ``filters``, the first; ``norm`` is the batch normalisation after the projection, and ``sum`` adds that
    to what ``filters`` reads, where the block is residual.

    Its ``width`` channels cost ``cost`` each, in multiply-adds of one pane.
    """

    inside: tuple[str, ...]
    projection: str
    norm: str
    sum: str | None
    width: int
    cost: float

    @property
    def filters(self) -> str:
        """The convolution that makes the channels."""
        return self.inside[0]


def find_bottlenecks(encoder: tf_keras.Model) -> tuple[Bottleneck, ...]:
    """All of an encoder, from its input on."""
    graph = _Graph(encoder)
    depthwise = load_keras().layers.DepthwiseConv2D
    each = (layer.name for layer in encoder.layers if isinstance(layer, depthwise))
    return tuple(found for name in each if (found := graph.bottleneck(name)) is not None)


def encoder_cost(encoder: tf_keras.Model) -> float:
    """What all convolutions of an encoder cost, in multiply-adds of one pane: each activation that one writes counts as
    ``ACTIVATION`` of them."""
    convolutions = (layer for layer in encoder.layers if isinstance(layer, load_keras().layers.Conv2D))
    return sum(_multiplied(layer) + ACTIVATION * _written(layer) for layer in convolutions)


def _multiplied(layer: tf_keras.layers.Layer) -> float:
    _, height, width, _ = layer.output_shape
    return float(height * width * layer.get_weights()[0].size)


def _written(layer: tf_keras.layers.Layer) -> float:
    _, height, width, channels = layer.output_shape
    return float(height * width * channels)


class _Graph:
    """Which layers of a model read which."""

    def __init__(self, model: tf_keras.Model) -> None:
        self._model = model
        self._sources: dict[str, list[str]] = {}
        self._readers: dict[str, list[str]] = defaultdict(list)
        for layer in model.get_config()["layers"]:
            self._sources[layer["name"]] = _names(layer["inbound_nodes"])
            for source in self._sources[layer["name"]]:
                self._readers[source].append(layer["name"])

    def bottleneck(self, name: str) -> Bottleneck | None:
        """That around a depthwise convolution, or ``None`` where other layers read its channels too."""
        before, after = self._walk(name, self._source), self._walk(name, self._reader)
        if not before or not after:
            return None
        filters, projection = before[-1], after[-1]
        norm = self._reader(projection)
        pointwise = self._model.get_layer(projection).kernel_size == (1, 1)
        if not pointwise or norm is None or not self._is(norm, load_keras().layers.BatchNormalization):
            return None
        inside = (*before[::-1], name, *after[:-1])
        width = int(self._model.get_layer(filters).output_shape[-1])
        return Bottleneck(
            inside, projection, norm, self._sum(norm, filters), width, self._cost((*inside, projection)) / width
        )

    def _cost(self, names: Sequence[str]) -> float:
        convolutions = [self._model.get_layer(name) for name in names if self._is(name, load_keras().layers.Conv2D)]
        return sum(map(_multiplied, convolutions)) + ACTIVATION * sum(map(_written, convolutions[:-1]))

    def _sum(self, norm: str, filters: str) -> str | None:
        """The layer that adds this one to what ``filters`` reads."""
        reader = self._reader(norm)
        if reader is None or not self._is(reader, load_keras().layers.Add):
            return None
        return reader if sorted(self._sources[reader]) == sorted((norm, *self._sources[filters])) else None

    def _walk(self, name: str, step: Callable[[str], str | None]) -> list[str]:
        """Layers from this one on, the next first, up to the convolution at the end of its channels; none where another
        layer reads them too."""
        path: list[str] = []
        while (following := step(name)) is not None:
            name = following
            path.append(name)
            if mixes_channels(self._model.get_layer(name)):
                return path
            if not self._keeps_channels(name):
                break
        return []

    def _source(self, name: str) -> str | None:
        """The only layer that this one reads, if it is its only reader."""
        sources = self._sources[name]
        return sources[0] if len(sources) == 1 and self._reader(sources[0]) == name else None

    def _reader(self, name: str) -> str | None:
        """The only layer that reads this one."""
        readers = self._readers[name]
        return readers[0] if len(readers) == 1 else None

    def _is(self, name: str, kind: type[tf_keras.layers.Layer]) -> bool:
        return isinstance(self._model.get_layer(name), kind)

    def _keeps_channels(self, name: str) -> bool:
        """Whether each channel that comes in goes out for itself."""
        layers = load_keras().layers
        kinds = (layers.BatchNormalization, layers.ReLU, layers.Activation, layers.ZeroPadding2D)
        return any(self._is(name, kind) for kind in kinds)


def _names(nodes: Any) -> list[str]:  # noqa: ANN401 - Keras nests them in more than one way
    """The layers in a layer's inbound nodes: lists that begin with a name, however deep."""
    if isinstance(nodes, list) and nodes:
        return [nodes[0]] if isinstance(nodes[0], str) else [name for node in nodes for name in _names(node)]
    return []
