"""ONNX Runtime, on the CPU or on an NVIDIA GPU through its CUDA provider."""

from __future__ import annotations

import importlib
import logging
import os
import re
import threading
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

from models.manifest import Artifact, Dtype, Tensor
from runtimes.batch import Answer, run_batch
from runtimes.errors import RuntimeOpenError, SessionError
from runtimes.gpu import find_gpus
from runtimes.onnx_binding import BoundBatches
from runtimes.processor import has_int8_dot
from runtimes.protocol import Batch, Probe, Session, SessionOptions
from runtimes.side_by_side import open_side_by_side
from runtimes.tensors import check_tensors

_CPU = "CPUExecutionProvider"
_CUDA = "CUDAExecutionProvider"
_DEVICE = re.compile(r"cpu|cuda(?::(\d+))?")
_DTYPES: dict[str, Dtype] = {"tensor(float)": "float32", "tensor(uint8)": "uint8", "tensor(int8)": "int8"}
_ERRORS_ONLY = 3
_INSTALL = "install it with: pip install 'nexaravision[onnx]'"

_log = logging.getLogger(__name__)


class OnnxRuntime:
    """ONNX Runtime. Devices are ``cpu``, ``cuda`` and ``cuda:<index>``; by default CUDA where GPU and
    provider are there, else the CPU."""

    name = "onnx"

    def __init__(self) -> None:
        self._recording = threading.Lock()

    def probe(self) -> Probe:
        """Whether onnxruntime can be imported, its version, and CUDA where provider and GPU exist. Never raises."""
        try:
            engine = _load_engine()
        except RuntimeOpenError as error:
            return Probe(runtime=self.name, available=False, reason=str(error))
        # The provider is listed on machines without a GPU too, so the GPU itself is asked for.
        cuda = _CUDA in engine.get_available_providers() and bool(find_gpus())
        return Probe(
            runtime=self.name,
            available=True,
            version=engine.__version__,
            accelerators=("cuda",) if cuda else (),
        )

    def open(self, artifact: Artifact, content: bytes, options: SessionOptions) -> Session:
        """Open one artifact; raises ``RuntimeOpenError`` when it cannot be run here, is not as the manifest says, or
        the device asked for does not take it."""
        engine = _load_engine()
        gpu = _choose_gpu(engine, options.device, artifact.file)
        if gpu is None:
            return open_side_by_side(partial(_open_processor, engine, content, artifact), options.threads)
        return _open_cuda(engine, content, artifact, options, gpu, self._recording)


