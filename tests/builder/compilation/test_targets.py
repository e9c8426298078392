from __future__ import annotations

import hashlib

import msgspec
import numpy as np
import onnx
import pytest

from builder.compilation.catalogue import CPU_TARGETS, GPU_TARGETS, store_half
from builder.compilation.compiled import CompilationError
from builder.compilation.targets import Calibrating, compile_target
from builder.evaluation.opening import StandIn, open_artifacts, standing_in
from builder.evaluation.scoring import FloatScorer
from models.manifest import Quantization, Requirement
from runtimes.errors import RuntimeOpenError
from tests.builder.conftest import CompiledNetwork
from tests.builder.tiny_networks import EMBEDDING, PREPROCESSING, SAMPLES, SIZE, make_calibrating, make_samples

pytestmark = pytest.mark.slow

# Of logits that span 6: float engines differ by rounding, int8 ones by their steps.
TOLERANCE = {"float32": 1e-4, "int8": 0.45}


@pytest.mark.parametrize("target", [target.name for target in CPU_TARGETS])
def test_target_answers_as_the_float_network_when_run_by_our_runtimes(compiled: CompiledNetwork, target: str) -> None:
    encoder, head = compiled.pair(target)
    pair = open_artifacts(encoder, head, compiled.directory, PREPROCESSING)
    student = FloatScorer(compiled.network.encoder, compiled.network.head, PREPROCESSING)
    samples = make_samples(8 * SAMPLES, seed=11)
    found = pair.logits(pair.encode(samples).reshape(-1, SAMPLES, EMBEDDING))
    expected = student.logits(student.encode(samples).reshape(-1, SAMPLES, EMBEDDING))
    assert np.ptp(expected[:, 1]) > 3
    assert np.abs(found - expected).max() < TOLERANCE[encoder.precision]


@pytest.mark.parametrize("target", [target.name for target in CPU_TARGETS])
def test_artifacts_state_their_files_as_they_are(compiled: CompiledNetwork, target: str) -> None:
    encoder, head = compiled.pair(target)
    assert [encoder.stage, head.stage] == ["encoder", "head"]
    assert encoder.inputs[0].shape == (-1, SIZE, SIZE, 3)
    assert encoder.outputs[0].shape == (-1, EMBEDDING)
    assert (head.inputs[0].shape, head.outputs[0].shape) == ((-1, SAMPLES, EMBEDDING), (-1, 2))
    for artifact in (encoder, head):
        content = (compiled.directory / artifact.file).read_bytes()
        assert artifact.sha256 == hashlib.sha256(content).hexdigest()


def test_int8_encoder_takes_raw_pixels(compiled: CompiledNetwork) -> None:
    encoder, head = compiled.pair("cpu-tflite-int8")
    assert encoder.inputs[0].dtype == "uint8"
    assert encoder.inputs[0].quantization == Quantization(scale=1 / 128, zero_point=127)
    assert (encoder.precision, encoder.outputs[0].dtype) == ("int8", "int8")
    assert (head.precision, head.inputs[0].dtype, head.outputs[0].dtype) == ("float32", "float32", "float32")


def test_half_stored_targets_are_smaller_and_answer_alike(compiled: CompiledNetwork) -> None:
    halves = [target for target in store_half(CPU_TARGETS) if target.precision == "float16"]
    assert [target.name for target in halves] == ["cpu-tflite", "cpu-onnx"]
    assert {target.precision_of("head") for target in store_half(CPU_TARGETS)} == {"float16"}
    calibrating = make_calibrating(compiled.network)
    samples = make_samples(SAMPLES, seed=12)
    for target in halves:
        directory = compiled.directory / "half"
        artifacts = compile_target(target, compiled.network, calibrating, PREPROCESSING, directory)
        whole = open_artifacts(*compiled.pair(target.name), compiled.directory, PREPROCESSING).encode(samples)
        half = open_artifacts(*artifacts, directory, PREPROCESSING).encode(samples)
        assert 0 < np.abs(half - whole).max() < 5e-3
        sizes = [(folder / artifacts[1].file).stat().st_size for folder in (directory, compiled.directory)]
        assert sizes[0] < sizes[1]


