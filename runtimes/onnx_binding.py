"""Batches at fixed places in a GPU's memory, so that ONNX Runtime records its kernels once and replays them.

A small network is dozens of kernels that each take less than it takes to launch them. A CUDA graph launches them all at
once, and is of one batch size at fixed addresses: batches are of a few sizes, whose graphs are kept.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from models.manifest import Artifact, Tensor
from runtimes.batch import Answer, run_in_sizes
from runtimes.protocol import Batch

_GRAPH = "gpu_graph_id"


class _Bound(NamedTuple):
    """One size: where its inputs and outputs lie, by name, and how it is run."""

    inputs: dict[str, Any]
    outputs: dict[str, Any]
    binding: Any
    options: Any


class BoundBatches:
    """An open session of ONNX Runtime, fed through memory that stays where it is. Used by one thread at a time."""

    def __init__(self, engine: ModuleType, session: Any, artifact: Artifact, device: str, index: int) -> None:  # noqa: ANN401 - the engine is untyped
        """``device`` is ``cuda``, or ``cpu`` where nothing is recorded; ``index`` says which of them."""
        self._engine = engine
        self._session = session
        self._artifact = artifact
        self._device = (device, index)
        self._bound: dict[int, _Bound] = {}

    def run(self, batch: Batch) -> Answer:
        """Answer a batch of any size but 0. Raises what the engine raises."""
        return run_in_sizes(self._artifact, batch, self._run)

    def _run(self, batch: Batch, size: int) -> Answer:
        bound = self._bound.get(size) or self._bind(size)
        for name, place in bound.inputs.items():
            place.update_inplace(batch[name])
        self._session.run_with_iobinding(bound.binding, bound.options)
        # Kept only once it has run: a size that failed is bound anew.
        self._bound[size] = bound
        return {name: place.numpy() for name, place in bound.outputs.items()}

    def _bind(self, size: int) -> _Bound:
        binding = self._session.io_binding()
        inputs = {tensor.name: self._place(tensor, size) for tensor in self._artifact.inputs}
        outputs = {tensor.name: self._place(tensor, size) for tensor in self._artifact.outputs}
        for name, place in inputs.items():
            binding.bind_ortvalue_input(name, place)
        for name, place in outputs.items():
            binding.bind_ortvalue_output(name, place)
        options = self._engine.RunOptions()
        options.add_run_config_entry(_GRAPH, str(size))
        return _Bound(inputs, outputs, binding, options)

    def _place(self, tensor: Tensor, size: int) -> Any:  # noqa: ANN401 - the engine is untyped
        shape = [size, *tensor.shape[1:]]
        return self._engine.OrtValue.ortvalue_from_shape_and_type(shape, np.dtype(tensor.dtype).type, *self._device)
