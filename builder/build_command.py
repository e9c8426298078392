"""``nexara build``: from a folder of labelled clips to a signed bundle."""

from __future__ import annotations

import argparse
import logging
import time
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

from rich.console import Console

from builder.data.clips import find_clips, require_both_classes
from builder.data.licence import read_licence
from builder.display import say
from builder.evidence.reading import read_evidence
from builder.execution.arguments import add_execution, choose_executor
from builder.framework import load_tensorflow
from builder.pipeline.build import BuildOptions, build
from builder.recipe import load_recipe
from builder.signing_argument import add_signing_key, signing_key
from builder.work_limit import add_work_limit, open_work
from builder.workplace import make_folder, package_version


def main(argv: list[str]) -> int:
    """Build a signed bundle from a folder of labelled clips."""
    arguments = _parser().parse_args(argv)
    recipe = load_recipe(arguments.recipe)
    # Told before TensorFlow takes its seconds to load and before a key is made.
    evidence = read_evidence(arguments.evidence, recipe.name, recipe.version)
    require_both_classes(find_clips(arguments.data).clips, arguments.data)
    make_folder(arguments.out / "work")
    console = Console()
    load_tensorflow().get_logger().setLevel(logging.ERROR)
    options = BuildOptions(
        data=arguments.data,
        out=arguments.out,
        recipe=recipe,
        key=signing_key(arguments, partial(say, console)),
        licence=arguments.licence or read_licence(arguments.data),
        code_version=package_version(),
        now=lambda: datetime.now(timezone.utc),
        clock=time.perf_counter,
        executor=choose_executor(arguments),
        evidence=evidence,
    )
    begun = time.monotonic()
    with open_work(arguments, console) as display:
        packed = build(options, display)
    say(console, f"bundle  {packed} ({packed.stat().st_size / 1e6:.2f} MB)")
    say(console, f"model   {packed.with_suffix('.model')} (float; for nexara compile)")
    say(console, f"report  {packed.with_suffix('') / 'report.html'}")
    say(console, f"took    {(time.monotonic() - begun) / 60:.1f} min")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nexara build", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with clips.csv, or with fight/ and noFight/")
    parser.add_argument("--out", type=Path, required=True, help="folder for the bundle; out/work keeps finished stages")
    parser.add_argument("--recipe", default="full", help="full, quick, or the path of a TOML file (default: full)")
    add_signing_key(parser)
    parser.add_argument(
        "--licence", help="licence of the clips, for the model card; by default the LICENSE's first line"
    )
    parser.add_argument(
        "--evidence",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE",
        help="for the model card: what crossval, evaluate --degraded or benchmarks.false_alarms wrote by --json",
    )
    add_execution(parser)
    add_work_limit(parser)
    return parser
