"""Read a PyTorch state dict in the legacy (pre-1.6, not zipped) file format without PyTorch.

The layout, from PyTorch's own serialization module: five pickles (magic number, protocol version, system facts, the
state dict with storages by reference, the storage keys in file order), then each storage as an int64 element count
and its elements. Only the few classes that a state dict of tensors needs are ever looked up, and tensors must lie
inside their storages, so that a crafted file runs no code and reads no memory but its own.
"""

from __future__ import annotations

import math
import os
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from builder.errors import WeightsError

MAGIC = 0x1950A86A20F9469CFC6C
DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class _Reference(NamedTuple):
    key: str
    dtype: np.dtype[Any]
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_torch_state(path: Path) -> dict[str, NDArray[Any]]:
    """Tensors of a state dict by name, float32 or int64 in PyTorch's layouts (a convolution's is ``(out, in, h, w)``).

    Raises ``WeightsError`` when the file is absent, cut short, or not such a state dict.
    """
    try:
        with path.open("rb") as file:
            return _read(file)
    except (
        OSError,
        pickle.UnpicklingError,
        ArithmeticError,
        AttributeError,
        EOFError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        raise WeightsError(f"{path}: not a legacy PyTorch state dict ({error}); give the file as published") from error


def _read(file: BinaryIO) -> dict[str, NDArray[Any]]:
    if _StatePickle(file).load() != MAGIC:
        raise ValueError("wrong magic number")
    _StatePickle(file).load()
    _StatePickle(file).load()
    state: dict[str, _Reference] = _StatePickle(file).load()
    keys: list[str] = _StatePickle(file).load()
    dtypes = {reference.key: reference.dtype for reference in state.values()}
    storages = {key: _storage(file, dtypes[key]) for key in keys}
    return {name: _tensor(reference, storages[reference.key]) for name, reference in state.items()}


def _storage(file: BinaryIO, dtype: np.dtype[Any]) -> NDArray[Any]:
    count = int.from_bytes(_exactly(file, 8), "little")
    return np.frombuffer(_exactly(file, count * dtype.itemsize), dtype)


def _exactly(file: BinaryIO, size: int) -> bytes:
    # Checked before it is read, lest a crafted count ask for all memory.
    left = os.fstat(file.fileno()).st_size - file.tell()
    if size > left:
        raise EOFError(f"{size} bytes expected, {left} found")
    return file.read(size)


def _tensor(reference: _Reference, storage: NDArray[Any]) -> NDArray[Any]:
    # A view trusts its shape and strides: what they reach must lie inside the storage.
    last = reference.offset + sum((n - 1) * s for n, s in zip(reference.shape, reference.strides, strict=True) if n)
    least = min((reference.offset, *reference.shape, *reference.strides))
    if least < 0 or max(last + 1, math.prod(reference.shape)) > len(storage):
        raise ValueError(f"a tensor of shape {reference.shape} reaches beyond its storage of {len(storage)}")
    strides = tuple(stride * storage.itemsize for stride in reference.strides)
    view = np.lib.stride_tricks.as_strided(storage[reference.offset :], reference.shape, strides, writeable=False)
    return np.array(view, order="C")


class _StatePickle(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - the base class returns Any
        allowed: dict[tuple[str, str], Callable[..., Any] | np.dtype[Any]] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
        }
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"class {module}.{name} has no place in a state dict")
        return allowed[module, name]

    def persistent_load(self, pid: Any) -> tuple[str, np.dtype[Any]]:  # noqa: ANN401 - the base class takes Any
        _, dtype, key, _, _, _ = pid
        return key, dtype


def _rebuild(
    storage: tuple[str, np.dtype[Any]], offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object
) -> _Reference:
    key, dtype = storage
    return _Reference(key, dtype, offset, shape, strides)
