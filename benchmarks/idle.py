"""What cameras cost on which nothing happens, over real RTSP, with always-on designs beside them.

Drawn 720p scenes are streamed by a real RTSP server on loopback. The agent runs as a process of its own with a real
broker, and the system says what it uses of a core. The wake threshold is raised so that no camera wakes. Beside it, in
the same run and on fewer of the same streams: the agent with every camera always awake at 10 samples a second, and the
naive design, which decodes every picture and encodes 20 frames anew for each verdict, one a second. People walk about
in what these see; the agent is measured too where nobody is there and nothing moves but a clock.
Usage: ``python -m benchmarks.idle --bundle B``.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from benchmarks.camera_films import FPS, draw_empty_films, draw_films
from benchmarks.naive_process import run_naive
from benchmarks.outcome import machine_line, run, tell, write_json
from benchmarks.plot import plot_shares
from benchmarks.process import cpu_s, memory_bytes
from benchmarks.scrape import STAGES, count
from benchmarks.site import SitePlan, first_scored, free_port, name_cameras, run_site
from benchmarks.streaming import serve
from runtimes.bench.opened_targets import open_any_bundle
from runtimes.bench.table import table_lines

SIZE = (1280, 720)
ALWAYS_ON = "[thresholds]\nwake = 0.000001\nalert = 0.999999\nclear = 0.0000005\n"
NEVER_ON = "[thresholds]\nwake = 0.999999\nalert = 0.999999\n"


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What one design used: ``core`` is the share of one core for all its cameras, ``samples_a_second`` those judged
    (verdicts of the naive design), ``dropped`` samples given up, ``memory_mb`` what its process holds, in 10^6 bytes;
    ``stages`` are shares of one core by stage, where the design tells them.
    """

    design: str
    cameras: int
    core: float
    samples_a_second: float
    dropped: int
    memory_mb: float
    stages: dict[str, float] = {}

    @property
    def per_camera(self) -> float:
        """Share of one core for one camera."""
        return self.core / self.cameras


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All that the benchmark found. ``first_glance_s`` are seconds from the process's start to the first camera's first
    probability, at the broker's subscriber."""

    bundle: str
    seconds: float
    key_every_s: float
    kbit_a_second: float
    first_glance_s: float
    costs: tuple[Cost, ...]


def main(argv: list[str]) -> int:
    """Measure what idle cameras cost."""
    arguments = _parser().parse_args(argv)
    seconds = 10.0 if arguments.quick else arguments.seconds
    manifest = open_any_bundle(arguments.bundle).manifest
    films = draw_films(arguments.cache, SIZE, seconds + 60, arguments.key_every)
    empty = draw_empty_films(arguments.cache, SIZE, seconds + 60, arguments.key_every)
    with serve(free_port(), [*films, *empty]) as streams, tempfile.TemporaryDirectory() as folder:
        measure = Measurement(arguments.bundle, streams.addresses[: len(films)], seconds, Path(folder))
        deserted = Measurement(arguments.bundle, streams.addresses[len(films) :], seconds, Path(folder))
        result = Result(
            bundle=f"{manifest.name} {manifest.version}",
            seconds=seconds,
            key_every_s=arguments.key_every,
            kbit_a_second=statistics.mean(film.stat().st_size for film in films) * 8 / 1000 / (seconds + 60),
            first_glance_s=measure.first_glance(),
            costs=(
                measure.agent("idle", arguments.cameras, NEVER_ON),
                deserted.agent("idle, nobody there", arguments.cameras, NEVER_ON),
                measure.agent("always on, 10 samples a second", 2, ALWAYS_ON),
                measure.naive(),
            ),
        )
    tell(describe(result))
    write_json(arguments.json, result)
    plot_shares(arguments.plot, "What one camera costs, by design", _bars(result), "% of one core for one camera")
    return 0


