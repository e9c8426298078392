"""ONNX: float32, float16 (stored or computed so), or int8 with explicit Q/DQ, by tf2onnx and ONNX Runtime's tools.

The contract is the network's own: NHWC in, any batch. tf2onnx turns the convolutions to NCHW and one transpose of the
three-channel input remains; batch normalisation is folded by ONNX Runtime's hardware-independent optimiser.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from builder.compilation.compiled import CompilationError, Compiled, Precision, Representative, representative_rows
from builder.compilation.layer_nodes import WeightedNode, nodes_of_layers
from builder.compilation.onnx_canonical import canonical
from builder.framework import load_builder_module, load_tensorflow
from models.manifest import Tensor

if TYPE_CHECKING:
    from onnx import ModelProto
    from tf_keras import Model

OPSET = 17
_RECURRENT = frozenset({"LSTM", "GRU", "RNN", "Loop", "Scan"})
_WORTH_HALVING = 64
_LOWEST = "lowest"
_CALIBRATION_BATCH = 16


def compile_onnx(
    model: Model,
    *,
    precision: Precision,
    path: Path,
    representative: Representative | None = None,
    symmetric: bool = False,
    half_arithmetic: bool = False,
    float_layers: Sequence[str] = (),
) -> Compiled:
    """Compile ``model``, one input and one output, to ``path``; float32 goes in and comes out at every precision.

    Weights of a float16 file are widened as it is opened, or, with ``half_arithmetic``, all is computed in float16.

    ``representative`` yields batches of real-valued input, wanted for int8 only; ``symmetric`` keeps activations' zero
    at 0, as TensorRT's parser demands, and costs the clip of every ReLU6 on a CPU. Convolutions of these
    ``float_layers`` stay float in an int8 file. A recurrent network stays float32 when int8 is asked for, since ONNX
    Runtime has no quantized LSTM; the result says so in ``precision`` and ``note``.

    Raises ``CompilationError`` when a converter refuses, nothing representative was given or a layer is unknown.
    """
    graph = export_graph(model, path.name)
    recurrent = any(node.op_type in _RECURRENT for node in graph.graph.node)
    note = "ONNX has no quantized LSTM: weights are float32" if precision == "int8" and recurrent else None
    if precision == "int8" and not recurrent:
        kept = nodes_of_layers(model, weighted_nodes(graph), float_layers)
        quantized = quantize_graph(graph, representative, path.name, symmetric=symmetric, float_nodes=kept)
        graph = keep_float(quantized, kept)
    if precision == "float16":
        graph = _cast(graph) if half_arithmetic else _halve(graph)
    path.write_bytes(canonical(graph).SerializeToString(deterministic=True))
    return Compiled(
        path=path,
        precision="float32" if note else precision,
        inputs=(_tensor("batch", model.inputs[0].shape),),
        outputs=(_tensor("output", model.outputs[0].shape),),
        note=note,
    )


def export_graph(model: Model, name: str) -> ModelProto:
    """The float network as an ONNX graph, batch normalisation folded; ``name`` tells it in errors.

    Raises ``CompilationError`` when the converter refuses it.
    """
    tensorflow, converter = load_tensorflow(), load_builder_module("tf2onnx")
    signature = [tensorflow.TensorSpec((None, *model.inputs[0].shape[1:]), tensorflow.float32, name="batch")]
    try:
        graph, _ = converter.convert.from_keras(model, input_signature=signature, opset=OPSET)
    except Exception as error:  # the converter raises errors of many unrelated kinds
        raise CompilationError(f"{name}: tf2onnx refuses the network: {error}") from error
    return canonical(_fold(canonical(graph)))


def weighted_nodes(graph: ModelProto) -> list[WeightedNode]:
    """The graph's convolutions in the order of computing."""
    sizes = {one.name: int(np.prod(one.dims)) for one in graph.graph.initializer}
    return [WeightedNode(node.name, sizes[node.input[1]]) for node in graph.graph.node if node.op_type == "Conv"]


def _fold(graph: ModelProto) -> ModelProto:
    """Fold constants and batch normalisation, by nothing that depends on this machine."""
    onnx, runtime = load_builder_module("onnx"), load_builder_module("onnxruntime")
    with tempfile.TemporaryDirectory() as folder:
        options = runtime.SessionOptions()
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(Path(folder, "folded.onnx"))
        options.intra_op_num_threads = 1
        runtime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return cast("ModelProto", onnx.load(options.optimized_model_filepath))