class OnnxSession:
    """An open ONNX model; a batch is run whole where the graph's batch axis is dynamic, else item by item."""

    def __init__(
        self,
        artifact: Artifact,
        run: Callable[[Batch], Answer],
        *,
        whole: bool,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        """``run`` answers a batch, of any size where it takes it ``whole``; ``close`` is called after the last."""
        self._artifact = artifact
        self._engine: Callable[[Batch], Answer] | None = run
        self._whole = whole
        self._close = close
        # The engine's own failures derive from RuntimeError and ValueError only in part.
        self._failures = _failures(importlib.import_module("onnxruntime"))

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return self._artifact.inputs

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return self._artifact.outputs

    def run(self, batch: Batch) -> Answer:
        """Run one batch of any size; raises ``SessionError`` when the arrays do not fit or the engine fails."""
        run = None if self._engine is None else partial(self._run, self._engine)
        return run_batch(self._artifact, batch, run, whole=self._whole)

    def close(self) -> None:
        """Free the engine's memory."""
        self._engine = None
        self._close()

    def _run(self, engine: Callable[[Batch], Answer], batch: Batch) -> Answer:
        try:
            return engine({tensor.name: batch[tensor.name] for tensor in self.inputs})
        except self._failures as error:
            raise SessionError(f"{self._artifact.file}: onnxruntime failed: {error}") from error


def read_tensors(content: bytes, where: str) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Inputs and outputs of an ONNX model, as a manifest lists them; ``where`` names it in errors.

    The batch axis is given as -1, since sessions take any batch size. Raises ``RuntimeOpenError``.
    """
    return _read_tensors(_open_session(_load_engine(), content, where, 1, [_CPU]), where)


def _load_engine() -> ModuleType:
    # From its import on, 1.31 and newer keep a file of what is done with them, to send it to their maker, unless this
    # stands in the environment; its function that turns that off comes too late.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        engine = importlib.import_module("onnxruntime")
    except (ImportError, OSError) as error:
        # OSError: a wheel whose shared library does not load on this machine.
        raise RuntimeOpenError(f"no onnxruntime ({error}); {_INSTALL}") from error
    engine.set_default_logger_severity(_ERRORS_ONLY)
    return engine


def _choose_gpu(engine: ModuleType, device: str | None, where: str) -> int | None:
    """Which GPU to use; ``None`` for the processor."""
    match = _DEVICE.fullmatch(device) if device is not None else None
    if device is not None and match is None:
        raise RuntimeOpenError(f"{where}: onnx has no device {device!r}; cpu, cuda and cuda:<index> are allowed")
    offered = _CUDA in engine.get_available_providers()
    if device == "cpu" or (device is None and not (offered and find_gpus())):
        return None
    if not offered:
        raise RuntimeOpenError(f"{where}: this onnxruntime has no CUDA; install onnxruntime-gpu instead, or use cpu")
    return int(match.group(1) or 0) if match else 0


def _open_processor(engine: ModuleType, content: bytes, artifact: Artifact) -> OnnxSession:
    return _as_session(artifact, _open_session(engine, content, artifact.file, 1, [_CPU]))


def _open_cuda(
    engine: ModuleType, content: bytes, artifact: Artifact, how: SessionOptions, gpu: int, recording: threading.Lock
) -> OnnxSession:
    """A session on a GPU. Its kernels are recorded, but where a part runs on the CPU or cannot be replayed."""
    where, threads = artifact.file, how.threads
    # Trying all algorithms takes three times as long at the first batch of a size, and finds none that is faster.
    options = {"device_id": str(gpu), "cudnn_conv_algo_search": "HEURISTIC"}
    plain = _open_provider(engine, content, where, threads, options)
    unrecorded = _as_session(artifact, plain)
    if _is_fixed(plain):
        return unrecorded
    failures: tuple[type[Exception], ...] = (RuntimeOpenError, *_failures(engine))
    recorded = {**options, "enable_cuda_graph": "1"}
    open_recorded = partial(_open_provider, engine, content, where, threads, recorded)
    try:
        bound = BoundBatches(engine, open_recorded, artifact, ("cuda", gpu), how, recording)
    except failures as error:
        _log.info("%s is run without a CUDA graph: %s", where, error)
        return unrecorded
    return OnnxSession(artifact, bound.run, whole=True, close=bound.close)


def _as_session(artifact: Artifact, session: Any) -> OnnxSession:  # noqa: ANN401 - the engine is untyped
    """A session of the engine as ours, once its tensors are seen to be the manifest's. Raises ``RuntimeOpenError``."""
    check_tensors(artifact, *_read_tensors(session, artifact.file))
    names = [tensor.name for tensor in artifact.outputs]
    return OnnxSession(
        artifact,
        lambda feed: dict(zip(names, session.run(names, feed), strict=True)),
        whole=not _is_fixed(session),
    )


def _open_provider(engine: ModuleType, content: bytes, where: str, threads: int, options: dict[str, str]) -> Any:  # noqa: ANN401 - the engine is untyped
    session = _open_session(engine, content, where, threads, [(_CUDA, options), _CPU])
    # Which providers are available says nothing: one whose library does not load is dropped in silence.
    if _CUDA not in session.get_providers():
        raise RuntimeOpenError(
            f"{where}: onnxruntime could not use CUDA and took {', '.join(session.get_providers())}; "
            "check the CUDA and cuDNN libraries, or use device cpu"
        )
    return session


def _is_fixed(session: Any) -> bool:  # noqa: ANN401 - the engine is untyped
    return any(isinstance(node.shape[0], int) for node in session.get_inputs())


def _open_session(
    engine: ModuleType,
    content: bytes,
    where: str,
    threads: int,
    providers: list[str | tuple[str, dict[str, str]]],
) -> Any:  # noqa: ANN401 - the engine is untyped
    options = engine.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Idle worker threads would otherwise spin and take a core from decoding.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if not has_int8_dot():
        # On x86 sums of int8 products would overflow then, and a model give other answers than where it was judged.
        # Exact ones take a tenth longer; where there are such instructions they are for nothing, and elsewhere ignored.
        options.add_session_config_entry("session.x64quantprecision", "1")
    options.log_severity_level = _ERRORS_ONLY
    try:
        return engine.InferenceSession(content, options, providers=providers)
    except _failures(engine) as error:
        raise RuntimeOpenError(f"{where}: onnxruntime cannot open it: {error}") from error


def _failures(engine: ModuleType) -> tuple[type[Exception], ...]:
    state = engine.capi.onnxruntime_pybind11_state
    own = tuple(value for value in vars(state).values() if isinstance(value, type) and issubclass(value, Exception))
    return (*own, RuntimeError, ValueError)


def _read_tensors(session: Any, where: str) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:  # noqa: ANN401
    return (
        tuple(_read_tensor(node, where) for node in session.get_inputs()),
        tuple(_read_tensor(node, where) for node in session.get_outputs()),
    )


def _read_tensor(node: Any, where: str) -> Tensor:  # noqa: ANN401 - the engine is untyped
    if node.type not in _DTYPES:
        raise RuntimeOpenError(f"{where}: tensor {node.name} is {node.type}; allowed are {', '.join(_DTYPES)}")
    lengths = (length if isinstance(length, int) else -1 for length in node.shape[1:])
    return Tensor(
        name=node.name,
        shape=(-1, *lengths),
        dtype=_DTYPES[node.type],
    )
