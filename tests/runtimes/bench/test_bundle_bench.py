from __future__ import annotations

import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import msgspec
import pytest

from models.bundle import Bundle, open_bundle
from models.command_line import main
from models.trust import TrustStore
from runtimes.bench.bundle_bench import BATCHES, BenchOptions, BundleBench, bench_bundle, float_rivals
from runtimes.bench.machine_limit import MachineLimit
from runtimes.environment import Environment, probe_environment
from tests import tiny_bundle

LIMIT = MachineLimit(float_multiply_adds=1e9, int8_multiply_adds=None, bytes_moved=1e9)


def bench(bundle: Bundle, environment: Environment | None = None) -> BundleBench:
    options = BenchOptions(rounds=1, threads=(1,), clock=time.perf_counter, batches=(1,))
    return bench_bundle(bundle, environment or probe_environment(), LIMIT, options)


def test_every_target_stage_batch_and_thread_is_timed(
    tiny_bundle_directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    assert main(["bench", "--bundle", str(tiny_bundle_directory), "--rounds", "2", "--json", str(out)]) == 0
    found = msgspec.json.decode(out.read_bytes(), type=BundleBench)
    threads = {1, probe_environment().cores}
    timed = {(one.target, one.stage, timing.batch, timing.threads) for one in found.artifacts for timing in one.timings}
    assert timed == set(product(tiny_bundle.TARGETS, ("encoder", "head"), BATCHES, threads))
    rivalled = {one.target for one in found.artifacts for timing in one.timings if timing.of_float is not None}
    assert rivalled == {"tflite-int8"}
    for one in found.artifacts:
        assert one.compressed_bytes > 0
        assert one.bytes > 0
        assert one.cold.load_ms > 0
        assert one.cold.first_ms > 0
        assert one.cold.memory_bytes > 0
    told = capsys.readouterr().out
    assert all(target in told for target in tiny_bundle.TARGETS)
    assert "G multiply-adds a second in float32" in told


def test_int8_is_held_against_float_of_its_own_engine(tiny: Bundle) -> None:
    manifest = tiny.manifest
    encoders = {target: manifest.artifact(target, "encoder") for target in manifest.targets()}
    assert float_rivals(encoders) == {"tflite-int8": "tflite-float32"}
    assert float_rivals({"tflite-int8": encoders["tflite-int8"], "onnx-float32": encoders["onnx-float32"]}) == {}


def changed(bundle_copy: Path, manifest: object) -> Bundle:
    (bundle_copy / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    (bundle_copy / "signature").unlink()
    return open_bundle(bundle_copy, TrustStore.load(accept="unsigned"))


def test_target_without_an_engine_is_named_and_the_others_are_timed(tiny: Bundle, bundle_copy: Path) -> None:
    odd = tuple(
        msgspec.structs.replace(artifact, requires=msgspec.structs.replace(artifact.requires, engine="abacus"))
        if artifact.target == "onnx-float32" and artifact.stage == "head"
        else artifact
        for artifact in tiny.manifest.artifacts
    )
    found = bench(changed(bundle_copy, msgspec.structs.replace(tiny.manifest, artifacts=odd)))
    assert {one.target for one in found.artifacts} == {"tflite-int8", "tflite-float32"}
    assert "abacus" in found.refused["onnx-float32"]


def test_the_share_of_the_limit_is_of_one_item_where_arithmetic_and_peak_are_known(
    tiny: Bundle, bundle_copy: Path
) -> None:
    told = tuple(msgspec.structs.replace(artifact, multiply_adds=1_000_000) for artifact in tiny.manifest.artifacts)
    found = bench(changed(bundle_copy, msgspec.structs.replace(tiny.manifest, artifacts=told)))
    for one in found.artifacts:
        if one.precision == "int8":
            assert one.share is None
        else:
            assert one.share == pytest.approx(1.0 / one.timings[0].spread.p50_ms)
    assert all(one.share is None for one in bench(tiny).artifacts)


def test_what_an_accelerator_did_is_no_share_of_the_processor_s_limit(tiny: Bundle, bundle_copy: Path) -> None:
    told = tuple(msgspec.structs.replace(artifact, multiply_adds=1_000_000) for artifact in tiny.manifest.artifacts)
    here = probe_environment()
    probes = tuple(replace(one, accelerators=("cuda",)) if one.runtime == "onnx" else one for one in here.probes)
    bundle = changed(bundle_copy, msgspec.structs.replace(tiny.manifest, artifacts=told))
    shares = {one.target: one.share for one in bench(bundle, replace(here, probes=probes)).artifacts}
    assert shares["onnx-float32"] is None
    assert shares["tflite-float32"] is not None


def test_target_made_for_an_accelerator_is_not_timed_on_the_processor(tiny: Bundle, bundle_copy: Path) -> None:
    made = tuple(
        msgspec.structs.replace(artifact, requires=msgspec.structs.replace(artifact.requires, accelerator="cuda"))
        if artifact.target == "onnx-float32"
        else artifact
        for artifact in tiny.manifest.artifacts
    )
    found = bench(changed(bundle_copy, msgspec.structs.replace(tiny.manifest, artifacts=made)))
    assert "onnx-float32" not in {one.target for one in found.artifacts}
    assert "made for cuda through engine onnx, which has here: none" in found.refused["onnx-float32"]
