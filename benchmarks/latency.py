"""How long each compiled file of a bundle takes on this machine, all targets side by side.

Sessions are timed as the runtimes open them for the agent, on the golden samples of the bundle. Usage: ``python -m
benchmarks.latency --bundle B``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.opened_targets import STAGES, OpenedStage, OpenedTargets, open_all_targets, open_any_bundle
from benchmarks.outcome import machine_line, run, tell, write_json
from benchmarks.table import table_lines
from benchmarks.timing import Spread, paired_ratio, spread, time_side_by_side
from models.bundle import Bundle
from models.manifest import Artifact, Stage
from models.preprocessing import quantize, to_input

BATCHES = (1, 4, 16)
THREADS = (1, 2)
_SEED = 20_261_123

Batch = dict[str, NDArray[np.generic]]


class FileFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One compiled file; ``load_ms`` by number of threads, the first load of an engine bearing its import."""

    target: str
    stage: Stage
    precision: str
    bytes: int
    load_ms: dict[int, float]


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """One batch of one file. ``of_float`` is its time as a multiple of that of the same engine's float file in the same
    round (median over rounds); ``None`` for a float file and where there is none."""

    target: str
    stage: Stage
    batch: int
    threads: int
    spread: Spread
    of_float: float | None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All that the benchmark found; ``refused`` says why a target did not run."""

    bundle: str
    version: str
    rounds: int
    files: tuple[FileFacts, ...]
    timings: tuple[Timing, ...]
    refused: dict[str, str]


def main(argv: list[str]) -> int:
    """Time every target of a bundle."""
    arguments = _parser().parse_args(argv)
    result = measure(open_any_bundle(arguments.bundle), arguments.rounds, time.perf_counter)
    tell(describe(result))
    write_json(arguments.json, result)
    return 0


def measure(bundle: Bundle, rounds: int, clock: Callable[[], float]) -> Result:
    """Time every stage of every target for each of ``BATCHES`` and ``THREADS``. Raises ``NoRuntimeError``."""
    generator = np.random.default_rng(_SEED)
    timings: list[Timing] = []
    loads: dict[tuple[str, Stage], dict[int, float]] = {}
    refused: dict[str, str] = {}
    for threads in THREADS:
        with open_all_targets(bundle, threads, clock) as opened:
            refused.update(opened.refused)
            for place, one in opened.stages.items():
                loads.setdefault(place, {})[threads] = one.load_ms
            for stage in STAGES:
                for batch in BATCHES:
                    taken = time_side_by_side(_calls(bundle, opened, stage, batch, generator), rounds, clock, generator)
                    timings += _timings(bundle, taken, stage, batch, threads)
    return Result(
        bundle=bundle.manifest.name,
        version=bundle.manifest.version,
        rounds=rounds,
        files=tuple(_facts(bundle, bundle.manifest.artifact(*place), found) for place, found in loads.items()),
        timings=tuple(timings),
        refused=refused,
    )


def float_rivals(artifacts: Mapping[str, Artifact]) -> dict[str, str]:
    """For each int8 target the float target of the same engine to hold it against; ``artifacts`` are of one stage."""
    floats = {one.requires.engine: target for target, one in artifacts.items() if one.precision != "int8"}
    return {
        target: floats[one.requires.engine]
        for target, one in artifacts.items()
        if one.precision == "int8" and one.requires.engine in floats
    }


def describe(result: Result) -> Iterator[str]:
    """The lines that the benchmark prints."""
    yield machine_line()
    yield f"bundle: {result.bundle} {result.version}, {result.rounds} rounds, targets interleaved within each"
    yield ""
    files = [
        (one.target, one.stage, one.precision, f"{one.bytes / 1e6:.2f}", *(f"{ms:.1f}" for ms in one.load_ms.values()))
        for one in result.files
    ]
    yield from table_lines(("target", "stage", "precision", "MB", *(f"load ms, {n} thread(s)" for n in THREADS)), files)
    for stage in STAGES:
        yield ""
        header = (f"{stage}: target", "threads", "batch", "p50 ms", "p95 ms", "p99 ms", "p50 ms an item", "of float")
        yield from table_lines(header, [_row(one) for one in result.timings if one.stage == stage])
    yield ""
    yield "Of float: time as a multiple of the same engine's float file in the same round, median over rounds."
    yield from (f"not run: {target}: {reason}" for target, reason in result.refused.items())


def _calls(
    bundle: Bundle, opened: OpenedTargets, stage: Stage, batch: int, generator: np.random.Generator
) -> dict[str, Callable[[], object]]:
    return {
        target: partial(one.session.run, _batch(bundle, one, stage, batch, generator))
        for (target, of), one in opened.stages.items()
        if of == stage
    }


def _batch(bundle: Bundle, one: OpenedStage, stage: Stage, size: int, generator: np.random.Generator) -> Batch:
    tensor = one.artifact.inputs[0]
    if stage == "encoder":
        preprocessing = bundle.manifest.preprocessing
        panes = bundle.golden().samples.reshape(-1, *preprocessing.pane_shape)
        return {tensor.name: to_input(panes[np.arange(size) % len(panes)], tensor, preprocessing)}
    windows = generator.standard_normal((size, *tensor.shape[1:])).astype(np.float32)
    return {tensor.name: quantize(windows, tensor)}


def _timings(
    bundle: Bundle, taken: Mapping[str, NDArray[np.float64]], stage: Stage, batch: int, threads: int
) -> Iterator[Timing]:
    rivals = float_rivals({target: bundle.manifest.artifact(target, stage) for target in taken})
    for target, milliseconds in taken.items():
        rival = rivals.get(target)
        yield Timing(
            target=target,
            stage=stage,
            batch=batch,
            threads=threads,
            spread=spread(milliseconds),
            of_float=None if rival is None else paired_ratio(milliseconds, taken[rival]),
        )


def _facts(bundle: Bundle, artifact: Artifact, load_ms: dict[int, float]) -> FileFacts:
    return FileFacts(
        target=artifact.target,
        stage=artifact.stage,
        precision=artifact.precision,
        bytes=len(bundle.read(artifact.file)),
        load_ms=load_ms,
    )


def _row(one: Timing) -> tuple[str, ...]:
    times = one.spread
    return (
        one.target,
        str(one.threads),
        str(one.batch),
        f"{times.p50_ms:.2f}",
        f"{times.p95_ms:.2f}",
        f"{times.p99_ms:.2f}",
        f"{times.p50_ms / one.batch:.2f}",
        "" if one.of_float is None else f"{one.of_float:.2f}",
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=main.__doc__)
    parser.add_argument("--bundle", type=Path, required=True, help="bundle directory or .nexara file")
    parser.add_argument("--rounds", type=int, default=100, help="timed calls of each (default 100)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    return parser


if __name__ == "__main__":
    run(main)
