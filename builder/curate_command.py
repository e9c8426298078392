"""The command ``nexara curate``: what a folder of clips is worth, before anything is built of it.

It needs nothing of the builder's extra.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from builder.data.clips import Clip, ClipFolder, find_clips
from builder.errors import DataError
from builder.evaluation.scores import Skipped
from builder.quality.clip_hash import ClipHash
from builder.quality.inspection import ClipMeasures, inspect_clip
from builder.quality.thresholds import Quality
from builder.quality.verdict import Cause, QualityReport, judge_quality
from builder.recipe import load_recipe
from builder.result_file import require_folder, write_json
from builder.table import align

_PERCENTILES = (0, 5, 50, 95, 100)
_NO_HASHES = ClipHash((), (), ())


class _Row(NamedTuple):
    """One measure in the table: ``allowed`` says its threshold, ``causes`` what clips are dropped for by it."""

    name: str
    read: Callable[[ClipMeasures], float | None]
    places: int
    allowed: str
    causes: tuple[Cause, ...]


class CurateReport(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` writes: the verdict, each clip's figures (without its hashes), and what could not be decoded."""

    data: str
    sources_known: bool
    quality: QualityReport
    clips: tuple[ClipMeasures, ...]
    skipped: tuple[Skipped, ...]


def main(argv: list[str]) -> int:
    """Judge the quality of a folder of clips, without a build."""
    arguments = _parser().parse_args(argv)
    quality = (load_recipe(arguments.recipe).quality if arguments.recipe else None) or Quality()
    folder = find_clips(arguments.data)
    if arguments.json is not None:
        require_folder(arguments.json)
    measures, skipped = _measure(folder.clips)
    clips = [clip for clip in folder.clips if clip.name in measures]
    report = judge_quality(clips, measures, quality)
    sys.stdout.write("".join(f"{line}\n" for line in describe(arguments.data, folder, measures, report, skipped)))
    if arguments.json is not None:
        figures = tuple(msgspec.structs.replace(one, hashes=_NO_HASHES) for one in measures.values())
        written = CurateReport(
            data=str(arguments.data),
            sources_known=folder.sources_known,
            quality=report,
            clips=figures,
            skipped=tuple(skipped),
        )
        write_json(arguments.json, written)
    return 0


def describe(
    data: Path,
    folder: ClipFolder,
    measures: dict[str, ClipMeasures],
    report: QualityReport,
    skipped: Sequence[Skipped],
) -> Iterator[str]:
    """The lines that ``nexara curate`` prints."""
    fights = sum(clip.fight for clip in folder.clips)
    sources = len({clip.source for clip in folder.clips}) if folder.sources_known else "unknown"
    yield f"{data}: {len(folder.clips)} clips ({fights} fights, {len(folder.clips) - fights} calm), sources: {sources}"
    yield ""
    if measures:
        yield from _table(tuple(measures.values()), report)
        yield ""
    causes = Counter(dropped.cause for dropped in report.dropped)
    yield f"kept {len(report.kept)}, dropped {len(report.dropped)}, could not be decoded {len(skipped)}"
    yield from (f"  dropped for {cause}: {count}" for cause, count in sorted(causes.items()))
    yield from (f"  dropped {dropped.reason}" for dropped in report.dropped)
    yield from (f"  skipped {one.reason}" for one in skipped)
    copies = [pair for pair in report.pairs if pair.kind == "copy"]
    yield f"pairs of clips that are one recording: {len(copies)}"
    yield from (f"  {pair}" for pair in copies)
    views = [pair for pair in report.pairs if pair.kind == "view"]
    yield f"pairs of clips of one camera under two sources: {len(views)}"
    yield from (f"  {pair}" for pair in views)
    yield f"groups of sources that a build would count as one: {len(report.joined)}"
    yield from (f"  {', '.join(joined)}" for joined in report.joined)


def _table(measures: Sequence[ClipMeasures], report: QualityReport) -> Iterator[str]:
    dropped = Counter(one.cause for one in report.dropped)
    header = ("measure", *(f"{share} %" for share in _PERCENTILES), "allowed", "dropped")
    rows = [header]
    for row in _rows(report.thresholds):
        known = [value for one in measures if (value := row.read(one)) is not None]
        found = np.percentile(known, _PERCENTILES) if known else ()
        figures = [f"{value:.{row.places}f}" for value in found] or ["n/a"] * len(_PERCENTILES)
        rows.append((row.name, *figures, row.allowed, str(sum(dropped[cause] for cause in row.causes))))
    yield from align(rows)


def _rows(quality: Quality) -> tuple[_Row, ...]:
    return (
        _Row(
            "shorter side, pixels",
            lambda one: min(one.height_px, one.width_px),
            0,
            f"from {quality.side_px}",
            ("resolution",),
        ),
        _Row("length, seconds", lambda one: one.seconds, 2, "any", ()),
        _Row(
            "compression, 1 bad to 10",
            lambda one: one.compression,
            2,
            f"from {quality.compression:g}",
            ("compression",),
        ),
        _Row(
            "mean grey level",
            lambda one: one.brightness,
            1,
            f"{quality.darkest:g} to {quality.brightest:g}",
            ("exposure",),
        ),
        _Row("spread of grey levels", lambda one: one.contrast, 1, f"from {quality.contrast:g}", ("contrast",)),
        _Row(
            "largest share that moves, %",
            lambda one: 100 * one.motion,
            3,
            f"from {100 * quality.motion:g}",
            ("motion",),
        ),
    )


def _measure(clips: Sequence[Clip]) -> tuple[dict[str, ClipMeasures], list[Skipped]]:
    measures, skipped = {}, []
    shown = sys.stderr.isatty()
    for number, clip in enumerate(clips, 1):
        if shown:
            sys.stderr.write(f"\rclip {number}/{len(clips)}")
        try:
            measures[clip.name] = inspect_clip(clip.name, clip.path)
        except DataError as error:
            skipped.append(Skipped(clip=clip.name, reason=str(error)))
    if shown:
        sys.stderr.write("\r\033[K")
    return measures, skipped


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nexara curate", description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with clips.csv, or with fight/ and noFight/")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the verdict and every clip's figures there")
    parser.add_argument("--recipe", help="take the thresholds of this recipe's [quality] in place of the usual ones")
    return parser
