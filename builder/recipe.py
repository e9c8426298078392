"""A recipe: everything about a build that is a choice, as TOML."""

from __future__ import annotations

import math
from importlib import resources
from pathlib import Path
from typing import Annotated

import msgspec

from builder.alarms.choice import SURE
from builder.compilation.catalogue import CPU_TARGETS, Target, released
from builder.compilation.rounding import Rounding
from builder.data.degradation import Degradation
from builder.errors import RecipeError
from builder.evaluation.poisson import silence_needed
from builder.members import Count, Member, Members, NetworkSpec
from builder.quality.thresholds import Quality
from builder.training.calibration import Method
from builder.training.fit import Distillation, Schedule
from builder.training.held_out import Validation
from builder.training.oversampling import Oversampling
from builder.training.views import Augmentation
from models.manifest import Geometry, Preprocessing

FOLDS_WHEN_ONE_IS_JUDGED = 3


class Folds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``count`` grouped folds, of which the first ``judged`` are trained without and judged on; the network that was
    trained without the first one ships. When not all are judged, the fold after each is kept for calibration."""

    count: Annotated[int, msgspec.Meta(ge=2)] = 5
    judged: Count = 5
    seed: int = 0


class SceneClips(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Drawn clips beside the real ones in training, every second of ``clips`` a fight and none of ``calm``; they are
    never judged on. Each counts as much as ``weight`` real ones: many that count little show more of what calm people
    do than few that count much, and drown no real clip. An epoch of tuning or pruning shows no more than ``shown`` of
    them, drawn anew each time and counting for all. With a ``margin`` members learn from no scene, and what the teacher
    says of one is its label, by so many logits: about as sure as members are of clips that they have learnt from."""

    clips: Annotated[int, msgspec.Meta(ge=4)] = 40
    calm: Annotated[int, msgspec.Meta(ge=0)] | msgspec.UnsetType = msgspec.UNSET
    seconds: Annotated[float, msgspec.Meta(ge=2)] = 4.0
    seed: int = 1
    weight: Annotated[float, msgspec.Meta(gt=0)] | msgspec.UnsetType = msgspec.UNSET
    shown: Count | msgspec.UnsetType = msgspec.UNSET
    margin: Annotated[float, msgspec.Meta(gt=0)] | msgspec.UnsetType = msgspec.UNSET


