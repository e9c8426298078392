"""Building engines with the real TensorRT for RTX GPUs, which needs none of them for it."""

from __future__ import annotations

import msgspec
import pytest

from models.bundle import Bundle
from runtimes.errors import RuntimeOpenError
from runtimes.gpu import Gpu
from runtimes.protocol import SessionOptions
from runtimes.tensorrt.engine_build import build_engine
from runtimes.tensorrt.library import Library, load_library
from runtimes.tensorrt.runtime import TensorRTRuntime
from tests.runtimes.tensorrt.stand_in import HostMemory

ADA = Gpu(name="NVIDIA RTX 4090", architecture="sm_89", driver="580.1")


@pytest.fixture(scope="module")
def library() -> Library:
    return load_library("tensorrt-rtx")


@pytest.fixture(scope="module")
def graph(tiny: Bundle) -> bytes:
    return tiny.read(tiny.manifest.artifact("onnx-float32", "encoder").file)


def test_an_engine_is_built_ahead_of_time_for_several_gpus(library: Library, graph: bytes) -> None:
    assert {"sm_86", "sm_89", "sm_120"} <= set(library.architectures())
    told: list[float] = []
    portable = build_engine(library, graph, "tiny.onnx", progress=told.append)
    one = build_engine(library, graph, "tiny.onnx", architectures=("sm_120",))
    assert min(len(portable), len(one)) > len(graph)
    assert portable != one
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_graph_that_it_does_not_take_is_refused_with_its_own_words(library: Library, graph: bytes) -> None:
    with pytest.raises(RuntimeOpenError, match=r"broken\.onnx: tensorrt-rtx 1\.7.* does not take this graph: "):
        build_engine(library, graph[:-200], "broken.onnx")


def test_without_a_gpu_its_engine_is_not_read_and_why_is_told(tiny: Bundle, graph: bytes, library: Library) -> None:
    artifact = tiny.manifest.artifact("onnx-float32", "encoder")
    ahead = msgspec.structs.replace(artifact, file="tiny.engine")
    runtime = TensorRTRuntime("tensorrt-rtx", gpus=lambda: (ADA,), memory=lambda _: HostMemory())
    with pytest.raises(RuntimeOpenError, match=r"tiny\.engine: tensorrt-rtx 1\.7.* reads no engine: \S+"):
        runtime.open(ahead, build_engine(library, graph, "tiny.onnx"), SessionOptions())
