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

import numpy as np

from builder.arguments import at_least_one, probability
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
from builder.evaluation.description import describe
from builder.evaluation.judged_views import VIEWS, ViewName
from builder.evaluation.scores import Skipped
from builder.result_file import require_folder, write_json
from models.bundle import Bundle, open_bundle
from models.manifest import Preprocessing
from models.trust import TrustStore
from runtimes.detector import Detector
from runtimes.protocol import SessionOptions

_SEED = 20_240_501
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
    clips = _held_out(folder.clips, bundle) if arguments.held_out else folder.clips
    with open_targets(bundle, targets, SessionOptions(threads=arguments.threads)) as (detectors, refused):
        judge = partial(_judge, detectors, bundle, clips, arguments)
        evaluations, skipped = judge(decode_file)
        degraded = _judge_degraded(judge, evaluations, arguments) if arguments.degraded else None
    evaluation = Evaluation(
        bundle=manifest.name,
        version=manifest.version,
        fingerprint=manifest.fingerprint(),
        data=str(arguments.data),
        sources_known=folder.sources_known,
        targets=evaluations,
        refused=refused,
        skipped=skipped,
        held_out=arguments.held_out,
        degraded=degraded,
    )
    sys.stdout.write("".join(f"{line}\n" for line in describe(evaluation)))
    if arguments.json is not None:
        write_json(arguments.json, evaluation)
    return 0


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
    parser.add_argument(
        "--held-out", action="store_true", help="only clips of the sources that the bundle names as held out"
    )
    parser.add_argument(
        "--degraded", action="store_true", help="also on copies as recorded off the screen of a recorder's wall"
    )
    parser.add_argument("--seed", type=at_least_one, default=1, help="of the degraded copies (default 1)")
    parser.add_argument(
        "--tta",
        type=_views,
        default=(),
        metavar="VIEW[,VIEW]",
        help=f"also with these views of each clip judged beside it, and their cost: {', '.join(VIEWS)}",
    )
    parser.add_argument("--key", type=Path, action="append", default=[], help="public key (PEM) to trust besides")
    return parser


def _views(text: str) -> tuple[ViewName, ...]:
    asked = text.split(",")
    unknown = [name for name in asked if name not in VIEWS]
    if unknown or len(set(asked)) < len(asked):
        raise argparse.ArgumentTypeError(f"{text!r} found, any of {', '.join(VIEWS)} are allowed, each once")
    return tuple(view for view in VIEWS if view in asked)


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
