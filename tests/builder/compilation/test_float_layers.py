from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import pytest

from builder.compilation.catalogue import CPU_TARGETS, Target
from builder.compilation.compiled import CompilationError
from builder.compilation.int8_calibration import calibrate_int8
from builder.compilation.layer_nodes import WeightedNode, convolutions, nodes_of_layers
from builder.compilation.sensitivity import scan_layers
from builder.compilation.targets import compile_target
from builder.evaluation.opening import open_artifacts
from builder.evaluation.scoring import FloatScorer
from builder.framework import load_keras
from models.manifest import Artifact
from runtimes.tflite import open_interpreter
from tests.builder.conftest import CompiledNetwork
from tests.builder.tiny_networks import (
    EMBEDDING,
    PREPROCESSING,
    SAMPLES,
    SIZE,
    make_calibrating,
    make_network,
    make_samples,
    normalise,
)

pytestmark = pytest.mark.slow

INT8 = tuple(target for target in CPU_TARGETS if target.precision == "int8")
WINDOWS = make_samples(48).reshape(-1, SAMPLES, SIZE, SIZE, 3)


class Mixed(NamedTuple):
    """The tiny network's int8 targets with its depthwise layer in float."""

    layer: str
    directory: Path
    artifacts: dict[str, tuple[Artifact, Artifact]]

    def convolved(self, target: Target) -> list[bool]:
        """Of each convolution of the encoder, in the order of computing, whether it is computed in float."""
        path = self.directory / self.artifacts[target.name][0].file
        return tflite_floats(path) if target.engine == "tflite" else onnx_floats(path)


def tflite_floats(path: Path) -> list[bool]:
    interpreter = open_interpreter(path.read_bytes(), path.name, 1)
    dtypes = {tensor["index"]: tensor["dtype"] for tensor in interpreter.get_tensor_details()}
    return [
        {dtypes[index] for index in (*operator["inputs"], *operator["outputs"])} == {np.float32}
        for operator in interpreter._get_ops_details()
        if "CONV" in operator["op_name"]
    ]


def onnx_floats(path: Path) -> list[bool]:
    graph = onnx.load(path).graph
    stored = {tensor.name: tensor.data_type for tensor in graph.initializer}
    return [stored.get(node.input[1]) == onnx.TensorProto.FLOAT for node in graph.node if node.op_type == "Conv"]


def operators_between(path: Path) -> list[str]:
    """What is computed between the second and the third convolution of the tiny encoder."""
    if path.suffix == ".tflite":
        names = [one["op_name"] for one in open_interpreter(path.read_bytes(), path.name, 1)._get_ops_details()]
    else:
        names = [node.op_type.upper() for node in onnx.load(path).graph.node if node.op_type != "Constant"]
    _, second, third = (place for place, name in enumerate(names) if "CONV" in name)
    return [name.capitalize() for name in names[second + 1 : third]]


def depthwise(network: CompiledNetwork) -> str:
    return next(name for name in convolutions(network.network.encoder) if "depthwise" in name)


@pytest.fixture(scope="module")
def mixed(compiled: CompiledNetwork, tmp_path_factory: pytest.TempPathFactory) -> Mixed:
    layer, directory = depthwise(compiled), tmp_path_factory.mktemp("mixed")
    calibrating = calibrate_int8(compiled.network, WINDOWS, INT8, PREPROCESSING, "fitted", (layer,))
    made = {
        target.name: compile_target(target, compiled.network, calibrating, PREPROCESSING, directory) for target in INT8
    }
    return Mixed(layer, directory, made)


@pytest.mark.parametrize("target", INT8, ids=lambda target: target.name)
def test_a_float_layer_is_float_in_the_file_and_no_other_is(
    mixed: Mixed, compiled: CompiledNetwork, target: Target
) -> None:
    wanted = [name == mixed.layer for name in convolutions(compiled.network.encoder)]
    assert mixed.convolved(target) == wanted
    plain = compiled.directory / compiled.pair(target.name)[0].file
    assert not any(tflite_floats(plain) if target.engine == "tflite" else onnx_floats(plain))


@pytest.mark.parametrize("target", INT8, ids=lambda target: target.name)
def test_an_encoder_with_a_float_layer_keeps_the_contract_of_int8(
    mixed: Mixed, compiled: CompiledNetwork, target: Target
) -> None:
    for found, plain in zip(mixed.artifacts[target.name], compiled.pair(target.name), strict=True):
        assert found.inputs == plain.inputs
        assert (found.precision, found.requires) == (plain.precision, plain.requires)
        assert [(one.dtype, one.shape) for one in found.outputs] == [(one.dtype, one.shape) for one in plain.outputs]


@pytest.mark.parametrize("target", INT8, ids=lambda target: target.name)
def test_embeddings_are_nearer_to_float_when_a_layer_that_costs_is_float(tmp_path: Path, target: Target) -> None:
    network = make_network()
    layer = next(name for name in convolutions(network.encoder) if "depthwise" in name)
    # Even pictures are told apart by the middle weight alone, which int8 rounds to nothing beside the two others.
    kernel = np.zeros((3, 3, EMBEDDING, 1))
    kernel[1] = np.array([400.0, 1.0, -400.0]).reshape(3, 1, 1)
    network.encoder.get_layer(layer).set_weights([kernel])
    samples = np.repeat(np.arange(0, 240, 5, dtype=np.uint8), SIZE * SIZE * 3).reshape(48, SIZE, SIZE, 3)
    meant = FloatScorer(network.encoder, network.head, PREPROCESSING).encode(samples)
    errors = []
    for chosen in ((), (layer,)):
        windows = samples.reshape(-1, SAMPLES, SIZE, SIZE, 3)
        calibrating = calibrate_int8(network, windows, INT8, PREPROCESSING, "fitted", chosen)
        directory = tmp_path / str(len(chosen))
        made = compile_target(target, network, calibrating, PREPROCESSING, directory)
        found = open_artifacts(*made, directory, PREPROCESSING).encode(samples)
        errors.append(float(np.square(found - meant).mean()))
    assert errors[1] < 0.1 * errors[0], errors


