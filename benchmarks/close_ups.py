"""How much of the picture a sample should show: the whole, the window that moves most, or both.

Judged as ``benchmarks.inputs`` judges: a frozen ImageNet EfficientNet-Lite0, the mean and the standard deviation over
time of its pooled features, logistic regression, folds that never split a source. Samples are those of
``models.preprocessing`` itself. Usage: ``python -m benchmarks.close_ups --data DIR``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.inputs import Encode, Judged, count_clips, judge, load_encoder, summarise, told
from benchmarks.outcome import machine_line, run, tell, write_json
from benchmarks.table import table_lines
from builder.backbones.registry import BackboneSpec
from builder.data.clips import Clip, find_clips, require_both_classes
from builder.data.decode import decode_clip
from builder.data.samples import clip_samples
from builder.errors import DataError
from builder.recipe import Recipe, load_recipe
from models.manifest import CloseUp, Preprocessing
from models.preprocessing import normalise

BATCH = 32
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
    "whole picture at 128 px": Sight(128, (240, 320), 0.4, (0,)),
    "whole picture at 160 px": Sight(160, (240, 320), 0.4, (0,)),
    "0.4 of its sides at 128 px": Sight(128, (240, 320), 0.4, (1,)),
    SHIPPED: Sight(128, (240, 320), 0.4, (0, 1)),
    "whole picture and 0.3 of its sides at 128 px": Sight(128, (240, 320), 0.3, (0, 1)),
    "whole picture and 0.5 of its sides at 128 px": Sight(128, (240, 320), 0.5, (0, 1)),
    "whole picture and 0.4 of its sides at 96 px": Sight(96, (240, 320), 0.4, (0, 1)),
    "whole picture and 0.4 of its sides at 128 px, canvas 192 x 256": Sight(128, (192, 256), 0.4, (0, 1)),
}


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All that the benchmark found."""

    data: str
    clips: int
    folds: int
    seeds: int
    judged: tuple[Judged, ...]


def main(argv: list[str]) -> int:
    """Judge how much of the picture a sample should show, on a folder of clips."""
    arguments = _parser().parse_args(argv)
    clips = find_clips(arguments.data).clips
    require_both_classes(clips, arguments.data)
    recipe = load_recipe("full")
    encoders = {sight.size: load_encoder(BackboneSpec(), (sight.size, sight.size)).encode for sight in SIGHTS.values()}
    features = {
        name: embed(clips, sight, recipe, encoders[sight.size], name, number)
        for number, (name, sight) in enumerate(SIGHTS.items(), 1)
    }
    kept = tuple(clip for clip in clips if clip.name in features[SHIPPED])
    tables = {
        name: [judge(kept, found, arguments.folds, seed) for seed in range(arguments.seeds)]
        for name, found in features.items()
    }
    result = Result(
        data=arguments.data.resolve().name,
        clips=len(kept),
        folds=arguments.folds,
        seeds=arguments.seeds,
        judged=tuple(summarise(tables, SHIPPED)),
    )
    tell(describe(result))
    write_json(arguments.json, result)
    return 0


def embed(
    clips: Sequence[Clip], sight: Sight, recipe: Recipe, encode: Encode, name: str, number: int
) -> Mapping[str, NDArray[np.float64]]:
    """Features ``(2 D P,)`` by clip; one that cannot be read is left out."""
    preprocessing = sight.preprocessing(recipe.preprocessing)
    found = {}
    for clip in clips:
        try:
            decoded = decode_clip(clip.path, preprocessing)
        except DataError as error:
            sys.stderr.write(f"left out {error}\n")
            continue
        samples = clip_samples(decoded, recipe.geometry, preprocessing)
        panes = samples.reshape(len(samples), preprocessing.panes, *preprocessing.pane_shape)
        parts = [_describe_time(normalise(panes[:, pane], preprocessing), encode) for pane in sight.panes]
        found[clip.name] = np.concatenate(parts)
    count_clips(number, len(SIGHTS), name)
    return found


def describe(result: Result) -> Iterator[str]:
    """The lines that the benchmark prints."""
    yield machine_line()
    yield (
        f"{result.data}: {result.clips} clips, {result.folds} folds grouped by source, mean of {result.seeds} ways to"
        " draw them"
    )
    yield ""
    rows = [
        (judged.name, told(judged.auc), told(judged.accuracy), "" if judged.less is None else told(judged.less))
        for judged in result.judged
    ]
    yield from table_lines(("a sample shows", "AUC", "accuracy", "AUC less that of what ships"), rows)
    yield ""
    yield "Brackets are 95 % intervals over sources."


def _describe_time(pane: NDArray[np.float32], encode: Encode) -> NDArray[np.float64]:
    planes = np.repeat(pane, 3, axis=-1)
    pooled = np.concatenate([encode(planes[start : start + BATCH]) for start in range(0, len(planes), BATCH)])
    return np.concatenate([pooled.mean(axis=0), pooled.std(axis=0)])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.close_ups", description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with clips.csv, or with fight/ and noFight/")
    parser.add_argument("--folds", type=int, default=5, help="folds grouped by source (default 5)")
    parser.add_argument("--seeds", type=int, default=3, help="ways to draw the folds (default 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    return parser


if __name__ == "__main__":
    run(main)
