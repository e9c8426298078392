"""Footage without fights that is learnt from and never judged on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from builder.data.clips import Clip, ClipFolder, find_clips
from builder.errors import DataError


def find_negatives(directory: Path) -> ClipFolder:
    """The calm clips of a folder, as ``find_clips`` reads it. Raises ``DataError`` as it does, and when one is a fight.

    Where sources are unknown, their names begin with the folder's, so that they are not taken for those of others.
    """
    found = find_clips(directory)
    fights = [clip.name for clip in found.clips if clip.fight]
    if fights:
        raise DataError(
            f"{directory}: {len(fights)} clip(s) are labelled fight, {fights[0]} among them; negatives are noFight only"
        )
    if found.sources_known:
        return found
    name = directory.resolve().name
    return ClipFolder(tuple(clip._replace(source=f"{name}/{clip.source}") for clip in found.clips), False)


def forbid_shared(
    directory: Path,
    negatives: Mapping[Clip, str],
    real: Mapping[Clip, str],
) -> None:
    """Raise ``DataError`` when negatives, which every network learns from, share a source or a file with clips that are
    judged; clips are given with their files' SHA-256."""
    sources = {clip.source for clip in negatives} & {clip.source for clip in real}
    if sources:
        raise DataError(
            f"{directory}: source(s) {', '.join(sorted(sources))} are among the clips that are judged too; list these "
            "clips in the clips.csv of --data, or, if it is another camera, give it another name"
        )
    known = {digest: clip.name for clip, digest in real.items()}
    for clip, digest in negatives.items():
        if digest in known:
            raise DataError(f"{directory}: {clip.name} is {known[digest]} of the clips that are judged; remove it here")
