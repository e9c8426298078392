from __future__ import annotations

from itertools import product
from pathlib import Path

import msgspec
import pytest

from benchmarks.latency import BATCHES, THREADS, Result, float_rivals, main
from models.bundle import Bundle
from tests import tiny_bundle


def test_every_target_stage_batch_and_thread_is_timed(
    tiny_bundle_directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    assert main(["--bundle", str(tiny_bundle_directory), "--rounds", "2", "--json", str(out)]) == 0
    result = msgspec.json.decode(out.read_bytes(), type=Result)
    timed = {(one.target, one.stage, one.batch, one.threads) for one in result.timings}
    assert timed == set(product(tiny_bundle.TARGETS, ("encoder", "head"), BATCHES, THREADS))
    assert {one.target for one in result.timings if one.of_float is not None} == {"tflite-int8"}
    assert {(one.target, one.bytes > 0, tuple(one.load_ms)) for one in result.files} == {
        (target, True, THREADS) for target in tiny_bundle.TARGETS
    }
    told = capsys.readouterr().out
    assert all(target in told for target in tiny_bundle.TARGETS)


def test_int8_is_held_against_float_of_its_own_engine(tiny: Bundle) -> None:
    manifest = tiny.manifest
    encoders = {target: manifest.artifact(target, "encoder") for target in manifest.targets()}
    assert float_rivals(encoders) == {"tflite-int8": "tflite-float32"}
    assert float_rivals({"tflite-int8": encoders["tflite-int8"], "onnx-float32": encoders["onnx-float32"]}) == {}


def test_target_without_an_engine_is_named_and_the_others_are_timed(
    tiny: Bundle, tmp_path: Path, bundle_copy: Path
) -> None:
    odd = tuple(
        msgspec.structs.replace(artifact, requires=msgspec.structs.replace(artifact.requires, engine="abacus"))
        if artifact.target == "onnx-float32" and artifact.stage == "head"
        else artifact
        for artifact in tiny.manifest.artifacts
    )
    manifest = msgspec.structs.replace(tiny.manifest, artifacts=odd)
    (bundle_copy / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    (bundle_copy / "signature").unlink()
    assert main(["--bundle", str(bundle_copy), "--rounds", "1", "--json", str(tmp_path / "out.json")]) == 0
    result = msgspec.json.decode((tmp_path / "out.json").read_bytes(), type=Result)
    assert {one.target for one in result.timings} == {"tflite-int8", "tflite-float32"}
    assert "abacus" in result.refused["onnx-float32"]
