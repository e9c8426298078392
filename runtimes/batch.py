"""How any session runs a batch: checked, in pieces that the engine takes, and joined again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from models.manifest import Artifact, Tensor
from runtimes.errors import SessionError
from runtimes.protocol import Batch

Answer = dict[str, NDArray[np.generic]]

SIZES = (1, 2, 4, 8, 16, 32, 64)
"""What a GPU's batches are filled up to, so that what is recorded of each can be kept; larger ones run in pieces."""

# On an H100 a run takes 0.3 ms and 0.03 more an item: up to so many for nothing cost less than another run.
_WASTE = 8


def run_batch(artifact: Artifact, batch: Batch, run: Callable[[Batch], Answer] | None, *, whole: bool) -> Answer:
    """Answer ``batch``, of any size, by ``run``: at once where the engine takes it ``whole``, else item by item.

    ``run`` takes and gives arrays by tensor name, with at least one item; a closed session has none. Raises
    ``SessionError`` when it is closed or the arrays are not what the artifact takes.
    """
    if run is None:
        raise SessionError(f"{artifact.file}: the session is closed; open the artifact again")
    size = _check(batch, artifact.inputs, artifact.file)
    if size == 0:
        return {tensor.name: np.zeros((0, *tensor.shape[1:]), dtype=tensor.dtype) for tensor in artifact.outputs}
    if whole:
        return run(batch)
    rows = [run({name: array[item : item + 1] for name, array in batch.items()}) for item in range(size)]
    return {tensor.name: np.concatenate([row[tensor.name] for row in rows]) for tensor in artifact.outputs}


def run_in_sizes(
    artifact: Artifact, batch: Batch, run: Callable[[Batch, int], Answer], sizes: Sequence[int] = SIZES
) -> Answer:
    """Answer ``batch``, of one item or more, by ``run``, which takes batches that are exactly of one of ``sizes``,
    smallest first, and that size."""
    total, start = len(batch[artifact.inputs[0].name]), 0
    pieces = []
    while start < total:
        count, size = _piece(total - start, sizes)
        filled = {name: _fill(array[start : start + count], size) for name, array in batch.items()}
        pieces.append({name: array[:count] for name, array in run(filled, size).items()})
        start += count
    return {tensor.name: np.concatenate([piece[tensor.name] for piece in pieces]) for tensor in artifact.outputs}


def _piece(left: int, sizes: Sequence[int]) -> tuple[int, int]:
    """How many of the items that are ``left`` to run next, and the size to fill them up to."""
    size = next((size for size in sizes if size >= left), sizes[-1])
    if size - left <= _WASTE:
        return min(left, size), size
    whole = max((whole for whole in sizes if whole <= left), default=None)
    return (left, size) if whole is None else (whole, whole)


def _fill(rows: NDArray[np.generic], size: int) -> NDArray[np.generic]:
    """``rows`` and copies of the first of them, ``size`` in all."""
    if len(rows) == size:
        return np.ascontiguousarray(rows)
    return np.concatenate([rows, np.repeat(rows[:1], size - len(rows), axis=0)])


def _check(batch: Batch, inputs: Sequence[Tensor], where: str) -> int:
    """The size of ``batch``; raises ``SessionError`` when its arrays are not what ``inputs`` take."""
    sizes = set()
    for tensor in inputs:
        array = batch.get(tensor.name)
        if array is None:
            raise SessionError(f"{where}: no array for input {tensor.name}; it has {', '.join(batch) or 'none'}")
        if array.shape[1:] != tensor.shape[1:] or array.dtype != tensor.dtype:
            raise SessionError(
                f"{where}: input {tensor.name} takes (N, {', '.join(map(str, tensor.shape[1:]))}) {tensor.dtype}, "
                f"got {array.shape} {array.dtype}"
            )
        sizes.add(len(array))
    if len(sizes) != 1:
        raise SessionError(f"{where}: inputs of one batch have {sorted(sizes)} items; they must agree")
    return sizes.pop()
