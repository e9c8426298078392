"""``nexara ablate``: what each technique of a recipe is worth, on grouped folds, over several seeds."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console

from builder.ablation.ablate import AblationOptions, ablate
from builder.ablation.catalogue import CATALOGUE
from builder.ablation.choice import choose
from builder.ablation.page import HEADERS, lines, read_ablation, write_ablation
from builder.arguments import at_least_one, at_least_two
from builder.data.clips import find_clips, require_both_classes
from builder.display import say
from builder.execution.arguments import add_execution, choose_executor
from builder.framework import load_tensorflow
from builder.recipe import load_recipe, with_all_folds
from builder.table import align
from builder.work_limit import add_work_limit, open_work
from builder.workplace import make_folder, package_version

ENOUGH_SEEDS = 3


def main(argv: list[str]) -> int:
    """Measure what each technique of a recipe is worth."""
    arguments = _parser().parse_args(argv)
    console = Console()
    if arguments.list:
        _print(console, align([(row.name, ", ".join(sorted(row.networks)), row.title) for row in CATALOGUE]))
        return 0
    recipe = with_all_folds(load_recipe(arguments.recipe), arguments.folds)
    techniques = choose(arguments.only, arguments.network, recipe)
    # Told before TensorFlow takes its seconds to load.
    require_both_classes(find_clips(arguments.data).clips, arguments.data)
    make_folder(arguments.out / "work")
    load_tensorflow().get_logger().setLevel(logging.ERROR)
    options = AblationOptions(
        data=arguments.data,
        out=arguments.out,
        recipe=recipe,
        techniques=techniques,
        network=arguments.network,
        seeds=arguments.seeds,
        code_version=package_version(),
        executor=choose_executor(arguments),
        earlier=read_ablation(arguments.out),
    )
    with open_work(arguments, console) as display:
        if arguments.seeds < ENOUGH_SEEDS:
            display.warn(f"{arguments.seeds} seed(s) say little about chance in training; {ENOUGH_SEEDS} are the least")
        # After each technique, so that an interruption leaves the table of what was measured by then.
        found = ablate(options, display, lambda so_far: write_ablation(so_far, arguments.out))
    _print(console, align([HEADERS, *(line for row in found.rows for line in lines(row))]))
    _print(console, [f"table   {arguments.out / 'ablation.md'}", f"picture {arguments.out / 'ablation.svg'}"])
    return 0


def _print(console: Console, told: Iterable[str]) -> None:
    for line in told:
        say(console, line)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nexara ablate", description=main.__doc__)
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--data", type=Path, metavar="DIR", help="folder with clips.csv, or with fight/ and noFight/")
    asked.add_argument("--list", action="store_true", help="tell the techniques and what they can be measured on")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("ablation"),
        metavar="DIR",
        help="where the table goes, beside rows of earlier runs that were alike but for their techniques; "
        "DIR/work keeps finished stages (default: ablation); that of a build shares its stages",
    )
    parser.add_argument("--recipe", default="full", help="full, quick, or the path of a TOML file (default: full)")
    parser.add_argument("--only", type=_names, metavar="NAME,NAME", help="these techniques only")
    parser.add_argument(
        "--network",
        choices=("member", "ensemble", "unpruned", "student"),
        default="member",
        help="what is trained to see a difference: one member (default, cheapest), all of them, or the student before "
        "or after pruning",
    )
    parser.add_argument(
        "--seeds",
        type=at_least_one,
        default=ENOUGH_SEEDS,
        metavar="N",
        help="networks for each state of each technique (default: 3)",
    )
    parser.add_argument("--folds", type=at_least_two, metavar="N", help="how many (default: as in the recipe)")
    add_execution(parser)
    add_work_limit(parser)
    return parser


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
