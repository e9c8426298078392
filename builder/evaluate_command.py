"""The command ``nexara evaluate``: how good a bundle is on a folder of clips, target by target.

It needs the engines of a device and nothing of the builder's extra.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np

from builder.arguments import at_least_one, probability
from builder.data.clips import find_clips
from builder.evaluation.bundle import Evaluation, TargetEvaluation, open_targets, run_targets
from builder.evaluation.clip_samples import read_clips
from builder.result_file import require_folder, write_json
from builder.table import align, decimal, percent, share
from models.bundle import open_bundle
from models.trust import TrustStore
from runtimes.protocol import SessionOptions

_SEED = 20_240_501
_HEADERS = ("target", "accuracy", "AUC", "recall", "specificity", "F1", "ECE", "ms/sample", "ms/clip", "deviation")
_Item = TypeVar("_Item")


def main(argv: list[str]) -> int:
    """Measure a bundle on labelled clips."""
    arguments = _parser().parse_args(argv)
    # Evaluating is safe: files that differ from their hashes are refused, and who signed is for the reader to judge.
    bundle = open_bundle(arguments.bundle, TrustStore.load(arguments.key, accept="unsigned"))
    folder = find_clips(arguments.data)
    if arguments.json is not None:
        require_folder(arguments.json)
    manifest = bundle.manifest
    targets = (arguments.target,) if arguments.target else manifest.targets()
    with open_targets(bundle, targets, SessionOptions(threads=arguments.threads)) as (detectors, refused):
        clips = read_clips(_progress(folder.clips), manifest.geometry, manifest.preprocessing)
        evaluations, skipped = run_targets(
            detectors,
            bundle,
            clips,
            threshold=arguments.threshold,
            clock=time.perf_counter,
            generator=np.random.default_rng(_SEED),
        )
    evaluation = Evaluation(
        bundle=manifest.name,
        version=manifest.version,
        data=str(arguments.data),
        sources_known=folder.sources_known,
        targets=evaluations,
        refused=refused,
        skipped=skipped,
    )
    sys.stdout.write("".join(f"{line}\n" for line in describe(evaluation)))
    if arguments.json is not None:
        write_json(arguments.json, evaluation)
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
    yield from align([_HEADERS, *(_row(target) for target in evaluation.targets)])
    yield ""
    yield from _operating_points(evaluation)
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
    parser.add_argument("--threads", type=at_least_one, default=1, help="threads of an engine (default 1)")
    parser.add_argument(
        "--threshold", type=probability, default=0.5, help="probability from which a clip is a fight (default 0.5)"
    )
    parser.add_argument("--key", type=Path, action="append", default=[], help="public key (PEM) to trust besides")
    return parser


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


def _row(target: TargetEvaluation) -> tuple[str, ...]:
    figures = target.figures
    return (
        target.target,
        percent(figures.accuracy),
        decimal(figures.auc),
        share(figures.recall),
        share(figures.specificity),
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
            target.target,
            *(
                f"{share(point.recall)} of fights, {share(point.specificity)} of calm"
                for point in target.operating_points
            ),
        )
        for target in evaluation.targets
    ]
    yield from align([header, *rows])
