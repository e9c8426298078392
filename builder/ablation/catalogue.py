"""Every technique that a recipe can switch, one row each; a new one needs a row here and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from builder.ablation.technique import Network, Patch, Technique, patch_recipe
from builder.errors import RecipeError
from builder.recipe import Recipe

OF_STUDENT: frozenset[Network] = frozenset({"student"})
OF_TEACHERS: frozenset[Network] = frozenset({"member", "ensemble"})
OF_ENSEMBLE: frozenset[Network] = frozenset({"ensemble", "student"})


def _everywhere(key: str, value: object) -> Patch:
    """The same value in the last training of members and of the student."""
    return {f"members.tune.{key}": value, f"student.tune.{key}": value}


CATALOGUE: tuple[Technique, ...] = (
    Technique(
        "second-difference",
        "second difference of three frames, against the grey picture",
        "decision 30 of this project",
        {"preprocessing.channels": ["acceleration"]},
        {"preprocessing.channels": ["grey"]},
    ),
    Technique(
        "second-over-first",
        "second difference of three frames, against the first",
        "decision 30 of this project",
        {"preprocessing.channels": ["acceleration"], "preprocessing.difference_gain": 4.0},
        {"preprocessing.channels": ["diff_forward"], "preprocessing.difference_gain": 2.0},
    ),
    Technique(
        "appearance",
        "the grey picture beside the second difference",
        "Simonyan & Zisserman, Two-stream convolutional networks (2014), fused at the input",
        {"preprocessing.channels": ["acceleration", "grey"]},
        {"preprocessing.channels": ["acceleration"]},
    ),
    Technique(
        "three-differences",
        "both first differences beside the second",
        "decision 30 of this project",
        {"preprocessing.channels": ["diff_forward", "acceleration", "diff_back"]},
        {"preprocessing.channels": ["acceleration"]},
    ),
    Technique(
        "probe-then-tune",
        "a head trained on the untouched encoder before the whole is tuned",
        "Kumar et al., Fine-tuning can distort pretrained features (2022)",
        {},
        {"members.probe.epochs": 0, "student.probe.epochs": 0},
    ),
    Technique(
        "frozen-stem",
        "stem and first five blocks of the members kept as pretrained",
        "Yosinski et al., How transferable are features in deep neural networks? (2014)",
        {"members.backbone.frozen": 5},
        {"members.backbone.frozen": 0},
        OF_TEACHERS,
    ),
    Technique(
        "weight-averaging",
        "exponential moving average of the weights",
        "Polyak & Juditsky, Acceleration of stochastic approximation by averaging (1992)",
        _everywhere("averaging", 0.98),
        _everywhere("averaging", 0.0),
    ),
    Technique(
        "label-smoothing",
        "labels of 0.95 and 0.05",
        "Szegedy et al., Rethinking the Inception architecture (2016)",
        _everywhere("label_smoothing", 0.1),
        _everywhere("label_smoothing", 0.0),
    ),
    Technique(
        "scenes",
        "drawn clips beside the real ones in training",
        "this project's scenes",
        {"scenes": {"clips": 24, "seconds": 3.0, "seed": 1}},
        {"scenes": None},
    ),
    Technique(
        "zoom",
        "a part of the picture in the place of all of it",
        "Szegedy et al., Going deeper with convolutions (2015)",
        {"augmentation.zoom": 0.75},
        {"augmentation.zoom": 1.0},
    ),
    Technique(
        "flip",
        "mirrored views",
        "Krizhevsky et al., ImageNet classification with deep CNNs (2012)",
        {"augmentation.flip": 0.5},
        {"augmentation.flip": 0.0},
    ),
    Technique(
        "speed",
        "clips played faster and slower",
        "Epstein et al., SpeedNet (2020), as augmentation",
        {"augmentation.speed": 0.25},
        {"augmentation.speed": 0.0},
    ),
    Technique(
        "light",
        "contrast and brightness changed",
        "Howard, Some improvements on deep CNN based image classification (2013)",
        {"augmentation.contrast": 0.3, "augmentation.brightness": 25.0},
        {"augmentation.contrast": 0.0, "augmentation.brightness": 0.0},
    ),
    Technique(
        "gain",
        "differences made stronger and weaker",
        "this project: cameras differ in contrast of motion",
        {"augmentation.gain": 0.3},
        {"augmentation.gain": 0.0},
    ),
    Technique(
        "noise",
        "grain of a sensor",
        "Sietsma & Dow, Creating artificial neural networks that generalize (1991)",
        {"augmentation.noise": 4.0},
        {"augmentation.noise": 0.0},
    ),
    Technique(
        "reverse",
        "time reversed",
        "Misra et al., Shuffle and learn (2016), as augmentation",
        {"augmentation.reverse": 0.3},
        {"augmentation.reverse": 0.0},
    ),
    Technique(
        "short-windows",
        "windows that are not yet full, as after a camera wakes",
        "this project: the agent's first verdicts",
        {"augmentation.short": 0.15},
        {"augmentation.short": 0.0},
    ),
    Technique(
        "ensemble",
        "three members in the place of one",
        "Lakshminarayanan et al., Simple and scalable predictive uncertainty (2017)",
        {"members.seeds": [1, 2, 3]},
        {"members.seeds": [1]},
        OF_ENSEMBLE,
    ),
    Technique(
        "distillation",
        "0.7 of the loss from the teacher's softened probabilities",
        "Hinton et al., Distilling the knowledge in a neural network (2015)",
        {"student.distillation.soft": 0.7},
        {"student.distillation.soft": 0.0},
        OF_STUDENT,
    ),
    Technique(
        "pruning",
        "half of the weights set to zero, against as much training without",
        "Zhu & Gupta, To prune, or not to prune (2017)",
        {"pruning.sparsity": 0.5},
        {"pruning.sparsity": 0.0},
        OF_STUDENT,
    ),
)


def choose(names: Sequence[str] | None, network: Network, recipe: Recipe) -> tuple[Technique, ...]:
    """The techniques named, or all that make a difference to ``network``, each checked against ``recipe``.

    Raises ``RecipeError`` for a name that is not in the catalogue, a technique that makes no difference to
    ``network``, or a change that the recipe refuses.
    """
    by_name = {technique.name: technique for technique in CATALOGUE}
    unknown = [name for name in names or () if name not in by_name]
    if unknown:
        raise RecipeError(f"no technique named {unknown[0]!r}; there are {', '.join(by_name)}")
    aside = [name for name in names or () if network not in by_name[name].networks]
    if aside:
        fit = ", ".join(sorted(by_name[aside[0]].networks))
        raise RecipeError(f"technique {aside[0]} changes nothing for a {network}; measure it with --network {fit}")
    chosen = [by_name[name] for name in dict.fromkeys(names)] if names else list(CATALOGUE)
    for technique in chosen:
        for state, patch in (("on", technique.on), ("off", technique.off)):
            patch_recipe(recipe, patch, f"technique {technique.name} {state}")
    return tuple(technique for technique in chosen if network in technique.networks)
