"""What one core of this machine can do at best: multiply-adds of floats and of int8 values, and bytes moved.

An artifact cannot be faster than its arithmetic at the first or its bytes at the second; how near it comes is its share
of the limit. Source: Williams, Waterman & Patterson, Roofline (2009); bytes are those of STREAM's copy (McCalpin 1995).
The limit is measured, by the best kernels at hand (the BLAS under numpy; a convolution of LiteRT), not read off a
data sheet: a kernel that is better still may pass it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib import resources

import msgspec
import numpy as np

from runtimes.bench.fresh_process import ask_fresh_process
from runtimes.errors import EngineError
from runtimes.tflite import open_plain

KERNEL = "int8_convolution.tflite"
KERNEL_MULTIPLY_ADDS = 32 * 32 * 256 * 256
"""What the kernel takes: 1 x 1, from 256 channels to 256, over 32 x 32 places."""

_SIDE = 768
_COPIED = 64 * 2**20
_REPEATS = 12
# BLAS libraries take all cores unless told otherwise before they are loaded.
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"), "1")


class MachineLimit(msgspec.Struct, frozen=True, kw_only=True):
    """Of one core, a second: multiply-adds in float32 and in int8 (``None`` without LiteRT), and bytes copied, read and
    written."""

    float_multiply_adds: float
    int8_multiply_adds: float | None
    bytes_moved: float

    def share(self, multiply_adds: int, moved: int, seconds: float, *, int8: bool) -> float | None:
        """The least time that so many multiply-adds and bytes take here, over ``seconds``: 1 is the limit. ``None``
        where the peak is not known."""
        peak = self.int8_multiply_adds if int8 else self.float_multiply_adds
        return None if peak is None else max(multiply_adds / peak, moved / self.bytes_moved) / seconds


def measure_limit() -> MachineLimit:
    """Measure in a process of its own, on one thread. Raises ``RuntimeOpenError`` when that process fails."""
    return ask_fresh_process(
        "runtimes.bench.machine_limit", MachineLimit, "the machine's limit", environment=_ONE_THREAD
    )


def find_limit(clock: Callable[[], float]) -> MachineLimit:
    """The best of some runs, in this process, on as many threads as its libraries take; ``clock`` gives seconds."""
    left = np.random.default_rng(0).standard_normal((_SIDE, _SIDE)).astype(np.float32)
    product = np.empty_like(left)
    source = np.ones(_COPIED, np.uint8)
    copied = np.empty_like(source)
    return MachineLimit(
        float_multiply_adds=_SIDE**3 / _best(lambda: np.matmul(left, left, out=product), clock),
        int8_multiply_adds=_int8_peak(clock),
        bytes_moved=2 * _COPIED / _best(lambda: np.copyto(copied, source), clock),
    )


def _int8_peak(clock: Callable[[], float]) -> float | None:
    content = resources.files("runtimes.bench").joinpath(KERNEL).read_bytes()
    try:
        run = open_plain(content, KERNEL)
    except EngineError:
        return None
    return KERNEL_MULTIPLY_ADDS / _best(run, clock)


def _best(work: Callable[[], object], clock: Callable[[], float]) -> float:
    taken = []
    for _ in range(_REPEATS):
        before = clock()
        work()
        taken.append(clock() - before)
    return min(taken)


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(find_limit(time.perf_counter)))
