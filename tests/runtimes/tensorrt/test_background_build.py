"""An engine that takes long to build, and who serves meanwhile."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from models.bundle import Bundle
from models.manifest import Artifact, Requirement
from runtimes.detector import Detector, open_detector
from runtimes.gpu import Gpu
from runtimes.onnx import OnnxRuntime
from runtimes.protocol import Runtime
from runtimes.tensorrt.library import Library
from runtimes.tensorrt.runtime import TensorRTRuntime
from tests.runtimes.tensorrt.stand_in import HostMemory, make_library
from tests.tiny_bundle import SIZE

ORIN = Gpu(name="NVIDIA tegra234", architecture="sm_87", driver="R36")
SAMPLES = np.random.default_rng(1).integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8)


def _as_tensorrt(artifact: Artifact) -> Artifact:
    return msgspec.structs.replace(artifact, target="gpu-tensorrt", requires=Requirement(engine="tensorrt"))


def _with_artifacts(tiny: Bundle, *artifacts: Artifact) -> Bundle:
    manifest = msgspec.structs.replace(tiny.manifest, artifacts=artifacts)
    return replace(tiny, manifest=manifest)


def _slow(library: Library, may_build: threading.Event) -> Library:
    builder = library.module.Builder
    builds = builder.build_serialized_network

    def wait(self: object, network: object, config: object) -> bytes:
        assert may_build.wait(30)
        return bytes(builds(self, network, config))

    builder.build_serialized_network = wait
    return library


def _engines(cache: Path, may_build: threading.Event) -> tuple[Runtime, ...]:
    library = _slow(make_library()("tensorrt"), may_build)
    tensorrt = TensorRTRuntime(load=lambda _: library, gpus=lambda: (ORIN,), memory=lambda _: HostMemory(), cache=cache)
    return OnnxRuntime(), tensorrt


def _encode_until(detector: Detector, target: str) -> None:
    end_s = time.monotonic() + 30
    while detector.target != target:
        assert time.monotonic() < end_s
        detector.encode(SAMPLES)


def test_onnx_serves_until_the_engine_is_built_and_the_next_start_has_it(tiny: Bundle, tmp_path: Path) -> None:
    plain = [tiny.manifest.artifact("onnx-float32", stage) for stage in ("encoder", "head")]
    bundle = _with_artifacts(tiny, *plain, *map(_as_tensorrt, plain))
    may_build, told = threading.Event(), []
    engines = _engines(tmp_path, may_build)
    with closing(open_detector(bundle, runtimes=engines, on_changed=lambda *what: told.append(what))) as detector:
        assert detector.target == "onnx-float32"
        served = detector.encode(SAMPLES)
        assert not told
        may_build.set()
        _encode_until(detector, "gpu-tensorrt")
        assert [(before, after) for before, after, _ in told] == [
            ("onnx-float32 (onnx, float32)", "gpu-tensorrt (tensorrt, float32)")
        ]
        np.testing.assert_allclose(detector.encode(SAMPLES), served, rtol=1e-4, atol=1e-5)
    with closing(open_detector(bundle, runtimes=_engines(tmp_path, threading.Event()))) as again:
        assert again.target == "gpu-tensorrt"


def test_an_engine_that_fails_after_it_was_built_leaves_onnx_to_serve_again(tiny: Bundle, tmp_path: Path) -> None:
    plain = [tiny.manifest.artifact("onnx-float32", stage) for stage in ("encoder", "head")]
    bundle = _with_artifacts(tiny, *plain, *map(_as_tensorrt, plain))
    may_build = threading.Event()
    may_build.set()
    with closing(open_detector(bundle, runtimes=_engines(tmp_path, may_build))) as detector:
        _encode_until(detector, "gpu-tensorrt")
        detector._pair._encoder._engine.broken = True  # type: ignore[attr-defined]
        detector.encode(SAMPLES)
        assert detector.target == "onnx-float32"


def test_the_only_target_is_waited_for(tiny: Bundle, tmp_path: Path) -> None:
    plain = [tiny.manifest.artifact("onnx-float32", stage) for stage in ("encoder", "head")]
    may_build = threading.Event()
    threading.Timer(0.2, may_build.set).start()
    bundle = _with_artifacts(tiny, *map(_as_tensorrt, plain))
    with closing(open_detector(bundle, runtimes=_engines(tmp_path, may_build))) as detector:
        assert detector.target == "gpu-tensorrt"


def test_a_target_that_is_asked_for_is_waited_for(tiny: Bundle, tmp_path: Path) -> None:
    plain = [tiny.manifest.artifact("onnx-float32", stage) for stage in ("encoder", "head")]
    may_build = threading.Event()
    may_build.set()
    bundle = _with_artifacts(tiny, *plain, *map(_as_tensorrt, plain))
    with closing(open_detector(bundle, target="gpu-tensorrt", runtimes=_engines(tmp_path, may_build))) as detector:
        assert detector.target == "gpu-tensorrt"
