"""``nexara scenes``: draws labelled clips and long streams into a folder."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from scenes.clips import write_clips, write_streams
from scenes.errors import SceneError

USAGE_ERROR = 2
INTERRUPTED = 130


def main(argv: Sequence[str]) -> int:
    """Draw clips and streams with exact ground truth into a folder.

    0 when all is written, 2 with one line on stderr when it cannot be, 130 when interrupted.
    """
    options = _parser().parse_args(argv)
    try:
        _write(options)
    except SceneError as error:
        print(f"nexara scenes: {error}", file=sys.stderr)
        return USAGE_ERROR
    except OSError as error:
        print(
            f"nexara scenes: cannot write to {options.out}: {error}; give a folder that can be written", file=sys.stderr
        )
        return USAGE_ERROR
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED
    return 0


def _write(options: argparse.Namespace) -> None:
    out, size, wall = options.out, _pair(options.size, "size", "640x360"), _pair(options.wall, "wall", "2x2")
    if not (options.clips or options.calm or options.streams):
        raise SceneError("neither clips nor streams asked for; give --clips N, --calm N or --streams N")
    if options.clips or options.calm:
        write_clips(
            out, options.clips, _default(options.seconds, 4.0), options.seed, calm=options.calm, fps=options.fps,
            size=size, workers=options.jobs, progress=_show,
        )  # fmt: skip
    if options.streams:
        write_streams(
            out, options.streams, _default(options.seconds, 300.0), options.seed, fps=options.fps, size=size, wall=wall,
            workers=options.jobs, progress=_show,
        )  # fmt: skip
    print(f"\nwritten to {out}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nexara scenes", description="Draw clips and streams with exact ground truth."
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder to write; finished clips are kept"
    )
    parser.add_argument("--clips", type=int, default=0, metavar="N", help="short labelled clips, every second a fight")
    parser.add_argument("--calm", type=int, default=0, metavar="N", help="further clips, none of them a fight")
    parser.add_argument("--streams", type=int, default=0, metavar="N", help="long streams with calm acts and one fight")
    parser.add_argument("--seconds", type=float, metavar="S", help="length of each (clips 4, streams 300)")
    parser.add_argument("--seed", type=int, default=0, metavar="K", help="other seeds draw other scenes (0)")
    parser.add_argument(
        "--jobs", type=int, default=len(os.sched_getaffinity(0)), metavar="N", help="processes (default: one a core)"
    )
    parser.add_argument("--wall", metavar="RxC", help="make each stream a wall of cameras, 2x2 to 6x6")
    parser.add_argument("--fps", type=float, metavar="F", help="frames a second (clips: drawn from 10-30; streams 15)")
    parser.add_argument("--size", metavar="WxH", help="pixels of a camera (clips: drawn; streams 640x360)")
    return parser


def _pair(text: str | None, name: str, example: str) -> tuple[int, int] | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match is None:
        raise SceneError(f"--{name} is {text!r}; write it as {example}")
    return int(match[1]), int(match[2])


def _show(done: int, count: int, film: Path) -> None:
    """One line that is rewritten on a terminal, and a line now and then elsewhere."""
    line = f"{done}/{count} {film.name}"
    if sys.stdout.isatty():
        print(f"\r{line}", end="", flush=True)
    elif done == count or done % 50 == 0:
        print(line, flush=True)


def _default(given: float | None, otherwise: float) -> float:
    """What was given, a zero too, so that it is refused and not replaced."""
    return otherwise if given is None else given
