"""Which clips are kept, which are dropped and why, and which sources are one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from builder.data.clips import Clip
from builder.quality.inspection import ClipMeasures
from builder.quality.likeness import Pair, find_pairs, join_sources
from builder.quality.thresholds import Quality

Cause = Literal["resolution", "compression", "exposure", "contrast", "motion", "copy", "contradiction"]


class Dropped(msgspec.Struct, frozen=True, kw_only=True):
    """A clip that is not learnt from nor judged, and why."""

    clip: str
    cause: Cause
    reason: str


class QualityReport(msgspec.Struct, frozen=True, kw_only=True):
    """What ``quality.json`` holds. ``kept`` gives the source of each clip that is kept, after sources were joined;
    ``joined`` lists those that became one."""

    thresholds: Quality
    kept: dict[str, str]
    dropped: tuple[Dropped, ...]
    pairs: tuple[Pair, ...]
    joined: tuple[tuple[str, ...], ...]


def judge_quality(clips: Sequence[Clip], measures: Mapping[str, ClipMeasures], quality: Quality) -> QualityReport:
    """Hold each clip against the thresholds and all of them against each other; ``measures`` are by the clip's name.

    Of copies the largest, then the longest is kept; where their labels differ, none is. Sources that share a recording
    or a view are joined, since one would be learnt from and the other judged.
    """
    bad = {clip.name: fault for clip in clips if (fault := _fault(measures[clip.name], quality)) is not None}
    good = [clip for clip in clips if clip.name not in bad]
    pairs = find_pairs(good, [measures[clip.name] for clip in good], quality)
    copies = {dropped.clip: dropped for dropped in _copies(good, pairs, measures)}
    groups = join_sources([clip.source for clip in good], pairs)
    kept = {clip.name: groups[clip.source] for clip in good if clip.name not in copies}
    members: dict[str, set[str]] = {}
    for source, group in groups.items():
        members.setdefault(group, set()).add(source)
    return QualityReport(
        thresholds=quality,
        kept=kept,
        dropped=tuple((bad | copies)[clip.name] for clip in clips if clip.name in bad or clip.name in copies),
        pairs=pairs,
        joined=tuple(sorted(tuple(sorted(joined)) for joined in members.values() if len(joined) > 1)),
    )


def _fault(measures: ClipMeasures, quality: Quality) -> Dropped | None:
    cause = next(_faults(measures, quality), None)
    return None if cause is None else Dropped(clip=measures.clip, cause=cause[0], reason=f"{measures.clip}: {cause[1]}")


def _faults(measures: ClipMeasures, quality: Quality) -> Iterator[tuple[Cause, str]]:
    side = min(measures.height_px, measures.width_px)
    if side < quality.side_px:
        size = f"{measures.width_px} x {measures.height_px} pixels"
        yield "resolution", f"{size}, at least {quality.side_px} are needed on each side"
    if measures.brightness < quality.darkest:
        yield "exposure", f"too dark: mean grey level {measures.brightness:.1f}, at least {quality.darkest:g} is needed"
    if measures.brightness > quality.brightest:
        found = f"mean grey level {measures.brightness:.1f}"
        yield "exposure", f"too bright: {found}, at most {quality.brightest:g} is allowed"
    if measures.contrast < quality.contrast:
        found = f"grey levels spread by {measures.contrast:.1f}"
        yield "contrast", f"too little contrast: {found}, at least {quality.contrast:g} is needed"
    if measures.compression is not None and measures.compression < quality.compression:
        found = f"score {measures.compression:.2f} of 10"
        yield "compression", f"lost to compression: {found}, at least {quality.compression:g} is needed"
    if measures.motion < quality.motion:
        found = f"at most {100 * measures.motion:.4f} % of the picture moves"
        yield "motion", f"frozen: {found}, at least {100 * quality.motion:.4f} % is needed"


def _copies(clips: Sequence[Clip], pairs: Sequence[Pair], measures: Mapping[str, ClipMeasures]) -> Iterator[Dropped]:
    copied = [pair for pair in pairs if pair.kind == "copy"]
    disputed = _disputed(copied)
    yield from disputed.values()
    twins: dict[str, set[str]] = {clip.name: set() for clip in clips}
    for pair in copied:
        twins[pair.clips[0]].add(pair.clips[1])
        twins[pair.clips[1]].add(pair.clips[0])
    kept: set[str] = set()
    undisputed = (clip.name for clip in clips if clip.name not in disputed)
    for name in sorted(undisputed, key=lambda name: _preference(measures[name])):
        better = min(kept & twins[name], default=None)
        if better is None:
            kept.add(name)
        else:
            yield Dropped(clip=name, cause="copy", reason=f"{name}: the same recording as {better}")


def _disputed(copied: Sequence[Pair]) -> dict[str, Dropped]:
    disputed = {}
    for pair in copied:
        if pair.labels[0] != pair.labels[1]:
            for one, other in (pair.clips, pair.clips[::-1]):
                reason = f"{one}: the same recording as {other}, which has the other label"
                disputed[one] = Dropped(clip=one, cause="contradiction", reason=reason)
    return disputed


def _preference(measures: ClipMeasures) -> tuple[float, float, str]:
    return -measures.height_px * measures.width_px, -measures.seconds, measures.clip
