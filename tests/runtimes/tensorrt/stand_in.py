"""A TensorRT, and a GPU's memory, of this machine's own: graphs are run by ONNX Runtime at addresses of the host.

It has what our code asks of TensorRT 10 and 11, and refuses what they refuse. What it cannot stand in for is a GPU.
"""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from runtimes.errors import SessionError
from runtimes.tensorrt.library import Library, LibraryName, _make_logger
from runtimes.tensorrt.memory import Bytes, Work

ORT = importlib.import_module("onnxruntime")
PREFIX = b"engine of "


class HostMemory:
    """Addresses of the host in the place of a GPU's; what is recorded is run again as it is."""

    def __init__(self, *, records: bool = True, fails: str | None = None) -> None:
        self.stream = 7
        self.replays = 0
        self.closed = False
        self._records = records
        self._fails = fails
        self._buffers: list[Any] = []

    def enter(self) -> None:
        assert not self.closed

    def allocate(self, size: int) -> int:
        self._fail("allocate")
        self._buffers.append(ctypes.create_string_buffer(size))
        return ctypes.addressof(self._buffers[-1])

    def pin(self, size: int) -> Bytes:
        return np.zeros(size, np.uint8)

    def upload(self, address: int, host: Bytes) -> None:
        ctypes.memmove(address, host.ctypes.data, host.nbytes)

    def download(self, host: Bytes, address: int) -> None:
        ctypes.memmove(host.ctypes.data, address, host.nbytes)

    def synchronize(self) -> None:
        self._fail("synchronize")

    def record(self, work: Work) -> Work | None:
        self._fail("record")

        def replay() -> None:
            self.replays += 1
            work()

        return replay if self._records else None

    def close(self) -> None:
        assert not self.closed
        self.closed = True

    def _fail(self, call: str) -> None:
        if call == self._fails:
            raise SessionError(f"{call} failed: out of memory")


class _ILogger:
    ERROR, WARNING, INTERNAL_ERROR = "error", "warning", "internal"


class _Parser:
    def __init__(self, network: Any, _: Any) -> None:
        self.network = network
        self.num_errors = 1

    def parse(self, graph: bytes) -> bool:
        try:
            session = ORT.InferenceSession(graph, providers=["CPUExecutionProvider"])
        except ORT.capi.onnxruntime_pybind11_state.InvalidProtobuf:
            return False
        self.network.graph = graph
        self.network.inputs = [SimpleNamespace(name=node.name, shape=node.shape) for node in session.get_inputs()]
        return True

    def get_error(self, index: int) -> str:
        return f"error {index}: not a graph"


class _Network:
    graph: bytes
    inputs: list[Any]

    @property
    def num_inputs(self) -> int:
        return len(self.inputs)

    def get_input(self, index: int) -> Any:
        return self.inputs[index]


class _Profile:
    def __init__(self) -> None:
        self.shapes: dict[str, tuple[tuple[int, ...], ...]] = {}

    def set_shape(self, name: str, least: tuple[int, ...], usual: tuple[int, ...], most: tuple[int, ...]) -> None:
        self.shapes[name] = (least, usual, most)


class _Config:
    def __init__(self) -> None:
        self.profiles: list[_Profile] = []

    def add_optimization_profile(self, profile: _Profile) -> None:
        self.profiles.append(profile)


class _Builder:
    built = 0

    def __init__(self, logger: Any) -> None:
        pass

    def create_network(self, flags: int) -> _Network:
        assert flags in {0, 2}
        return _Network()

    def create_optimization_profile(self) -> _Profile:
        return _Profile()

    def create_builder_config(self) -> _Config:
        return _Config()

    def build_serialized_network(self, network: _Network, config: _Config) -> bytes:
        assert set(config.profiles[0].shapes) == {tensor.name for tensor in network.inputs}
        type(self).built += 1
        return PREFIX + network.graph


class _Context:
    def __init__(self, engine: _Engine) -> None:
        self._engine = engine
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._addresses: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> None:
        self._shapes[name] = shape

    def set_tensor_address(self, name: str, address: int) -> None:
        self._addresses[name] = address

    def execute_async_v3(self, stream: int) -> bool:  # noqa: ARG002 - as the library has it
        if self._engine.broken:
            return False
        feed = {name: _at(self._addresses[name], shape) for name, shape in self._shapes.items()}
        names = [node.name for node in self._engine.session.get_outputs()]
        for name, found in zip(names, self._engine.session.run(names, feed), strict=True):
            _at(self._addresses[name], found.shape)[...] = found
        return True


class _Engine:
    broken = False

    def __init__(self, graph: bytes) -> None:
        self.session = ORT.InferenceSession(graph, providers=["CPUExecutionProvider"])
        self._nodes = {node.name: node for node in (*self.session.get_inputs(), *self.session.get_outputs())}
        self.num_io_tensors = len(self._nodes)

    def get_tensor_name(self, index: int) -> str:
        return list(self._nodes)[index]

    def get_tensor_mode(self, name: str) -> str:
        return "in" if name in {node.name for node in self.session.get_inputs()} else "out"

    def get_tensor_dtype(self, name: str) -> str:
        return {"tensor(float)": "f32", "tensor(uint8)": "u8"}[self._nodes[name].type]

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return tuple(length if isinstance(length, int) else -1 for length in self._nodes[name].shape)

    def create_execution_context(self) -> _Context:
        return _Context(self)


class _Runtime:
    def __init__(self, logger: Any) -> None:
        self._logger = logger

    def deserialize_cuda_engine(self, stored: bytes) -> _Engine | None:
        if not stored.startswith(PREFIX):
            self._logger.log(_ILogger.ERROR, "serialization assertion failed: magic tag does not match")
            return None
        return _Engine(stored.removeprefix(PREFIX))


def make_library(version: str = "10.3.0") -> Callable[[LibraryName], Library]:
    """What loads a stand-in that counts its builds in ``library.module.Builder.built``."""
    module = ModuleType("tensorrt")
    parts = {
        "__version__": version,
        "ILogger": _ILogger,
        "Builder": type("Builder", (_Builder,), {"built": 0}),
        "OnnxParser": _Parser,
        "Runtime": _Runtime,
        "NetworkDefinitionCreationFlag": SimpleNamespace(STRONGLY_TYPED=1),
        "DataType": SimpleNamespace(FLOAT="f32", INT8="i8"),
        "TensorIOMode": SimpleNamespace(INPUT="in", OUTPUT="out"),
    }
    for name, part in parts.items():
        setattr(module, name, part)
    library = Library(name="tensorrt", module=module, version=version, logger=_make_logger(module))
    return lambda _: library


def _at(address: int, shape: tuple[int, ...]) -> Any:
    size = int(np.prod(shape))
    return np.ctypeslib.as_array((ctypes.c_float * size).from_address(address)).reshape(shape)
