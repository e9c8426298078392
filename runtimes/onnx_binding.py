"""Batches at fixed places in a GPU's memory, so that ONNX Runtime records its kernels once and replays them.

A small network is dozens of kernels that each take less than it takes to launch them. A CUDA graph launches them all at
once, and is of one batch size at fixed addresses. Each size has a session of its own: what a graph was recorded with
lies in its session's memory, and a session that runs another size meanwhile uses that memory again. On an H100 that
ended in an illegal instruction after some hundred batches.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from models.manifest import Artifact, Tensor
from runtimes.batch import SIZES, Answer, run_in_sizes
from runtimes.protocol import Batch


class _Bound(NamedTuple):
    """One size: its session, and where its inputs and outputs lie, by name."""

    session: Any
    binding: Any
    inputs: dict[str, Any]
    outputs: dict[str, Any]


class BoundBatches:
    """An artifact open once for every size of batch, fed through memory that stays where it is. Used by one thread at a
    time."""

    def __init__(
        self, engine: ModuleType, open_session: Callable[[], Any], artifact: Artifact, device: str, index: int
    ) -> None:
        """Open and run all sizes, since what the first run of a size takes would be missing in the middle of a fight.

        ``device`` is ``cuda``, or ``cpu`` where nothing is recorded; ``index`` says which of them. Raises what
        ``open_session`` and the engine raise.
        """
        self._engine = engine
        self._artifact = artifact
        self._device = (device, index)
        self._bound = {size: self._bind(open_session(), size) for size in SIZES}

    def run(self, batch: Batch) -> Answer:
        """Answer a batch of any size but 0. Raises what the engine raises."""
        return run_in_sizes(self._artifact, batch, self._run)

    def _run(self, batch: Batch, size: int) -> Answer:
        bound = self._bound[size]
        for name, place in bound.inputs.items():
            place.update_inplace(batch[name])
        bound.session.run_with_iobinding(bound.binding)
        return {name: place.numpy() for name, place in bound.outputs.items()}

    def _bind(self, session: Any, size: int) -> _Bound:  # noqa: ANN401 - the engine is untyped
        binding = session.io_binding()
        inputs = {tensor.name: self._place(tensor, size) for tensor in self._artifact.inputs}
        outputs = {tensor.name: self._place(tensor, size) for tensor in self._artifact.outputs}
        for name, place in inputs.items():
            binding.bind_ortvalue_input(name, place)
        for name, place in outputs.items():
            binding.bind_ortvalue_output(name, place)
        session.run_with_iobinding(binding)
        return _Bound(session, binding, inputs, outputs)

    def _place(self, tensor: Tensor, size: int) -> Any:  # noqa: ANN401 - the engine is untyped
        zeros = np.zeros((size, *tensor.shape[1:]), tensor.dtype)
        return self._engine.OrtValue.ortvalue_from_numpy(zeros, *self._device)