class Measurement:
    """Runs one design after another on the same streams."""

    def __init__(
        self, bundle: Path, addresses: Sequence[str], seconds: float, folder: Path, settle_s: float = 8.0
    ) -> None:
        """``settle_s`` pass before each measurement: a camera needs its first key pictures to know how far they lie
        apart."""
        self._bundle = bundle
        self._settle_s = settle_s
        self._addresses = addresses
        self._seconds = seconds
        self._folder = folder

    def agent(self, design: str, cameras: int, tables: str) -> Cost:
        """The agent on so many cameras; raises ``SiteError``."""
        plan = SitePlan(self._bundle, name_cameras(self._addresses, cameras), tables)
        with run_site(plan, self._folder / str(len(list(self._folder.iterdir())))) as site:
            site.wait_until_connected(cameras)
            time.sleep(self._settle_s)
            before = site.read_metrics()
            core = self._share(site.pid)
            counted = count(before, site.read_metrics())
            return Cost(
                design=design,
                cameras=cameras,
                core=core,
                samples_a_second=sum(counted.judged.values()) / counted.seconds,
                dropped=round(counted.dropped),
                memory_mb=memory_bytes(site.pid) / 1e6,
                stages={stage: seconds / counted.seconds for stage, seconds in counted.stages.items()},
            )

    def naive(self) -> Cost:
        """The naive design on one camera."""
        with run_naive(self._bundle, self._addresses[0], subprocess.PIPE) as process:
            first = int(next(iter(process.stdout or ()), "0"))
            core = self._share(process.pid)
            memory_mb = memory_bytes(process.pid) / 1e6
            process.kill()
            verdicts = int(list(process.stdout or ())[-1]) - first
        return Cost(
            design="naive, a verdict a second",
            cameras=1,
            core=core,
            samples_a_second=verdicts / self._seconds,
            dropped=0,
            memory_mb=memory_mb,
        )

    def first_glance(self) -> float:
        """Seconds from the start of the agent's process to its first probability."""
        plan = SitePlan(self._bundle, name_cameras(self._addresses, 1), NEVER_ON)
        with run_site(plan, self._folder / "start") as site:
            return site.listener.wait(first_scored, "a camera was judged").at_s - site.started_s

    def _share(self, pid: int) -> float:
        """The share of a core that a process uses."""
        before_s, began_s = cpu_s(pid), time.monotonic()
        time.sleep(self._seconds)
        return (cpu_s(pid) - before_s) / (time.monotonic() - began_s)


def describe(result: Result) -> Iterator[str]:
    """The lines that the benchmark prints."""
    yield machine_line()
    yield (
        f"bundle: {result.bundle}; {SIZE[0]}x{SIZE[1]}, {FPS:g} pictures a second, H.264 of"
        f" {result.kbit_a_second:.0f} kbit/s with a key picture every {result.key_every_s:g} s;"
        f" {result.seconds:g} s each"
    )
    yield ""
    header = ("design", "cameras", "of a core", "of a core, each", "samples a second", "dropped", "MB")
    yield from table_lines(header, [_row(cost) for cost in result.costs])
    yield ""
    told = [cost for cost in result.costs if cost.stages]
    yield from table_lines(("of one core", *STAGES, "other"), [_stages(cost) for cost in told])
    yield ""
    glancing = [cost for cost in result.costs if cost.design.startswith("idle")]
    for cost in result.costs:
        if cost not in glancing:
            shares = " and ".join(f"{idle.per_camera / cost.per_camera:.1%} ({idle.design})" for idle in glancing)
            yield f"an idle camera costs {shares} of one that is {cost.design}"
    yield f"first glance {result.first_glance_s:.2f} s after the process began"


def _bars(result: Result) -> dict[str, dict[str, float]]:
    """Shares of one core for one camera, by design and stage; what tells no stages is one piece."""
    bars = {}
    for cost in result.costs:
        stages = {stage: share / cost.cameras for stage, share in cost.stages.items()}
        bars[cost.design] = {**stages, "other": cost.per_camera - sum(stages.values())}
    return bars


def _row(cost: Cost) -> tuple[str, ...]:
    return (
        cost.design,
        str(cost.cameras),
        f"{cost.core:.1%}",
        f"{cost.per_camera:.2%}",
        f"{cost.samples_a_second:.1f}",
        str(cost.dropped),
        f"{cost.memory_mb:.0f}",
    )


def _stages(cost: Cost) -> tuple[str, ...]:
    other = cost.core - sum(cost.stages.values())
    return (cost.design, *(f"{cost.stages[stage]:.1%}" for stage in STAGES), f"{other:.1%}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="What cameras cost on which nothing happens.")
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--cameras", type=int, default=16, help="how many are idle (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=60.0, help="measured for each design (default: %(default)s)")
    parser.add_argument(
        "--key-every", type=float, default=2.0, help="seconds between key pictures (default: %(default)s)"
    )
    parser.add_argument("--cache", type=Path, default=Path(".cache/streams"), help="where films stay (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="10 s each")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw what one camera costs there (SVG)")
    return parser


if __name__ == "__main__":
    run(main)
