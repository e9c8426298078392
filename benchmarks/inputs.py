"""What a sample should be made of: every input variant judged by the same frozen network and the simplest classifier.

Each clip's samples go through an ImageNet EfficientNet-Lite0 that never changes; a clip is the mean and the standard
deviation over time of its pooled features; L2-regularised logistic regression judges them in folds that never split a
source. Everything but the input is equal. Usage: ``python -m benchmarks.inputs --data DIR``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.input_variants import SHIPPED, VARIANTS, Planes, Variant
from benchmarks.logistic import held_out_probabilities
from benchmarks.outcome import machine_line, run, tell, write_json
from builder.backbones.registry import BackboneSpec, build_backbone
from builder.data.clips import Clip, find_clips, require_both_classes
from builder.data.decode import DecodedClip, decode_clip
from builder.data.folds import grouped_folds
from builder.data.samples import nearest_frames, sample_times
from builder.errors import DataError
from builder.evaluation.intervals import Metric, bootstrap, resample
from builder.evaluation.metrics import Reals, accuracies, aucs
from builder.evaluation.scores import ScoreTable
from builder.framework import load_keras, load_tensorflow
from builder.recipe import Recipe, load_recipe
from models.errors import NexaraError
from models.manifest import Interval
from runtimes.bench.table import table_lines

if TYPE_CHECKING:
    import tf_keras

DECISION = 0.5
_SEED = 20_261_123

Rival = TypeVar("Rival")
Features = Mapping[str, NDArray[np.float64]]
Encode = Callable[[Planes], NDArray[np.float64]]
"""Samples ``(K, H, W, 3) float32`` in -1..1 to pooled features ``(K, D)``."""


class Encoder(NamedTuple):
    """A frozen network and how many weights it has."""

    encode: Encode
    parameters: int


class VariantError(NexaraError):
    """An input variant was asked for that does not exist."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One rival, each figure a mean over the fold seeds with its 95 % interval over sources.

    ``less`` is its AUC less that of the reference, on the same resamples (``None`` where that was not judged, or is
    this one).
    """

    name: str
    auc: Interval
    accuracy: Interval
    less: Interval | None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All that the benchmark found."""

    data: str
    clips: int
    sources: int
    folds: int
    seeds: int
    judged: tuple[Judged, ...]


def main(argv: list[str]) -> int:
    """Judge input variants on a folder of clips."""
    arguments = _parser().parse_args(argv)
    variants = chosen_rivals(arguments.variants, VARIANTS)
    clips = find_clips(arguments.data).clips
    require_both_classes(clips, arguments.data)
    recipe = load_recipe("full")
    encode = load_encoder(BackboneSpec(), recipe.preprocessing.size).encode
    features = embed_clips(clips, {key: (variant, encode) for key, variant in variants.items()}, recipe, count_clips)
    named = {variant.name: features[key] for key, variant in variants.items()}
    kept, tables = judge_rivals(clips, named, arguments.folds, arguments.seeds)
    result = Result(
        data=arguments.data.resolve().name,
        clips=len(kept),
        sources=len({clip.source for clip in kept}),
        folds=arguments.folds,
        seeds=arguments.seeds,
        judged=tuple(summarise(tables, VARIANTS[SHIPPED].name)),
    )
    tell(describe(result))
    write_json(arguments.json, result)
    return 0


def load_encoder(spec: BackboneSpec, size: tuple[int, int]) -> Encoder:
    """A backbone with its ImageNet weights, pooled over the picture; raises ``WeightsError``."""
    return pooled_encoder(build_backbone(spec, size, 3).features, size)


def pooled_encoder(features: tf_keras.Model, size: tuple[int, int]) -> Encoder:
    """A network of feature maps, pooled over the picture."""
    keras, tf = load_keras(), load_tensorflow()
    network = keras.Model(features.input, keras.layers.GlobalAveragePooling2D()(features.output))
    call = tf.function(
        lambda x: network(x, training=False), input_signature=[tf.TensorSpec((None, *size, 3), tf.float32)]
    )
    return Encoder(lambda samples: np.asarray(call(tf.constant(samples)), dtype=np.float64), network.count_params())


