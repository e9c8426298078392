"""From the onset of a fight to the message that tells of it: over real RTSP, through a real broker.

Drawn films, each with one fight among calm acts, are streamed to the agent, some at a time, so that each camera has
been idle for a while when its fight begins. Times are of one monotonic clock: the server says when it began to play a
film, the film says when its fight begins, and a subscriber notes when the message came. In the same run the same films
again with every camera always awake, which tells what glancing costs. Usage: ``python -m benchmarks.delay --bundle
B``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from benchmarks.outcome import machine_line, run, tell, write_json
from benchmarks.plot import write_plot
from benchmarks.site import Heard, SitePlan, free_port, incident_starts, name_cameras, run_site
from benchmarks.streaming import Encoding, film_footage, serve
from runtimes.bench.opened_targets import open_any_bundle
from runtimes.bench.table import table_lines
from scenes import Interval, Scene, stream_spec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE, FPS, SECONDS = (640, 360), 15.0, 30.0
# Time to connect and to fall idle before, and to be told of after.
EARLIEST_S, LATEST_S = 8.0, 20.0
AFTER_S = 6.0
AWAKE = "[thresholds]\nwake = 0.000001\n[sampling]\nsteady_rate_hz = 10.0\n"


@dataclass(frozen=True, slots=True)
class FightFilm:
    """A film and its one fight."""

    path: Path
    fight: Interval


class Delays(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the fights in one mode. ``delays_s`` are those of fights told of while they lasted or soon after,
    from their onset to the message; ``before`` counts cameras that had raised an alarm already."""

    mode: str
    fights: int
    before: int
    delays_s: tuple[float, ...]

    @property
    def told(self) -> int:
        """How many fights were told of."""
        return len(self.delays_s)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All that the benchmark found."""

    bundle: str
    seed: int
    at_once: int
    modes: tuple[Delays, ...]


def main(argv: list[str]) -> int:
    """Measure how soon fights are told of."""
    arguments = _parser().parse_args(argv)
    count = 4 if arguments.quick else arguments.fights
    manifest = open_any_bundle(arguments.bundle).manifest
    films = draw_fights(arguments.cache, count, arguments.seed)
    modes = []
    for mode, tables in (("idle", ""), ("awake", AWAKE)):
        outcomes = []
        for first in range(0, len(films), arguments.at_once):
            outcomes += watch(arguments.bundle, films[first : first + arguments.at_once], tables)
            sys.stderr.write(f"{mode}: {len(outcomes)} of {len(films)} fights watched\n")
        modes.append(_sum_up(mode, outcomes))
    result = Result(
        bundle=f"{manifest.name} {manifest.version}",
        seed=arguments.seed,
        at_once=arguments.at_once,
        modes=tuple(modes),
    )
    tell(describe(result))
    write_json(arguments.json, result)
    plot_delays(arguments.plot, result)
    return 0


def draw_fights(cache: Path, count: int, seed: int) -> list[FightFilm]:
    """The first ``count`` films whose fight begins neither early nor late, drawn once and kept under ``cache``."""
    films: list[FightFilm] = []
    index = 0
    while len(films) < count:
        spec = stream_spec(seed, index, SECONDS, fight=True, fps=FPS, size=SIZE)
        index += 1
        if len(spec.fights) == 1 and EARLIEST_S <= spec.fights[0].start_s <= LATEST_S:
            path = cache / f"fight-seed{seed}-{index - 1}.mp4"
            films.append(FightFilm(film_footage(Scene(spec), path, Encoding()), spec.fights[0]))
            sys.stderr.write(f"film {len(films)} of {count} is there\n")
    return films


def watch(bundle: Path, films: Sequence[FightFilm], tables: str) -> list[float | None]:
    """Stream films side by side: for each the seconds from its fight's onset to the message, below 0 for one that came
    before, ``None`` for none. Raises ``SiteError`` and ``StreamingError``."""
    with serve(free_port(), [film.path for film in films]) as streams, tempfile.TemporaryDirectory() as folder:
        cameras = name_cameras(streams.addresses, len(films))
        with run_site(SitePlan(bundle, cameras, tables), Path(folder)) as site:
            site.wait_until_connected(len(films))
            ends = [streams.began_s[number] + film.fight.end_s + AFTER_S for number, film in enumerate(films)]
            time.sleep(max(0.0, max(ends) - time.monotonic()))
            onsets = [streams.began_s[number] + film.fight.start_s for number, film in enumerate(films)]
            return [
                find_delay(site.listener.heard, camera, onset_s, end_s)
                for camera, onset_s, end_s in zip(cameras, onsets, ends, strict=True)
            ]


def find_delay(heard: Sequence[Heard], camera: str, onset_s: float, end_s: float) -> float | None:
    """Seconds from ``onset_s`` to the camera's first incident before ``end_s``."""
    return next((at_s - onset_s for at_s in incident_starts(heard, camera) if at_s <= end_s), None)


def _sum_up(mode: str, outcomes: Sequence[float | None]) -> Delays:
    return Delays(
        mode=mode,
        fights=len(outcomes),
        before=sum(delay is not None and delay < 0 for delay in outcomes),
        delays_s=tuple(sorted(delay for delay in outcomes if delay is not None and delay >= 0)),
    )


def describe(result: Result) -> Iterator[str]:
    """The lines that the benchmark prints."""
    yield machine_line()
    yield (
        f"bundle: {result.bundle}; drawn fights of seed {result.seed}, {SIZE[0]}x{SIZE[1]} at {FPS:g} pictures a"
        f" second, {result.at_once} cameras at once, at the bundle's own thresholds"
    )
    yield ""
    header = ("camera", "fights", "alarm before", "told of", "median s", "95 % s", "within 1 s", "within 3 s")
    yield from table_lines(header, [_row(mode) for mode in result.modes])
    yield ""
    yield "Seconds from a fight's first moment to its message at a subscriber, of the fights that were told of."


def _row(mode: Delays) -> tuple[str, ...]:
    delays = np.array(mode.delays_s)
    shown = [f"{np.quantile(delays, share):.2f}" if mode.told else "-" for share in (0.5, 0.95)]
    within = [f"{int((delays <= seconds).sum())} of {mode.told}" for seconds in (1.0, 3.0)]
    return mode.mode, str(mode.fights), str(mode.before), str(mode.told), *shown, *within


def plot_delays(path: Path | None, result: Result) -> None:
    """Draw how many fights were told of within how many seconds, where a file was asked for. Raises
    ``ResultFileError``."""

    def paint(figure: Figure) -> None:
        from builder.report.style import FIGHT, OTHERS

        axes = figure.subplots()
        for mode, colour in zip(result.modes, OTHERS, strict=False):
            axes.step([0.0, *mode.delays_s], range(mode.told + 1), where="post", color=colour, label=mode.mode)
            axes.axhline(mode.fights, color=FIGHT, linestyle="--", linewidth=1)
        axes.set_ylim(0, None)
        axes.set_xlabel("seconds from the onset of the fight to its message")
        axes.set_ylabel("fights told of (dashed: all)")
        axes.legend(loc="center right")

    write_plot(path, "Fights told of, by seconds since their onset", (7.6, 3.0), paint)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="How soon fights are told of.")
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--fights", type=int, default=20, help="how many (default: %(default)s)")
    parser.add_argument("--at-once", type=int, default=4, help="cameras side by side (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=201, help="of the drawn films (default: %(default)s)")
    parser.add_argument("--cache", type=Path, default=Path(".cache/streams"), help="where films stay (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="four fights")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw fights told of by seconds there (SVG)")
    return parser


if __name__ == "__main__":
    run(main)
