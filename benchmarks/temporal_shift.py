"""Whether an encoder tells more that sees what its neighbours in time see: of what goes into residual blocks, a share
of the channels is taken from the sample before and from the one after.

Source: Lin, Gan & Han, TSM: Temporal shift module for efficient video understanding (ICCV 2019), which shifts inside
residual branches and trains the network afterwards. Here it stays as it was pretrained, as the members of ``full`` do.
The protocol is that of ``benchmarks.inputs``, with the input that ships. Usage: ``python -m benchmarks.temporal_shift
--data DIR``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from benchmarks.input_variants import SHIPPED, VARIANTS
from benchmarks.inputs import (
    Judged,
    add_only,
    chosen_rivals,
    count_clips,
    embed_clips,
    folds_parser,
    judge_rivals,
    pooled_encoder,
    summarise,
    told_judged,
)
from benchmarks.outcome import machine_line, run, tell, write_json
from builder.backbones.efficientnet_lite import RESIDUAL
from builder.backbones.registry import BackboneSpec, build_backbone
from builder.data.clips import find_clips, require_both_classes
from builder.framework import load_keras, load_tensorflow
from builder.recipe import load_recipe
from runtimes.bench.table import table_lines

if TYPE_CHECKING:
    import tf_keras


class Shift(NamedTuple):
    """The share of channels that comes from each neighbour, the first block that does so, and whether the sample after
    is a neighbour too: a camera in real time has none."""

    share: float
    first_block: int = 0
    from_after: bool = True


SHIFTS = {
    "none": None,
    "1/8 from both sides": Shift(1 / 8),
    "1/8 from both sides, from block 8 on": Shift(1 / 8, first_block=8),
    "1/8 from both sides, from block 12 on": Shift(1 / 8, first_block=12),
    "1/32 from both sides": Shift(1 / 32),
    "1/8 from before": Shift(1 / 8, from_after=False),
    "1/8 from before, from block 12 on": Shift(1 / 8, first_block=12, from_after=False),
}
REFERENCE = "none"


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All that the benchmark found."""

    data: str
    folds: int
    seeds: int
    judged: tuple[Judged, ...]


def main(argv: list[str]) -> int:
    """Judge temporal shifts in the backbone on a folder of clips."""
    arguments = add_only(folds_parser("temporal_shift", main.__doc__)).parse_args(argv)
    shifts = chosen_rivals(arguments.only, SHIFTS)
    clips = find_clips(arguments.data).clips
    require_both_classes(clips, arguments.data)
    recipe = load_recipe("full")
    size = recipe.preprocessing.size
    features = build_backbone(BackboneSpec(), size, 3).features
    encoders = {name: pooled_encoder(shifted(features, shift), size).encode for name, shift in shifts.items()}
    rivals = {name: (VARIANTS[SHIPPED], encode) for name, encode in encoders.items()}
    _, tables = judge_rivals(clips, embed_clips(clips, rivals, recipe, count_clips), arguments.folds, arguments.seeds)
    judged = tuple(summarise(tables, REFERENCE))
    result = Result(data=arguments.data.resolve().name, folds=arguments.folds, seeds=arguments.seeds, judged=judged)
    tell(describe(result))
    write_json(arguments.json, result)
    return 0


def shifted(features: tf_keras.Model, shift: Shift | None) -> tf_keras.Model:
    """EfficientNet-Lite0 with the same weights, of which each residual branch from ``first_block`` on sees its input
    shifted. A batch is one clip's samples in order."""
    if shift is None:
        return features
    keras = load_keras()
    entries = {f"block{number}_expand_conv" for number in RESIDUAL if number >= shift.first_block}

    def enter(layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
        if layer.name not in entries:
            return layer
        return keras.Sequential([keras.layers.Lambda(lambda x: shift_channels(x, shift)), layer])

    return keras.models.clone_model(features, clone_function=enter)


def shift_channels(maps: Any, shift: Shift) -> Any:  # noqa: ANN401 - a tensor
    """Feature maps ``(K, h, w, C)`` of which the first channels are those of the sample before, and the next ones those
    of the sample after; at the ends, where there is none, they are 0."""
    tf = load_tensorflow()
    count = max(1, round(shift.share * maps.shape[-1]))
    nothing = tf.zeros_like(maps[:1, ..., :count])
    parts = [tf.concat([nothing, maps[:-1, ..., :count]], axis=0)]
    if shift.from_after:
        parts.append(tf.concat([maps[1:, ..., count : 2 * count], nothing], axis=0))
    return tf.concat([*parts, maps[..., len(parts) * count :]], axis=-1)


def describe(result: Result) -> Iterator[str]:
    """The lines that the benchmark prints."""
    yield machine_line()
    yield f"{result.data}: {result.folds} folds grouped by source, mean of {result.seeds} ways to draw them"
    yield ""
    rows = [(judged.name, *told_judged(judged)) for judged in result.judged]
    yield from table_lines(("channels shifted", "AUC", "accuracy", "AUC less that of none"), rows)
    yield ""
    yield "Brackets are 95 % intervals over sources; the network stays as it was pretrained."


if __name__ == "__main__":
    run(main)
