"""How long each artifact of a bundle takes on this machine, all targets side by side, and how near it is to its limit.

Sessions are timed as the agent opens them, on the golden samples of the bundle.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.manifest import Artifact, Latency, Stage
from models.preprocessing import quantize, to_input
from runtimes.bench.cold_start import ColdStart, measure_cold_start
from runtimes.bench.machine_limit import MachineLimit
from runtimes.bench.opened_targets import STAGES, OpenedStage, OpenedTargets, open_all_targets
from runtimes.bench.timing import Spread, paired_ratio, spread, time_side_by_side
from runtimes.environment import Environment

BATCHES = (1, 4, 16, 36)
_SEED = 20_261_123

Batch = dict[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """``rounds`` timed calls of each; ``threads`` that sessions are opened with, the first of them the one that cold
    starts and shares of the limit are of; ``clock`` gives seconds."""

    rounds: int
    threads: tuple[int, ...]
    clock: Callable[[], float]
    batches: tuple[int, ...] = BATCHES


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """One batch. ``of_float`` is its time as a multiple of that of the same engine's float file in the same round
    (median over rounds); ``None`` for a float file and where there is none."""

    batch: int
    threads: int
    spread: Spread
    of_float: float | None


class BenchedArtifact(msgspec.Struct, frozen=True, kw_only=True):
    """One compiled file. ``share`` is that of the machine's limit, of one item on one thread; ``None`` where the bundle
    does not tell how much arithmetic it is, the machine's peak is not known, or an accelerator did the work."""

    target: str
    stage: Stage
    precision: str
    bytes: int
    compressed_bytes: int
    cold: ColdStart
    share: float | None
    timings: tuple[Timing, ...]

    def latency(self, machine: str) -> Latency:
        """The first timing as a manifest states one."""
        first = self.timings[0]
        return Latency(
            p50_ms=first.spread.p50_ms,
            p99_ms=first.spread.p99_ms,
            batch=first.batch,
            threads=first.threads,
            machine=machine,
        )


class BundleBench(msgspec.Struct, frozen=True, kw_only=True):
    """All that was found; ``fingerprint`` is that of the manifest, ``refused`` says why a target did not run."""

    bundle: str
    version: str
    fingerprint: str
    machine: str
    rounds: int
    limit: MachineLimit
    artifacts: tuple[BenchedArtifact, ...]
    refused: dict[str, str]


def bench_bundle(bundle: Bundle, environment: Environment, limit: MachineLimit, options: BenchOptions) -> BundleBench:
    """Time every stage of every target that runs here. Raises ``NoRuntimeError`` when none does."""
    generator = np.random.default_rng(_SEED)
    timings: dict[tuple[str, Stage], list[Timing]] = {}
    refused: dict[str, str] = {}
    for threads in options.threads:
        with open_all_targets(bundle, threads, options.clock) as opened:
            refused |= opened.refused
            for stage in STAGES:
                for batch in options.batches:
                    calls = _calls(bundle, opened, stage, batch, generator)
                    taken = time_side_by_side(calls, options.rounds, options.clock, generator)
                    for target, timing in _timings(bundle, taken, stage, batch, threads):
                        timings.setdefault((target, stage), []).append(timing)
    return BundleBench(
        bundle=bundle.manifest.name,
        version=bundle.manifest.version,
        fingerprint=bundle.manifest.fingerprint(),
        machine=environment.machine,
        rounds=options.rounds,
        limit=limit,
        artifacts=tuple(
            _benched(bundle, environment, limit, options, place, found) for place, found in timings.items()
        ),
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
) -> Iterator[tuple[str, Timing]]:
    rivals = float_rivals({target: bundle.manifest.artifact(target, stage) for target in taken})
    for target, milliseconds in taken.items():
        rival = rivals.get(target)
        of_float = None if rival is None else paired_ratio(milliseconds, taken[rival])
        yield target, Timing(batch=batch, threads=threads, spread=spread(milliseconds), of_float=of_float)


def _benched(
    bundle: Bundle,
    environment: Environment,
    limit: MachineLimit,
    options: BenchOptions,
    place: tuple[str, Stage],
    timings: Sequence[Timing],
) -> BenchedArtifact:
    artifact = bundle.manifest.artifact(*place)
    content = bundle.read(artifact.file)
    # The limit is the processor's, and a session's default device the accelerator.
    accelerated = environment.accelerators(artifact.requires.engine)
    return BenchedArtifact(
        target=artifact.target,
        stage=artifact.stage,
        precision=artifact.precision,
        bytes=len(content),
        compressed_bytes=len(zlib.compress(content, 9)),
        cold=measure_cold_start(artifact, content, options.threads[0]),
        share=None if accelerated else _share(artifact, len(content), limit, timings),
        timings=tuple(timings),
    )


def _share(artifact: Artifact, size: int, limit: MachineLimit, timings: Sequence[Timing]) -> float | None:
    single = next((one for one in timings if one.threads == 1 and one.batch == 1), None)
    if single is None or artifact.multiply_adds is None:
        return None
    seconds = single.spread.p50_ms / 1000
    return limit.share(artifact.multiply_adds, size, seconds, int8=artifact.precision == "int8")
