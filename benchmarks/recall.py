"""What glancing costs and what it misses: the agent as it ships beside one that is always awake.

Long streams with rare fights, drawn ones and real clips among ordinary footage, and with ``--kinds quiet`` such in
which mostly nobody is, are streamed by real RTSP servers on loopback. An agent as it ships and one with every camera
always awake at 10 samples a second watch the same streams at the same time, each a process of its own with a broker of
its own; the system says what each uses of a core, and the messages which fights it tells of. Beside them the naive
design on one stream, for its cost. A machine that cannot keep all cameras awake watches a few streams at a time.
Usage: ``python -m benchmarks.recall --bundle B --footage DIR --data DIR``.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from benchmarks.delay import AWAKE
from benchmarks.naive_process import run_naive
from benchmarks.outcome import machine_line, run, tell, write_json
from benchmarks.plot import write_plot
from benchmarks.process import cpu_s
from benchmarks.site import Heard, Site, SitePlan, free_port, incident_starts, name_cameras, run_site
from benchmarks.spliced import Plan, Stream, splice_drawn, splice_quiet, splice_real
from benchmarks.streaming import Streams, serve
from builder.evaluation.intervals import wilson
from models.errors import NexaraError
from runtimes.bench.opened_targets import open_any_bundle
from runtimes.bench.table import table_lines

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ALLOWED_COST, ALLOWED_RECALL = 0.10, 0.98
KINDS = ("drawn", "real", "quiet")
ALWAYS = "always on"
# A fight that ends as its alarm rises is told of a moment later.
AFTER_S = 6.0


class OptionError(NexaraError):
    """What was asked for on the command line makes no sense."""


class Fate(msgspec.Struct, frozen=True, kw_only=True):
    """One fight under one design: ``delay_s`` from its onset to the message, ``None`` where none came."""

    kind: str
    delay_s: float | None


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """One design: its share of one core for all cameras, what became of each fight, in one order for all designs, and
    how many incidents were of no fight."""

    design: str
    core: float
    fates: tuple[Fate, ...]
    other_alarms: int

    def told(self, kind: str | None = None) -> list[float]:
        """The delays of the fights told of, in seconds; of one kind only where it is given."""
        return [one.delay_s for one in self.fates if one.delay_s is not None and kind in (None, one.kind)]

    def join(self, other: Arm) -> Arm:
        """This and what the same design did on ``other`` streams."""
        return Arm(
            design=self.design,
            core=self.core + other.core,
            fates=self.fates + other.fates,
            other_alarms=self.other_alarms + other.other_alarms,
        )


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All that the benchmark found; the last arm is always on. ``naive_core`` is of one camera."""

    bundle: str
    cameras: int
    seconds: float
    arms: tuple[Arm, ...]
    naive_core: float

    def kept(self, arm: Arm) -> tuple[int, int]:
        """Of how many fights that the camera that is always on tells of this arm tells too, and how many those are."""
        base = self.arms[-1].fates
        both = sum(
            one.delay_s is not None and other.delay_s is not None for one, other in zip(arm.fates, base, strict=True)
        )
        return both, len(self.arms[-1].told())

    def join(self, other: Result) -> Result:
        """This and what the same designs did on ``other`` streams for as long, as if they had been watched at once."""
        whole = self.cameras + other.cameras
        naive_core = (self.naive_core * self.cameras + other.naive_core * other.cameras) / whole
        arms = tuple(one.join(same) for one, same in zip(self.arms, other.arms, strict=True))
        return msgspec.structs.replace(self, cameras=whole, arms=arms, naive_core=naive_core)


@dataclass(frozen=True, slots=True)
class Showing:
    """Streams as one design sees them: ``began_s`` by ``time.monotonic``."""

    streams: Sequence[Stream]
    began_s: Mapping[int, float]

    def judge(self, heard: Sequence[Heard]) -> tuple[tuple[Fate, ...], int]:
        """What became of each fight, and how many incidents were of none."""
        fates: list[Fate] = []
        others = 0
        for number, stream in enumerate(self.streams):
            starts = incident_starts(heard, f"camera-{number}")
            of_fights: set[float] = set()
            for fight in stream.fights:
                from_s, until_s = (self.began_s[number] + time_s for time_s in (fight.start_s, fight.end_s + AFTER_S))
                told = [start_s for start_s in starts if from_s <= start_s <= until_s]
                of_fights.update(told)
                fates.append(Fate(kind=stream.kind, delay_s=told[0] - from_s if told else None))
            others += len(set(starts) - of_fights)
        return tuple(fates), others


