"""What all folds of one recipe start from: curated clips, drawn scenes, and how the clips are dealt out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from builder.compilation.compiled import CompilationError
from builder.compilation.layer_nodes import require_layers
from builder.data.clips import Clip, ClipFolder, find_clips, require_both_classes
from builder.data.folds import FoldProtocol, grouped_folds, random_folds
from builder.data.licence import read_licence
from builder.data.negatives import find_negatives, forbid_shared
from builder.display import Display
from builder.errors import RecipeError
from builder.pipeline.curated import CuratedClips, curate, hash_clips
from builder.pipeline.degraded import degraded_stage
from builder.pipeline.fold_build import FoldBuild
from builder.pipeline.fold_clips import WHOLE, FoldClips
from builder.pipeline.learnt_clips import LearntClips
from builder.pipeline.pretrained import Embedding, Pretrained, places_of, pretrained_encoder
from builder.pipeline.sifted import quality_stage
from builder.recipe import Recipe, SceneClips
from builder.stages import Stage, StageStore
from builder.training.fit import Progress
from scenes import write_clips


class NegativeClips(NamedTuple):
    """One folder of negatives: what it is called, its licence, and where its curated clips lie."""

    name: str
    licence: str
    directory: Path


@dataclass(frozen=True, slots=True)
class PreparedClips:
    """Where the curated clips of a recipe lie, as plain data that another process, or another machine, can be given.

    ``work`` is the folder of all stages, ``scenes`` that of the curated scenes (``None`` without any); ``negatives``
    are learnt from only, as scenes are.
    """

    recipe: Recipe
    work: Path
    real: Path
    scenes: Path | None
    protocol: FoldProtocol = "grouped"
    negatives: tuple[NegativeClips, ...] = ()

    def places(self, embedding: Embedding) -> tuple[int, ...]:
        """Which parts of what is learnt from this is computed of: the real clips, scenes, each folder of negatives."""
        return places_of(embedding, self.recipe, 1 + (self.scenes is not None) + len(self.negatives))

    def folds(self) -> list[FoldClips]:
        """The folds that the recipe asks to be judged; the same whoever asks."""
        return deal_folds(CuratedClips(self.real).clips, self.recipe, self.protocol)

    def open(self, clips: FoldClips, store: StageStore, progress: Progress) -> FoldBuild:
        """One fold, ready to run its stages. Raises ``DataError`` when what it holds out is learnt from too."""
        real = CuratedClips(self.real)
        scenes = None if self.scenes is None else CuratedClips(self.scenes)
        negatives = tuple(CuratedClips(one.directory) for one in self.negatives)
        return FoldBuild(self.recipe, real, scenes, clips, store, progress, negatives)

    def pretrained(self, store: StageStore, progress: Progress) -> Pretrained:
        """What is embedded once for all folds."""
        scenes = None if self.scenes is None else CuratedClips(self.scenes)
        negatives = tuple(CuratedClips(one.directory) for one in self.negatives)
        learnt = LearntClips(self.recipe, CuratedClips(self.real), scenes, negatives)
        return Pretrained(self.recipe, learnt, store, progress)

    def whole(self) -> FoldClips:
        """The fold that learns from all clips."""
        return FoldClips(WHOLE, CuratedClips(self.real).clips, (), (), self.protocol)


def prepare(
    data: Path,
    recipe: Recipe,
    store: StageStore,
    display: Display,
    code_version: str,
    protocol: FoldProtocol = "grouped",
    workers: int = 1,
) -> PreparedClips:
    """Curate the clips of ``data`` and draw the recipe's scenes, in ``workers`` processes, each a stage that is skipped
    when it is there.

    Raises ``DataError`` when the clips are not of both classes, and ``RecipeError`` for float layers that the student
    has not, before hours have gone into it.
    """
    _require_float_layers(recipe)
    found = find_clips(data)
    require_both_classes(found.clips, data)
    _warn_of_sources(found, protocol, display)
    real = _learnt_from("curate", found, recipe, store, display)
    if recipe.quality is not None:
        real = quality_stage(found, real, recipe.quality, store, display)
    require_both_classes(CuratedClips(real).clips, data)
    scenes = _scenes(recipe, store, display, code_version, workers)
    negatives = _negatives(recipe, CuratedClips(real), store, display)
    return PreparedClips(recipe, store.root, real, scenes, protocol, negatives)


def _require_float_layers(recipe: Recipe) -> None:
    layers = recipe.quantization.kept_float
    if not layers:
        return
    try:
        require_layers(pretrained_encoder(recipe.student.backbone, recipe.preprocessing), layers)
    except CompilationError as error:
        raise RecipeError(f"quantization.{error}") from error


def curate_stage(name: str, found: ClipFolder, recipe: Recipe, store: StageStore, display: Display) -> Stage:
    """The clips found, decoded once."""
    display.stage(f"{name}: hashing {len(found.clips)} clips", False)
    digests = hash_clips(found.clips, display.progress)
    inputs = ([(clip.name, clip.label, clip.source) for clip in found.clips], digests, recipe.preprocessing.canvas)
    return store.run(
        name,
        inputs,
        lambda directory: curate(found, digests, recipe.preprocessing, directory, display.progress, display.warn),
    )


def _learnt_from(name: str, found: ClipFolder, recipe: Recipe, store: StageStore, display: Display) -> Path:
    """The directory of curated clips, with a degraded copy of each where the recipe asks for them."""
    stage = curate_stage(name, found, recipe, store, display)
    if recipe.degradation is not None:
        stage = degraded_stage(stage, found, recipe.degradation, recipe.preprocessing, store, display.progress)
    return stage.directory


def deal_folds(clips: tuple[Clip, ...], recipe: Recipe, protocol: FoldProtocol = "grouped") -> list[FoldClips]:
    """The judged folds: each clip is learnt from, judged, or kept for calibration."""
    deal = grouped_folds if protocol == "grouped" else random_folds
    folds = deal(clips, recipe.folds.count, np.random.default_rng(recipe.folds.seed))
    whole = recipe.folds.judged == recipe.folds.count
    made = []
    for number in range(recipe.folds.judged):
        spare = None if whole else (number + 1) % len(folds)
        train = [clip for other, fold in enumerate(folds) if other not in {number, spare} for clip in fold]
        made.append(FoldClips(number, tuple(train), folds[number], () if spare is None else folds[spare], protocol))
    return made


def _warn_of_sources(found: ClipFolder, protocol: FoldProtocol, display: Display) -> None:
    if protocol == "random":
        display.warn(
            "random folds: clips of one camera stand on both sides, so the figures tell how well known cameras are "
            "judged, not new ones; use them only beside figures that others published on random folds"
        )
    elif not found.sources_known:
        display.warn(
            "sources are unknown: each clip counts as its own, so clips of one camera may stand on both sides and the "
            "figures may be too good; give a clips.csv with the column source"
        )


def _negatives(recipe: Recipe, real: CuratedClips, store: StageStore, display: Display) -> tuple[NegativeClips, ...]:
    folders = recipe.negatives.folders if recipe.negatives is not None else ()
    made = []
    for number, folder in enumerate(map(Path, folders), 1):
        directory = _learnt_from(f"curate-negatives{number}", find_negatives(folder), recipe, store, display)
        forbid_shared(folder, CuratedClips(directory).digests(), real.digests())
        made.append(NegativeClips(folder.resolve().name, read_licence(folder), directory))
    return tuple(made)


def _scenes(recipe: Recipe, store: StageStore, display: Display, code_version: str, workers: int) -> Path | None:
    spec = recipe.scenes
    if spec is None:
        return None
    drawn = store.run(
        "scenes",
        (msgspec.structs.replace(spec, weight=msgspec.UNSET, shown=msgspec.UNSET, margin=msgspec.UNSET), code_version),
        lambda directory: _draw(directory, spec, workers, display),
    )
    return _learnt_from("curate-scenes", find_clips(drawn.directory), recipe, store, display)


def _draw(directory: Path, spec: SceneClips, workers: int, display: Display) -> None:
    write_clips(
        directory,
        spec.clips,
        spec.seconds,
        spec.seed,
        calm=0 if spec.calm is msgspec.UNSET else spec.calm,
        workers=workers,
        progress=lambda done, total, clip: display.progress(done, total, str(clip)),
    )
