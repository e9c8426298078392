"""TFLite: float32, float16 weights, or full integer, through TensorFlow's converter.

The network is traced at batch 1: the converter fuses more at a fixed batch, and the runtime feeds items one by one.
``tf.lite.Interpreter`` of TensorFlow 2.21 gives wrong int8 results on attention heads: never verify with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from builder.compilation.compiled import CompilationError, Compiled, Precision, Representative, representative_rows
from builder.compilation.layer_nodes import WeightedNode, nodes_of_layers
from builder.compilation.shared_vectors import share_vectors
from builder.framework import load_builder_module, load_tensorflow
from runtimes.tflite import open_interpreter, read_tensors

if TYPE_CHECKING:
    from tensorflow.lite import TFLiteConverter
    from tf_keras import Model


_CONVOLUTIONS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D"})


def compile_tflite(
    model: Model,
    *,
    precision: Precision,
    path: Path,
    representative: Representative | None = None,
    samples_range: tuple[float, float] | None = None,
    float_layers: Sequence[str] = (),
) -> Compiled:
    """Compile ``model``, one input and one output, to ``path``.

    ``representative`` yields batches of real-valued input, wanted for int8 only. ``samples_range`` is given for an
    encoder: the real values of a sample's 0 and 255. Its int8 input is then uint8 whose scale and zero point are those
    of the preprocessing, so that raw pixels go in unchanged; without it, int8 goes in and comes out. Convolutions of
    these ``float_layers`` stay float in an int8 file.

    Raises ``CompilationError`` when the converter refuses, nothing representative was given or a layer is unknown.
    """
    tensorflow = load_tensorflow()
    converter = _make_converter(model)
    if precision == "float16":
        converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tensorflow.float16]
    if precision == "int8":
        _ask_int8(converter, representative_rows(representative, precision), samples_range)
    keeping = precision == "int8" and float_layers
    try:
        content = _convert_keeping(converter, model, float_layers) if keeping else bytes(converter.convert())
    except CompilationError:
        raise
    except Exception as error:  # the converter raises errors of many unrelated kinds
        raise CompilationError(f"{path.name}: TFLite refuses the {precision} network: {error}") from error
    content = share_vectors(content)
    path.write_bytes(content)
    inputs, outputs = read_tensors(content, path.name)
    return Compiled(path=path, precision=precision, inputs=inputs, outputs=outputs)


def _make_converter(model: Model) -> TFLiteConverter:
    tensorflow = load_tensorflow()
    shape = tuple(model.inputs[0].shape[1:])
    function = tensorflow.function(lambda batch: model(batch, training=False)).get_concrete_function(
        tensorflow.TensorSpec((1, *shape), tensorflow.float32, name="batch")
    )
    # The converter saves what holds the weights. Of a Keras model it would trace every layer anew first, which takes
    # four to twenty times as long as all the rest and changes no byte of the file.
    weights = tensorflow.Module()
    weights.all = model.variables
    return tensorflow.lite.TFLiteConverter.from_concrete_functions([function], weights)


def _ask_int8(
    converter: TFLiteConverter, rows: list[NDArray[np.float32]], samples_range: tuple[float, float] | None
) -> None:
    tensorflow = load_tensorflow()

    def dataset() -> Iterator[list[NDArray[np.float32]]]:
        for row in rows:
            yield [row]
        if samples_range is not None:
            yield [_spanning(rows[0], samples_range)]

    converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    converter.representative_dataset = dataset
    converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tensorflow.int8 if samples_range is None else tensorflow.uint8
    converter.inference_output_type = tensorflow.int8


def _convert_keeping(converter: TFLiteConverter, model: Model, float_layers: Sequence[str]) -> bytes:
    """Quantize all but ``float_layers``, as TensorFlow's ``QuantizationDebugger`` does (selective quantization), whose
    own files take and give int8 or floats only."""
    converter._experimental_calibrate_only = True  # noqa: SLF001 - the converter has no other way to say it
    calibrated = bytes(converter.convert())
    quantizer = load_builder_module("tensorflow.lite.python.convert")
    return bytes(
        quantizer.mlir_quantize(
            calibrated,
            input_data_type=converter.inference_input_type,
            output_data_type=converter.inference_output_type,
            denylisted_nodes=nodes_of_layers(model, _weighted_nodes(calibrated), float_layers),
        )
    )


def _weighted_nodes(content: bytes) -> list[WeightedNode]:
    """The file's convolutions in the order of computing, by the names of their outputs, as the quantizer knows them."""
    interpreter = open_interpreter(content, "float network", 1)
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    return [
        WeightedNode(tensors[operator["outputs"][0]]["name"], int(np.prod(tensors[operator["inputs"][1]]["shape"])))
        for operator in interpreter._get_ops_details()  # noqa: SLF001 - nothing public lists operators
        if operator["op_name"] in _CONVOLUTIONS
    ]


def _spanning(row: NDArray[np.float32], samples_range: tuple[float, float]) -> NDArray[np.float32]:
    """``row`` with two of its values at the ends of the range: pins the input's scale and moves no activation much."""
    spanning = row.copy()
    spanning.flat[0], spanning.flat[-1] = samples_range
    return spanning
