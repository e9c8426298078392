"""How much of the picture a sample should show: the whole, the window that moves most, or both.

Judged as ``benchmarks.inputs`` judges: a frozen ImageNet EfficientNet-Lite0, the mean and the standard deviation over
time of its pooled features, logistic regression, folds that never split a source. Samples are those of
``models.preprocessing`` itself. Usage: ``python -m benchmarks.close_ups --data DIR``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.encoder_cost import Form, sample_costs
from benchmarks.inputs import (
    Encode,
    Judged,
    add_only,
    chosen_rivals,
    count_clips,
    folds_parser,
    judge_rivals,
    load_encoder,
    over_time,
    summarise,
    told_judged,
)
from benchmarks.outcome import machine_line, run, tell, write_json
from builder.backbones.registry import BackboneSpec
from builder.data.clips import Clip, find_clips, require_both_classes
from builder.data.decode import decode_clip_at_sizes
from builder.data.samples import clip_samples
from builder.errors import DataError
from builder.recipe import Recipe, load_recipe
from models.manifest import CloseUp, Preprocessing
from models.preprocessing import normalise
from runtimes.bench.table import table_lines

BATCH = 32
_SEED = 20_261_125
SHIPPED = "whole picture and 0.4 of its sides at 128 px (ships)"


class Sight(NamedTuple):
    """What a network is shown of each instant: ``panes`` of the samples, from the whole (0) to the close-up (1)."""

    size: int
    canvas: tuple[int, int]
    share: float
    panes: tuple[int, ...]

    def preprocessing(self, shipped: Preprocessing) -> Preprocessing:
        """As samples of it are made, all else as it ships."""
        close_up = CloseUp(canvas=self.canvas, share=self.share)
        return msgspec.structs.replace(shipped, size=(self.size, self.size), close_up=close_up)


SIGHTS = {
    "whole picture at 112 px": Sight(112, (240, 320), 0.4, (0,)),
    "whole picture at 128 px": Sight(128, (240, 320), 0.4, (0,)),
    "whole picture at 160 px": Sight(160, (240, 320), 0.4, (0,)),
    "whole picture at 192 px": Sight(192, (240, 320), 0.4, (0,)),
    "whole picture at 224 px": Sight(224, (240, 320), 0.4, (0,)),
    "0.4 of its sides at 128 px": Sight(128, (240, 320), 0.4, (1,)),
    SHIPPED: Sight(128, (240, 320), 0.4, (0, 1)),
    "whole picture and 0.3 of its sides at 128 px": Sight(128, (240, 320), 0.3, (0, 1)),
    "whole picture and 0.5 of its sides at 128 px": Sight(128, (240, 320), 0.5, (0, 1)),
    "whole picture and 0.4 of its sides at 96 px": Sight(96, (240, 320), 0.4, (0, 1)),
    "whole picture and 0.4 of its sides at 112 px": Sight(112, (240, 320), 0.4, (0, 1)),
    "whole picture and 0.3 of its sides at 160 px": Sight(160, (240, 320), 0.3, (0, 1)),
    "whole picture and 0.4 of its sides at 128 px, canvas 192 x 256": Sight(128, (192, 256), 0.4, (0, 1)),
}


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All that the benchmark found; ``sample_ms`` is what encoding a sample takes as int8 on one thread, by sight."""

    data: str
    clips: int
    folds: int
    seeds: int
    judged: tuple[Judged, ...]
    sample_ms: dict[str, float]


def main(argv: list[str]) -> int:
    """Judge how much of the picture a sample should show, on a folder of clips."""
    arguments = add_only(folds_parser("close_ups", main.__doc__)).parse_args(argv)
    sights = chosen_rivals(arguments.only, SIGHTS)
    clips = find_clips(arguments.data).clips
    require_both_classes(clips, arguments.data)
    recipe = load_recipe("full")
    encoders = {sight.size: load_encoder(BackboneSpec(), (sight.size, sight.size)).encode for sight in sights.values()}
    forms = {name: Form(BackboneSpec(), sight.size, len(sight.panes)) for name, sight in sights.items()}
    costs = sample_costs(forms, time.perf_counter, np.random.default_rng(_SEED))
    features = embed(clips, sights, recipe, encoders)
    kept, tables = judge_rivals(clips, features, arguments.folds, arguments.seeds)
    result = Result(
        data=arguments.data.resolve().name,
        clips=len(kept),
        folds=arguments.folds,
        seeds=arguments.seeds,
        judged=tuple(summarise(tables, SHIPPED)),
        sample_ms=costs,
    )
    tell(describe(result))
    write_json(arguments.json, result)
    return 0


def embed(
    clips: Sequence[Clip], sights: Mapping[str, Sight], recipe: Recipe, encoders: Mapping[int, Encode]
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Features ``(2 D P,)`` by sight and clip, with the encoders of each sight's size.

    Each clip is decoded once, and one that cannot be is left out.
    """
    asked = {name: sight.preprocessing(recipe.preprocessing) for name, sight in sights.items()}
    found: dict[str, dict[str, NDArray[np.float64]]] = {name: {} for name in sights}
    canvases = {preprocessing.canvas: preprocessing for preprocessing in asked.values()}
    for number, clip in enumerate(clips, 1):
        try:
            decoded = dict(zip(canvases, decode_clip_at_sizes(clip.path, tuple(canvases.values())), strict=True))
        except DataError as error:
            sys.stderr.write(f"left out {error}\n")
            continue
        for name, preprocessing in asked.items():
            samples = clip_samples(decoded[preprocessing.canvas], recipe.geometry, preprocessing)
            panes = samples.reshape(len(samples), preprocessing.panes, *preprocessing.pane_shape)
            encode = encoders[sights[name].size]
            parts = [_describe_time(normalise(panes[:, pane], preprocessing), encode) for pane in sights[name].panes]
            found[name][clip.name] = np.concatenate(parts)
        count_clips(number, len(clips), clip.name)
    return found


def describe(result: Result) -> Iterator[str]:
    """The lines that the benchmark prints."""
    yield machine_line()
    yield (
        f"{result.data}: {result.clips} clips, {result.folds} folds grouped by source, mean of {result.seeds} ways to"
        " draw them"
    )
    yield ""
    rows = [(judged.name, f"{result.sample_ms[judged.name]:.1f}", *told_judged(judged)) for judged in result.judged]
    yield from table_lines(("a sample shows", "ms a sample", "AUC", "accuracy", "AUC less that of what ships"), rows)
    yield ""
    yield "Brackets are 95 % intervals over sources; the whole backbone encodes by int8 TFLite on one thread."


def _describe_time(pane: NDArray[np.float32], encode: Encode) -> NDArray[np.float64]:
    planes = np.repeat(pane, 3, axis=-1)
    return over_time(np.concatenate([encode(planes[start : start + BATCH]) for start in range(0, len(planes), BATCH)]))


if __name__ == "__main__":
    run(main)
