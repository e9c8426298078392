"""Batches at fixed places in a GPU's memory, so that ONNX Runtime records its kernels once and replays them.

A small network is dozens of kernels that each take less than it takes to launch them. A CUDA graph launches them all at
once, and is of one batch size at fixed addresses. Each size has a session of its own: what a graph was recorded with
lies in its session's memory, and a session that runs another size meanwhile uses that memory again. On an H100 that
ended in an illegal instruction after some hundred batches.

ONNX Runtime records anew in every thread that runs a session, so one thread records and runs them all. While it
records, whatever another thread asks of the GPU may fail and spoil the recording: decoders, most of all.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from models.manifest import Artifact, Tensor
from runtimes.batch import SIZES, Answer, run_in_sizes
from runtimes.own_thread import OwnThread
from runtimes.protocol import Batch, SessionOptions

_log = logging.getLogger(__name__)

_NOT_RECORDED = ("gpu_graph_id", "-1")


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
        self,
        engine: ModuleType,
        open_session: Callable[[], Any],
        artifact: Artifact,
        place: tuple[str, int],
        options: SessionOptions,
        recording: threading.Lock,
    ) -> None:
        """Open and run all sizes, since what the first run of a size takes would be missing in the middle of a fight:
        on an H200 2.7 s, in which the engine makes its kernels. A ``gradual`` session returns with the largest size,
        which takes any batch, and opens the others meanwhile.

        ``place`` is ``cuda``, or ``cpu`` where nothing is recorded, and which of them; ``recording`` is held while a
        size is opened, by all that do so in this process. Raises what ``open_session`` and the engine raise.
        """
        self._engine = engine
        self._open_session = open_session
        self._artifact = artifact
        self._place = place
        self._alone = options.alone
        self._recording = recording
        self._bound: dict[int, _Bound] = {}
        self._thread = OwnThread(f"gpu {artifact.stage}")
        self._closed = threading.Event()
        largest, *others = sorted(SIZES, reverse=True)
        try:
            self._add(largest)
            if not options.gradual:
                self._add_all(others)
        except BaseException:
            self.close()
            raise
        if options.gradual:
            threading.Thread(target=self._add_meanwhile, args=(others,), name="gpu sizes", daemon=True).start()

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes that are open by now, smallest first."""
        return tuple(sorted(self._bound))

    def run(self, batch: Batch) -> Answer:
        """Answer a batch of any size but 0. Raises what the engine raises."""
        return self._thread.ask(partial(run_in_sizes, self._artifact, batch, self._run, self.sizes))

    def close(self) -> None:
        """Free the engine's memory, of a size that is being opened once it is."""
        self._closed.set()
        self._thread.close()

    def _run(self, batch: Batch, size: int) -> Answer:
        bound = self._bound[size]
        for name, place in bound.inputs.items():
            place.update_inplace(batch[name])
        bound.session.run_with_iobinding(bound.binding)
        return {name: place.numpy() for name, place in bound.outputs.items()}

    def _add_meanwhile(self, sizes: list[int]) -> None:
        try:
            self._add_all(sizes)
        except Exception as error:  # noqa: BLE001 - the engine's own, which have no base; what is open goes on
            if not self._closed.is_set():
                _log.warning("%s runs batches of %s alone: %s", self._artifact.file, self.sizes, error)

    def _add_all(self, sizes: list[int]) -> None:
        for size in sizes:
            if self._closed.is_set():
                return
            self._add(size)

    def _add(self, size: int) -> None:
        with self._recording:
            # Kernels are made on the caller's thread: the other one may be needed meanwhile.
            bound = self._bind(self._open_session(), size)
            self._thread.ask(partial(self._record, bound, size))

    def _record(self, bound: _Bound, size: int) -> None:
        with self._alone():
            bound.session.run_with_iobinding(bound.binding)
        self._bound = {**self._bound, size: bound}

    def _bind(self, session: Any, size: int) -> _Bound:  # noqa: ANN401 - the engine is untyped
        binding = session.io_binding()
        inputs = {tensor.name: self._allocate(tensor, size) for tensor in self._artifact.inputs}
        outputs = {tensor.name: self._allocate(tensor, size) for tensor in self._artifact.outputs}
        for name, place in inputs.items():
            binding.bind_ortvalue_input(name, place)
        for name, place in outputs.items():
            binding.bind_ortvalue_output(name, place)
        plainly = self._engine.RunOptions()
        plainly.add_run_config_entry(*_NOT_RECORDED)
        session.run_with_iobinding(binding, plainly)
        return _Bound(session, binding, inputs, outputs)

    def _allocate(self, tensor: Tensor, size: int) -> Any:  # noqa: ANN401 - the engine is untyped
        zeros = np.zeros((size, *tensor.shape[1:]), tensor.dtype)
        return self._engine.OrtValue.ortvalue_from_numpy(zeros, *self._place)
