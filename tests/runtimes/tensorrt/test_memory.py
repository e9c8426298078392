"""What is asked of cuda-python, by a stand-in for its module; on an H100 the same was done with the real one."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from runtimes.errors import RuntimeOpenError, SessionError
from runtimes.tensorrt.memory import CudaPythonMemory, open_memory

OUT_OF_MEMORY = 2
FREEING = {"cudaFree", "cudaFreeHost", "cudaGraphExecDestroy", "cudaStreamDestroy"}


class Runtime:
    """Calls as ``cuda.bindings.runtime`` has them: an error first, then what there is. Memory is the host's."""

    cudaMemcpyKind = SimpleNamespace(cudaMemcpyHostToDevice=1, cudaMemcpyDeviceToHost=2)  # noqa: N815 - NVIDIA's name
    cudaStreamCaptureMode = SimpleNamespace(cudaStreamCaptureModeThreadLocal=1)  # noqa: N815 - NVIDIA's name

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self.freed: list[Any] = []
        self.recording: list[tuple[int, int, int]] | None = None
        self._buffers: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("cuda"):
            raise AttributeError(name)
        answers = {
            "cudaStreamCreate": lambda: 7,
            "cudaMalloc": self._allocate,
            "cudaMallocHost": self._allocate,
            "cudaMemcpyAsync": lambda *copy: self._copy(*copy[:3]),
            "cudaStreamBeginCapture": lambda *_: self._record(),
            "cudaStreamEndCapture": lambda _: self._end(),
            "cudaGraphInstantiate": lambda graph, _: graph,
            "cudaGraphLaunch": lambda graph, _: [ctypes.memmove(*copy) for copy in graph],
            "cudaGetErrorString": lambda error: f"error {error}".encode(),
        }
        answer = answers.get(name, lambda *_: self.freed.append(name) if name in FREEING else None)
        return lambda *arguments: (OUT_OF_MEMORY,) if name in self.broken else (0, answer(*arguments))

    def _allocate(self, size: int) -> int:
        buffer = ctypes.create_string_buffer(size)
        self._buffers.append(buffer)
        return ctypes.addressof(buffer)

    def _copy(self, target: int, source: int, size: int) -> None:
        if self.recording is None:
            ctypes.memmove(target, source, size)
        else:
            self.recording.append((target, source, size))

    def _record(self) -> None:
        self.recording = []

    def _end(self) -> list[tuple[int, int, int]] | None:
        recorded, self.recording = self.recording, None
        return recorded


@pytest.fixture
def runtime() -> Runtime:
    return Runtime()


@pytest.fixture
def memory(runtime: Runtime) -> CudaPythonMemory:
    return CudaPythonMemory(runtime, 0)  # type: ignore[arg-type]


def test_bytes_go_there_and_back_and_what_is_recorded_is_replayed_with_what_is_there_then(
    memory: CudaPythonMemory, runtime: Runtime
) -> None:
    address, source, target = memory.allocate(8), memory.pin(8), memory.pin(8)

    def work() -> None:
        memory.upload(address, source)
        memory.download(target, address)

    source[:] = range(8)
    work()
    memory.synchronize()
    assert list(target) == list(range(8))
    replay = memory.record(work)
    assert replay is not None
    source[:], target[:] = 9, 0
    assert not target.any()
    replay()
    assert (target == 9).all()
    memory.close()
    assert sorted(runtime.freed) == [
        "cudaFree",
        "cudaFreeHost",
        "cudaFreeHost",
        "cudaGraphExecDestroy",
        "cudaStreamDestroy",
    ]


def test_a_call_that_fails_is_told_with_the_driver_s_words(memory: CudaPythonMemory, runtime: Runtime) -> None:
    runtime.broken = {"cudaMalloc"}
    with pytest.raises(SessionError, match="cudaMalloc failed: error 2"):
        memory.allocate(8)


def test_a_recording_that_fails_is_ended_so_that_the_queue_can_be_used(
    memory: CudaPythonMemory, runtime: Runtime
) -> None:
    address, source, target = memory.allocate(4), memory.pin(4), memory.pin(4)
    runtime.broken = {"cudaMalloc"}
    with pytest.raises(SessionError, match="cudaMalloc"):
        memory.record(lambda: memory.allocate(1) and None)
    assert runtime.recording is None
    source[:] = 5
    memory.upload(address, source)
    memory.download(target, address)
    assert (target == np.uint8(5)).all()


def test_closing_goes_on_when_the_driver_frees_nothing_any_more(memory: CudaPythonMemory, runtime: Runtime) -> None:
    memory.allocate(4)
    memory.pin(4)
    runtime.broken = {"cudaSetDevice", "cudaFree"}
    memory.close()
    assert runtime.freed == ["cudaFreeHost", "cudaStreamDestroy"]


def test_without_either_package_both_are_named() -> None:
    with pytest.raises(RuntimeOpenError, match=r"GPU 1 cannot be used from Python .*cuda.*pycuda.*install cuda-python"):
        open_memory(1)
