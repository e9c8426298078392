"""A TFLite file in which equal vectors are stored once.

TensorFlow's converter writes for each tensor of an int8 file a zero point for each of its channels, 8 bytes that are
all zero, once for the weights and once more for the bias: a twelfth of a small network's file. A FlatBuffer may refer
to one vector from many places.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from builder.framework import load_builder_module, load_tensorflow

if TYPE_CHECKING:
    from flatbuffers import Builder

_IDENTIFIER = b"TFL3"
_BUFFER_ALIGNMENT = 16
"""Bytes, of TFLite's schema: weights are read in place."""


def share_vectors(content: bytes) -> bytes:
    """The same network in a smaller file; applied again it changes nothing."""
    load_tensorflow()
    schema = load_builder_module("tensorflow.lite.python.schema_py_generated")
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    builder = load_builder_module("flatbuffers").Builder(len(content))
    builder.Finish(model.Pack(_SharingBuilder(builder)), _IDENTIFIER)
    return bytes(builder.Output())


class _SharingBuilder:
    """Is to the schema's own code a builder, of which it asks every array as ``CreateNumpyVector``."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._places: dict[tuple[str, bytes], int] = {}

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 whatever a builder has
        return getattr(self._builder, name)

    def CreateNumpyVector(self, values: NDArray[Any]) -> int:  # noqa: N802 as it is asked for
        """Where an array lies in the file, which it is put into where it is in none."""
        content = values.tobytes()
        key = (values.dtype.str, content)
        if key not in self._places:
            self._places[key] = self._write(values, content)
        return self._places[key]

    def _write(self, values: NDArray[Any], content: bytes) -> int:
        # As the builder's own method, which aligns weights to a byte.
        builder, size = self._builder, values.dtype.itemsize
        builder.StartVector(size, values.size, _BUFFER_ALIGNMENT if values.dtype == np.uint8 else size)
        builder.head -= len(content)
        builder.Bytes[builder.head : builder.head + len(content)] = content
        return int(builder.EndVector())
