"""An open engine: batches go through pinned memory, and once a size has run its work is recorded and replayed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.manifest import Artifact, Dtype, Tensor
from runtimes.batch import SIZES, Answer, run_batch, run_in_sizes
from runtimes.errors import RuntimeOpenError, SessionError
from runtimes.protocol import Batch
from runtimes.tensorrt.library import Library
from runtimes.tensorrt.memory import Bytes, Memory, Work

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Sized:
    """One batch size. What is recorded is of one execution context at one shape, so that each has its own.

    ``replay`` queues a whole run at once, where ``recorded`` says that recording it was tried.
    """

    context: Any
    recorded: bool = False
    replay: Work | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one tensor lies, for the largest batch: on the GPU, and pinned on the host."""

    tensor: Tensor
    address: int
    host: Bytes
    item: int

    def rows(self, count: int) -> NDArray[np.generic]:
        """The host's side as ``count`` items."""
        return self.host[: count * self.item].view(self.tensor.dtype).reshape(count, *self.tensor.shape[1:])


class TensorRTSession:
    """An engine on one GPU, for batches of any size."""

    def __init__(self, artifact: Artifact, library: Library, engine: Any, memory: Memory) -> None:  # noqa: ANN401 - the engine is untyped
        """``memory`` is closed with the session. Raises ``SessionError`` when the GPU has not enough of it."""
        self._artifact = artifact
        self._library = library
        self._engine = engine
        self._memory = memory
        self._sized: dict[int, _Sized] = {}
        self._places = {tensor.name: self._place(tensor) for tensor in (*artifact.inputs, *artifact.outputs)}

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return self._artifact.inputs

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return self._artifact.outputs

    def run(self, batch: Batch) -> Answer:
        """Run one batch of any size; raises ``SessionError`` when the arrays do not fit or the engine fails."""
        return run_batch(self._artifact, batch, None if self._engine is None else self._run_all, whole=True)

    def close(self) -> None:
        """Free the engine and its memory."""
        if self._engine is None:
            return
        self._sized.clear()
        self._engine = None
        self._memory.close()

    def _run_all(self, batch: Batch) -> Answer:
        with self._failing():
            self._memory.enter()
            return run_in_sizes(self._artifact, batch, self._run)

    def _run(self, batch: Batch, size: int) -> Answer:
        sized = self._sized.get(size) or self._open(size)
        for tensor in self.inputs:
            self._places[tensor.name].rows(size)[...] = batch[tensor.name]
        if sized.replay is not None:
            sized.replay()
        else:
            self._queue(sized.context, size)
        self._memory.synchronize()
        # The first run of a size is when the engine takes what it needs, which cannot be recorded.
        if size in self._sized and not sized.recorded:
            sized.recorded, sized.replay = True, self._record(sized.context, size)
        self._sized[size] = sized
        return {tensor.name: self._places[tensor.name].rows(size).copy() for tensor in self.outputs}

    def _open(self, size: int) -> _Sized:
        context = self._context()
        if context is None:
            raise SessionError(f"{self._artifact.file}: no execution context: {self._library.complaint()}")
        for tensor in self.inputs:
            context.set_input_shape(tensor.name, (size, *tensor.shape[1:]))
        for name, place in self._places.items():
            context.set_tensor_address(name, place.address)
        return _Sized(context)

    def _context(self) -> Any:  # noqa: ANN401 - the engine is untyped
        strategies = getattr(self._library.module, "CudaGraphStrategy", None)
        if strategies is None:
            return self._engine.create_execution_context()
        # TensorRT for RTX compiles its kernels while it runs, and so records by itself once it has them.
        config = self._engine.create_runtime_config()
        config.cuda_graph_strategy = strategies.WHOLE_GRAPH_CAPTURE
        return self._engine.create_execution_context(config)

    def _queue(self, context: Any, size: int) -> None:  # noqa: ANN401 - the engine is untyped
        for tensor in self.inputs:
            place = self._places[tensor.name]
            self._memory.upload(place.address, place.host[: size * place.item])
        if not context.execute_async_v3(self._memory.stream):
            raise SessionError(f"the engine did not run: {self._library.complaint()}")
        for tensor in self.outputs:
            place = self._places[tensor.name]
            self._memory.download(place.host[: size * place.item], place.address)

    def _record(self, context: Any, size: int) -> Work | None:  # noqa: ANN401 - the engine is untyped
        if hasattr(self._library.module, "CudaGraphStrategy"):
            return None
        try:
            return self._memory.record(lambda: self._queue(context, size))
        except SessionError as error:
            _log.info("%s is run without a CUDA graph: %s", self._artifact.file, error)
            return None

    def _place(self, tensor: Tensor) -> _Place:
        item = int(np.prod(tensor.shape[1:])) * np.dtype(tensor.dtype).itemsize
        with self._failing():
            return _Place(tensor, self._memory.allocate(item * SIZES[-1]), self._memory.pin(item * SIZES[-1]), item)

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except SessionError as error:
            raise SessionError(f"{self._artifact.file}: {error}") from error
        except Exception as error:  # pycuda raises errors of its own, which cannot be named without it
            raise SessionError(f"{self._artifact.file}: {self._library.name} raised {error!r}") from error


def read_engine(library: Library, engine: Any, where: str) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:  # noqa: ANN401
    """Inputs and outputs of an engine, as a manifest lists them. Raises ``RuntimeOpenError`` for a dtype that none
    has."""
    module = library.module
    stored: tuple[tuple[str, Dtype], ...] = (("FLOAT", "float32"), ("INT8", "int8"), ("UINT8", "uint8"))
    dtypes = {getattr(module.DataType, theirs): ours for theirs, ours in stored if hasattr(module.DataType, theirs)}
    sides: dict[object, list[Tensor]] = {module.TensorIOMode.INPUT: [], module.TensorIOMode.OUTPUT: []}
    for index in range(engine.num_io_tensors):
        name = engine.get_tensor_name(index)
        dtype = engine.get_tensor_dtype(name)
        if dtype not in dtypes:
            raise RuntimeOpenError(f"{where}: tensor {name} is {dtype}; allowed are {', '.join(dtypes.values())}")
        shape = tuple(engine.get_tensor_shape(name))
        sides[engine.get_tensor_mode(name)].append(Tensor(name=name, shape=(-1, *shape[1:]), dtype=dtypes[dtype]))
    inputs, outputs = sides.values()
    return tuple(inputs), tuple(outputs)
