"""A GPU's memory and its queue of work, by cuda-python or, on a JetPack without it, by pycuda."""

from __future__ import annotations

import ctypes
import importlib
import logging
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from runtimes.errors import RuntimeOpenError, SessionError

_log = logging.getLogger(__name__)

Bytes = NDArray[np.uint8]
Work = Callable[[], None]


class Memory(Protocol):
    """One GPU, with one queue, used by one thread at a time. All but ``close`` raise ``SessionError`` when the driver
    refuses."""

    @property
    def stream(self) -> int:
        """The queue's handle."""
        ...

    def enter(self) -> None:
        """Make it this thread's GPU; each use begins with that."""
        ...

    def allocate(self, size: int) -> int:
        """The address of so many bytes on the GPU."""
        ...

    def pin(self, size: int) -> Bytes:
        """So many bytes of the host that the GPU reads and writes by itself."""
        ...

    def upload(self, address: int, host: Bytes) -> None:
        """Queue a copy of pinned bytes to the GPU."""
        ...

    def download(self, host: Bytes, address: int) -> None:
        """Queue a copy from the GPU to pinned bytes."""
        ...

    def synchronize(self) -> None:
        """Wait until all that was queued is done."""
        ...

    def record(self, work: Work) -> Work | None:
        """What queues at once all that ``work`` queues piece by piece; ``None`` where nothing can be recorded."""
        ...

    def close(self) -> None:
        """Free all of it, as far as the driver lets. Never raises."""
        ...


def open_memory(index: int) -> Memory:
    """The memory of GPU number ``index``. Raises ``RuntimeOpenError`` when neither package can be used."""
    attempts: tuple[Callable[[], Memory], ...] = (
        lambda: CudaPythonMemory(importlib.import_module("cuda.bindings.runtime"), index),
        lambda: CudaPythonMemory(importlib.import_module("cuda.cudart"), index),
        lambda: PyCudaMemory(importlib.import_module("pycuda.driver"), index),
    )
    missing = []
    for attempt in attempts:
        try:
            return attempt()
        except Exception as error:  # noqa: BLE001, PERF203 - pycuda's own errors cannot be named without it
            missing.append(str(error))
    raise RuntimeOpenError(
        f"GPU {index} cannot be used from Python ({'; '.join(missing)}); install cuda-python, on JetPack pycuda"
    )


class CudaPythonMemory:
    """By NVIDIA's cuda-python, 12 and 13."""

    def __init__(self, runtime: ModuleType, index: int) -> None:
        self._runtime = runtime
        self._index = index
        self._addresses: list[int] = []
        self._pinned: list[int] = []
        self._recorded: list[Any] = []
        self.enter()
        self._stream = self._call("cudaStreamCreate")

    @property
    def stream(self) -> int:
        return int(self._stream)

    def enter(self) -> None:
        self._call("cudaSetDevice", self._index)

    def allocate(self, size: int) -> int:
        self._addresses.append(int(self._call("cudaMalloc", size)))
        return self._addresses[-1]

    def pin(self, size: int) -> Bytes:
        self._pinned.append(int(self._call("cudaMallocHost", size)))
        return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(self._pinned[-1]))

    def upload(self, address: int, host: Bytes) -> None:
        kind = self._runtime.cudaMemcpyKind.cudaMemcpyHostToDevice
        self._call("cudaMemcpyAsync", address, host.ctypes.data, host.nbytes, kind, self._stream)

    def download(self, host: Bytes, address: int) -> None:
        kind = self._runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self._call("cudaMemcpyAsync", host.ctypes.data, address, host.nbytes, kind, self._stream)

    def synchronize(self) -> None:
        self._call("cudaStreamSynchronize", self._stream)

    def record(self, work: Work) -> Work | None:
        mode = self._runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self._call("cudaStreamBeginCapture", self._stream, mode)
        try:
            work()
        except SessionError:
            # The queue takes nothing else before its recording has ended.
            self._runtime.cudaStreamEndCapture(self._stream)
            raise
        graph = self._call("cudaStreamEndCapture", self._stream)
        replayed = self._call("cudaGraphInstantiate", graph, 0)
        self._recorded.append(replayed)
        self._call("cudaGraphDestroy", graph)
        return lambda: self._call("cudaGraphLaunch", replayed, self._stream)

    def close(self) -> None:
        taken = (
            *(("cudaGraphExecDestroy", recorded) for recorded in self._recorded),
            *(("cudaFree", address) for address in self._addresses),
            *(("cudaFreeHost", place) for place in self._pinned),
            ("cudaStreamDestroy", self._stream),
        )
        for name, handle in (("cudaSetDevice", self._index), *taken):
            try:
                self._call(name, handle)
            except SessionError as error:  # noqa: PERF203 - a handful
                # After a failure of the GPU nothing can be freed, and its user must go on without it.
                _log.info("while closing: %s", error)

    def _call(self, name: str, *arguments: object) -> Any:  # noqa: ANN401 - handles of many kinds
        error, *found = getattr(self._runtime, name)(*arguments)
        if int(error) != 0:
            _, text = self._runtime.cudaGetErrorString(error)
            raise SessionError(f"{name} failed: {text.decode() if isinstance(text, bytes) else text}")
        return found[0] if found else None


class PyCudaMemory:
    """By pycuda, which JetPack has; it records nothing."""

    def __init__(self, driver: Any, index: int) -> None:  # noqa: ANN401 - the package is untyped
        driver.init()
        self._driver = driver
        self._context = driver.Device(index).retain_primary_context()
        self._entered: set[int] = set()
        self.enter()
        self._stream = driver.Stream()
        self._allocations: list[Any] = []

    @property
    def stream(self) -> int:
        return int(self._stream.handle)

    def enter(self) -> None:
        # It stays this thread's: nothing else in this process uses another context.
        thread = threading.get_ident()
        if thread not in self._entered:
            self._context.push()
            self._entered.add(thread)

    def allocate(self, size: int) -> int:
        self._allocations.append(self._driver.mem_alloc(size))
        return int(self._allocations[-1])

    def pin(self, size: int) -> Bytes:
        pinned: Bytes = self._driver.pagelocked_empty(size, np.uint8)
        return pinned

    def upload(self, address: int, host: Bytes) -> None:
        self._driver.memcpy_htod_async(address, host, self._stream)

    def download(self, host: Bytes, address: int) -> None:
        self._driver.memcpy_dtoh_async(host, address, self._stream)

    def synchronize(self) -> None:
        self._stream.synchronize()

    def record(self, work: Work) -> Work | None:  # noqa: ARG002 - as the protocol has it
        return None

    def close(self) -> None:
        try:
            self.enter()
            for allocation in self._allocations:
                allocation.free()
            self._context.detach()
        except Exception as error:  # noqa: BLE001 - pycuda's own errors cannot be named without it
            _log.info("while closing: %s", error)
