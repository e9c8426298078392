"""An artifact opened by a process that has done nothing else: what loading, the first answer and memory cost.

``python -m runtimes.bench.cold_start`` is that process: it reads an ``Order`` from its input, prints a ``ColdStart``.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np

from models.manifest import Artifact
from runtimes.bench.fresh_process import ask_fresh_process
from runtimes.discovery import discover_runtimes
from runtimes.errors import RuntimeOpenError
from runtimes.protocol import SessionOptions

_KILOBYTE = 1024


class ColdStart(msgspec.Struct, frozen=True, kw_only=True):
    """``load_ms`` from nothing to an open session, its engine's import in it; ``first_ms`` of the first answer, to one
    item; ``memory_bytes`` by which both made the process larger."""

    load_ms: float
    first_ms: float
    memory_bytes: int


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Which artifact to open, where its content lies, and on how many threads."""

    artifact: Artifact
    file: str
    threads: int


def measure_cold_start(artifact: Artifact, content: bytes, threads: int) -> ColdStart:
    """Open one artifact in a process of its own. Raises ``RuntimeOpenError`` when that process fails."""
    with tempfile.NamedTemporaryFile(prefix="nexara-bench-") as stored:
        stored.write(content)
        stored.flush()
        order = msgspec.json.encode(Order(artifact=artifact, file=stored.name, threads=threads))
        return ask_fresh_process("runtimes.bench.cold_start", ColdStart, artifact.file, given=order)


def open_cold(order: Order) -> ColdStart:
    """What ``measure_cold_start`` has its process do. Raises ``RuntimeOpenError`` and ``SessionError``."""
    content = Path(order.file).read_bytes()
    engines = {engine.name: engine for engine in discover_runtimes().runtimes}
    engine = engines.get(order.artifact.requires.engine)
    if engine is None:
        raise RuntimeOpenError(f"{order.artifact.file}: no engine {order.artifact.requires.engine!r} here")
    batch = {tensor.name: np.zeros((1, *tensor.shape[1:]), tensor.dtype) for tensor in order.artifact.inputs}
    before = _largest()
    begun = time.perf_counter()
    session = engine.open(order.artifact, content, SessionOptions(threads=order.threads))
    loaded = time.perf_counter()
    session.run(batch)
    answered = time.perf_counter()
    return ColdStart(
        load_ms=(loaded - begun) * 1000, first_ms=(answered - loaded) * 1000, memory_bytes=_largest() - before
    )


def _largest() -> int:
    """The process's largest resident set so far, in bytes.

    Not that of ``getrusage``, which a process inherits from whoever started it.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * _KILOBYTE for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(open_cold(msgspec.json.decode(sys.stdin.buffer.read(), type=Order))))
