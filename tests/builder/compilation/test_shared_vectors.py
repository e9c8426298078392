from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
import pytest
from numpy.typing import NDArray

from builder.compilation.shared_vectors import share_vectors
from builder.framework import load_builder_module
from runtimes.tflite import open_interpreter
from tests.builder.conftest import CompiledNetwork

ALIGNMENT = 16


@pytest.fixture(scope="module")
def shared(compiled: CompiledNetwork) -> bytes:
    encoder, _ = compiled.pair("cpu-tflite-int8")
    return (compiled.directory / encoder.file).read_bytes()


@pytest.fixture(scope="module")
def unshared(shared: bytes) -> bytes:
    """The same network with each vector on its own, as a converter writes it."""
    builder = flatbuffers.Builder()
    builder.Finish(read(shared).Pack(builder), b"TFL3")
    return bytes(builder.Output())


def read(content: bytes) -> Any:
    schema = load_builder_module("tensorflow.lite.python.schema_py_generated")
    return schema.ModelT.InitFromPackedBuf(content, 0)


def tell(node: Any) -> Any:
    """All that the file says, to be compared."""
    if isinstance(node, np.ndarray):
        return node.dtype.str, node.tobytes()
    if isinstance(node, list):
        return [tell(one) for one in node]
    if hasattr(node, "__dict__"):
        return type(node).__name__, {name: tell(value) for name, value in vars(node).items()}
    return node


def answer(content: bytes) -> NDArray[Any]:
    interpreter = open_interpreter(content, "encoder", 1)
    put, got = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    panes = np.random.default_rng(5).integers(0, 256, (8, *put["shape"]), dtype=np.uint8)
    answers = []
    for pane in panes:
        interpreter.set_tensor(put["index"], pane)
        interpreter.invoke()
        answers.append(interpreter.get_tensor(got["index"]))
    return np.stack(answers)


def test_a_network_says_the_same_in_a_smaller_file(shared: bytes, unshared: bytes) -> None:
    assert share_vectors(unshared) == shared == share_vectors(shared)
    assert tell(read(shared)) == tell(read(unshared))
    np.testing.assert_array_equal(answer(shared), answer(unshared))
    zeros = sum(
        tensor.quantization.zeroPoint.nbytes
        for tensor in read(shared).subgraphs[0].tensors
        if tensor.quantization is not None and tensor.quantization.zeroPoint is not None
    )
    assert len(unshared) - len(shared) > zeros / 2


def test_weights_lie_where_they_can_be_read_in_place(shared: bytes) -> None:
    weights = [one.data.tobytes() for one in read(shared).buffers if one.data is not None and len(one.data) > ALIGNMENT]
    assert weights
    assert all(shared.index(one) % ALIGNMENT == 0 for one in weights if shared.count(one) == 1)
