"""More cameras awake at once than the box can judge: whether it degrades fairly, and whether anything grows.

Cameras are streamed over real RTSP to the agent, which runs as a process of its own; the wake threshold is lowered so
that all of them are awake for the whole time. The design that ours is held against decodes every picture and encodes 20
frames anew for each verdict: what one such camera costs, measured in the same run, says how many of them a box of two
cores would keep up with. Usage: ``python -m benchmarks.overload --bundle B``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks.camera_films import draw_films
from benchmarks.idle import ALWAYS_ON, Cost, Measurement
from benchmarks.outcome import machine_line, run, tell, write_json
from benchmarks.plot import plot_shares
from benchmarks.process import cpu_s, memory_bytes
from benchmarks.scrape import count
from benchmarks.site import Site, SitePlan, free_port, name_cameras, run_site
from benchmarks.streaming import serve
from runtimes.bench.opened_targets import open_any_bundle
from runtimes.bench.table import table_lines
from runtimes.environment import count_cores

SIZE = (640, 360)
# The share that is sampled falls by a fifth each second.
SETTLE_S = 20.0


class Half(msgspec.Struct, frozen=True, kw_only=True):
    """Half of the time: ``p99_ms`` is the 99th percentile of a sample's age when it was judged, in the worst second;
    ``queue`` the most samples that waited, ``memory_mb`` what the process held at the end, in 10^6 bytes."""

    p50_ms: float
    p99_ms: float
    queue: int
    memory_mb: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All that was found. ``slowest`` and ``fastest`` are samples a second of single cameras, ``share`` is the mean of
    ``health.rate_share``, ``dropped`` counts samples that were made and given up and ``left_out`` pictures not
    decoded because a stream was behind. ``stages`` are shares of one core by stage, ``other`` the rest of ``core``."""

    bundle: str
    cameras: int
    seconds: float
    share: float
    slowest: float
    fastest: float
    total: float
    dropped: int
    left_out: int
    core: float
    stages: dict[str, float]
    halves: tuple[Half, ...]
    naive: Cost


def main(argv: list[str]) -> int:
    """Wake all cameras at once."""
    arguments = _parser().parse_args(argv)
    seconds = 10.0 if arguments.quick else arguments.seconds
    manifest = open_any_bundle(arguments.bundle).manifest
    films = draw_films(arguments.cache, SIZE, seconds + 90, 2.0)
    with serve(free_port(), films) as streams, tempfile.TemporaryDirectory() as folder:
        addresses = streams.addresses
        cameras = name_cameras(addresses, arguments.cameras)
        plan = SitePlan(arguments.bundle, cameras, ALWAYS_ON)
        naive = Measurement(arguments.bundle, addresses, 10.0, Path(folder)).naive()
        with run_site(plan, Path(folder) / "site") as site:
            site.wait_until_connected(len(cameras))
            result = watch(site, f"{manifest.name} {manifest.version}", seconds, naive, settle_s=SETTLE_S)
    tell(describe(result))
    write_json(arguments.json, result)
    bars = {f"{result.cameras} cameras awake": result.stages, "naive, one camera": {"other": result.naive.core}}
    plot_shares(arguments.plot, "Where the time of a busy box goes", bars, "% of one core")
    return 0


def watch(site: Site, bundle: str, seconds: float, naive: Cost, settle_s: float) -> Result:
    """Watch the agent for ``seconds`` once ``settle_s`` have passed."""
    time.sleep(settle_s)
    before, cpu_before_s = site.read_metrics(), cpu_s(site.pid)
    halves, health = [], []
    for _ in range(2):
        since_s = time.monotonic()
        time.sleep(seconds / 2)
        heard = site.listener.health(since_s)
        halves.append(_half(heard, memory_bytes(site.pid)))
        health += heard
    counted = count(before, site.read_metrics())
    rates = [judged / counted.seconds for judged in counted.judged.values()]
    core = (cpu_s(site.pid) - cpu_before_s) / counted.seconds
    stages = {stage: seconds / counted.seconds for stage, seconds in counted.stages.items()}
    return Result(
        bundle=bundle,
        cameras=len(rates),
        seconds=counted.seconds,
        share=float(np.mean([one["rate_share"] for one in health])),
        slowest=min(rates),
        fastest=max(rates),
        total=sum(rates),
        dropped=round(counted.dropped),
        left_out=round(counted.broken),
        core=core,
        stages={**stages, "other": core - sum(stages.values())},
        halves=tuple(halves),
        naive=naive,
    )


def _half(health: list[Any], memory: int) -> Half:
    return Half(
        p50_ms=float(np.median([one["latency_p50_ms"] for one in health if one["latency_p50_ms"] is not None])),
        p99_ms=max(one["latency_p99_ms"] for one in health if one["latency_p99_ms"] is not None),
        queue=max(one["queue"] for one in health),
        memory_mb=memory / 1e6,
    )


def describe(result: Result) -> Iterator[str]:
    """The lines that the benchmark prints."""
    yield machine_line()
    yield (
        f"bundle: {result.bundle}; {result.cameras} cameras of {SIZE[0]}x{SIZE[1]} awake at once for"
        f" {result.seconds:.0f} s"
    )
    yield ""
    yield (
        f"{result.total:.0f} samples a second judged, {result.slowest:.1f} to {result.fastest:.1f} of each camera;"
        f" sampled at {result.share:.0%} of the alert rate; {result.dropped} given up,"
        f" {result.left_out} pictures left out undecoded"
    )
    yield ""
    header = ("", "sample's age, p50 ms", "p99 of the worst second, ms", "most waiting", "MB at its end")
    rows = [
        (name, f"{half.p50_ms:.0f}", f"{half.p99_ms:.0f}", str(half.queue), f"{half.memory_mb:.0f}")
        for name, half in zip(("first half", "second half"), result.halves, strict=True)
    ]
    yield from table_lines(header, rows)
    yield ""
    yield from table_lines(
        ("of one core", *result.stages, "all"),
        [("", *(f"{share:.1%}" for share in result.stages.values()), f"{result.core:.0%}")],
    )
    yield ""
    keeps_up = count_cores() / result.naive.core
    yield (
        f"naive, a verdict a second: {result.naive.core:.1%} of a core for one camera; all cores of this machine would"
        f" keep up with {keeps_up:.0f} of them, and do nothing else"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="More cameras awake at once than the box can judge.")
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--cameras", type=int, default=36, help="how many are awake (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=60.0, help="measured (default: %(default)s)")
    parser.add_argument("--cache", type=Path, default=Path(".cache/streams"), help="where films stay (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="10 s")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw where the time goes there (SVG)")
    return parser


if __name__ == "__main__":
    run(main)
