from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from builder.backbones.torch_state import MAGIC, read_torch_state
from builder.errors import WeightsError

WEIGHT = np.arange(24, dtype=np.float32).reshape(4, 3, 2)
STEPS = np.array(7, np.int64)


class FloatStorage:
    """Stands in for ``torch.FloatStorage``, which is pickled by its name alone."""


class LongStorage:
    """Stands in for ``torch.LongStorage``."""


def _rebuild_tensor_v2(*_: object) -> None:
    """Stands in for PyTorch's function of this name."""


class Stored:
    """A tensor as PyTorch pickles it: a call that rebuilds it from its storage."""

    def __init__(self, key: str, kind: type, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
        self.storage = Reference(key, kind)
        self.layout = (offset, shape, strides)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_tensor_v2, (self.storage, *self.layout, False, OrderedDict())


class Reference:
    def __init__(self, key: str, kind: type) -> None:
        self.pid = ("storage", kind, key, "cpu", 0, None)


class Writer(pickle._Pickler):
    """Pickles as PyTorch does, naming PyTorch's classes."""

    def persistent_id(self, obj: object) -> object:
        return obj.pid if isinstance(obj, Reference) else None

    def save_global(self, obj: Any, name: str | None = None) -> None:
        places = {FloatStorage: "torch", LongStorage: "torch", _rebuild_tensor_v2: "torch._utils"}
        if obj in places:
            self.write(pickle.GLOBAL + f"{places[obj]}\n{obj.__name__}\n".encode())
        else:
            super().save_global(obj, name)

    dispatch = {**pickle._Pickler.dispatch}  # noqa: RUF012 - the base class keeps one such table
    dispatch[type] = save_global
    dispatch[type(_rebuild_tensor_v2)] = save_global


def dump(*values: object) -> bytes:
    stream = io.BytesIO()
    for value in values:
        Writer(stream, protocol=2).dump(value)
    return stream.getvalue()


def write_state(path: Path, state: object, storages: dict[str, NDArray[Any]], magic: int = MAGIC) -> Path:
    content = dump(magic, 1001, {"little_endian": True}, state, list(storages))
    for storage in storages.values():
        content += storage.size.to_bytes(8, "little") + storage.tobytes()
    path.write_bytes(content)
    return path


def write_weights(path: Path) -> Path:
    """A matrix that lies transposed and from the middle of its storage on, and a number."""
    state = OrderedDict(
        weight=Stored("11", FloatStorage, 6, (2, 3, 3), (1, 2, 6)), steps=Stored("12", LongStorage, 0, (), ())
    )
    return write_state(path, state, {"12": STEPS, "11": WEIGHT})


def test_tensors_are_read_in_their_layouts(tmp_path: Path) -> None:
    state = read_torch_state(write_weights(tmp_path / "state.pth"))
    assert (state["weight"].dtype, state["steps"].dtype) == (np.float32, np.int64)
    np.testing.assert_array_equal(state["weight"], WEIGHT[1:].transpose(2, 1, 0))
    assert int(state["steps"]) == 7


class Attack:
    """Pickles to a call of ``os.mkdir``."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("place", range(5))
def test_a_crafted_file_runs_no_code(tmp_path: Path, place: int) -> None:
    proof = tmp_path / "ran"
    parts: list[object] = [MAGIC, 1001, {}, OrderedDict(), []]
    parts[place] = Attack(proof)
    (tmp_path / "state.pth").write_bytes(dump(*parts))
    with pytest.raises(WeightsError, match=r"class \w+.mkdir has no place in a state dict"):
        read_torch_state(tmp_path / "state.pth")
    assert not proof.exists()


def test_the_file_is_refused_wherever_it_is_cut_short(tmp_path: Path) -> None:
    content = write_weights(tmp_path / "state.pth").read_bytes()
    for length in range(len(content)):
        (tmp_path / "cut.pth").write_bytes(content[:length])
        with pytest.raises(WeightsError, match=r"cut\.pth: not a legacy PyTorch state dict"):
            read_torch_state(tmp_path / "cut.pth")


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (0, (25,), (1,)),
        (1, (24,), (1,)),
        (0, (4, 3), (100, 1)),
        (-1, (2,), (1,)),
        (5, (5,), (-1,)),
        (0, (2**40,), (0,)),
        (0, (2, 2), (1,)),
        (0, (-1,), (1,)),
    ],
)
def test_a_tensor_is_refused_when_it_reaches_beyond_its_storage(
    tmp_path: Path, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    state = OrderedDict(weight=Stored("1", FloatStorage, offset, shape, strides))
    with pytest.raises(WeightsError):
        read_torch_state(write_state(tmp_path / "state.pth", state, {"1": WEIGHT}))


def test_no_memory_is_asked_for_what_the_file_does_not_hold(tmp_path: Path) -> None:
    path = write_weights(tmp_path / "state.pth")
    content = path.read_bytes().replace((24).to_bytes(8, "little"), (2**60).to_bytes(8, "little"))
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="bytes expected"):
        read_torch_state(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "zip.pth", "w") as archive:
        archive.writestr("archive/data.pkl", b"")
    (tmp_path / "text.pth").write_text("weights")
    (tmp_path / "folder.pth").mkdir()
    write_state(tmp_path / "magic.pth", OrderedDict(), {}, magic=1)
    write_state(tmp_path / "list.pth", [1, 2], {})
    write_state(tmp_path / "unknown.pth", OrderedDict(), {"1": WEIGHT})
    for name in ("zip", "text", "folder", "magic", "list", "unknown", "absent"):
        with pytest.raises(WeightsError, match=f"{name}.pth: not a legacy PyTorch state dict .*as published"):
            read_torch_state(tmp_path / f"{name}.pth")
