"""What it costs to decode by hardware beside software, on this machine, for one camera and for many at once.

A drawn film of 15 frames a second is decoded by everything that opens here, with the agent's own reader, and every
picture is converted to the luma that samples are made of. So many streams are read at a time as ``--streams`` names,
each on a thread of its own and as fast as it goes. How far the luma is from software's is told too, since a network
judges what it is shown.
Usage: ``python -m benchmarks.decoding [--streams N,N] [--json FILE]``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.camera_films import FPS, draw_films
from benchmarks.outcome import machine_line, run, tell, write_json
from edge_agent.sources.decoding import Decoding, probe_decoding
from edge_agent.sources.source import SourceOptions
from edge_agent.sources.video import VideoReader
from models.errors import NexaraError
from models.preprocessing import Luma
from runtimes.bench.table import table_lines

_SIZES = {"720p": (1280, 720), "1080p": (1920, 1080)}
_KEY_EVERY_S = 2.0


class FellBackError(NexaraError):
    """Hardware that opened does not decode the film."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """``streams`` at once: ``pictures_per_s`` of all together, and what of it a core had to do for one picture."""

    streams: int
    pictures_per_s: float
    core_ms: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One film by one decoder. ``first_ms``: from opening to the first luma. ``mean_difference`` and
    ``largest_difference`` of luma are from software's, of 255 levels."""

    film: str
    decoding: str
    pictures: int
    first_ms: float
    mean_difference: float
    largest_difference: int
    runs: tuple[Run, ...]


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """Every film by every decoder, and why the others do not open here."""

    absent: dict[str, str]
    results: tuple[Result, ...]


def main(argv: list[str]) -> int:
    """Compare what there is to decode by."""
    arguments = _parser().parse_args(argv)
    streams = tuple(int(part) for part in arguments.streams.split(","))
    kinds, absent = find_decoders()
    tell((machine_line(), *(f"{kind} does not open here: {why}" for kind, why in absent.items()), ""))
    results = []
    for name, size in _SIZES.items():
        film = draw_films(arguments.cache, size, arguments.seconds, _KEY_EVERY_S, count=1)[0]
        results += [measure(name, film, kind, streams, time.perf_counter) for kind in kinds]
    found = Results(absent=absent, results=tuple(results))
    tell(describe(found))
    write_json(arguments.json, found)
    return 0


def find_decoders() -> tuple[tuple[Decoding, ...], dict[str, str]]:
    """Everything that opens here, software first, and why each of the rest does not."""
    kinds: tuple[Decoding, ...] = ("cuda", "vaapi", "v4l2m2m")
    reasons = probe_decoding()
    absent = {str(kind): reason for kind in kinds if (reason := reasons[kind]) is not None}
    return ("software", *(kind for kind in kinds if kind not in absent)), absent


def measure(name: str, film: Path, decoding: Decoding, streams: Sequence[int], clock: Callable[[], float]) -> Result:
    """Decode ``film`` once beside software, and then by so many ``streams`` at once. Raises ``FellBackError``."""
    mean, largest, pictures = _compare(film, decoding, clock)
    before = clock()
    with closing(_open(film, decoding, clock)) as reader:
        _next_luma(reader)
        first_ms = (clock() - before) * 1000
    runs = tuple(_run(film, decoding, count, clock) for count in streams)
    return Result(
        film=name,
        decoding=decoding,
        pictures=pictures,
        first_ms=first_ms,
        mean_difference=mean,
        largest_difference=largest,
        runs=runs,
    )


def describe(found: Results) -> Iterator[str]:
    """The lines that the benchmark prints."""
    rows = [
        (
            one.film,
            one.decoding,
            f"{run_.streams}",
            f"{run_.pictures_per_s:.0f}",
            f"{run_.pictures_per_s / FPS:.0f}",
            f"{run_.core_ms:.2f}",
            f"{one.first_ms:.0f}",
            f"{one.mean_difference:.3f}, {one.largest_difference}",
        )
        for one in found.results
        for run_ in one.runs
    ]
    header = ("film", "by", "streams", "pictures/s", f"cameras at {FPS:g} fps", "core ms a picture", "first, ms")
    yield from table_lines((*header, "luma off: mean, most"), rows)


def _compare(film: Path, decoding: Decoding, clock: Callable[[], float]) -> tuple[float, int, int]:
    means: list[float] = []
    largest = 0
    with closing(_open(film, "software", clock)) as wanted, closing(_open(film, decoding, clock)) as given:
        while (expected := _next_luma(wanted)) is not None:
            found = _next_luma(given)
            if found is None:
                raise FellBackError(f"{film}: {decoding} gave {len(means)} pictures, software more")
            off = np.abs(expected.astype(np.int16) - found)
            means.append(float(off.mean()))
            largest = max(largest, int(off.max()))
        if given.decoding != decoding:
            raise FellBackError(f"{film}: decoded by {given.decoding}; leave {decoding} out of the agent's config")
    return float(np.mean(means)), largest, len(means)


def _run(film: Path, decoding: Decoding, streams: int, clock: Callable[[], float]) -> Run:
    def read_through(_: int) -> int:
        count = 0
        with closing(_open(film, decoding, clock)) as reader:
            while _next_luma(reader) is not None:
                count += 1
        return count

    with ThreadPoolExecutor(streams) as threads:
        before, used_s = clock(), time.process_time()
        pictures = sum(threads.map(read_through, range(streams)))
        took_s, used_s = clock() - before, time.process_time() - used_s
    return Run(streams=streams, pictures_per_s=pictures / took_s, core_ms=used_s / pictures * 1000)


def _open(film: Path, decoding: Decoding, clock: Callable[[], float]) -> VideoReader:
    return VideoReader(str(film), SourceOptions(realtime=False, decode=decoding), clock)


def _next_luma(reader: VideoReader) -> Luma | None:
    decoded = reader.read()
    return None if decoded is None else decoded.image.luma()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decoding", description=main.__doc__)
    parser.add_argument("--streams", default="1,4,16", metavar="N,N", help="streams at once (default 1,4,16)")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each film (default 20)")
    parser.add_argument("--cache", type=Path, default=Path(".cache/films"), help="where films are kept")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    return parser


if __name__ == "__main__":
    run(main)
