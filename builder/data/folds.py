"""Folds that never split a source, and folds that do, to compare with figures published on such."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Literal

import numpy as np

from builder.data.clips import LABELS, Clip
from builder.errors import DataError

FoldProtocol = Literal["grouped", "random"]


def grouped_folds(clips: Sequence[Clip], count: int, rng: np.random.Generator) -> tuple[tuple[Clip, ...], ...]:
    """Share sources out to ``count`` folds of nearly equal size and class balance.

    Sources go, largest first (ties in drawn order), each to a fold that is still empty, then to the one where it leaves
    the folds' fights and calm clips most even. Raises ``DataError`` when there are fewer sources than folds.
    """
    by_source: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        by_source[clip.source].append(clip)
    if len(by_source) < count:
        raise DataError(f"{len(by_source)} source(s) cannot fill {count} folds; give clips of at least {count} sources")
    sources = sorted(by_source)
    rng.shuffle(sources)
    folds: list[list[Clip]] = [[] for _ in range(count)]
    for source in sorted(sources, key=lambda name: -len(by_source[name])):
        together = by_source[source]
        min(folds, key=lambda fold: (bool(fold), _crowding(fold, together))).extend(together)
    return tuple(tuple(fold) for fold in folds)


def random_folds(clips: Sequence[Clip], count: int, rng: np.random.Generator) -> tuple[tuple[Clip, ...], ...]:
    """Deal clips out to ``count`` folds at random, each class evenly, whatever their sources.

    Cameras then stand on both sides of each fold: its figures tell how well known cameras are judged, not new ones.
    Raises ``DataError`` when a class has fewer clips than there are folds.
    """
    folds: list[list[Clip]] = [[] for _ in range(count)]
    dealt = 0
    for label in LABELS:
        chosen = [clip for clip in clips if clip.label == label]
        if len(chosen) < count:
            raise DataError(f"{len(chosen)} clip(s) labelled {label} cannot fill {count} folds; ask for fewer folds")
        for index in rng.permutation(len(chosen)):
            # Going on where the class before ended keeps the folds' sizes even.
            folds[dealt % count].append(chosen[index])
            dealt += 1
    return tuple(tuple(fold) for fold in folds)


def forbid_overlap(train: Sequence[Clip], test: Sequence[Clip]) -> None:
    """Raise ``DataError`` when a clip stands on both sides."""
    shared = {clip.name for clip in train} & {clip.name for clip in test}
    if shared:
        raise DataError(f"clip(s) {', '.join(sorted(shared)[:3])} are both trained on and tested on")


def forbid_leakage(train: Sequence[Clip], test: Sequence[Clip]) -> None:
    """Raise ``DataError`` when a source stands on both sides: such a figure would be worth nothing."""
    shared = {clip.source for clip in train} & {clip.source for clip in test}
    if shared:
        raise DataError(f"source(s) {', '.join(sorted(shared))} are both trained on and tested on; group by source")


def _crowding(fold: Sequence[Clip], more: Sequence[Clip]) -> int:
    there = Counter(clip.label for clip in fold)
    return sum((there[label] + n) ** 2 - there[label] ** 2 for label, n in Counter(clip.label for clip in more).items())
