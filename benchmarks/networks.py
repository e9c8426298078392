"""How much of the backbone a student needs: the same clips and input, judged on the frozen features of ever less of it.

The protocol is that of ``benchmarks.inputs``, with the input that ships. Usage: ``python -m benchmarks.networks --data
DIR``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec
import numpy as np

from benchmarks.encoder_cost import Form, sample_costs
from benchmarks.input_variants import SHIPPED, VARIANTS
from benchmarks.inputs import (
    Judged,
    add_only,
    chosen_rivals,
    count_clips,
    embed_clips,
    folds_parser,
    judge_rivals,
    load_encoder,
    summarise,
    told_judged,
)
from benchmarks.outcome import machine_line, run, tell, write_json
from builder.backbones.registry import BackboneSpec
from builder.data.clips import find_clips, require_both_classes
from builder.recipe import load_recipe
from runtimes.bench.table import table_lines

NETWORKS = {
    "whole": BackboneSpec(),
    "no top": BackboneSpec(top=False),
    "no top, without block 13": BackboneSpec(top=False, skip=(13,)),
    "no top, without blocks 13 and 14": BackboneSpec(top=False, skip=(13, 14)),
    "no top, without blocks 12 to 14": BackboneSpec(top=False, skip=(12, 13, 14)),
    "cut after 11 blocks": BackboneSpec(blocks=11),
    "cut after 8 blocks": BackboneSpec(blocks=8),
}
REFERENCE = "whole"
_SEED = 20_261_125


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """One form of the backbone: its weights, the milliseconds that encoding a sample takes as int8 on one thread, and
    how its features were judged."""

    name: str
    parameters: int
    sample_ms: float
    judged: Judged


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All that the benchmark found."""

    data: str
    folds: int
    seeds: int
    networks: tuple[Network, ...]


def main(argv: list[str]) -> int:
    """Judge forms of the backbone on a folder of clips."""
    arguments = add_only(folds_parser("networks", main.__doc__)).parse_args(argv)
    specs = chosen_rivals(arguments.only, NETWORKS)
    clips = find_clips(arguments.data).clips
    require_both_classes(clips, arguments.data)
    recipe = load_recipe("full")
    encoders = {name: load_encoder(spec, recipe.preprocessing.size) for name, spec in specs.items()}
    shipped = recipe.preprocessing
    forms = {name: Form(spec, shipped.size[0], shipped.panes) for name, spec in specs.items()}
    costs = sample_costs(forms, time.perf_counter, np.random.default_rng(_SEED))
    features = embed_clips(
        clips,
        {name: (VARIANTS[SHIPPED], encoder.encode) for name, encoder in encoders.items()},
        recipe,
        count_clips,
    )
    _, tables = judge_rivals(clips, features, arguments.folds, arguments.seeds)
    networks = tuple(
        Network(
            name=judged.name,
            parameters=encoders[judged.name].parameters,
            sample_ms=costs[judged.name],
            judged=judged,
        )
        for judged in summarise(tables, REFERENCE)
    )
    result = Result(data=arguments.data.resolve().name, folds=arguments.folds, seeds=arguments.seeds, networks=networks)
    tell(describe(result))
    write_json(arguments.json, result)
    return 0


def describe(result: Result) -> Iterator[str]:
    """The lines that the benchmark prints."""
    yield machine_line()
    yield f"{result.data}: {result.folds} folds grouped by source, mean of {result.seeds} ways to draw them"
    yield ""
    rows = [
        (
            network.name,
            f"{network.parameters / 1e6:.2f}",
            f"{network.sample_ms:.1f}",
            *told_judged(network.judged),
        )
        for network in result.networks
    ]
    header = ("EfficientNet-Lite0", "million weights", "ms a sample", "AUC", "accuracy", "AUC less that of the whole")
    yield from table_lines(header, rows)
    yield ""
    yield "Brackets are 95 % intervals over sources; a sample of two panes is encoded by int8 TFLite on one thread."


if __name__ == "__main__":
    run(main)