def main(argv: list[str]) -> int:
    """Measure cost and recall."""
    arguments = _parser().parse_args(argv)
    manifest = open_any_bundle(arguments.bundle).manifest
    count, minutes, fights = (
        (1, 2.0, 1) if arguments.quick else (arguments.streams, arguments.minutes, arguments.fights)
    )
    at_once = len(KINDS) * count if arguments.at_once is None else arguments.at_once
    if min(count, minutes, fights, at_once) <= 0:
        raise OptionError(
            f"--streams {count} --minutes {minutes:g} --fights {fights} --at-once {at_once}: all must be above 0"
        )
    plan = Plan(count, minutes * 60, fights, arguments.cache, arguments.seed)
    splices: dict[str, Callable[[], list[Stream]]] = {
        "drawn": partial(splice_drawn, plan),
        "real": partial(splice_real, plan, arguments.footage, arguments.data, manifest),
        "quiet": partial(splice_quiet, plan),
    }
    streams = [stream for kind in KINDS if kind in arguments.kinds for stream in splices[kind]()]
    designs = {"as it ships": "", **{f"wake {wake:g}": _wake(wake) for wake in arguments.wake}, ALWAYS: AWAKE}
    seen = (
        watch(arguments.bundle, some, designs, minutes * 60, f"{manifest.name} {manifest.version}")
        for some in divide(streams, at_once)
    )
    for result in itertools.accumulate(seen, Result.join):
        # Hours may still come: what was found so far stays if they do not.
        write_json(arguments.json, result)
    tell(describe(result))
    plot_recall(arguments.plot, result)
    return 0


