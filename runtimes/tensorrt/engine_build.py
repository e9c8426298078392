"""An engine from an ONNX graph: what TensorRT compiles it to for one kind of GPU.

Networks are strongly typed: what is in halves or int8 is what the graph says. TensorRT 11 knows no other way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from runtimes.batch import SIZES
from runtimes.errors import RuntimeOpenError
from runtimes.tensorrt.library import Library

MOST = SIZES[-1]
"""The largest batch that an engine takes."""
_USUAL = 8

Progress = Callable[[float], None]
"""Called with the share that is done, 0 to 1."""


def build_engine(
    library: Library, graph: bytes, where: str, *, architectures: Sequence[str] = (), progress: Progress | None = None
) -> bytes:
    """The engine of a graph whose first axes are batches, for 1 to ``MOST`` items; ``where`` names it in errors.

    ``architectures``, such as ``sm_86``, are those to build for ahead of time, out of ``library.architectures()``;
    without any it is for the GPU at hand, or for all that one engine of TensorRT for RTX can be for. Raises
    ``RuntimeOpenError`` with what the parser or the builder told.
    """
    module = library.module
    try:
        builder = module.Builder(library.logger)
        network = builder.create_network(_flags(module))
    except (TypeError, RuntimeError) as error:
        # What its factories raise where the driver or the GPU is missing.
        raise RuntimeOpenError(f"{where}: {library.name} cannot build here: {library.complaint()}") from error
    parser = module.OnnxParser(network, library.logger)
    if not parser.parse(graph):
        told = "; ".join(str(parser.get_error(index)) for index in range(parser.num_errors))
        raise RuntimeOpenError(f"{where}: {library.name} {library.version} does not take this graph: {told}")
    config = builder.create_builder_config()
    config.add_optimization_profile(_profile(builder, network))
    _aim(module, config, architectures)
    if progress is not None and hasattr(module, "IProgressMonitor"):
        config.progress_monitor = _make_monitor(module, progress)
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise RuntimeOpenError(f"{where}: {library.name} {library.version} builds no engine: {library.complaint()}")
    return bytes(engine)


def _flags(module: ModuleType) -> int:
    typed = getattr(module.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    return 0 if typed is None else 1 << int(typed)


def _profile(builder: Any, network: Any) -> Any:  # noqa: ANN401 - the engine is untyped
    profile = builder.create_optimization_profile()
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        item = tuple(tensor.shape)[1:]
        profile.set_shape(tensor.name, (1, *item), (_USUAL, *item), (MOST, *item))
    return profile


def _aim(module: ModuleType, config: Any, architectures: Sequence[str]) -> None:  # noqa: ANN401 - the engine is untyped
    if not architectures:
        return
    config.num_compute_capabilities = len(architectures)
    for index, architecture in enumerate(architectures):
        config.set_compute_capability(getattr(module.ComputeCapability, architecture.replace("_", "").upper()), index)


def _make_monitor(module: ModuleType, progress: Progress) -> Any:  # noqa: ANN401 - its class is made of the library's
    class Monitor(module.IProgressMonitor):  # type: ignore[misc, name-defined]
        """Tells how much of the outermost phase is done."""

        def __init__(self) -> None:
            super().__init__()
            self._outermost: tuple[str, int] | None = None

        def phase_start(self, phase: str, parent: str | None, steps: int) -> None:
            if parent is None:
                self._outermost = (phase, steps)

        def step_complete(self, phase: str, step: int) -> bool:
            if self._outermost is not None and self._outermost[0] == phase:
                progress(min(1.0, (step + 1) / max(1, self._outermost[1])))
            return True

        def phase_finish(self, phase: str) -> None:
            if self._outermost is not None and self._outermost[0] == phase:
                progress(1.0)

    return Monitor()
