from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from builder.compilation import ahead_of_time
from builder.compilation.ahead_of_time import build_ahead, why_not_here
from builder.compilation.catalogue import TARGETS
from builder.compilation.compiled import CompilationError
from builder.compilation.targets import compile_target
from builder.evaluation.opening import StandIn, open_artifacts, standing_in
from models.command_line import main
from runtimes.errors import RuntimeOpenError
from tests.builder.conftest import CompiledNetwork
from tests.builder.tiny_networks import PREPROCESSING, make_calibrating, make_samples

pytestmark = pytest.mark.slow

(RTX,) = (target for target in TARGETS if target.compiler == "tensorrt-rtx")


def test_an_engine_takes_the_place_of_its_graph_which_still_tells_what_it_answers(compiled: CompiledNetwork) -> None:
    directory = compiled.directory / "ahead"
    graphs = compile_target(RTX, compiled.network, make_calibrating(compiled.network), PREPROCESSING, directory)
    by_graph = open_artifacts(*graphs, directory, PREPROCESSING).encode(make_samples(4))
    encoder, head = (build_ahead(graph, directory) for graph in graphs)
    assert encoder.file == "artifacts/gpu-tensorrt-rtx-encoder.engine"
    content = (directory / encoder.file).read_bytes()
    assert encoder.sha256 == hashlib.sha256(content).hexdigest()
    assert (encoder.requires.engine, encoder.requires.min_version) == ("tensorrt-rtx", encoder.requires.max_version)
    assert encoder.requires.min_version == "1.7"
    assert {"sm_86", "sm_89", "sm_120"} <= set(encoder.requires.gpu_architectures)
    assert "sm_75" not in encoder.requires.gpu_architectures
    assert (encoder.inputs, encoder.outputs) == (graphs[0].inputs, graphs[0].outputs)
    assert standing_in(encoder) == StandIn("onnx", graphs[0].file)
    assert (open_artifacts(encoder, head, directory, PREPROCESSING).encode(make_samples(4)) == by_graph).all()


def test_a_graph_that_the_library_does_not_take_is_told(compiled: CompiledNetwork, tmp_path: Path) -> None:
    encoder, _ = compiled.pair("cpu-onnx")
    (tmp_path / "artifacts").mkdir()
    (tmp_path / encoder.file).write_bytes(b"no graph")
    with pytest.raises(
        CompilationError, match=r"cpu-onnx: artifacts/cpu-onnx-encoder\.onnx: tensorrt-rtx .* does not take"
    ):
        build_ahead(encoder, tmp_path)


def test_a_target_that_cannot_be_compiled_here_is_refused_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(name: str) -> object:
        raise RuntimeOpenError(f"no {name}; install it with: pip install it")

    monkeypatch.setenv("PATH", str(tmp_path))
    assert [target.name for target in TARGETS if why_not_here(target)] == ["coral"]
    monkeypatch.setattr(ahead_of_time, "load_library", missing)
    assert [target.name for target in TARGETS if why_not_here(target)] == ["gpu-tensorrt-rtx", "coral"]
    arguments = ["compile", "--model", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main([*arguments, "--target", "cpu-onnx,gpu-tensorrt-rtx"]) == 2
    told = capsys.readouterr().err
    assert "target gpu-tensorrt-rtx cannot be compiled here: no tensorrt-rtx; install it with: pip install it" in told