def divide(streams: Sequence[Stream], at_once: int) -> list[Sequence[Stream]]:
    """As few groups of at most ``at_once`` as there can be, as even as they can be, and of all kinds."""
    groups = -(-len(streams) // at_once)
    return [streams[first::groups] for first in range(groups)]


def _wake(wake: float) -> str:
    return f"[thresholds]\nwake = {wake}\n"


def watch(bundle: Path, streams: Sequence[Stream], designs: Mapping[str, str], seconds: float, name: str) -> Result:
    """Let every design, its configuration's tables by its name, watch the streams for so long at the same time, and the
    naive one the first of them; ``name`` is the bundle's. Raises ``SiteError`` and ``StreamingError``."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        shown: dict[str, Streams] = {}
        sites: dict[str, Site] = {}
        for design, tables in designs.items():
            shown[design] = stack.enter_context(serve(free_port(), [stream.path for stream in streams]))
            cameras = name_cameras(shown[design].addresses, len(streams))
            sites[design] = stack.enter_context(run_site(SitePlan(bundle, cameras, tables), folder / design))
            sites[design].wait_until_connected(len(streams))
        processes = {design: site.pid for design, site in sites.items()}
        processes["naive"] = stack.enter_context(run_naive(bundle, shown[ALWAYS].addresses[0])).pid
        shares = _shares(processes, seconds)
        arms = []
        for design, site in sites.items():
            fates, others = Showing(streams, shown[design].began_s).judge(site.listener.heard)
            arms.append(Arm(design=design, core=shares[design], fates=fates, other_alarms=others))
        return Result(bundle=name, cameras=len(streams), seconds=seconds, arms=tuple(arms), naive_core=shares["naive"])


def _shares(processes: Mapping[str, int], seconds: float) -> dict[str, float]:
    before = {name: cpu_s(pid) for name, pid in processes.items()}
    began_s = time.monotonic()
    while (rest_s := began_s + seconds - time.monotonic()) > 0:
        time.sleep(min(60.0, rest_s))
        sys.stderr.write(f"{(time.monotonic() - began_s) / 60:.0f} of {seconds / 60:.0f} min\n")
    passed_s = time.monotonic() - began_s
    return {name: (cpu_s(pid) - before[name]) / passed_s for name, pid in processes.items()}


def describe(result: Result) -> Iterator[str]:
    """The lines that the benchmark prints."""
    kinds = sorted({one.kind for one in result.arms[0].fates})
    fights = {kind: sum(one.kind == kind for one in result.arms[0].fates) for kind in kinds}
    yield machine_line()
    yield (
        f"bundle: {result.bundle}; {result.cameras} streams of 640x360 for {result.seconds / 60:g} min, with "
        + " and ".join(f"{count} {kind} fights" for kind, count in fights.items())
    )
    yield ""
    header = ("design", "of a core, each", "of always on", *(f"{kind} told" for kind in kinds), "other alarms")
    header = (*header, "of always on's", "median s", "95 % s")
    yield from table_lines(header, [_row(result, arm, fights) for arm in result.arms])
    yield ""
    yield (
        f"The naive design takes {result.naive_core:.1%} of a core for one stream and a verdict a second. Seconds are"
        " from a fight's onset to its message, of the fights told of. Brackets are 95 % intervals."
    )
    yield f"Aims: {ALLOWED_COST:.0%} of the cost of always on at most, and {ALLOWED_RECALL:.0%} of its fights."


def _row(result: Result, arm: Arm, fights: Mapping[str, int]) -> tuple[str, ...]:
    both, base = result.kept(arm)
    kept = wilson(both, base) if base else None
    delays = arm.told()
    return (
        arm.design,
        f"{arm.core / result.cameras:.2%}",
        f"{arm.core / result.arms[-1].core:.1%}",
        *(f"{len(arm.told(kind))} of {count}" for kind, count in fights.items()),
        str(arm.other_alarms),
        f"{both} of {base} [{kept.low:.0%}, {kept.high:.0%}]" if kept else "-",
        *(f"{np.quantile(delays, share):.2f}" if delays else "-" for share in (0.5, 0.95)),
    )


def plot_recall(path: Path | None, result: Result) -> None:
    """Draw each design's cost and the fights that it tells of, where a file was asked for. Raises
    ``ResultFileError``."""

    def paint(figure: Figure) -> None:
        from builder.report.style import FIGHT, STUDENT

        cost, recall = figure.subplots(1, 2, sharey=True)
        names = [arm.design for arm in result.arms]
        cost.barh(names, [arm.core / result.arms[-1].core * 100 for arm in result.arms], color=STUDENT, height=0.5)
        cost.axvline(ALLOWED_COST * 100, color=FIGHT, linestyle="--", linewidth=1)
        cost.set_xlabel("% of the cost of always on (dashed: allowed)")
        recall.barh(names, [len(arm.told()) for arm in result.arms], color=STUDENT, height=0.5)
        recall.axvline(len(result.arms[0].fates), color=FIGHT, linestyle="--", linewidth=1)
        recall.set_xlabel("fights told of (dashed: all)")

    write_plot(path, "Cost and fights told of, by design", (7.6, 2.4), paint)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recall", description=main.__doc__)
    parser.add_argument("--bundle", type=Path, required=True, help="bundle directory or .nexara file")
    parser.add_argument("--footage", type=Path, required=True, help="a folder of films in which nobody fights")
    parser.add_argument("--data", type=Path, required=True, help="the bundle's clips, some of which it never saw")
    parser.add_argument(
        "--kinds", choices=KINDS, nargs="+", default=["drawn", "real"], help="of streams (default: drawn real)"
    )
    parser.add_argument("--streams", type=int, default=8, help="of each kind (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=30.0, help="of each stream (default: %(default)s)")
    parser.add_argument("--fights", type=int, default=3, help="in each stream (default: %(default)s)")
    parser.add_argument("--at-once", type=int, metavar="N", help="watch so many at a time (default: all)")
    parser.add_argument("--wake", type=float, nargs="+", default=[], metavar="W", help="wake thresholds beside its own")
    parser.add_argument("--seed", type=int, default=201, help="of drawn fights and of the order (default: %(default)s)")
    parser.add_argument("--cache", type=Path, default=Path(".cache/streams"), help="where films stay (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="two minutes of one stream of each kind")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw cost and recall there (SVG)")
    return parser


if __name__ == "__main__":
    run(main)
