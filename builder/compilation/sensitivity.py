"""Which layers cost what int8 costs: the encoder with one layer at a time in int8, and all others float.

A layer is a node with what goes into it, weights and activations, quantized as the compiled file has them. What that
does to a window's margin is what it may do to a verdict. Source of the method, one layer quantized at a time: Wu et
al., Integer quantization for deep learning inference (2020), 4.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from builder.compilation.catalogue import Target
from builder.compilation.layer_nodes import layers_by_node, nodes_of_layers
from builder.compilation.onnx import export_graph, keep_float, quantize_graph, weighted_nodes
from builder.compilation.targets import Calibrating
from builder.framework import load_builder_module
from builder.training.fit import Progress
from builder.training.network import Network, traced
from models.manifest import Preprocessing
from models.preprocessing import normalise

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

WINDOWS = 40
_BATCH = 64
_NAME = "encoder"
_NAMED = 3


class LayerSensitivity(msgspec.Struct, frozen=True, kw_only=True):
    """What one layer in int8 does: the mean squared change of ``embedding`` entries, whose variance is about 1, and the
    mean and standard deviation of the change of windows' margins, in logits. ``kernel_cost`` and ``input_cost`` are its
    ``cost`` were its weights alone in int8, or what goes into it; ``None`` where it has but one of them."""

    layer: str
    operator: str
    weights: int
    embedding: float
    margin_shift: float
    margin_deviation: float
    kernel_cost: float | None = None
    input_cost: float | None = None

    @property
    def cost(self) -> float:
        """The root mean square of the change of margins."""
        return float(np.hypot(self.margin_shift, self.margin_deviation))


class Sensitivity(msgspec.Struct, frozen=True, kw_only=True):
    """Every layer alone, in the order of the network, and ``whole``: all of them at once."""

    windows: int
    layers: tuple[LayerSensitivity, ...]
    whole: LayerSensitivity

    def worst(self, count: int) -> tuple[LayerSensitivity, ...]:
        """The layers that cost most."""
        return tuple(sorted(self.layers, key=lambda layer: -layer.cost)[:count])

    def advice(self) -> str:
        """What to tell whoever built an int8 file that is too far from its float network."""
        named = ", ".join(f"{layer.layer} ({layer.cost:.2f})" for layer in self.worst(_NAMED))
        return f"layers that alone move a margin most, in logits: {named}; all of them {self.whole.cost:.2f}"


class _Site(NamedTuple):
    """A node, and the names of its inputs that are quantized, each with the nodes that quantize it."""

    node: NodeProto
    inputs: dict[str, tuple[NodeProto, ...]]

    def kernel(self) -> _Site:
        """With its weights alone, which are in the file as they are stored."""
        return self._replace(inputs={name: chain for name, chain in self.inputs.items() if len(chain) == 1})

    def input(self) -> _Site:
        """With what goes into it alone, which a node of its own stores."""
        return self._replace(inputs={name: chain for name, chain in self.inputs.items() if len(chain) > 1})


class _Measured:
    """What the float network says of some calibrating windows, and how far another encoder's graph is from it."""

    def __init__(
        self, network: Network, plain: ModelProto, calibrating: Calibrating, preprocessing: Preprocessing
    ) -> None:
        step = max(1, len(calibrating.windows) // WINDOWS)
        chosen = calibrating.panes[::step].reshape(-1, *preprocessing.pane_shape)
        self._panes = normalise(chosen, preprocessing)
        self._shape = calibrating.windows[::step].shape
        self._head = traced(network.head)
        self._meant = _embed(plain, self._panes)
        self._margins = self._judge(self._meant)

    @property
    def windows(self) -> int:
        """How many there are."""
        return len(self._margins)

    def change(self, graph: ModelProto, layer: str, operator: str, weights: int) -> LayerSensitivity:
        """What is another with this graph in the place of the float encoder's."""
        found = _embed(graph, self._panes)
        moved = self._judge(found) - self._margins
        return LayerSensitivity(
            layer=layer,
            operator=operator,
            weights=weights,
            embedding=float(np.mean((found - self._meant) ** 2)),
            margin_shift=float(moved.mean()),
            margin_deviation=float(moved.std()),
        )

    def _judge(self, embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
        logits = np.asarray(self._head(embeddings.reshape(self._shape)), dtype=np.float64)
        return np.asarray(logits[:, 1] - logits[:, 0])


def scan_layers(
    network: Network,
    calibrating: Calibrating,
    preprocessing: Preprocessing,
    progress: Progress,
    *,
    parts: bool = True,
) -> Sensitivity:
    """Judge some of the ``calibrating`` windows with each layer of the encoder in int8 alone, but for those that int8
    files keep in float; the head stays float. With its ``parts``, a layer takes three times as long.

    Raises ``CompilationError`` when the encoder cannot be exported or quantized.
    """
    plain = export_graph(network.encoder, _NAME)
    ranges = [normalise(calibrating.samples, preprocessing)]
    weighted = weighted_nodes(plain)
    kept = nodes_of_layers(network.encoder, weighted, calibrating.float_layers)
    quantized = quantize_graph(export_graph(calibrating.encoder, _NAME), ranges, _NAME, float_nodes=kept)
    measured = _Measured(network, plain, calibrating, preprocessing)
    sites = list(_sites(quantized))
    names, sizes = layers_by_node(network.encoder, weighted), dict(weighted)
    layers = []
    for number, site in enumerate(sites, 1):
        own = names.get(site.node.name, site.node.name)
        graph = _with_site(plain, quantized, site)
        alone = measured.change(graph, own, site.node.op_type, sizes.get(site.node.name, 0))
        layers.append(_parted(alone, plain, quantized, site, measured) if parts else alone)
        progress(number, len(sites), own)
    whole = measured.change(keep_float(quantized, kept), "all", "", sum(layer.weights for layer in layers))
    return Sensitivity(windows=measured.windows, layers=tuple(layers), whole=whole)


def _parted(
    layer: LayerSensitivity, plain: ModelProto, quantized: ModelProto, site: _Site, measured: _Measured
) -> LayerSensitivity:
    """The layer with what its weights and its input cost, where it has both."""
    kernel, given = site.kernel(), site.input()
    if not (kernel.inputs and given.inputs):
        return layer
    alone = [
        measured.change(_with_site(plain, quantized, part), layer.layer, layer.operator, layer.weights)
        for part in (kernel, given)
    ]
    return msgspec.structs.replace(layer, kernel_cost=alone[0].cost, input_cost=alone[1].cost)


def explain_int8(
    targets: Sequence[Target],
    network: Network,
    calibrating: Calibrating,
    preprocessing: Preprocessing,
    broken: Sequence[str],
) -> str:
    """Which layers are to blame where an int8 target is among those ``broken``; nothing where none is."""
    if not any(target.name in broken and target.precision == "int8" for target in targets):
        return ""
    return scan_layers(network, calibrating, preprocessing, lambda *_: None, parts=False).advice()


def _sites(quantized: ModelProto) -> Iterator[_Site]:
    makers = {name: node for node in quantized.graph.node for name in node.output}
    for node in quantized.graph.node:
        if node.op_type in {"QuantizeLinear", "DequantizeLinear"}:
            continue
        inputs: dict[str, tuple[NodeProto, ...]] = {}
        for name in node.input:
            restoring = makers.get(name)
            if restoring is None or restoring.op_type != "DequantizeLinear":
                continue
            storing = makers.get(restoring.input[0])
            # Activations are stored by a node of their own, weights are in the file as they are stored.
            inputs[name] = (restoring,) if storing is None else (storing, restoring)
        if inputs:
            yield _Site(node, inputs)


def _with_site(plain: ModelProto, quantized: ModelProto, site: _Site) -> ModelProto:
    """The float graph with one node's inputs quantized as they are in the quantized one.

    Both name nodes and tensors alike, since both are numbered by the structure that they share.
    """
    mixed = type(plain)()
    mixed.CopyFrom(plain)
    place = next(index for index, node in enumerate(mixed.graph.node) if node.name == site.node.name)
    node = mixed.graph.node[place]
    whole = next(other for other in quantized.graph.node if other.name == site.node.name)
    for index, name in enumerate(whole.input):
        if name in site.inputs:
            node.input[index] = name
    # One tensor may go in twice, as into a sum with itself.
    added = {one.name: one for chain in site.inputs.values() for one in chain}
    nodes = [*mixed.graph.node]
    nodes[place:place] = added.values()
    del mixed.graph.node[:]
    mixed.graph.node.extend(nodes)
    known = {initializer.name for initializer in mixed.graph.initializer}
    needed = {name for one in added.values() for name in one.input}
    mixed.graph.initializer.extend(
        one for one in quantized.graph.initializer if one.name in needed and one.name not in known
    )
    return mixed


def _embed(graph: ModelProto, panes: NDArray[np.float32]) -> NDArray[np.float32]:
    runtime = load_builder_module("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    session = runtime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
    parts = [session.run(None, {"batch": panes[start : start + _BATCH]})[0] for start in range(0, len(panes), _BATCH)]
    return np.concatenate(parts)