class Negatives(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Folders of clips without fights, as ``nexara mine`` writes them, beside the others in training; they are never
    judged on. Paths are relative to where the command runs."""

    folders: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


class Student(NetworkSpec, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``views`` a clip are drawn once; the teacher judges just the views that the student learns from."""

    seed: int = 11
    views: Count = 8
    distillation: Distillation = msgspec.field(default_factory=Distillation)


class Slimming(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Luo et al., ThiNet (ICCV 2017) and Kurtić et al., ZipLM (NeurIPS 2023): channels are taken out of the student's
    encoder until it costs ``keep`` of what it did, and what is left is fitted to what they gave.

    With ``tune`` the narrower encoder then learns to embed the panes of ``views`` views of each real clip as the whole
    one does, and with ``probe`` the head is learnt anew, by distillation, on what it makes of the teacher's views.
    Raises ``ValueError`` when its schedule asks for what there is not where no label is learnt from.
    """

    keep: Annotated[float, msgspec.Meta(gt=0, lt=1)]
    views: Count = 4
    tune: Schedule | None = None
    probe: Schedule | None = None

    def __post_init__(self) -> None:
        _require_no_labels(self.tune)


class Clustering(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Han et al., Deep compression (ICLR 2016): no kernel of the student's encoder has more than ``values`` values
    beside zero; ``views``, ``tune`` and ``probe`` are as in ``Slimming``, of which it raises what that raises."""

    values: Annotated[int, msgspec.Meta(ge=2, le=256)] = 32
    views: Count = 4
    tune: Schedule | None = None
    probe: Schedule | None = None

    def __post_init__(self) -> None:
        _require_no_labels(self.tune)


class QuantizationAware(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Jacob et al., Quantization and training of neural networks (CVPR 2018): the student's encoder learns by ``tune``
    to embed as it did while it is rounded as int8 will; ``views`` and ``probe`` are as in ``Slimming``, of which it
    raises what that raises."""

    views: Count = 4
    tune: Schedule
    probe: Schedule | None = None

    def __post_init__(self) -> None:
        _require_no_labels(self.tune)


def _require_no_labels(tune: Schedule | None) -> None:
    asked = ("focal", "class_weights", "mixing", "swa", "stopping")
    if found := [name for name in asked if tune and getattr(tune, name) is not msgspec.UNSET]:
        raise ValueError(f"tune sets {', '.join(found)}; only embeddings are learnt from here, so leave it out")


class Pruning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Zhu & Gupta, To prune or not to prune (2017): magnitudes, by a polynomial schedule up to ``sparsity``.

    ``hint`` weighs how far the pruned network's embeddings may stray from those of the whole one (Romero et al.,
    FitNets, ICLR 2015): thousands of numbers a clip to learn from in the place of two. With ``probe`` the
    head is learnt anew on the embeddings of the pruned encoder.
    Raises ``ValueError`` when its schedule would go back to weights of before they were pruned, or mixes what hints are
    not known of.
    """

    sparsity: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.5
    hint: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    tune: Schedule
    probe: Schedule | None = None

    def __post_init__(self) -> None:
        if self.tune.stopping is not msgspec.UNSET:
            raise ValueError("tune.stopping is set; the best weights may be those before pruning, so leave it out here")
        if self.hint and self.tune.mixing is not msgspec.UNSET:
            raise ValueError("hint and tune.mixing are both set; nothing hints at mixed windows, so leave one out")


class Quantization(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``clips`` of the training clips give the ranges of int8 and what rounding is fitted to: each weight goes up or
    down for the sake of what its layer gives (``fitted``), or to the nearest (``nearest``). ``float_layers`` are those
    convolutions of the student's encoder that int8 files keep in float."""

    clips: Count = 60
    rounding: Rounding = "fitted"
    float_layers: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] | msgspec.UnsetType = msgspec.UNSET

    @property
    def kept_float(self) -> tuple[str, ...]:
        """The convolutions that int8 files keep in float, none where none is named."""
        return () if self.float_layers is msgspec.UNSET else self.float_layers


class CalibrationSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``temperature`` alone (Guo et al. 2017), or with a shift beside it (``platt``, 1999)."""

    method: Method = "platt"


DRAWN_FIGHTS = 240
"""Of fewer than a hundred, one fight is more than the wake threshold may cost."""


class Alarms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thresholds that surely keep to ``per_hour`` false alarms, measured on ``minutes`` of drawn calm streams of
    ``seconds`` each, every one a place of its own. No ``seed`` gives a stream that ``scenes`` trains on. On ``fights``
    drawn fights the wake threshold is chosen; 0 keeps the one that lets most glances at fights through."""

    per_hour: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    minutes: Annotated[float, msgspec.Meta(gt=0, le=600)] = 200.0
    seconds: Annotated[float, msgspec.Meta(ge=2, le=1800)] = 60.0
    seed: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 2
    fights: Annotated[int, msgspec.Meta(ge=0, le=1000)] = DRAWN_FIGHTS


class Gate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A build fails when an artifact loses more than ``accuracy``, or judges more of the clips otherwise than the share
    ``flips``, against the float student, or the packed bundle is larger than ``megabytes``."""

    accuracy: float = 0.01
    flips: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.02
    megabytes: float = 8.0


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole build."""

    name: str
    version: str
    geometry: Geometry
    preprocessing: Preprocessing
    folds: Folds
    scenes: SceneClips | None = None
    quality: Quality | None = None
    negatives: Negatives | None = None
    degradation: Degradation | None = None
    augmentation: Augmentation = msgspec.field(default_factory=Augmentation)
    oversampling: Oversampling | msgspec.UnsetType = msgspec.UNSET
    validation: Validation | msgspec.UnsetType = msgspec.UNSET
    members: Members
    student: Student
    slimming: Slimming | msgspec.UnsetType = msgspec.UNSET
    pruning: Pruning | msgspec.UnsetType = msgspec.UNSET
    clustering: Clustering | msgspec.UnsetType = msgspec.UNSET
    quantization_aware: QuantizationAware | msgspec.UnsetType = msgspec.UNSET
    quantization: Quantization = msgspec.field(default_factory=Quantization)
    targets: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = tuple(target.name for target in CPU_TARGETS)
    calibration: CalibrationSpec = msgspec.field(default_factory=CalibrationSpec)
    alarms: Alarms | None = None
    gate: Gate = msgspec.field(default_factory=Gate)

    @property
    def scene_margin(self) -> float | None:
        """By how many logits the teacher says the label of a scene, or ``None`` where members learn from scenes too."""
        return None if self.scenes is None or self.scenes.margin is msgspec.UNSET else self.scenes.margin

    def each_member(self) -> tuple[Member, ...]:
        """Every member of the ensemble."""
        return self.members.each(self.preprocessing)

    def released(self) -> tuple[Target, ...]:
        """What the bundle is compiled for."""
        return released(self.targets)


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
    _require_targets(recipe, where)
    if recipe.student.backbone.root is True:
        raise RecipeError(
            f"{where}: student.backbone sets root, which no int8 engine computes; set it for members, or leave it out"
        )
    if msgspec.UNSET not in {recipe.clustering, recipe.quantization_aware}:
        raise RecipeError(
            f"{where}: clustering and quantization_aware are both set; weights that learn on share no values, so keep "
            "one"
        )
    _require_canvas(recipe, where)
    _require_validation(recipe, where)
    if recipe.alarms is not None:
        _require_minutes(recipe.alarms, where)
    return recipe


def with_all_folds(recipe: Recipe, count: int | None = None) -> Recipe:
    """The recipe with all of its folds judged, ``count`` of them where that is given."""
    count = count or recipe.folds.count
    return msgspec.structs.replace(recipe, folds=Folds(count=count, judged=count, seed=recipe.folds.seed))


def further_seeds(own: tuple[int, ...], count: int) -> tuple[int, ...]:
    """``count`` different seeds: a recipe's own first, then those after its highest."""
    after = max(own) + 1
    return (*own, *range(after, after + count))[:count]


def _require_minutes(alarms: Alarms, where: str) -> None:
    needed = 60 * silence_needed(SURE, alarms.per_hour)
    if alarms.minutes < needed:
        raise RecipeError(
            f"{where}: alarms.minutes is {alarms.minutes:g}; at least {math.ceil(needed)} are needed before silence "
            f"makes {SURE:.0%} sure of no more than {alarms.per_hour:g} an hour"
        )


def _require_folds(folds: Folds, where: str) -> None:
    if folds.judged not in {1, folds.count}:
        raise RecipeError(f"{where}: folds.judged is {folds.judged}; judge 1 fold or all {folds.count}")
    if folds.judged < folds.count < FOLDS_WHEN_ONE_IS_JUDGED:
        raise RecipeError(
            f"{where}: folds.count is {folds.count}; at least {FOLDS_WHEN_ONE_IS_JUDGED} are needed to judge one: it, "
            "one for calibration, and one to learn from"
        )


def _require_targets(recipe: Recipe, where: str) -> None:
    try:
        recipe.released()
    except ValueError as error:
        raise RecipeError(f"{where}: targets: {error}") from error


def _require_canvas(recipe: Recipe, where: str) -> None:
    if recipe.preprocessing.close_up is not None:
        return
    for variant in recipe.members.variants:
        asked = "size" if variant.size is not None else "share"
        if variant.size is not None or variant.share is not None:
            raise RecipeError(
                f"{where}: members.variants {variant.name} sets {asked}, and clips are kept in the size of one pane; "
                f"give [preprocessing.close_up], on whose canvas they are kept larger, or leave {asked} out"
            )


def _require_validation(recipe: Recipe, where: str) -> None:
    schedules = {
        f"{name}.{part}": schedule
        for name, spec in (("members", recipe.members), ("student", recipe.student))
        for part, schedule in (("probe", spec.probe), ("tune", spec.tune))
        if schedule is not None
    }
    stopping = [name for name, schedule in schedules.items() if schedule.stopping is not msgspec.UNSET]
    if recipe.members.averaging is not msgspec.UNSET and recipe.validation is msgspec.UNSET:
        raise RecipeError(
            f"{where}: members.averaging is {recipe.members.averaging} and nothing is held out to weigh members by; "
            "give [validation], or leave averaging out"
        )
    if stopping and recipe.validation is msgspec.UNSET:
        raise RecipeError(
            f"{where}: {', '.join(stopping)} set stopping and nothing is held out to stop by; give [validation], or "
            "leave stopping out"
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
