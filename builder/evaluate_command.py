"""The command ``nexara evaluate``: how good a bundle is on a folder of clips, target by target.

It needs the engines of a device and nothing of the builder's extra.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from builder.data.clips import Clip, find_clips
from builder.data.decode import DecodedClip
from builder.data.degradation import Degradation, decode_degraded, shrink_clip
from builder.errors import DataError
from builder.evaluation.bundle import (
    DegradedEvaluation,
    Evaluation,
    TargetEvaluation,
    compare_degraded,
    open_targets,
    run_targets,
)
from builder.evaluation.clip_samples import Decode, decode_file, read_clips
from builder.evaluation.intervals import Difference
from builder.evaluation.judged_views import VIEWS, ViewName
from builder.evaluation.scores import Skipped
from models.bundle import Bundle, open_bundle
from models.errors import NexaraError
from models.manifest import Interval, Preprocessing
from models.trust import TrustStore
from runtimes.detector import Detector
from runtimes.protocol import SessionOptions

_SEED = 20_240_501
_HEADERS = ("target", "accuracy", "AUC", "recall", "specificity", "F1", "ECE", "ms/sample", "ms/clip", "deviation")
_Item = TypeVar("_Item")


class ReportFileError(NexaraError):
    """The file asked for cannot be written."""


def main(argv: list[str]) -> int:
    """Measure a bundle on labelled clips."""
    arguments = _parser().parse_args(argv)
    # Evaluating is safe: files that differ from their hashes are refused, and who signed is for the reader to judge.
    bundle = open_bundle(arguments.bundle, TrustStore.load(arguments.key, accept="unsigned"))
    folder = find_clips(arguments.data)
    if arguments.json is not None:
        _require_folder(arguments.json)
    manifest = bundle.manifest
    targets = (arguments.target,) if arguments.target else manifest.targets()
    clips = _held_out(folder.clips, bundle) if arguments.held_out else folder.clips
    with open_targets(bundle, targets, SessionOptions(threads=arguments.threads)) as (detectors, refused):
        judge = partial(_judge, detectors, bundle, clips, arguments)
        evaluations, skipped = judge(decode_file)
        degraded = _judge_degraded(judge, evaluations, arguments) if arguments.degraded else None
    evaluation = Evaluation(
        bundle=manifest.name,
        version=manifest.version,
        data=str(arguments.data),
        sources_known=folder.sources_known,
        targets=evaluations,
        refused=refused,
        skipped=skipped,
        degraded=degraded,
    )
    sys.stdout.write("".join(f"{line}\n" for line in describe(evaluation)))
    if arguments.json is not None:
        _write(arguments.json, evaluation)
    return 0


def describe(evaluation: Evaluation) -> Iterator[str]:
    """The lines that ``nexara evaluate`` prints."""
    figures = evaluation.targets[0].figures
    yield (
        f"{evaluation.bundle} {evaluation.version} on {evaluation.data}: {figures.clips} clips "
        f"({figures.fights} fights, {figures.clips - figures.fights} calm) of {figures.sources} sources"
    )
    if not evaluation.sources_known:
        yield "sources are unknown, so each clip counts as its own: intervals may be too narrow (add clips.csv)"
    yield ""
    yield from _table([_HEADERS, *(_row(name, target) for name, target in _named(evaluation))])
    yield ""
    yield from _operating_points(evaluation)
    yield ""
    if evaluation.degraded is not None:
        yield from _degraded_lines(evaluation.degraded)
        yield ""
    if any(target.averaged for target in evaluation.targets):
        yield from _averaged_lines(evaluation)
        yield ""
    yield f"A clip counts as a fight from probability {figures.threshold:g}; brackets are 95 % intervals over sources."
    yield from (f"{figure}: n/a, {reason}" for figure, reason in figures.missing.items())
    reference = evaluation.targets[0].reference
    yield (
        f"Deviation is the largest difference of a clip's probability from {reference}."
        if reference
        else ("deviation: n/a, no float target was evaluated")
    )
    yield from (f"not run: {target}: {reason}" for target, reason in evaluation.refused.items())
    if evaluation.skipped:
        yield f"{len(evaluation.skipped)} clip(s) skipped:"
        yield from (f"  {skipped.reason}" for skipped in evaluation.skipped)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nexara evaluate", description=main.__doc__)
    parser.add_argument("--bundle", type=Path, required=True, help="bundle directory or .nexara file")
    parser.add_argument("--data", type=Path, required=True, help="folder with clips.csv, or with fight/ and noFight/")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures and every clip's score there")
    parser.add_argument("--target", help="evaluate this target only")
    parser.add_argument("--threads", type=_at_least_one, default=1, help="threads of an engine (default 1)")
    parser.add_argument(
        "--threshold", type=_probability, default=0.5, help="probability from which a clip is a fight (default 0.5)"
    )
    parser.add_argument(
        "--held-out", action="store_true", help="only clips of the sources that the bundle names as held out"
    )
    parser.add_argument(
        "--degraded", action="store_true", help="also on copies as recorded off the screen of a recorder's wall"
    )
    parser.add_argument("--seed", type=_at_least_one, default=1, help="of the degraded copies (default 1)")
    parser.add_argument(
        "--tta",
        type=_views,
        default=(),
        metavar="VIEW[,VIEW]",
        help=f"also with these views of each clip judged beside it, and their cost: {', '.join(VIEWS)}",
    )
    parser.add_argument("--key", type=Path, action="append", default=[], help="public key (PEM) to trust besides")
    return parser


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} found, a whole number from 1 is needed")
    return int(text)


def _views(text: str) -> tuple[ViewName, ...]:
    asked = text.split(",")
    unknown = [name for name in asked if name not in VIEWS]
    if unknown or len(set(asked)) < len(asked):
        raise argparse.ArgumentTypeError(f"{text!r} found, any of {', '.join(VIEWS)} are allowed, each once")
    return tuple(view for view in VIEWS if view in asked)


def _probability(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} found, a number from 0 to 1 is allowed")
    return value


def _progress(items: Iterable[_Item]) -> Iterator[_Item]:
    """The items, counted on a terminal's error stream as they pass."""
    everything = tuple(items)
    shown = sys.stderr.isatty()
    for number, item in enumerate(everything, 1):
        if shown:
            sys.stderr.write(f"\rclip {number}/{len(everything)}")
            sys.stderr.flush()
        yield item
    if shown:
        sys.stderr.write("\r\033[K")


