"""Files for Coral's Edge TPU, by the compiler of its maker.

The compiler ends a file's part for the accelerator at the first operator that it cannot map, and all after it runs on
the processor: such a file is refused here, by name of the operator. Operators: coral.ai, "TensorFlow models on the Edge
TPU", supported operations.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import msgspec

from builder.compilation.compiled import CompilationError
from models.manifest import Artifact
from runtimes.edgetpu import COMPILED, OPERATOR
from runtimes.tflite import open_interpreter

COMPILER = "edgetpu_compiler"
_TIMEOUT_S = 600.0
_PROCESSOR = "DELEGATE"
"""What LiteRT lists beside a file's operators for those that it computes by itself."""

SUPPORTED = frozenset({
    "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "EXPAND_DIMS", "FULLY_CONNECTED",
    "L2_NORMALIZATION", "LOGISTIC", "MAXIMUM", "MAX_POOL_2D", "MEAN", "MINIMUM", "MUL", "PACK", "PAD", "PRELU",
    "QUANTIZE", "REDUCE_MAX", "REDUCE_MIN", "RELU", "RELU6", "RELU_N1_TO_1", "RESHAPE", "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR", "RSQRT", "SLICE", "SOFTMAX", "SPACE_TO_DEPTH", "SPLIT", "SQUARED_DIFFERENCE", "SQUEEZE",
    "STRIDED_SLICE", "SUB", "SUM", "TANH", "TRANSPOSE", "TRANSPOSE_CONV",
})  # fmt: skip


def why_no_coral() -> str | None:
    """Why files for the Edge TPU cannot be compiled on this machine; ``None`` where they can."""
    if shutil.which(COMPILER) is not None:
        return None
    return f"{COMPILER} is not on the PATH; install Coral's package edgetpu-compiler, which there is for x86-64 only"


def compile_coral(artifact: Artifact, directory: Path) -> Artifact:
    """Compile a full int8 TFLite file of ``directory``, and give what comes of it in its place.

    Raises ``CompilationError`` for operators that the accelerator has not, and when the compiler fails or maps nothing.
    """
    path = directory / artifact.file
    check_operators(path.read_bytes(), artifact.file)
    compiled = path.with_name(f"{path.stem}{COMPILED}")
    try:
        told = subprocess.run(
            [COMPILER, "--show_operations", "--out_dir", str(path.parent), str(path)],
            capture_output=True, text=True, timeout=_TIMEOUT_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise CompilationError(f"{artifact.file}: {COMPILER} did not run: {error}") from error
    content = compiled.read_bytes() if compiled.is_file() else b""
    if told.returncode != 0 or OPERATOR not in content:
        last = "; ".join((told.stdout + told.stderr).strip().splitlines()[-3:])
        raise CompilationError(f"{artifact.file}: {COMPILER} mapped nothing to the Edge TPU (it said: {last})")
    file = str(Path(artifact.file).with_name(compiled.name))
    return msgspec.structs.replace(artifact, file=file, sha256=hashlib.sha256(content).hexdigest())


def check_operators(content: bytes, where: str) -> None:
    """Raise ``CompilationError`` when a TFLite file has operators that the Edge TPU has not, or values that are not
    int8."""
    interpreter = open_interpreter(content, where, 1)
    operators = {operator["op_name"] for operator in interpreter._get_ops_details()}  # noqa: SLF001 - nothing public does
    unknown = sorted(operators - SUPPORTED - {_PROCESSOR})
    if unknown:
        raise CompilationError(
            f"{where}: the Edge TPU has no {', '.join(unknown)}; it has {', '.join(sorted(SUPPORTED))}"
        )
    floats = [one["name"] for one in interpreter.get_tensor_details() if one["dtype"].__name__.startswith("float")]
    if floats:
        raise CompilationError(
            f"{where}: the Edge TPU has no floats, and {len(floats)} tensors are: {', '.join(floats[:3])}"
        )
