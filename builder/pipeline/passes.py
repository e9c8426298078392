"""What makes a fold's student smaller: channels that go, weights that become zero or share values, rounding learnt."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from builder.compression.clustering import Clusterer
from builder.compression.pruning import Pruner
from builder.compression.quantization_aware import QuantizationTrainer
from builder.compression.recovery import Recovery
from builder.compression.slimming import Slimmer
from builder.recipe import Clustering, Pruning, QuantizationAware, Recipe, Slimming
from builder.stages import Stage
from builder.training.network import Network, save_weights

LOSSES = "losses.json"
Smaller = tuple[Network, dict[str, tuple[float, ...]]]
"""A network that a pass left, and its losses per epoch."""
# In the keys of stages: those that learnt from the student before it was pruned are others.
_ITSELF = ("as itself",)
Run = Callable[[str, object, Callable[[Path], None]], Stage]


class FoldParts(NamedTuple):
    """What a fold gives its passes: ``run`` runs a stage, ``network`` reads the student that one left, ``recovery`` is
    what that goes on learning from, and ``windows`` so many views of each clip that is learnt from and not drawn."""

    run: Run
    network: Callable[[Stage], Network]
    recovery: Callable[[], Recovery]
    windows: Callable[[int], NDArray[np.uint8]]


def run_passes(recipe: Recipe, student: Stage, parts: FoldParts) -> tuple[Stage, ...]:
    """The stages of those passes that the recipe asks for, each on what the one before left of the ``student``."""
    kept_float = recipe.quantization.kept_float
    asked: list[tuple[str, Any, object, Callable[[Any, Network, Network, FoldParts], Smaller]]] = [
        ("slim", recipe.slimming, (), _slim),
        ("prune", recipe.pruning, (), _prune),
        ("cluster", recipe.clustering, _ITSELF, _cluster),
        ("round", recipe.quantization_aware, (*kept_float, *_ITSELF), partial(_round, kept_float)),
    ]
    done = [student]
    for name, spec, more, make in asked:
        if spec is not msgspec.UNSET:
            work = partial(_leave, partial(make, spec), student, done[-1], parts)
            inputs = (done[-1].key, spec, more) if more else (done[-1].key, spec)
            done.append(parts.run(name, inputs, work))
    return tuple(done[1:])


def _leave(
    make: Callable[[Network, Network, FoldParts], Smaller],
    student: Stage,
    before: Stage,
    parts: FoldParts,
    directory: Path,
) -> None:
    smaller, losses = make(parts.network(before), parts.network(student), parts)
    save_weights(smaller, directory)
    (directory / LOSSES).write_bytes(msgspec.json.encode(losses))


def _slim(slimming: Slimming, network: Network, whole: Network, parts: FoldParts) -> Smaller:
    return Slimmer(parts.recovery(), slimming, parts.windows(slimming.views)).slim(network, whole)


def _prune(pruning: Pruning, network: Network, whole: Network, parts: FoldParts) -> Smaller:
    return Pruner(parts.recovery(), pruning).prune(network, whole)


def _cluster(clustering: Clustering, network: Network, _whole: Network, parts: FoldParts) -> Smaller:
    return Clusterer(parts.recovery(), clustering, parts.windows(clustering.views)).cluster(network)


def _round(
    kept_float: tuple[str, ...], asked: QuantizationAware, network: Network, _whole: Network, parts: FoldParts
) -> Smaller:
    return QuantizationTrainer(parts.recovery(), asked, kept_float, parts.windows(asked.views)).train(network)
