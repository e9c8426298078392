from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from models.manifest import Artifact, Requirement, Tensor
from runtimes.onnx import OnnxRuntime
from runtimes.protocol import SessionOptions

CHANNELS = 64


def int8_convolution() -> bytes:
    """A convolution of all its channels into as many by weights of 1, in explicit int8: every step is 1/127."""
    shape = ["N", CHANNELS, 4, 4]
    weights = np.full((CHANNELS, CHANNELS, 1, 1), 127, np.int8)
    step, zero = np.float32(1 / 127), np.int8(0)
    nodes = [
        helper.make_node("QuantizeLinear", ["batch", "step", "zero"], ["whole"]),
        helper.make_node("DequantizeLinear", ["whole", "step", "zero"], ["taken"]),
        helper.make_node("DequantizeLinear", ["weights", "steps", "zeros"], ["weighted"], axis=0),
        helper.make_node("Conv", ["taken", "weighted"], ["sums"]),
        helper.make_node("QuantizeLinear", ["sums", "wide", "zero"], ["rounded"]),
        helper.make_node("DequantizeLinear", ["rounded", "wide", "zero"], ["output"]),
    ]
    constants = {
        "step": step,
        "zero": zero,
        "wide": np.float32(CHANNELS / 127),
        "weights": weights,
        "steps": np.full(CHANNELS, step),
        "zeros": np.zeros(CHANNELS, np.int8),
    }
    graph = helper.make_graph(
        nodes,
        "saturating",
        [helper.make_tensor_value_info("batch", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, shape)],
        [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


@pytest.mark.parametrize("level", [1.0, 0.9, -1.0])
def test_int8_sums_are_whole_on_a_processor_without_int8_instructions_too(level: float) -> None:
    shape = (-1, CHANNELS, 4, 4)
    artifact = Artifact(
        stage="encoder",
        target="onnx-int8",
        file="saturating.onnx",
        sha256="0" * 64,
        precision="int8",
        inputs=(Tensor(name="batch", shape=shape, dtype="float32"),),
        outputs=(Tensor(name="output", shape=shape, dtype="float32"),),
        requires=Requirement(engine="onnx"),
    )
    session = OnnxRuntime().open(artifact, int8_convolution(), SessionOptions())
    found = session.run({"batch": np.full((2, *shape[1:]), level, np.float32)})["output"]
    np.testing.assert_allclose(found, level * CHANNELS, atol=CHANNELS / 127)
