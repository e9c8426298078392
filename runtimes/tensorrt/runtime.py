"""Engines of TensorRT behind the protocol of all runtimes: probed, built and kept, opened."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models.manifest import Artifact
from runtimes.errors import NotBuiltError, RuntimeOpenError, SessionError
from runtimes.gpu import Gpu, find_gpus
from runtimes.protocol import Probe, SessionOptions
from runtimes.tensorrt.engine_build import build_engine
from runtimes.tensorrt.engine_cache import EngineCache, EngineKey, engine_folder
from runtimes.tensorrt.library import Library, LibraryName, capability, load_library
from runtimes.tensorrt.memory import Memory, open_memory
from runtimes.tensorrt.session import TensorRTSession, read_engine
from runtimes.tensors import check_tensors

ENGINE = ".engine"
"""The suffix of files that are engines already; all others are ONNX graphs."""

_DEVICE = re.compile(r"cuda(?::(\d+))?")
_NO_GPU = "no NVIDIA GPU here: neither nvidia-smi nor the device tree names one; install its driver"
_TENTH = 0.1

_log = logging.getLogger(__name__)


class TensorRTRuntime:
    """One TensorRT. Graphs are built into engines on this machine and kept; engines built ahead of time are opened.

    Devices are ``cuda`` and ``cuda:<index>``.
    """

    def __init__(
        self,
        name: LibraryName = "tensorrt",
        *,
        load: Callable[[LibraryName], Library] = load_library,
        gpus: Callable[[], tuple[Gpu, ...]] = find_gpus,
        memory: Callable[[int], Memory] = open_memory,
        cache: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``cache`` is the folder where engines are kept, by default ``engine_folder``; ``clock`` gives seconds."""
        self._clock = clock
        self._name = name
        self._load = load
        self._gpus = gpus
        self._memory = memory
        self._cache = EngineCache(cache or engine_folder(os.environ))

    @property
    def name(self) -> str:
        return self._name

    def probe(self) -> Probe:
        """Whether GPU and library are here, and fit each other. Never raises."""
        gpus = self._gpus()
        # Without a GPU the library, which is large, is not even imported.
        if not gpus:
            return Probe(runtime=self._name, available=False, reason=_NO_GPU)
        try:
            library = self._load(self._name)
        except RuntimeOpenError as error:
            return Probe(runtime=self._name, available=False, reason=str(error))
        reason = _unsupported(library, gpus[0])
        return Probe(
            runtime=self._name,
            available=reason is None,
            version=library.version,
            accelerators=() if reason else tuple(gpu.architecture or "cuda" for gpu in gpus),
            reason=reason,
        )

    def open(self, artifact: Artifact, content: bytes, options: SessionOptions) -> TensorRTSession:
        """Open one artifact on one GPU; raises ``RuntimeOpenError`` when it cannot be run here or is not as the
        manifest says, and ``NotBuiltError`` when an engine must be built and ``options`` do not allow it."""
        where = artifact.file
        index, gpu = self._choose(options.device, where)
        library = self._load(self._name)
        if where.endswith(ENGINE):
            engine = _require(library, content, where)
        else:
            engine = self._kept(library, gpu, content, where)
        if engine is None:
            if not options.build:
                raise NotBuiltError(f"{where}: no engine for {gpu.name} yet; it is built while another target serves")
            engine = _require(library, self._build(library, gpu, content, where), where)
        check_tensors(artifact, *read_engine(library, engine, where))
        memory = self._memory(index)
        try:
            return TensorRTSession(artifact, library, engine, memory)
        except SessionError as error:
            memory.close()
            raise RuntimeOpenError(str(error)) from error

    def _choose(self, device: str | None, where: str) -> tuple[int, Gpu]:
        match = _DEVICE.fullmatch(device or "cuda")
        if match is None:
            raise RuntimeOpenError(f"{where}: {self._name} has no device {device!r}; cuda and cuda:<index> are allowed")
        gpus, index = self._gpus(), int(match.group(1) or 0)
        if index >= len(gpus):
            raise RuntimeOpenError(f"{where}: no GPU {index}, there are {len(gpus)}" if gpus else f"{where}: {_NO_GPU}")
        return index, gpus[index]

    def _kept(self, library: Library, gpu: Gpu, graph: bytes, where: str) -> Any:  # noqa: ANN401 - the engine is untyped
        """The engine of a graph that was built here before; ``None`` where there is none that is read."""
        kept = self._cache.find(_key(library, gpu, graph))
        engine = None if kept is None else _read(library, kept)
        if kept is not None and engine is None:
            # Kept by a library that called itself the same: what is here now builds its own.
            _log.warning("%s: the engine that was kept is not read any more: %s", where, library.complaint())
        return engine

    def _build(self, library: Library, gpu: Gpu, graph: bytes, where: str) -> bytes:
        _log.info("%s: building an engine for %s, which takes its time", where, gpu.name)
        begun = self._clock()
        engine = build_engine(library, graph, where, progress=_Tenths(where))
        _log.info("%s: built in %.0f s", where, self._clock() - begun)
        self._cache.keep(_key(library, gpu, graph), engine)
        return engine


def rtx_runtime() -> TensorRTRuntime:
    """TensorRT for RTX GPUs."""
    return TensorRTRuntime("tensorrt-rtx")


class _Tenths:
    """Tells the log of every further tenth that is done."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._next = _TENTH

    def __call__(self, done: float) -> None:
        if done >= self._next:
            _log.info("%s: %.0f %% built", self._where, 100 * done)
            self._next = done + _TENTH


def _key(library: Library, gpu: Gpu, graph: bytes) -> EngineKey:
    return EngineKey(
        graph=hashlib.sha256(graph).hexdigest(),
        library=library.name,
        version=library.version,
        gpu=gpu.name,
        architecture=gpu.architecture,
        driver=gpu.driver,
    )


def _read(library: Library, stored: bytes) -> Any:  # noqa: ANN401 - the engine is untyped
    try:
        return library.module.Runtime(library.logger).deserialize_cuda_engine(stored)
    except (TypeError, RuntimeError):
        # What its factories raise where the driver or the GPU is missing.
        return None


def _require(library: Library, stored: bytes, where: str) -> Any:  # noqa: ANN401 - the engine is untyped
    engine = _read(library, stored)
    if engine is None:
        raise RuntimeOpenError(f"{where}: {library.name} {library.version} reads no engine: {library.complaint()}")
    return engine


def _unsupported(library: Library, gpu: Gpu) -> str | None:
    """Why a GPU cannot be used with a library that lists those that it knows; newer ones run what is portable."""
    known = library.architectures()
    if not known or not gpu.architecture or gpu.architecture in known:
        return None
    if capability(gpu.architecture) > max(map(capability, known)):
        return None
    offered = ", ".join(known)
    return f"{library.name} {library.version} has no kernels for {gpu.name} ({gpu.architecture}); it knows {offered}"