@pytest.mark.parametrize("target", [target.name for target in GPU_TARGETS])
def test_target_for_a_gpu_is_judged_by_its_graph_where_there_is_none(compiled: CompiledNetwork, target: str) -> None:
    asked = next(one for one in GPU_TARGETS if one.name == target)
    calibrating = make_calibrating(compiled.network)
    directory = compiled.directory / "gpu"
    artifacts = compile_target(asked, compiled.network, calibrating, PREPROCESSING, directory)
    assert [standing_in(one) for one in artifacts] == [StandIn("onnx", one.file) for one in artifacts]
    pair = open_artifacts(*artifacts, directory, PREPROCESSING)
    student = FloatScorer(compiled.network.encoder, compiled.network.head, PREPROCESSING)
    samples = make_samples(8 * SAMPLES, seed=11)
    found = pair.logits(pair.encode(samples).reshape(-1, SAMPLES, EMBEDDING))
    expected = student.logits(student.encode(samples).reshape(-1, SAMPLES, EMBEDDING))
    assert np.abs(found - expected).max() < {"float16": 0.02, "int8": TOLERANCE["int8"]}[asked.precision]


def test_half_arithmetic_is_of_halves_from_the_first_layer_to_the_last(compiled: CompiledNetwork) -> None:
    (asked,) = (one for one in GPU_TARGETS if one.name == "gpu-onnx")
    directory = compiled.directory / "halves"
    encoder, _ = compile_target(asked, compiled.network, make_calibrating(compiled.network), PREPROCESSING, directory)
    graph = onnx.shape_inference.infer_shapes(onnx.load(directory / encoder.file)).graph
    inside = [value.type.tensor_type.elem_type for value in graph.value_info]
    assert set(inside) == {onnx.TensorProto.FLOAT16}
    ends = [value.type.tensor_type.elem_type for value in (*graph.input, *graph.output)]
    assert ends == [onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT]


def test_int8_for_tensorrt_has_its_zero_at_zero(compiled: CompiledNetwork) -> None:
    (asked,) = (one for one in GPU_TARGETS if one.name == "jetson-tensorrt")
    directory = compiled.directory / "symmetric"
    encoder, head = compile_target(
        asked, compiled.network, make_calibrating(compiled.network), PREPROCESSING, directory
    )
    graph = onnx.load(directory / encoder.file).graph
    stored = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    zeros = [stored[node.input[2]] for node in graph.node if node.op_type in {"QuantizeLinear", "DequantizeLinear"}]
    assert zeros
    assert not any(zero.any() for zero in zeros)
    assert (encoder.precision, head.precision) == ("int8", "float16")
    assert encoder.requires.host_architectures == ("aarch64",)


def test_a_file_that_is_no_graph_is_not_judged_without_its_engine(compiled: CompiledNetwork) -> None:
    encoder, _ = compiled.pair("cpu-tflite")
    elsewhere = msgspec.structs.replace(encoder, requires=Requirement(engine="abacus"))
    with pytest.raises(RuntimeOpenError, match=r"cpu-tflite-encoder.tflite: no engine 'abacus' here"):
        standing_in(elsewhere)


def test_int8_is_refused_when_nothing_representative_is_given(compiled: CompiledNetwork) -> None:
    empty = Calibrating(
        windows=np.zeros((0, SAMPLES, EMBEDDING), np.float32),
        panes=np.zeros((0, SAMPLES, SIZE, SIZE, 3), np.uint8),
        encoder=compiled.network.encoder,
    )
    for target in (target for target in CPU_TARGETS if target.precision == "int8"):
        with pytest.raises(CompilationError, match="representative"):
            compile_target(target, compiled.network, empty, PREPROCESSING, compiled.directory / "none")
