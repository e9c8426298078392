"""How long one session takes for one batch, on this machine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models.manifest import Artifact, Latency
from runtimes.environment import probe_environment
from runtimes.protocol import Session

_WARM_UP = 5


def measure_latency(
    session: Session, artifact: Artifact, *, clock: Callable[[], float], runs: int = 100, threads: int = 1
) -> Latency:
    """Time ``runs`` batches of one after a few to warm up; ``clock`` gives seconds. Raises ``SessionError``."""
    batch = {tensor.name: np.zeros((1, *tensor.shape[1:]), dtype=tensor.dtype) for tensor in artifact.inputs}
    for _ in range(_WARM_UP):
        session.run(batch)
    times = np.empty(runs)
    for index in range(runs):
        before = clock()
        session.run(batch)
        times[index] = clock() - before
    middle, late = np.percentile(times * 1000, [50, 99])
    machine = probe_environment().machine
    return Latency(p50_ms=float(middle), p99_ms=float(late), batch=1, threads=threads, machine=machine)
