"""Clips sifted for their quality: measured once, then held against thresholds that may change."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec

from builder.data.clips import Clip, ClipFolder
from builder.display import Display
from builder.pipeline.curated import CuratedClips, keep_clips
from builder.quality.inspection import ClipMeasures, inspect_clip
from builder.quality.thresholds import Quality
from builder.quality.verdict import QualityReport, judge_quality
from builder.stages import Stage, StageStore
from builder.training.fit import Progress

MEASURES = "measures.json"
QUALITY = "quality.json"


def quality_stage(found: ClipFolder, curated: Path, quality: Quality, store: StageStore, display: Display) -> Path:
    """The directory that lists the curated clips that are good enough, with ``quality.json`` beside the list.

    What was dropped, and which sources were joined, is told in every build, not only in the one that measured.
    """
    listed = CuratedClips(curated).listed.clips
    digests = {clip.name: clip.sha256 for clip in listed}
    clips = [clip for clip in found.clips if clip.name in digests]
    inspected = store.run("inspect", digests, partial(_inspect, clips, display.progress))
    # The list points into that very folder of pictures, whose size, or degraded copies, may change without the clips.
    inputs = (inspected.key, curated.name, [(clip.name, clip.label, clip.source) for clip in clips], quality)
    sifted = store.run("quality", inputs, partial(_sift, clips, inspected, curated, quality)).directory
    report = msgspec.json.decode((sifted / QUALITY).read_bytes(), type=QualityReport)
    for dropped in report.dropped:
        display.warn(f"dropped {dropped.reason}")
    for sources in report.joined:
        display.warn(f"sources {', '.join(sources)} share footage or a camera: they count as one")
    return sifted


def _inspect(clips: Sequence[Clip], progress: Progress, directory: Path) -> None:
    measures = []
    for number, clip in enumerate(clips, 1):
        measures.append(inspect_clip(clip.name, clip.path))
        progress(number, len(clips), clip.name)
    (directory / MEASURES).write_bytes(msgspec.json.encode(measures))


def _sift(clips: Sequence[Clip], inspected: Stage, curated: Path, quality: Quality, directory: Path) -> None:
    measures = msgspec.json.decode((inspected.directory / MEASURES).read_bytes(), type=tuple[ClipMeasures, ...])
    report = judge_quality(clips, {one.clip: one for one in measures}, quality)
    (directory / QUALITY).write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2))
    keep_clips(curated, report, directory)