def embed_clips(
    clips: Sequence[Clip],
    rivals: Mapping[str, tuple[Variant, Encode]],
    recipe: Recipe,
    progress: Callable[[int, int, str], None],
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Features ``(2 D,)`` by rival (an input and what encodes it) and clip.

    Each clip is decoded once, and one that cannot be is left out.
    """
    found: dict[str, dict[str, NDArray[np.float64]]] = {key: {} for key in rivals}
    for number, clip in enumerate(clips, 1):
        try:
            decoded = decode_clip(clip.path, msgspec.structs.replace(recipe.preprocessing, close_up=None))
        except DataError as error:
            sys.stderr.write(f"left out {error}\n")
            continue
        instants = sample_times(float(decoded.times_s[-1]), recipe.geometry)
        for key, (variant, encode) in rivals.items():
            pooled = encode(variant.sample(*_frames(decoded, instants, variant.gap_s)))
            found[key][clip.name] = over_time(pooled)
        progress(number, len(clips), clip.name)
    return found


def over_time(pooled: NDArray[np.float64]) -> NDArray[np.float64]:
    """A clip's features ``(2 D,)``: mean and standard deviation over time of those of its samples ``(K, D)``."""
    return np.concatenate([pooled.mean(axis=0), pooled.std(axis=0)])


def judge_rivals(
    clips: Sequence[Clip], features: Mapping[str, Features], folds: int, seeds: int
) -> tuple[tuple[Clip, ...], dict[str, list[ScoreTable]]]:
    """The clips that could be read, and how each rival judges them in the folds of each seed, by its name.

    Raises ``DataError``.
    """
    readable = next(iter(features.values()))
    kept = tuple(clip for clip in clips if clip.name in readable)
    return kept, {name: [judge(kept, found, folds, seed) for seed in range(seeds)] for name, found in features.items()}


def judge(clips: Sequence[Clip], features: Features, folds: int, seed: int) -> ScoreTable:
    """Each clip's probability from a classifier that saw no clip of its source. Raises ``DataError``."""
    grouped = grouped_folds(clips, folds, np.random.default_rng(seed))
    told: dict[str, float] = {}
    for held in grouped:
        train = [clip for fold in grouped if fold is not held for clip in fold]
        labels = np.array([clip.fight for clip in train], dtype=np.int64)
        rows, asked = (np.stack([features[clip.name] for clip in part]) for part in (train, held))
        told.update(zip([clip.name for clip in held], held_out_probabilities(rows, labels, asked), strict=True))
    probabilities = np.array([told[clip.name] for clip in clips])
    sources = np.array([clip.source for clip in clips], dtype=np.str_)
    return ScoreTable(
        labels=np.array([clip.fight for clip in clips], dtype=np.int64),
        margins=np.log(probabilities / (1 - probabilities)),
        probabilities=probabilities,
        groups=np.unique(sources, return_inverse=True)[1].reshape(-1).astype(np.int64),
    )


def summarise(tables: Mapping[str, Sequence[ScoreTable]], reference: str) -> Iterator[Judged]:
    """Figures of each rival by name, all on the same resamples of sources."""
    weights = resample(next(iter(tables.values()))[0], np.random.default_rng(_SEED))
    for name, judged in tables.items():
        against = tables.get(reference) if name != reference else None
        yield Judged(
            name=name,
            auc=_figure(judged, _area(judged), weights),
            accuracy=_figure(judged, _rightness(judged), weights),
            less=None if against is None else _figure(judged, _less(_area(judged), _area(against)), weights),
        )


def describe(result: Result) -> Iterator[str]:
    """The lines that the benchmark prints."""
    yield machine_line()
    yield (
        f"{result.data}: {result.clips} clips of {result.sources} sources, {result.folds} folds grouped by source, "
        f"mean of {result.seeds} ways to draw them"
    )
    yield ""
    rows = [(judged.name, *told_judged(judged)) for judged in result.judged]
    yield from table_lines(("input", "AUC", "accuracy", "AUC less that of the shipped input"), rows)
    yield ""
    yield "Brackets are 95 % intervals over sources."


def _area(tables: Sequence[ScoreTable]) -> Metric:
    return lambda _, draws: _mean([aucs(table.labels, table.probabilities, draws) for table in tables])


def _rightness(tables: Sequence[ScoreTable]) -> Metric:
    return lambda _, draws: _mean([accuracies(table.labels, table.probabilities, DECISION, draws) for table in tables])


def _less(one: Metric, other: Metric) -> Metric:
    return lambda table, draws: np.asarray(one(table, draws) - other(table, draws))


def _mean(figures: Sequence[Reals]) -> Reals:
    return np.asarray(np.mean(figures, axis=0))


def _figure(tables: Sequence[ScoreTable], metric: Metric, weights: Reals) -> Interval:
    found = bootstrap(tables[0], metric, weights)
    if found is None:
        raise DataError("a class is absent from the clips that could be read; both are needed")
    return found


def _frames(clip: DecodedClip, instants: NDArray[np.float64], gap_s: float) -> tuple[Planes, Planes, Planes]:
    triples = nearest_frames(clip.times_s, instants[:, None] - np.array([2, 1, 0]) * gap_s)
    before, now, after = (clip.frames[triples[:, place]].astype(np.float32) for place in range(3))
    return before, now, after


def told(figure: Interval) -> str:
    """A figure with its interval, as tables show it."""
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


def told_judged(judged: Judged) -> tuple[str, str, str]:
    """AUC, accuracy and what the AUC is less than the reference's, as tables show them."""
    return told(judged.auc), told(judged.accuracy), "" if judged.less is None else told(judged.less)


def chosen_rivals(asked: Sequence[str] | None, known: Mapping[str, Rival]) -> dict[str, Rival]:
    """Those of ``known`` that were asked for, or all; raises ``VariantError``."""
    unknown = [name for name in asked or () if name not in known]
    if unknown:
        raise VariantError(f"no rival {unknown[0]!r}; there are {'; '.join(known)}")
    return {name: rival for name, rival in known.items() if not asked or name in asked}


def add_only(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add ``--only``, which may be given again and again."""
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="this row, as the table names it (default: all)"
    )
    return parser


def count_clips(done: int, total: int, word: str) -> None:
    """Tell on the error stream how far it is."""
    sys.stderr.write(f"{done}/{total} {word}\n")


def folds_parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """What every benchmark asks that judges rivals in folds."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=description)
    parser.add_argument("--data", type=Path, required=True, help="folder with clips.csv, or with fight/ and noFight/")
    parser.add_argument("--folds", type=int, default=5, help="folds grouped by source (default 5)")
    parser.add_argument("--seeds", type=int, default=3, help="ways to draw the folds (default 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    return parser


def _parser() -> argparse.ArgumentParser:
    parser = folds_parser("inputs", main.__doc__)
    parser.add_argument(
        "--variants",
        type=lambda names: names.split(","),
        metavar="NAME,NAME",
        help=f"some of {','.join(VARIANTS)} (default: all)",
    )
    return parser


if __name__ == "__main__":
    run(main)
