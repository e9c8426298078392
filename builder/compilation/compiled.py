"""What came of compiling one network: a file, and what an engine must know to run it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.errors import NexaraError
from models.manifest import Tensor

Precision = Literal["float32", "float16", "int8"]
Representative = Iterable[NDArray[np.float32]]


class CompilationError(NexaraError):
    """A network cannot be compiled as asked."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled file with its tensors as ``models.manifest`` states them.

    ``precision`` is what the file holds, which may be less compressed than what was asked for: ``note`` then says why.
    """

    path: Path
    precision: Precision
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    note: str | None = None

    def sha256(self) -> str:
        """Hex digest of the file."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


def representative_rows(representative: Representative | None, precision: Precision) -> list[NDArray[np.float32]]:
    """Batches ``(n, ...)`` of real-valued network input as rows ``(1, ...)``; raises ``CompilationError`` for none."""
    rows = [batch[index : index + 1] for batch in representative or () for index in range(len(batch))]
    if not rows:
        raise CompilationError(
            f"{precision} needs a representative set of inputs, and none was given; give at least 100"
        )
    return rows
