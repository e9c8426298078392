"""What a bench found, as lines."""

from __future__ import annotations

from collections.abc import Iterator

from runtimes.bench.bundle_bench import BenchedArtifact, BundleBench, Timing
from runtimes.bench.opened_targets import STAGES
from runtimes.bench.table import table_lines

_GIGA = 1e9


def describe(bench: BundleBench) -> Iterator[str]:
    """The lines that ``nexara bench`` and ``nexara-edge bench`` print."""
    limit = bench.limit
    yield f"{bench.bundle} {bench.version} on {bench.machine}, {bench.rounds} rounds, targets interleaved within each"
    int8 = "no int8 kernel" if limit.int8_multiply_adds is None else f"{limit.int8_multiply_adds / _GIGA:.0f} in int8"
    yield (
        f"one core at its best: {limit.float_multiply_adds / _GIGA:.0f} G multiply-adds a second in float32, {int8}; "
        f"{limit.bytes_moved / _GIGA:.0f} GB/s"
    )
    yield ""
    files = ("target", "stage", "precision", "kB", "compressed", "load ms", "first ms", "memory MB", "of the limit")
    yield from table_lines(files, [_file(one) for one in bench.artifacts])
    for stage in STAGES:
        yield ""
        header = (f"{stage}: target", "threads", "batch", "p50 ms", "p95 ms", "p99 ms", "p50 ms an item", "of float")
        rows = [_timing(one, timing) for one in bench.artifacts if one.stage == stage for timing in one.timings]
        yield from table_lines(header, rows)
    yield ""
    yield (
        "Load, first answer and memory are those of a process that has done nothing else. Of the limit: the least time "
        "that the arithmetic and bytes of one item take on one core, over its p50. Of float: time as a multiple of the "
        "same engine's float file in the same round, median over rounds."
    )
    yield from (f"not run: {target}: {reason}" for target, reason in bench.refused.items())


def _file(one: BenchedArtifact) -> tuple[str, ...]:
    return (
        one.target,
        one.stage,
        one.precision,
        f"{one.bytes / 1000:.0f}",
        f"{one.compressed_bytes / 1000:.0f}",
        f"{one.cold.load_ms:.0f}",
        f"{one.cold.first_ms:.1f}",
        f"{one.cold.memory_bytes / 2**20:.0f}",
        "n/a" if one.share is None else f"{100 * one.share:.0f} %",
    )


def _timing(one: BenchedArtifact, timing: Timing) -> tuple[str, ...]:
    times = timing.spread
    return (
        one.target,
        str(timing.threads),
        str(timing.batch),
        f"{times.p50_ms:.2f}",
        f"{times.p95_ms:.2f}",
        f"{times.p99_ms:.2f}",
        f"{times.p50_ms / timing.batch:.2f}",
        "" if timing.of_float is None else f"{timing.of_float:.2f}",
    )
