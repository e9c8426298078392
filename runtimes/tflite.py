"""TensorFlow Lite through LiteRT (``ai-edge-litert``), or ``tflite-runtime`` on boards that have nothing newer."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from models.manifest import Artifact, Dtype, Quantization, Tensor
from runtimes.batch import run_batch
from runtimes.errors import RuntimeOpenError, SessionError
from runtimes.protocol import Batch, Probe, Session, SessionOptions
from runtimes.side_by_side import open_side_by_side
from runtimes.tensors import check_tensors

# (module of the Interpreter, distribution that carries it), the preferred first.
_ENGINES = (("ai_edge_litert.interpreter", "ai-edge-litert"), ("tflite_runtime.interpreter", "tflite-runtime"))
_INSTALL = "install it with: pip install 'nexaravision[tflite]'"
_DTYPES: dict[str, Dtype] = {"float32": "float32", "uint8": "uint8", "int8": "int8"}


class TFLiteRuntime:
    """TFLite on the CPU, accelerated by XNNPACK. The only device is ``cpu``."""

    name = "tflite"

    def probe(self) -> Probe:
        """Whether an interpreter can be imported, and which version. Never raises."""
        try:
            _, version = load_engine()
        except RuntimeOpenError as error:
            return Probe(runtime=self.name, available=False, reason=str(error))
        return Probe(runtime=self.name, available=True, version=version)

    def open(self, artifact: Artifact, content: bytes, options: SessionOptions) -> Session:
        """Open one artifact; raises ``RuntimeOpenError`` when it cannot be run here or is not as the manifest says."""
        if options.device not in {None, "cpu"}:
            raise RuntimeOpenError(f"{artifact.file}: tflite has no device {options.device!r}; cpu is allowed")
        return open_side_by_side(partial(_open_one, artifact, content), options.threads)


def _open_one(artifact: Artifact, content: bytes) -> TFLiteSession:
    interpreter = open_interpreter(content, artifact.file, threads=1)
    check_tensors(artifact, *read_interpreter(interpreter, artifact.file))
    return TFLiteSession(artifact, interpreter)


class TFLiteSession:
    """An open TFLite model.

    Its graph is run once for each item of a batch: resizing to a larger batch saves at most a few percent on a CPU
    (``docs/decisions/0003-tflite-batches.md``) and a graph with a fused LSTM cannot be resized at all.
    """

    def __init__(self, artifact: Artifact, interpreter: Any) -> None:  # noqa: ANN401 - the engine is untyped
        self._artifact = artifact
        self._interpreter = interpreter
        self._indices = {
            detail["name"]: detail["index"]
            for detail in (*interpreter.get_input_details(), *interpreter.get_output_details())
        }

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return self._artifact.inputs

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return self._artifact.outputs

    def run(self, batch: Batch) -> dict[str, NDArray[np.generic]]:
        """Run one batch of any size; raises ``SessionError`` when the arrays do not fit or the engine fails."""
        return run_batch(self._artifact, batch, None if self._interpreter is None else self._run, whole=False)

    def close(self) -> None:
        """Free the engine's memory."""
        self._interpreter = None

    def _run(self, batch: Batch) -> dict[str, NDArray[np.generic]]:
        try:
            # A fused LSTM keeps its state between invocations.
            self._interpreter.reset_all_variables()
            for tensor in self.inputs:
                self._interpreter.set_tensor(self._indices[tensor.name], batch[tensor.name])
            self._interpreter.invoke()
            return {tensor.name: self._interpreter.get_tensor(self._indices[tensor.name]) for tensor in self.outputs}
        except (RuntimeError, ValueError) as error:
            raise SessionError(f"{self._artifact.file}: tflite failed: {error}") from error


def read_tensors(content: bytes, where: str) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Inputs and outputs of a TFLite model, as a manifest lists them; ``where`` names it in errors.

    The batch axis is given as -1, since sessions take any batch size. Raises ``RuntimeOpenError``.
    """
    return read_interpreter(open_interpreter(content, where, threads=1), where)


def open_plain(content: bytes, where: str) -> Callable[[], None]:
    """What runs a TFLite model on whatever its inputs hold, on one thread. Raises ``RuntimeOpenError``."""
    return cast("Callable[[], None]", open_interpreter(content, where, threads=1).invoke)


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        # A board's own build may carry the module without a distribution's metadata.
        return None


def load_engine() -> tuple[ModuleType, str | None]:
    """The preferred interpreter's module that can be imported, and its version. Raises ``RuntimeOpenError``."""
    reasons = []
    for module, distribution in _ENGINES:
        try:
            return importlib.import_module(module), _version(distribution)
        except (ImportError, OSError) as error:  # noqa: PERF203 - two engines, tried once
            # OSError: a wheel whose shared library does not load on this machine.
            reasons.append(f"{distribution}: {error}")
    raise RuntimeOpenError(f"no TFLite interpreter ({'; '.join(reasons)}); {_INSTALL}")


def open_interpreter(
    content: bytes,
    where: str,
    threads: int,
    delegates: tuple[Any, ...] = (),
) -> Any:  # noqa: ANN401 - the engine is untyped
    """An interpreter with its tensors in place, by ``delegates`` that the engine loaded, if any; ``where`` names the
    model in errors. Raises ``RuntimeOpenError``."""
    engine, _ = load_engine()
    try:
        interpreter = engine.Interpreter(
            model_content=content, num_threads=threads, experimental_delegates=list(delegates) or None
        )
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise RuntimeOpenError(f"{where}: tflite cannot open it: {error}") from error
    return interpreter


def read_interpreter(interpreter: Any, where: str) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:  # noqa: ANN401
    """Inputs and outputs of an open model, as a manifest lists them. Raises ``RuntimeOpenError``."""
    return (
        tuple(_read_tensor(detail, where) for detail in interpreter.get_input_details()),
        tuple(_read_tensor(detail, where) for detail in interpreter.get_output_details()),
    )


def _read_tensor(detail: dict[str, Any], where: str) -> Tensor:
    dtype = np.dtype(detail["dtype"]).name
    if dtype not in _DTYPES:
        raise RuntimeOpenError(f"{where}: tensor {detail['name']} is {dtype}; allowed are {', '.join(_DTYPES)}")
    scale, zero_point = detail["quantization"]
    return Tensor(
        name=detail["name"],
        shape=(-1, *(int(length) for length in detail["shape"][1:])),
        dtype=_DTYPES[dtype],
        quantization=Quantization(scale=float(scale), zero_point=int(zero_point)) if scale > 0 else None,
    )