def quantize_graph(
    graph: ModelProto,
    representative: Representative | None,
    name: str,
    *,
    symmetric: bool = False,
    float_nodes: Sequence[str] = (),
) -> ModelProto:
    """Explicit Q/DQ with symmetric per-channel weights and float biases, since TensorRT's parser takes no others; none
    around ``float_nodes``.

    Raises ``CompilationError`` when nothing representative was given or the quantizer refuses.
    """
    onnx, quantization = load_builder_module("onnx"), load_builder_module("onnxruntime.quantization")
    rows = np.concatenate(representative_rows(representative, "int8"))
    with tempfile.TemporaryDirectory() as folder:
        try:
            quantization.quantize_static(
                graph,
                Path(folder, "int8.onnx"),
                _Calibration(rows),
                quant_format=quantization.QuantFormat.QDQ,
                per_channel=True,
                activation_type=quantization.QuantType.QInt8,
                weight_type=quantization.QuantType.QInt8,
                nodes_to_exclude=list(float_nodes),
                extra_options={"ActivationSymmetric": symmetric, "WeightSymmetric": True, "QuantizeBias": False},
            )
        except (RuntimeError, ValueError, NotImplementedError) as error:
            raise CompilationError(f"{name}: ONNX Runtime cannot quantize the network: {error}") from error
        return cast("ModelProto", onnx.load(Path(folder, "int8.onnx")))


def keep_float(graph: ModelProto, nodes: Sequence[str]) -> ModelProto:
    """``graph`` with something between each of these float ``nodes`` and the dequantization before it.

    ONNX Runtime takes a float convolution between a dequantized input and a quantized output for one that was forgotten
    (``WeightBiasQuantization``), and rounds its weights itself when it loads the file, worse than they were rounded
    here: with one scale for all channels.
    """
    onnx = load_builder_module("onnx")
    kept = type(graph)()
    kept.CopyFrom(graph)
    restored = {node.output[0] for node in kept.graph.node if node.op_type == "DequantizeLinear"}
    parted = []
    for node in kept.graph.node:
        if node.name in nodes and node.input[0] in restored:
            # All floats are at least the lowest: nothing changes, and nothing that optimizes a graph knows it.
            parted.append(onnx.helper.make_node("Max", [node.input[0], _LOWEST], [f"{node.name}_input"]))
            node.input[0] = f"{node.name}_input"
        parted.append(node)
    del kept.graph.node[:]
    kept.graph.node.extend(parted)
    kept.graph.initializer.append(onnx.numpy_helper.from_array(np.float32(np.finfo(np.float32).min), _LOWEST))
    return kept


class _Calibration:
    """Feeds the quantizer rows ``(N, ...)`` batch by batch."""

    def __init__(self, rows: NDArray[np.float32]) -> None:
        self._batches: Iterator[NDArray[np.float32]] = iter(
            [rows[start : start + _CALIBRATION_BATCH] for start in range(0, len(rows), _CALIBRATION_BATCH)]
        )

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """The next batch by input name, or ``None`` at the end, as the quantizer asks for it."""
        batch = next(self._batches, None)
        return None if batch is None else {"batch": batch}


def _halve(graph: ModelProto) -> ModelProto:
    """Store weights as float16 and cast them at load: half the file, float32 arithmetic."""
    onnx = load_builder_module("onnx")
    casts = []
    for initializer in graph.graph.initializer:
        weights = onnx.numpy_helper.to_array(initializer)
        if weights.dtype != np.float32 or weights.size < _WORTH_HALVING:
            continue
        name = initializer.name
        initializer.CopyFrom(onnx.numpy_helper.from_array(weights.astype(np.float16), f"{name}_half"))
        casts.append(onnx.helper.make_node("Cast", [f"{name}_half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.graph.node]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)
    return graph


def _cast(graph: ModelProto) -> ModelProto:
    """All tensors between input and output as float16. Values beyond its range are brought to its ends."""
    converter = load_builder_module("onnxruntime.transformers.float16")
    return cast("ModelProto", converter.convert_float_to_float16(graph, keep_io_types=True))


def _tensor(name: str, shape: tuple[int | None, ...]) -> Tensor:
    return Tensor(name=name, shape=(-1, *(int(size) for size in shape[1:] if size is not None)), dtype="float32")
