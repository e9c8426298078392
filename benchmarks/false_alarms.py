"""False alarms an hour, and what they buy: recall and delay of fights, over thresholds and shortest rises.

A bundle watches calm films, drawn and ordinary ones, and drawn films with a fight in each, through the agent's own
sampler, ring, attention and incident machine on a clock of their own, faster than time and without a broker. Each film
is a camera that begins idle. Drawn films are kept under ``--cache``, so that the next bundle is judged at once.
Usage: ``python -m benchmarks.false_alarms --bundle B [--footage DIR]``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import cv2
import msgspec

from benchmarks.alarm_tally import Operation, PlaceFigures, Seen, by_place, operate, tally
from benchmarks.films import Drawing, Film, draw, find_footage, read_frames
from benchmarks.outcome import machine_line, run, tell, write_json
from benchmarks.replay import Memory, watch
from edge_agent.camera_policies import CameraPolicies
from edge_agent.incidents import IncidentPolicy
from models.bundle import Bundle
from models.errors import NexaraError
from models.manifest import Interval, Manifest, Thresholds
from runtimes.bench.opened_targets import open_any_bundle
from runtimes.bench.table import table_lines
from runtimes.detector import Detector, open_detector
from runtimes.protocol import SessionOptions

CALM_SECONDS, FIGHT_SECONDS = 60.0, 30.0
ALERTS = (0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99)
HOLDS_S = (0.3, 1.0, 2.0, 3.0)
QUICK_HOURS, QUICK_FIGHTS = 0.1, 6


class OptionError(NexaraError):
    """What was asked for on the command line makes no sense."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All that the benchmark found. ``shipped`` is the bundle's own thresholds under the agent's own policies;
    ``curve`` has the other alert thresholds and holds, with ``clear`` half-way from ``wake`` to ``alert``."""

    bundle: str
    fingerprint: str
    target: str
    thresholds: Thresholds
    seed: int
    places: tuple[PlaceFigures, ...]
    shipped: Operation
    curve: tuple[Operation, ...]


def main(argv: list[str]) -> int:
    """Count false alarms."""
    arguments = _parser().parse_args(argv)
    hours, fights = (QUICK_HOURS, QUICK_FIGHTS) if arguments.quick else (arguments.scene_hours, arguments.fights)
    if not (hours > 0 and fights > 0):
        raise OptionError(f"--scene-hours {hours:g} --fights {fights}: both must be above 0")
    bundle = open_any_bundle(arguments.bundle)
    cv2.setNumThreads(1)
    footage = find_footage(arguments.footage) if arguments.footage else ()
    count = max(1, round(hours * 3600 / CALM_SECONDS))
    calm = draw(Drawing(count, CALM_SECONDS, arguments.seed, fight=False), arguments.cache, _show)
    fighting = draw(Drawing(fights, FIGHT_SECONDS, arguments.seed + 1, fight=True), arguments.cache, _show)
    result = measure(bundle, calm, footage, fighting, arguments.seed, arguments.target)
    tell(describe(result))
    write_json(arguments.json, result)
    return 0


def measure(
    bundle: Bundle,
    calm: Sequence[Film],
    footage: Sequence[Film],
    fighting: Sequence[Film],
    seed: int,
    target: str | None = None,
) -> Result:
    """Watch every film under every policy. Raises ``NoRuntimeError``, and ``FilmError`` or ``SourceError`` for a film
    that cannot be read."""
    thresholds = bundle.manifest.calibration.thresholds
    policies = (CameraPolicies(thresholds), *curve(thresholds))
    with closing(open_detector(bundle, target=target, options=SessionOptions(threads=1))) as detector:
        drawn, ordinary, fights = (
            [_see(film, detector, bundle.manifest, policies) for film in _counted(films, word)]
            for word, films in (("calm scene", calm), ("footage", footage), ("scene with a fight", fighting))
        )
        description = detector.description
    operations = [operate(number, policy, drawn, ordinary, fights) for number, policy in enumerate(policies)]
    return Result(
        bundle=f"{bundle.manifest.name} {bundle.manifest.version}",
        fingerprint=bundle.manifest.fingerprint(),
        target=description,
        thresholds=thresholds,
        seed=seed,
        places=(tally("all scenes", drawn), *by_place(drawn), *by_place(ordinary)),
        shipped=operations[0],
        curve=tuple(operations[1:]),
    )


def curve(shipped: Thresholds) -> Iterator[CameraPolicies]:
    """The policies of the curve: other alert thresholds and holds, and what goes with them as the builder sets it."""
    for alert in ALERTS:
        wake = min(shipped.wake, alert)
        thresholds = Thresholds(wake=wake, alert=alert, clear=(wake + alert) / 2)
        for hold_s in HOLDS_S:
            yield CameraPolicies(thresholds, incidents=IncidentPolicy(start_hold_s=hold_s))


def describe(result: Result) -> Iterator[str]:
    """The lines that the benchmark prints."""
    thresholds = result.thresholds
    yield machine_line()
    yield (
        f"bundle: {result.bundle} on {result.target}; wake {thresholds.wake:g}, alert {thresholds.alert:g}, clear "
        f"{thresholds.clear:g}; scenes of seeds {result.seed} and {result.seed + 1}"
    )
    yield ""
    where = ("without a fight, at the shipped thresholds", "minutes", "false alarms", "an hour", "time awake")
    yield from table_lines(where, [_place(place) for place in result.places])
    yield ""
    points = ("alert", "held for", "scenes, an hour", "footage", "fights told of", "delay, median")
    found = [one for one in result.curve if one.found]
    yield from table_lines(points, [_operation(one) for one in (result.shipped, *found)])
    yield ""
    yield (
        "The first row is what ships; rows that find no fight are left out. Delay leaves out what decoding and judging "
        "take. Brackets are 95 % intervals."
    )


def _see(film: Film, detector: Detector, manifest: Manifest, policies: Sequence[CameraPolicies]) -> Seen:
    frames = read_frames(film, manifest.preprocessing)
    memory = Memory(frames, detector, manifest.geometry, manifest.preprocessing)
    return Seen(film, tuple(watch(memory, policy) for policy in policies))


def _counted(films: Sequence[Film], word: str) -> Iterator[Film]:
    for number, film in enumerate(films, 1):
        yield film
        _show(f"{word} {number} of {len(films)} watched")


def _place(figures: PlaceFigures) -> tuple[str, ...]:
    return (
        figures.place,
        f"{60 * figures.hours:.1f}",
        str(figures.alarms),
        _interval(figures.per_hour),
        f"{100 * figures.awake:.0f} %",
    )


def _operation(operation: Operation) -> tuple[str, ...]:
    return (
        f"{operation.thresholds.alert:.3g}",
        f"{operation.start_hold_s:g} s",
        _interval(operation.per_hour),
        str(operation.footage_alarms),
        f"{operation.found} of {operation.fights}",
        "" if operation.delay_s is None else f"{operation.delay_s:.1f} s",
    )


def _interval(interval: Interval) -> str:
    return f"{interval.value:.1f} [{interval.low:.1f}, {interval.high:.1f}]"


def _show(line: str) -> None:
    sys.stderr.write(f"\r\033[K{line}" if sys.stderr.isatty() else f"{line}\n")
    sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.false_alarms", description=main.__doc__)
    parser.add_argument("--bundle", type=Path, required=True, help="bundle directory or .nexara file")
    parser.add_argument("--footage", type=Path, metavar="DIR", help="a folder of films in which nobody fights")
    parser.add_argument("--scene-hours", type=float, default=0.5, metavar="H", help="of calm scenes (default 0.5)")
    parser.add_argument("--fights", type=int, default=20, metavar="N", help="scenes with a fight (default 20)")
    parser.add_argument("--seed", type=int, default=101, help="of the calm scenes; the fights' is the next (101)")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_HOURS:g} hours and {QUICK_FIGHTS} fights only")
    parser.add_argument("--target", help="judge with this target only")
    parser.add_argument(
        "--cache", type=Path, default=Path(".cache/scenes"), metavar="DIR", help="drawn films (default .cache/scenes)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    return parser


if __name__ == "__main__":
    run(main)
