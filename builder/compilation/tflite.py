"""TFLite: float32, float16 weights, or full integer, through TensorFlow's converter; verified with LiteRT.

The network is traced at batch 1, since the converter fuses more at a fixed batch, and whether the file takes other
batches is measured, not assumed: ``tf.lite.Interpreter`` of TensorFlow 2.21 gives wrong int8 results on attention
heads, so that measurement runs in LiteRT, as devices do.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from builder.compilation.compiled import CompilationError, Compiled, Precision, Representative, representative_rows
from builder.framework import load_builder_module, load_tensorflow
from models.manifest import Quantization, Tensor

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter
    from tensorflow.lite import TFLiteConverter
    from tf_keras import Model


def compile_tflite(
    model: Model,
    *,
    precision: Precision,
    path: Path,
    representative: Representative | None = None,
    samples_range: tuple[float, float] | None = None,
) -> Compiled:
    """Compile ``model``, one input and one output, to ``path``.

    ``representative`` yields batches of real-valued input, wanted for int8 only. ``samples_range`` is given for an
    encoder: the real values of a sample's 0 and 255. Its int8 input is then uint8 whose scale and zero point are those
    of the preprocessing, so that raw pixels go in unchanged; without it, int8 goes in and comes out.

    Raises ``CompilationError`` when the converter refuses or nothing representative was given.
    """
    tensorflow = load_tensorflow()
    shape = tuple(model.inputs[0].shape[1:])
    function = tensorflow.function(lambda batch: model(batch, training=False)).get_concrete_function(
        tensorflow.TensorSpec((1, *shape), tensorflow.float32, name="batch")
    )
    converter = tensorflow.lite.TFLiteConverter.from_concrete_functions([function], model)
    if precision == "float16":
        converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tensorflow.float16]
    if precision == "int8":
        _ask_int8(converter, representative_rows(representative, precision), samples_range)
    try:
        content = bytes(converter.convert())
    except Exception as error:  # the converter raises errors of many unrelated kinds
        raise CompilationError(f"{path.name}: TFLite refuses the {precision} network: {error}") from error
    path.write_bytes(content)
    return _describe(path, content, precision)


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


def _spanning(row: NDArray[np.float32], samples_range: tuple[float, float]) -> NDArray[np.float32]:
    """``row`` with two of its values at the ends of the range: pins the input's scale and moves no activation much."""
    spanning = row.copy()
    spanning.flat[0], spanning.flat[-1] = samples_range
    return spanning


def _describe(path: Path, content: bytes, precision: Precision) -> Compiled:
    interpreter = _interpreter(content)
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    any_batch = _takes_any_batch(interpreter, taken)
    return Compiled(
        path=path,
        precision=precision,
        inputs=(_tensor(taken, any_batch=any_batch),),
        outputs=(_tensor(given, any_batch=any_batch),),
        note=None if any_batch else "takes one window at a time: its graph holds state or shapes of batch 1",
    )


def _interpreter(content: bytes) -> Interpreter:
    litert = load_builder_module("ai_edge_litert.interpreter")
    interpreter = litert.Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def _takes_any_batch(interpreter: Interpreter, taken: dict[str, object]) -> bool:
    """Whether a batch of three gives what three batches of one give."""
    given = interpreter.get_output_details()[0]["index"]
    shape = tuple(int(size) for size in np.asarray(taken["shape"])[1:])
    dtype = np.dtype(taken["dtype"])  # type: ignore[call-overload]
    rows = np.random.default_rng(0).integers(-100, 100, (3, *shape)).astype(np.int8)
    batch = rows.view(np.uint8) if dtype == np.uint8 else rows.astype(dtype)
    single = np.concatenate([_run(interpreter, taken, batch[index : index + 1], given) for index in range(3)])
    try:
        interpreter.resize_tensor_input(taken["index"], batch.shape, strict=False)
        interpreter.allocate_tensors()
        together = _run(interpreter, taken, batch, given)
    except (RuntimeError, ValueError):
        return False
    return together.shape == single.shape and bool(np.allclose(together, single, rtol=1e-3, atol=1e-3))


def _run(
    interpreter: Interpreter, taken: dict[str, object], batch: NDArray[np.generic], given: int
) -> NDArray[np.generic]:
    interpreter.reset_all_variables()
    interpreter.set_tensor(taken["index"], batch)
    interpreter.invoke()
    return np.asarray(interpreter.get_tensor(given)).copy()


def _tensor(detail: dict[str, object], *, any_batch: bool) -> Tensor:
    scales = detail["quantization_parameters"]["scales"]  # type: ignore[index]
    zero_points = detail["quantization_parameters"]["zero_points"]  # type: ignore[index]
    shape = [int(size) for size in np.asarray(detail["shape"])]
    return Tensor(
        name=str(detail["name"]),
        shape=(-1 if any_batch else shape[0], *shape[1:]),
        dtype=np.dtype(detail["dtype"]).name,  # type: ignore[call-overload]
        quantization=Quantization(scale=float(scales[0]), zero_point=int(zero_points[0])) if len(scales) else None,
    )