@pytest.mark.parametrize("target", INT8, ids=lambda target: target.name)
def test_nothing_is_quantized_between_float_layers(compiled: CompiledNetwork, tmp_path: Path, target: Target) -> None:
    first, second = list(convolutions(compiled.network.encoder))[1:]
    calibrating = calibrate_int8(compiled.network, WINDOWS, INT8, PREPROCESSING, "fitted", (second, first))
    encoder, _ = compile_target(target, compiled.network, calibrating, PREPROCESSING, tmp_path)
    between = operators_between(tmp_path / encoder.file)
    assert between == ([] if target.engine == "tflite" else ["Clip"])


def test_weights_of_a_float_layer_are_not_rounded(mixed: Mixed, compiled: CompiledNetwork) -> None:
    encoder = compiled.network.encoder
    for rounding, rounded in (("fitted", True), ("nearest", False)):
        made = calibrate_int8(compiled.network, WINDOWS, INT8, PREPROCESSING, rounding, (mixed.layer,))  # type: ignore[arg-type]
        assert made.float_layers == (mixed.layer,)
        for layer in convolutions(encoder):
            kept = np.array_equal(
                encoder.get_layer(layer).get_weights()[0], made.encoder.get_layer(layer).get_weights()[0]
            )
            assert kept == (layer == mixed.layer or not rounded)


def test_where_all_layers_are_float_nothing_is_rounded(compiled: CompiledNetwork) -> None:
    encoder = compiled.network.encoder
    made = calibrate_int8(compiled.network, WINDOWS, INT8, PREPROCESSING, "fitted", tuple(convolutions(encoder)))
    for weight, kept in zip(encoder.get_weights(), made.encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, kept)


def test_a_scan_finds_no_cost_in_the_weights_of_a_float_layer(compiled: CompiledNetwork) -> None:
    layer = depthwise(compiled)
    calibrating = make_calibrating(compiled.network)
    costs = []
    for chosen in ((), (layer,)):
        given = replace(calibrating, float_layers=chosen)
        found = scan_layers(compiled.network, given, PREPROCESSING, lambda *_: None)
        costs.append(next(one.embedding for one in found.layers if one.layer == layer))
    assert costs[1] < 0.5 * costs[0]


def test_a_scan_tells_what_weights_cost_from_what_an_input_costs(compiled: CompiledNetwork) -> None:
    network, layer = compiled.network, depthwise(compiled)
    calibrating = make_calibrating(network)
    worse = load_keras().models.clone_model(calibrating.encoder)
    worse.set_weights(calibrating.encoder.get_weights())
    kernel, *rest = worse.get_layer(layer).get_weights()
    worse.get_layer(layer).set_weights(
        [kernel * np.where(np.arange(kernel.size) % 2, 1.3, 0.7).reshape(kernel.shape), *rest]
    )
    found = []
    for encoder in (calibrating.encoder, worse):
        scan = scan_layers(network, replace(calibrating, encoder=encoder), PREPROCESSING, lambda *_: None)
        found.append({one.layer: one for one in scan.layers})
    before, after = (scan[layer] for scan in found)
    assert after.kernel_cost > 3 * before.kernel_cost
    assert after.input_cost == pytest.approx(before.input_cost, rel=1e-3)
    assert all((one.kernel_cost is None) == (one.weights == 0) for one in found[0].values() if one.operator != "Gemm")


def test_a_layer_that_there_is_not_is_refused_with_those_there_are(compiled: CompiledNetwork) -> None:
    known = ", ".join(convolutions(compiled.network.encoder))
    with pytest.raises(CompilationError, match=f"float_layers: no layer named 'toaster'; there are {known}"):
        calibrate_int8(compiled.network, WINDOWS, INT8, PREPROCESSING, "fitted", ("toaster",))


@pytest.mark.parametrize("sizes", [(72, 72), (72, 64, 72), (1, 2, 3)])
def test_a_graph_whose_convolutions_are_others_is_refused(compiled: CompiledNetwork, sizes: Sequence[int]) -> None:
    nodes = [WeightedNode(f"Conv_{number}", size) for number, size in enumerate(sizes)]
    with pytest.raises(CompilationError, match=r"do not pair off.*leave float_layers out"):
        nodes_of_layers(compiled.network.encoder, nodes, (depthwise(compiled),))
    assert nodes_of_layers(compiled.network.encoder, nodes, ()) == []


def test_samples_are_seen_as_they_were(compiled: CompiledNetwork, mixed: Mixed) -> None:
    made = open_artifacts(*mixed.artifacts["cpu-tflite-int8"], mixed.directory, PREPROCESSING)
    samples = make_samples(16, seed=8)
    meant = np.asarray(compiled.network.encoder(normalise(samples), training=False))
    assert np.corrcoef(made.encode(samples).ravel(), meant.ravel())[0, 1] > 0.99
