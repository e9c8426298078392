"""Clips that are there twice, and sources that are one camera."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Literal

import msgspec

from builder.data.clips import Clip
from builder.quality.clip_hash import HashTable
from builder.quality.inspection import ClipMeasures
from builder.quality.thresholds import Quality

_AROUND = 4
"""Single pictures of clips whose mean distance is within a threshold may be this much above it."""


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Two clips that are one recording (``copy``), or two sources that one camera filmed (``view``), with the mean
    number of bits by which their pictures and changes differ. ``shift_s`` is how much later the second shows it."""

    kind: Literal["copy", "view"]
    clips: tuple[str, str]
    sources: tuple[str, str]
    labels: tuple[str, str]
    pictures: float
    changes: float
    shift_s: float

    def __str__(self) -> str:
        first, second = (
            f"{clip} ({label}, {source})"
            for clip, label, source in zip(self.clips, self.labels, self.sources, strict=True)
        )
        return f"{first} and {second}: {self.pictures:.1f} and {self.changes:.1f} of 64 bits, {self.shift_s:+.2f} s"


def find_pairs(clips: Sequence[Clip], measures: Sequence[ClipMeasures], quality: Quality) -> tuple[Pair, ...]:
    """Every copy, and every view that two sources share, among aligned ``clips`` and ``measures``.

    Clips in which nothing moves cannot be told from each other and are never copies.
    """
    tables = [HashTable(one.hashes) for one in measures]
    most = max(quality.same_pictures, quality.same_view) + _AROUND
    found = []
    for one, other in combinations(range(len(clips)), 2):
        if tables[one].nearest(tables[other]) > most:
            continue
        distance = tables[one].distance(tables[other])
        copied = distance.pictures <= quality.same_pictures and distance.changes <= quality.same_changes
        viewed = distance.pictures <= quality.same_view and clips[one].source != clips[other].source
        if copied or viewed:
            found.append(
                Pair(
                    kind="copy" if copied else "view",
                    clips=(clips[one].name, clips[other].name),
                    sources=(clips[one].source, clips[other].source),
                    labels=(clips[one].label, clips[other].label),
                    pictures=round(distance.pictures, 2),
                    changes=round(distance.changes, 2),
                    shift_s=round(distance.shift_s, 2),
                )
            )
    return tuple(found)


def join_sources(sources: Sequence[str], pairs: Sequence[Pair]) -> dict[str, str]:
    """The group of each source: sources that share a recording or a view are one, named by all of them."""
    group = {source: frozenset({source}) for source in sources}
    for pair in pairs:
        together = group[pair.sources[0]] | group[pair.sources[1]]
        group.update(dict.fromkeys(together, together))
    return {source: "+".join(sorted(joined)) for source, joined in group.items()}
