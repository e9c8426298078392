"""A recipe: everything about a build that is a choice, as TOML."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated

import msgspec

from builder.backbones.registry import BackboneSpec
from builder.data.degradation import Degradation
from builder.errors import RecipeError
from builder.heads import HeadName
from builder.training.adversarial import Alignment
from builder.training.fit import Distillation, Schedule
from builder.training.views import Augmentation
from models.manifest import Geometry, Preprocessing

FOLDS_WHEN_ONE_IS_JUDGED = 3
Count = Annotated[int, msgspec.Meta(ge=1)]


class Folds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``count`` grouped folds, of which the first ``judged`` are trained without and judged on; the network that was
    trained without the first one ships. When not all are judged, the fold after each is kept for calibration."""

    count: Annotated[int, msgspec.Meta(ge=2)] = 5
    judged: Count = 5
    seed: int = 0


class SceneClips(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Drawn clips beside the real ones in training; they are never judged on."""

    clips: Annotated[int, msgspec.Meta(ge=4)] = 40
    seconds: Annotated[float, msgspec.Meta(ge=2)] = 4.0
    seed: int = 1


class NetworkSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network and how it is trained: first its head on ``probe_views`` embedded views a clip, then the whole.

    Source of the order: Kumar et al., fine-tuning can distort pretrained features (ICLR 2022).
    """

    backbone: BackboneSpec
    head: HeadName
    probe_views: Count = 8
    probe: Schedule
    tune: Schedule


class Members(NetworkSpec, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One member a seed; ``alignment`` of clean and degraded clips while the whole is tuned, where it is given."""

    seeds: Annotated[tuple[int, ...], msgspec.Meta(min_length=1)] = (1, 2, 3)
    alignment: Alignment | msgspec.UnsetType = msgspec.UNSET


class Student(NetworkSpec, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``views`` a clip are drawn once; the teacher judges just the views that the student learns from."""

    seed: int = 11
    views: Count = 8
    distillation: Distillation = msgspec.field(default_factory=Distillation)


class Pruning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Zhu & Gupta, To prune or not to prune (2017): magnitudes, by a polynomial schedule up to ``sparsity``."""

    sparsity: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.5
    tune: Schedule


class Quantization(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``clips`` of the training clips give the ranges of int8."""

    clips: Count = 60


class Gate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A build fails when an artifact loses more than ``accuracy`` (a share of clips), or the packed bundle is larger
    than ``megabytes``."""

    accuracy: float = 0.015
    megabytes: float = 8.0


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole build."""

    name: str
    version: str
    geometry: Geometry
    preprocessing: Preprocessing
    folds: Folds
    scenes: SceneClips | None = None
    degradation: Degradation | None = None
    augmentation: Augmentation = msgspec.field(default_factory=Augmentation)
    members: Members
    student: Student
    pruning: Pruning
    quantization: Quantization = msgspec.field(default_factory=Quantization)
    gate: Gate = msgspec.field(default_factory=Gate)


def load_recipe(name: str) -> Recipe:
    """Read a recipe by the name of one that comes with the builder, or by the path of a TOML file.

    Raises ``RecipeError`` when there is no such recipe, or naming the key that is unknown, missing or out of range.
    """
    text, where = _read(name)
    try:
        recipe = msgspec.toml.decode(text, type=Recipe)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RecipeError(f"{where}: {error}; the recipes full and quick show every key") from error
    _require_folds(recipe.folds, where)
    if recipe.members.alignment is not msgspec.UNSET and recipe.degradation is None:
        raise RecipeError(
            f"{where}: members.alignment needs degraded clips to align with; add the table [degradation], or leave out "
            "[members.alignment]"
        )
    return recipe


def _require_folds(folds: Folds, where: str) -> None:
    if folds.judged not in {1, folds.count}:
        raise RecipeError(f"{where}: folds.judged is {folds.judged}; judge 1 fold or all {folds.count}")
    if folds.judged < folds.count < FOLDS_WHEN_ONE_IS_JUDGED:
        raise RecipeError(
            f"{where}: folds.count is {folds.count}; at least {FOLDS_WHEN_ONE_IS_JUDGED} are needed to judge one: it, "
            "one for calibration, and one to learn from"
        )


def _read(name: str) -> tuple[bytes, str]:
    path = Path(name)
    if path.suffix == ".toml":
        try:
            return path.read_bytes(), name
        except OSError as error:
            raise RecipeError(f"{name}: cannot be read ({error.strerror}); give a recipe's TOML file") from error
    shipped = {entry.name.removesuffix(".toml"): entry for entry in resources.files("builder.recipes").iterdir()}
    if name not in shipped or name.startswith("_"):
        known = ", ".join(sorted(key for key in shipped if not key.startswith("_")))
        raise RecipeError(f"no recipe named {name!r}; there are {known}, or give the path of a .toml file")
    return shipped[name].read_bytes(), f"recipe {name}"