def _held_out(clips: Iterable[Clip], bundle: Bundle) -> tuple[Clip, ...]:
    sources = bundle.manifest.lineage.held_out_sources
    kept = tuple(clip for clip in clips if clip.source in sources)
    if not kept:
        raise DataError(
            f"no clip is of a source that {bundle.manifest.name} held out ({', '.join(sources) or 'it held out none'});"
            " give the data it was built from, with its clips.csv, or leave out --held-out"
        )
    return kept


def _judge(
    detectors: Mapping[str, Detector],
    bundle: Bundle,
    clips: Iterable[Clip],
    arguments: argparse.Namespace,
    decode: Decode,
) -> tuple[tuple[TargetEvaluation, ...], tuple[Skipped, ...]]:
    manifest = bundle.manifest
    return run_targets(
        detectors,
        bundle,
        read_clips(_progress(clips), manifest.geometry, manifest.preprocessing, views=arguments.tta, decode=decode),
        threshold=arguments.threshold,
        clock=time.perf_counter,
        generator=np.random.default_rng(_SEED),
    )


def _judge_degraded(
    judge: Callable[[Decode], tuple[tuple[TargetEvaluation, ...], tuple[Skipped, ...]]],
    clean: tuple[TargetEvaluation, ...],
    arguments: argparse.Namespace,
) -> DegradedEvaluation:
    ranges = Degradation()

    def decode(clip: Clip, preprocessing: Preprocessing) -> DecodedClip:
        return shrink_clip(decode_degraded(clip, preprocessing, ranges, arguments.seed), preprocessing)

    targets, _ = judge(decode)
    changes = compare_degraded(clean, targets, threshold=arguments.threshold, generator=np.random.default_rng(_SEED))
    return DegradedEvaluation(ranges=ranges, seed=arguments.seed, targets=targets, changes=changes)


