"""``nexara sensitivity``: which layers of a model cost what int8 costs."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure
from rich.console import Console

from builder.compilation.catalogue import TARGETS
from builder.compilation.float_model import read_facts, read_float_model
from builder.compilation.int8_calibration import calibrate_int8
from builder.compilation.sensitivity import LayerSensitivity, Sensitivity, scan_layers
from builder.display import TerminalDisplay, say
from builder.framework import load_tensorflow
from builder.report.style import MUTED, STUDENT, draw
from builder.result_file import write_bytes, write_json
from builder.table import align
from builder.workplace import make_folder

JSON, SVG = "sensitivity.json", "sensitivity.svg"


def main(argv: list[str]) -> int:
    """Tell which layers of a model cost what int8 costs."""
    parser = argparse.ArgumentParser(prog="nexara sensitivity", description=main.__doc__)
    parser.add_argument("--model", type=Path, required=True, metavar="DIR", help="a build's folder NAME-VERSION.model")
    parser.add_argument(
        "--out", type=Path, default=Path("sensitivity"), metavar="DIR", help=f"where {JSON} and {SVG} go"
    )
    arguments = parser.parse_args(argv)
    facts = read_facts(arguments.model)
    make_folder(arguments.out)
    console = Console()
    load_tensorflow().get_logger().setLevel(logging.ERROR)
    with TerminalDisplay(console) as display:
        model = read_float_model(arguments.model)
        seen = facts.preprocessing
        calibrating = calibrate_int8(
            model.network, model.calibrating, TARGETS, seen, facts.rounding, facts.float_layers
        )
        found = scan_layers(model.network, calibrating, seen, display.progress)
    for line in describe(found):
        say(console, line)
    write_json(arguments.out / JSON, found)
    write_bytes(arguments.out / SVG, plot(found, f"{facts.name} {facts.version}").encode())
    say(console, f"picture {arguments.out / SVG}")
    return 0


def describe(found: Sensitivity) -> Iterator[str]:
    """The table that is printed."""
    header = (
        "layer", "operator", "weights", "embedding",
        "margin, mean", "margin, deviation", "by its weights", "by its input",
    )  # fmt: skip
    yield from align([header, *(_row(layer) for layer in (*found.layers, found.whole))])
    yield ""
    yield (
        f"Each layer alone in int8, all others float, on {found.windows} windows of clips that the model has learnt "
        "from: mean squared change of embedding entries, whose variance is about 1, and change of windows' margins in "
        "logits; then its root mean square were the layer's weights alone in int8, or its input. An input is float "
        "only where the layer before is, so that layers are kept float in runs."
    )


def plot(found: Sensitivity, title: str) -> str:
    """What each layer alone does to a margin, in the order of the network."""
    layers = found.layers[::-1]

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        rows = range(len(layers))
        axes.barh(rows, [layer.cost for layer in layers], color=STUDENT, height=0.6)
        axes.axvline(found.whole.cost, color=MUTED, linestyle="--", linewidth=1)
        axes.set_yticks(rows, [layer.layer for layer in layers], fontsize=7)
        axes.set_ylim(-0.8, len(layers) - 0.2)
        axes.set_xlabel("change of a window's margin, root mean square, logits (dashed: all layers)")
        axes.set_title(f"{title}: one layer in int8, all others float")

    return draw("sensitivity", "What each layer alone costs in int8", 7.6, 1.2 + 0.17 * len(layers), paint)


def _row(layer: LayerSensitivity) -> tuple[str, ...]:
    return (
        layer.layer,
        layer.operator,
        str(layer.weights) if layer.weights else "",
        f"{layer.embedding:.5f}",
        f"{layer.margin_shift:+.4f}",
        f"{layer.margin_deviation:.4f}",
        *("" if cost is None else f"{cost:.4f}" for cost in (layer.kernel_cost, layer.input_cost)),
    )
