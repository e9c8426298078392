"""What the agent holds in memory while an hour passes, on few cameras and on many, with the naive design beside it.

Drawn films are streamed by a real RTSP server on loopback, over and over so that none ends. An agent for each number of
cameras runs at the same time, each a process of its own with a broker of its own, as its unit starts it. One camera of
each is always awake and raises one alarm after another, so that what incidents take is in the figures; the others are
idle. Usage: ``python -m benchmarks.memory --bundle B``.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from benchmarks.camera_films import draw_films
from benchmarks.idle import NEVER_ON, SIZE
from benchmarks.naive_process import run_naive
from benchmarks.outcome import machine_line, run, tell, write_json
from benchmarks.plot import write_plot
from benchmarks.process import memory_bytes
from benchmarks.site import Site, SitePlan, free_port, incident_starts, name_cameras, run_site
from benchmarks.streaming import join_films, serve
from runtimes.bench.opened_targets import open_any_bundle
from runtimes.bench.table import table_lines

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ALLOWED_MB = {4: 220.0, 36: 450.0}
FILM_S, KEY_EVERY_S = 120.0, 2.0
# Until all cameras are connected.
MARGIN_S = 180.0
EVERY_S = 10.0
# What nobody would call an alarm, so that incidents come and go on calm films.
AWAKE = "wake = 0.000001\nalert = 0.1\nclear = 0.06\nend_hold_s = 1.0\n"


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What one process held: 10^6 bytes of memory, one figure every ``EVERY_S`` seconds, and how many incidents it told
    of; ``design`` says what it was."""

    design: str
    cameras: int
    incidents: int
    memory_mb: tuple[float, ...]

    @property
    def trend(self) -> tuple[float, float]:
        """10^6 bytes an hour by which memory grew, and the half-width of a 95 % interval. The first quarter is left
        out, in which films, threads and heaps reach their size. Neighbouring figures are alike, so that the rest counts
        as eight: the means of its eighths, with Student's t for six degrees of freedom."""
        rest = np.array(self.memory_mb[len(self.memory_mb) // 4 :])
        means = np.array([part.mean() for part in np.array_split(rest, 8)])
        hours = np.arange(8) * len(rest) / 8 * EVERY_S / 3600
        slope, start = np.polyfit(hours, means, 1)
        spread = np.sqrt(((means - start - slope * hours) ** 2).sum() / 6)
        return float(slope), float(2.447 * spread / np.sqrt(((hours - hours.mean()) ** 2).sum()))


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All that the benchmark found."""

    bundle: str
    minutes: float
    held: tuple[Held, ...]


def main(argv: list[str]) -> int:
    """Watch memory."""
    arguments = _parser().parse_args(argv)
    minutes = 2.0 if arguments.quick else arguments.minutes
    manifest = open_any_bundle(arguments.bundle).manifest
    times = math.ceil((minutes * 60 + MARGIN_S) / FILM_S)
    films = [
        join_films([film] * times, film.with_name(f"{film.stem}-{times}times.mp4"))
        for film in draw_films(arguments.cache, SIZE, FILM_S, KEY_EVERY_S)
    ]
    with serve(free_port(), films) as streams, tempfile.TemporaryDirectory() as folder:
        held = watch(arguments.bundle, streams.addresses, arguments.cameras, minutes * 60, Path(folder))
    result = Result(bundle=f"{manifest.name} {manifest.version}", minutes=minutes, held=held)
    tell(describe(result))
    write_json(arguments.json, result)
    plot_memory(arguments.plot, result)
    return 0


def watch(
    bundle: Path, addresses: Sequence[str], counts: Sequence[int], seconds: float, folder: Path
) -> tuple[Held, ...]:
    """Run an agent on each number of cameras, and the naive design on one, for so many seconds once all are connected.
    Raises ``SiteError``."""
    with ExitStack() as stack:
        sites: dict[int, Site] = {}
        for count in counts:
            plan = SitePlan(bundle, name_cameras(addresses, count - 1), NEVER_ON + _awake(addresses[0]))
            sites[count] = stack.enter_context(run_site(plan, folder / str(count)))
            sites[count].wait_until_connected(count)
        processes = {count: site.pid for count, site in sites.items()} | {
            0: stack.enter_context(run_naive(bundle, addresses[0])).pid
        }
        time.sleep(EVERY_S)
        memory = _sample(processes, seconds)
        incidents = {count: len(incident_starts(site.listener.heard)) for count, site in sites.items()}
    agents = [
        Held(design="agent", cameras=count, incidents=incidents[count], memory_mb=memory[count]) for count in counts
    ]
    return (*agents, Held(design="naive, a verdict a second", cameras=1, incidents=0, memory_mb=memory[0]))


def _sample(processes: Mapping[int, int], seconds: float) -> dict[int, tuple[float, ...]]:
    began_s = time.monotonic()
    found: dict[int, list[float]] = {number: [] for number in processes}
    for step in range(1, round(seconds / EVERY_S) + 1):
        time.sleep(max(0.0, began_s + step * EVERY_S - time.monotonic()))
        for number, pid in processes.items():
            found[number].append(memory_bytes(pid) / 1e6)
        if step % round(60 / EVERY_S) == 0:
            now = ", ".join(f"{figures[-1]:.0f}" for figures in found.values())
            sys.stderr.write(f"{step * EVERY_S / 60:.0f} min: {now} MB\n")
    return {number: tuple(figures) for number, figures in found.items()}


def _awake(address: str) -> str:
    return f'[[camera]]\nid = "awake"\nsource = "{address}"\n{AWAKE}'


def describe(result: Result) -> Iterator[str]:
    """The lines that the benchmark prints."""
    yield machine_line()
    yield (
        f"bundle: {result.bundle}; {SIZE[0]}x{SIZE[1]}, H.264 with a key picture every {KEY_EVERY_S:g} s, for"
        f" {result.minutes:g} min; one camera of each agent awake, with alarms"
    )
    yield ""
    header = ("design", "cameras", "incidents", "MB at first", "at last", "at most", "allowed", "MB an hour")
    yield from table_lines(header, [_row(held) for held in result.held])
    yield ""
    yield "MB are 10^6 bytes. Growth is by a line through all but the first quarter, with its 95 % interval."


def _row(held: Held) -> tuple[str, ...]:
    slope, half = held.trend
    allowed = ALLOWED_MB.get(held.cameras) if held.design == "agent" else None
    return (
        held.design,
        str(held.cameras),
        str(held.incidents),
        *(f"{figure:.0f}" for figure in (held.memory_mb[0], held.memory_mb[-1], max(held.memory_mb))),
        "" if allowed is None else f"{allowed:.0f}",
        f"{slope:+.1f} [{slope - half:+.1f}, {slope + half:+.1f}]",
    )


def plot_memory(path: Path | None, result: Result) -> None:
    """Draw memory over time, where a file was asked for. Raises ``ResultFileError``."""

    def paint(figure: Figure) -> None:
        from builder.report.style import FIGHT, OTHERS

        axes = figure.subplots()
        for held, colour in zip(result.held, OTHERS, strict=False):
            minutes = np.arange(1, len(held.memory_mb) + 1) * EVERY_S / 60
            axes.plot(minutes, held.memory_mb, color=colour, label=f"{held.design}, cameras: {held.cameras}")
            if held.design == "agent" and held.cameras in ALLOWED_MB:
                axes.axhline(ALLOWED_MB[held.cameras], color=FIGHT, linestyle="--", linewidth=1)
        axes.set_ylim(0, None)
        axes.set_xlabel("minutes (dashed: allowed)")
        axes.set_ylabel("MB")
        axes.legend(loc="center right")

    write_plot(path, "Memory of the agent over an hour", (7.6, 3.0), paint)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=main.__doc__)
    parser.add_argument("--bundle", type=Path, required=True, help="bundle directory or .nexara file")
    parser.add_argument(
        "--cameras", type=int, nargs="+", default=[4, 36], metavar="N", help="of each agent (default: 4 36)"
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="for how long (default: %(default)s)")
    parser.add_argument("--cache", type=Path, default=Path(".cache/streams"), help="where films stay (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="two minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw memory over time there (SVG)")
    return parser


if __name__ == "__main__":
    run(main)