def _named(evaluation: Evaluation) -> Iterator[tuple[str, TargetEvaluation]]:
    """Each target with a name for its row, and after it the same on degraded clips where it was judged on them."""
    degraded = evaluation.degraded.targets if evaluation.degraded is not None else ()
    for number, target in enumerate(evaluation.targets):
        yield target.target, target
        if degraded:
            yield f"{target.target}, degraded", degraded[number]


def _row(name: str, target: TargetEvaluation) -> tuple[str, ...]:
    figures = target.figures
    return (
        name,
        _interval(figures.accuracy),
        _interval(figures.auc, places=3),
        _percent(figures.recall),
        _percent(figures.specificity),
        "n/a" if figures.f1 is None else f"{figures.f1:.3f}",
        f"{figures.expected_calibration_error:.3f}",
        f"{target.sample_ms:.2f}",
        f"{target.clip_ms:.1f}",
        "n/a" if target.deviation is None else f"{target.deviation:.3f}",
    )


def _operating_points(evaluation: Evaluation) -> Iterator[str]:
    points = evaluation.targets[0].operating_points
    header = ("at the bundle's own thresholds", *(f"{point.name} {point.threshold:.2f}" for point in points))
    rows = [
        (
            name,
            *(
                f"{_share(point.recall)} of fights, {_share(point.specificity)} of calm"
                for point in target.operating_points
            ),
        )
        for name, target in _named(evaluation)
    ]
    yield from _table([header, *rows])


def _degraded_lines(degraded: DegradedEvaluation) -> Iterator[str]:
    header = (f"degraded (seed {degraded.seed}) less clean", "accuracy", "AUC", "other verdicts")
    rows = [(target, *_difference(change)) for target, change in degraded.changes.items()]
    yield from _table([header, *rows])


def _averaged_lines(evaluation: Evaluation) -> Iterator[str]:
    rows = []
    views: tuple[ViewName, ...] = ()
    for name, target in _named(evaluation):
        if target.averaged is not None:
            more = target.averaged
            views = more.views
            cost = (f"{more.encoder_runs:.2f}", f"{target.clip_ms:.1f} -> {more.clip_ms:.1f}")
            rows.append((name, *_difference(more.gain), *cost))
    header = (f"with {', '.join(views)} less without", "accuracy", "AUC", "other verdicts", "encoder runs", "ms/clip")
    yield from _table([header, *rows])


def _difference(change: Difference) -> tuple[str, str, str]:
    points = change.accuracy
    return (
        f"{100 * points.value:+.1f} points [{100 * points.low:+.1f}, {100 * points.high:+.1f}]",
        "n/a" if change.auc is None else f"{change.auc.value:+.3f} [{change.auc.low:+.3f}, {change.auc.high:+.3f}]",
        str(change.flips),
    )


def _interval(interval: Interval | None, places: int | None = None) -> str:
    if interval is None:
        return "n/a"
    if places is None:
        return f"{100 * interval.value:.1f} % [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"
    return f"{interval.value:.{places}f} [{interval.low:.{places}f}, {interval.high:.{places}f}]"


def _percent(interval: Interval | None) -> str:
    return _share(None if interval is None else interval.value)


def _share(value: float | None) -> str:
    return "n/a" if value is None else f"{100 * value:.1f} %"


def _table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _require_folder(path: Path) -> None:
    """Raise ``ReportFileError`` before any clip is judged, rather than after the last one."""
    if not path.absolute().parent.is_dir() or path.is_dir():
        raise ReportFileError(f"{path}: cannot be written: no such folder, or a folder itself; choose another file")


def _write(path: Path, evaluation: Evaluation) -> None:
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(evaluation), indent=2) + b"\n")
    except OSError as error:
        raise ReportFileError(f"{path}: cannot be written: {error.strerror or error}; choose another file") from error
