from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from builder.compilation.onnx import OPSET, compile_onnx
from builder.compilation.tflite import compile_tflite
from tests.builder.conftest import CompiledNetwork
from tests.builder.tiny_networks import EMBEDDING, SAMPLES, make_recurrent_head, make_samples, normalise

pytestmark = pytest.mark.slow


def operators(path: Path) -> list[str]:
    return [node.op_type for node in onnx.load(path).graph.node]


def test_float_encoder_is_folded_and_keeps_one_transpose(compiled: CompiledNetwork) -> None:
    encoder, _ = compiled.pair("cpu-onnx")
    graph = onnx.load(compiled.directory / encoder.file)
    onnx.checker.check_model(graph, full_check=True)
    found = operators(compiled.directory / encoder.file)
    assert "BatchNormalization" not in found
    assert found.count("Transpose") == 1
    assert [(entry.domain, entry.version) for entry in graph.opset_import] == [("", OPSET)]


def test_int8_weights_are_per_channel_and_symmetric(compiled: CompiledNetwork) -> None:
    encoder, _ = compiled.pair("cpu-onnx-int8")
    graph = onnx.load(compiled.directory / encoder.file).graph
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    weights = [node for node in graph.node if node.op_type == "DequantizeLinear" and node.input[0] in stored]
    kernels = [node for node in weights if stored[node.input[0]].ndim == 4]
    assert len(kernels) == 3
    for node in kernels:
        assert stored[node.input[0]].dtype == np.int8
        assert stored[node.input[1]].shape == (EMBEDDING,)
        assert not stored[node.input[2]].any()


def test_symmetric_activations_have_zero_at_zero_when_asked(compiled: CompiledNetwork, tmp_path: Path) -> None:
    path = tmp_path / "symmetric.onnx"
    samples = [normalise(make_samples(8))]
    compile_onnx(compiled.network.encoder, precision="int8", path=path, representative=samples, symmetric=True)
    graph = onnx.load(path).graph
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    zeros = [stored[node.input[2]] for node in graph.node if node.op_type == "QuantizeLinear"]
    assert zeros
    assert not any(zero.any() for zero in zeros)


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_bytes_repeat_when_compiled_again(compiled: CompiledNetwork, tmp_path: Path, precision: str) -> None:
    samples = [normalise(make_samples(8))]
    contents = [
        compile_onnx(
            compiled.network.encoder,
            precision=precision,  # type: ignore[arg-type]
            path=tmp_path / f"{number}.onnx",
            representative=samples,
        ).path.read_bytes()
        for number in range(2)
    ]
    assert contents[0] == contents[1]


def test_recurrent_head_stays_float_and_says_so_when_int8_is_asked(tmp_path: Path) -> None:
    head = make_recurrent_head()
    windows = np.random.default_rng(0).normal(size=(6, SAMPLES, EMBEDDING)).astype(np.float32)
    made = compile_onnx(head, precision="int8", path=tmp_path / "head.onnx", representative=[windows])
    assert made.precision == "float32"
    assert made.note is not None
    assert "LSTM" in operators(made.path)
    session = onnxruntime.InferenceSession(str(made.path), providers=["CPUExecutionProvider"])
    found = session.run(None, {"batch": windows})[0]
    assert np.abs(found - np.asarray(head(windows, training=False))).max() < 1e-4


def test_recurrent_head_compiles_to_int8_when_the_format_is_tflite(tmp_path: Path) -> None:
    windows = np.random.default_rng(0).normal(size=(20, SAMPLES, EMBEDDING)).astype(np.float32)
    made = compile_tflite(
        make_recurrent_head(), precision="int8", path=tmp_path / "head.tflite", representative=[windows]
    )
    assert (made.precision, made.note, made.inputs[0].dtype) == ("int8", None, "int8")
