"""``nexara compile``: a float model for further targets, each proved on clips that the model never saw."""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

from rich.console import Console

from builder.compilation.ahead_of_time import why_not_here
from builder.compilation.catalogue import TARGETS, Target, released
from builder.compilation.float_model import read_facts, read_float_model
from builder.display import TerminalDisplay, say
from builder.errors import BuilderError
from builder.framework import load_tensorflow
from builder.release.compiled_model import CompiledModel, CompiledTarget, CompileOptions, compile_model
from builder.result_file import require_folder, write_json
from builder.signing_argument import add_signing_key, signing_key
from builder.table import align, decimal, percent
from builder.workplace import make_folder
from models.manifest import Latency

ALL = "all"


def main(argv: list[str]) -> int:
    """Compile a float model for some targets, prove each of them, and seal them as a bundle."""
    arguments = _parser().parse_args(argv)
    targets, left_out = _targets(arguments.target)
    facts = read_facts(arguments.model)
    if arguments.json is not None:
        require_folder(arguments.json)
    make_folder(arguments.out)
    console = Console()
    load_tensorflow().get_logger().setLevel(logging.ERROR)
    options = CompileOptions(
        out=arguments.out,
        key=signing_key(arguments, partial(say, console)),
        now=lambda: datetime.now(timezone.utc),
        clock=time.perf_counter,
    )
    say(console, f"{facts.name} {facts.version}: {', '.join(target.name for target in targets)}")
    with TerminalDisplay(console) as display:
        packed, compiled = compile_model(read_float_model(arguments.model), targets, options, display.progress)
    for line in describe(compiled):
        say(console, line)
    if arguments.json is not None:
        write_json(arguments.json, compiled)
    for name, reason in left_out.items():
        say(console, f"not compiled: {name}: {reason}")
    say(console, f"bundle  {packed} ({packed.stat().st_size / 1e6:.2f} MB)")
    return 0


def describe(compiled: CompiledModel) -> Iterator[str]:
    """The table that is printed, and every clip of which a target says otherwise than the float model."""
    student = compiled.student
    header = ("target", "accuracy", "AUC", "against float", "flips", "off by", "kB", "ms", "p99")
    float_row = ("float model", percent(student.accuracy), decimal(student.auc), "", "", "", "", "", "")
    yield from align([header, float_row, *(_row(target) for target in compiled.targets)])
    yield ""
    yield (
        f"{student.clips} held-out clips of {student.sources} sources; brackets are 95 % intervals over sources, paired"
        " by clip against the float model. Probabilities are off by so much in the mean, and at the most. Encoder and"
        " head of one sample, one thread, this machine."
    )
    for target in compiled.targets:
        if target.facts.standing_in is not None:
            yield (
                f"{target.name}: what it is made for is not on this machine; {target.facts.standing_in} ran the same "
                "graph on the processor, which proves what it answers and nothing of its speed"
            )
        for flip in target.parity.difference.flipped:
            truth = "fight" if flip.label else "calm"
            yield f"{target.name} says {flip.second:.2f} of {flip.clip} ({truth}), the float model {flip.first:.2f}"


def _row(target: CompiledTarget) -> tuple[str, ...]:
    change, facts = target.parity.difference, target.facts
    median, slow = ("n/a", "n/a") if facts.latencies is None else _milliseconds(*facts.latencies)
    return (
        target.name,
        percent(target.figures.accuracy),
        decimal(target.figures.auc),
        percent(change.accuracy, signed=True),
        str(change.flips),
        f"{change.mean_deviation:.3f}, {change.largest_deviation:.2f}",
        f"{(facts.encoder_bytes + facts.head_bytes) / 1000:.0f}",
        median,
        slow,
    )


def _milliseconds(encoder: Latency, head: Latency) -> tuple[str, str]:
    return f"{encoder.p50_ms + head.p50_ms:.2f}", f"{encoder.p99_ms + head.p99_ms:.2f}"


def _targets(names: Sequence[str]) -> tuple[tuple[Target, ...], dict[str, str]]:
    """The targets that are meant and, of all, those that this machine cannot compile, with the reason."""
    try:
        asked = released([target.name for target in TARGETS] if ALL in names else names)
    except ValueError as error:
        raise BuilderError(f"{error}, and {ALL}") from error
    left_out = {target.name: reason for target in asked if (reason := why_not_here(target)) is not None}
    if left_out and ALL not in names:
        name, reason = next(iter(left_out.items()))
        raise BuilderError(f"target {name} cannot be compiled here: {reason}")
    return tuple(target for target in asked if target.name not in left_out), left_out


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nexara compile", description=main.__doc__)
    parser.add_argument(
        "--model", type=Path, required=True, metavar="DIR", help="a folder NAME-VERSION.model of a build"
    )
    parser.add_argument(
        "--target",
        type=lambda text: [name.strip() for name in text.split(",") if name.strip()],
        default=[ALL],
        metavar="NAME,NAME",
        help=f"{', '.join(target.name for target in TARGETS)}, or {ALL} that this machine can compile (default)",
    )
    parser.add_argument("--out", type=Path, default=Path("compiled"), metavar="DIR", help="where the bundle goes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too; the bundle holds them")
    add_signing_key(parser)
    return parser
