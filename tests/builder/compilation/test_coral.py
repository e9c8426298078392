"""Files for Coral, by a stand-in for its compiler, which no package index that we build from has."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from builder.compilation.ahead_of_time import compile_further, why_not_here
from builder.compilation.catalogue import TARGETS
from builder.compilation.compiled import CompilationError
from builder.compilation.coral import check_operators
from builder.compilation.targets import compile_target
from builder.evaluation.opening import StandIn, open_artifacts, standing_in
from builder.evaluation.scoring import FloatScorer
from models.bundle import Bundle
from models.manifest import Artifact
from tests.builder.conftest import CompiledNetwork
from tests.builder.tiny_networks import EMBEDDING, PREPROCESSING, SAMPLES, make_calibrating, make_samples

pytestmark = pytest.mark.slow

(CORAL,) = (target for target in TARGETS if target.name == "coral")
COMPILES = 'name=$(basename "$4" .tflite); { cat "$4"; printf "edgetpu-custom-op"; } > "$3/${name}_edgetpu.tflite"'


@pytest.fixture
def pair(compiled: CompiledNetwork, tmp_path: Path) -> tuple[Artifact, Artifact]:
    calibrating = make_calibrating(compiled.network)
    # A recipe's float layers are not for an accelerator that has no floats.
    named = replace(calibrating, float_layers=(compiled.network.encoder.layers[1].name,))
    return compile_target(CORAL, compiled.network, named, PREPROCESSING, tmp_path)


def put_compiler(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    folder.mkdir()
    tool = folder / "edgetpu_compiler"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_the_encoder_is_compiled_and_judged_as_it_was_before_and_the_head_stays(
    pair: tuple[Artifact, Artifact], compiled: CompiledNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_compiler(monkeypatch, tmp_path / "bin", COMPILES)
    assert why_not_here(CORAL) is None
    encoder, head = (compile_further(CORAL, one, tmp_path) for one in pair)
    assert head == pair[1]
    assert (head.requires.engine, head.precision) == ("tflite", "float32")
    assert (encoder.requires.engine, encoder.precision) == ("edgetpu", "int8")
    assert encoder.file == "artifacts/coral-encoder_edgetpu.tflite"
    assert encoder.sha256 == hashlib.sha256((tmp_path / encoder.file).read_bytes()).hexdigest() != pair[0].sha256
    assert (standing_in(encoder), standing_in(head)) == (StandIn("tflite", pair[0].file), None)
    student = FloatScorer(compiled.network.encoder, compiled.network.head, PREPROCESSING)
    samples = make_samples(8 * SAMPLES, seed=11)
    opened = open_artifacts(encoder, head, tmp_path, PREPROCESSING)
    found = opened.logits(opened.encode(samples).reshape(-1, SAMPLES, EMBEDDING))
    expected = student.logits(student.encode(samples).reshape(-1, SAMPLES, EMBEDDING))
    assert np.abs(found - expected).max() < 0.45


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo 'Model not quantized' >&2; exit 1", "it said: Model not quantized"),
        ('cp "$4" "$3/coral-encoder_edgetpu.tflite"; echo "0 operations mapped"', "it said: 0 operations mapped"),
        ("exit 0", "mapped nothing"),
    ],
)
def test_a_compiler_that_maps_nothing_fails_the_build_with_its_words(
    pair: tuple[Artifact, Artifact], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, told: str
) -> None:
    put_compiler(monkeypatch, tmp_path / "bin", script)
    with pytest.raises(CompilationError, match=told):
        compile_further(CORAL, pair[0], tmp_path)


def test_operators_and_floats_that_the_accelerator_has_not_are_named(
    pair: tuple[Artifact, Artifact], compiled: CompiledNetwork, tiny: Bundle, tmp_path: Path
) -> None:
    check_operators((tmp_path / pair[0].file).read_bytes(), "encoder")
    encoder, _ = compiled.pair("cpu-tflite")
    with pytest.raises(CompilationError, match=r"encoder: the Edge TPU has no floats, and \d+ tensors are"):
        check_operators((compiled.directory / encoder.file).read_bytes(), "encoder")
    with pytest.raises(CompilationError, match=r"head: the Edge TPU has no [A-Z_, ]*LSTM[A-Z_, ]*; it has ADD, "):
        check_operators(tiny.read(tiny.manifest.artifact("tflite-int8", "head").file), "head")


def test_without_the_compiler_the_target_is_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "edgetpu_compiler is not on the PATH; install" in (why_not_here(CORAL) or "")
