"""Whether an opened model is the one that its manifest describes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from models.manifest import Artifact, Quantization, Tensor
from runtimes.errors import RuntimeOpenError

# Quantization scales go through JSON and float32; anything nearer than this is the same number.
_SCALE_TOLERANCE = 1e-5


def check_tensors(artifact: Artifact, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> None:
    """Compare the tensors found in an opened model with the manifest's: names, dtypes, shapes after the batch axis and
    quantization. Raises ``RuntimeOpenError`` naming the first that differs."""
    for side, found, wanted in (("input", inputs, artifact.inputs), ("output", outputs, artifact.outputs)):
        by_name = {tensor.name: tensor for tensor in found}
        if by_name.keys() != {tensor.name for tensor in wanted}:
            raise RuntimeOpenError(
                f"{artifact.file}: {side}s are {', '.join(sorted(by_name))}; the manifest says "
                f"{', '.join(sorted(tensor.name for tensor in wanted))}; build the bundle again"
            )
        for tensor in wanted:
            difference = _difference(by_name[tensor.name], tensor)
            if difference:
                raise RuntimeOpenError(f"{artifact.file}: {side} {tensor.name} {difference}; build the bundle again")


def _difference(found: Tensor, wanted: Tensor) -> str | None:
    if found.dtype != wanted.dtype:
        return f"is {found.dtype}, the manifest says {wanted.dtype}"
    if len(found.shape) != len(wanted.shape) or not all(map(_same_length, found.shape[1:], wanted.shape[1:])):
        return f"has shape {found.shape}, the manifest says {wanted.shape}"
    if not _same_quantization(found.quantization, wanted.quantization):
        return f"is quantized by {found.quantization}, the manifest says {wanted.quantization}"
    return None


def _same_length(found: int, wanted: int) -> bool:
    # ONNX may leave an axis unnamed (-1) that the manifest knows.
    return found in {wanted, -1}


def _same_quantization(found: Quantization | None, wanted: Quantization | None) -> bool:
    if found is None or wanted is None:
        return found is wanted
    return found.zero_point == wanted.zero_point and math.isclose(found.scale, wanted.scale, rel_tol=_SCALE_TOLERANCE)
