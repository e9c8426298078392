from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from models.bundle import Bundle, open_bundle, pack
from models.manifest import Latency, Manifest
from models.trust import TrustStore
from runtimes.bench.bundle_bench import BenchedArtifact, BundleBench, Timing
from runtimes.bench.cold_start import ColdStart
from runtimes.bench.kept import KeptBenchError, keep_bench, kept_place, measured_here
from runtimes.bench.machine_limit import MachineLimit
from runtimes.bench.timing import Spread
from runtimes.detector import plan
from runtimes.environment import probe_environment

COLD = ColdStart(load_ms=1, first_ms=1, memory_bytes=1)


def bench(bundle: Bundle, milliseconds: dict[str, float], fingerprint: str | None = None) -> BundleBench:
    """As measured on this machine, each target with its own time."""
    return BundleBench(
        bundle="tiny",
        version="0.1.0",
        fingerprint=fingerprint or bundle.manifest.fingerprint(),
        machine=probe_environment().machine,
        rounds=1,
        limit=MachineLimit(float_multiply_adds=1, int8_multiply_adds=1, bytes_moved=1),
        artifacts=tuple(
            BenchedArtifact(
                target=one.target,
                stage=one.stage,
                precision=one.precision,
                bytes=1,
                compressed_bytes=1,
                cold=COLD,
                share=None,
                timings=(Timing(batch=1, threads=1, spread=spread(milliseconds[one.target]), of_float=None),),
            )
            for one in bundle.manifest.artifacts
            if one.target in milliseconds
        ),
        refused={},
    )


def spread(milliseconds: float) -> Spread:
    return Spread(p50_ms=milliseconds, p95_ms=milliseconds, p99_ms=milliseconds)


@pytest.fixture
def bundle(bundle_copy: Path, trust: TrustStore) -> Bundle:
    return open_bundle(pack(bundle_copy, bundle_copy.with_suffix(".nexara")), trust)


def order(bundle: Bundle) -> list[str]:
    return [candidate.target for candidate in plan(bundle, probe_environment())[0]]


def test_targets_are_chosen_by_what_was_measured_on_this_device(bundle: Bundle) -> None:
    for fastest in ("onnx-float32", "tflite-float32", "tflite-int8"):
        times = dict.fromkeys(bundle.manifest.targets(), 5.0) | {fastest: 1.0}
        assert keep_bench(bench(bundle, times), bundle.path) == kept_place(bundle.path)
        assert order(bundle)[0] == fastest
    assert not list(bundle.path.parent.glob(".*partial"))


def test_what_was_measured_of_another_bundle_or_cannot_be_read_counts_for_nothing(bundle: Bundle) -> None:
    before = order(bundle)
    times = {"onnx-float32": 0.1, "tflite-float32": 9.0, "tflite-int8": 9.0}
    keep_bench(bench(bundle, times, fingerprint="0" * 64), bundle.path)
    assert order(bundle) == before
    kept_place(bundle.path).write_bytes(b"{}")
    assert order(bundle) == before
    kept_place(bundle.path).write_bytes(b"\xff")
    assert order(bundle) == before


def test_latencies_of_another_machine_are_not_taken(bundle: Bundle) -> None:
    keep_bench(bench(bundle, {"onnx-float32": 0.1}), bundle.path)

    def latency(manifest: Manifest) -> Latency | None:
        return manifest.artifact("onnx-float32", "encoder").latency

    assert latency(measured_here(bundle, probe_environment().machine)) != latency(bundle.manifest)
    assert measured_here(bundle, "a toaster") == bundle.manifest


def test_one_clear_error_where_nothing_can_be_written(bundle: Bundle) -> None:
    kept_place(bundle.path).mkdir()
    with pytest.raises(KeptBenchError, match=r"\.bench\.json: cannot be written: Is a directory"):
        keep_bench(bench(bundle, {}), bundle.path)


def test_a_bench_goes_through_json_whole(bundle: Bundle) -> None:
    found = bench(bundle, {"tflite-int8": 2.0})
    assert msgspec.json.decode(msgspec.json.encode(found), type=BundleBench) == found
