"""Degraded copies beside the curated clips, made once: compressing a clip anew for each view would take too long."""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

from builder.data.clips import ClipFolder
from builder.data.degradation import Degradation, decode_degraded, shrink_clip
from builder.pipeline.curated import LIST, CuratedClips, degraded_place, with_margin
from builder.stages import FACTS, Stage, StageStore
from builder.training.fit import Progress
from models.manifest import Preprocessing


def degraded_stage(
    curated: Stage,
    found: ClipFolder,
    degradation: Degradation,
    preprocessing: Preprocessing,
    store: StageStore,
    progress: Progress,
) -> Stage:
    """The curated clips with a degraded copy of each; done again when those change or what copies are drawn from."""
    # How often a view shows the copy does not change the copy.
    drawn = msgspec.structs.replace(degradation, degrade=Degradation().degrade)
    work = partial(_degrade, curated.directory, found, drawn, preprocessing, progress=progress)
    return store.run(f"{curated.name}-degraded", (curated.key, drawn), work)


def _degrade(
    curated: Path,
    found: ClipFolder,
    degradation: Degradation,
    preprocessing: Preprocessing,
    directory: Path,
    *,
    progress: Progress,
) -> None:
    shutil.copytree(curated, directory, copy_function=_link, ignore=_without_facts, dirs_exist_ok=True)
    clips = CuratedClips(curated)
    files = {clip.name: clip for clip in found.clips}
    wide = with_margin(preprocessing)
    for number, clip in enumerate(clips.clips, 1):
        copied = shrink_clip(decode_degraded(files[clip.name], wide, degradation, degradation.seed), wide)
        np.savez(degraded_place(directory / clip.path.name), times_s=copied.times_s, wide=copied.frames)
        progress(number, len(clips.clips), clip.name)
    listed = msgspec.structs.replace(clips.listed, degraded=degradation)
    # The list is linked like the clips: a new file takes its place, lest the other stage's list be written over.
    (directory / LIST).unlink()
    (directory / LIST).write_bytes(msgspec.json.encode(listed))


def _without_facts(_: str, names: list[str]) -> set[str]:
    return {FACTS} & set(names)


def _link(source: str, target: str) -> None:
    """Share a file's content with the other stage; where the file system has no hard links, copy it."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
