"""``nexara crossval``: how good a recipe is on clips that its networks never saw, fold by fold."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator
from pathlib import Path

import msgspec
from rich.console import Console

from builder.arguments import at_least_one, at_least_two
from builder.data.clips import find_clips, require_both_classes
from builder.display import TerminalDisplay, say
from builder.errors import BuilderError
from builder.evaluation.figures import Figures
from builder.execution.arguments import add_execution, choose_executor
from builder.framework import load_tensorflow
from builder.pipeline.abroad import AbroadOptions, AbroadValidation, validate_abroad
from builder.pipeline.crossval import CrossValidation, CrossvalOptions, cross_validate
from builder.recipe import Recipe, further_seeds, load_recipe, with_all_folds
from builder.result_file import require_folder, write_json
from builder.table import align, decimal, percent, share
from builder.work_limit import add_work_limit, open_work
from builder.workplace import make_folder, package_version

_HEADERS = ("network", "accuracy", "AUC", "recall at 5 % alarms", "recall", "specificity", "ECE")
_UNKNOWN = "sources are unknown, so each clip counts as its own: figures may be too good (add clips.csv)"


class ArgumentsError(BuilderError):
    """Options that do not go together."""


def main(argv: list[str]) -> int:
    """Cross-validate a recipe on labelled clips, or judge it on another data set."""
    arguments = _parser().parse_args(argv)
    _require_data(arguments)
    recipe = with_seeds(with_all_folds(load_recipe(arguments.recipe), arguments.folds), arguments.seeds)
    for folder in (arguments.data, arguments.train, arguments.test):
        if folder is not None:
            # Told before TensorFlow takes its seconds to load.
            require_both_classes(find_clips(folder).clips, folder)
    make_folder(arguments.out / "work")
    if arguments.json is not None:
        require_folder(arguments.json)
    load_tensorflow().get_logger().setLevel(logging.ERROR)
    console = Console()
    with open_work(arguments, console) as display:
        found = _cross_validate(arguments, recipe, display) if arguments.data else _abroad(arguments, recipe, display)
    for line in describe(found) if isinstance(found, CrossValidation) else describe_abroad(found):
        say(console, line)
    if arguments.json is not None:
        write_json(arguments.json, found)
    return 0


def with_seeds(recipe: Recipe, count: int | None) -> Recipe:
    """The recipe with ``count`` members: its own first, and further ones with the next seeds."""
    if count is None:
        return recipe
    seeds = further_seeds(recipe.members.seeds, count)
    return msgspec.structs.replace(recipe, members=msgspec.structs.replace(recipe.members, seeds=seeds))


def describe(found: CrossValidation) -> Iterator[str]:
    """The lines that cross-validation prints."""
    first = found.subjects[0].pooled
    over = "sources" if found.protocol == "grouped" else "clips"
    yield (
        f"{found.recipe} on {found.data}: {first.clips} clips ({first.fights} fights), "
        f"{found.folds} {found.protocol} folds, members of seeds {', '.join(map(str, found.seeds))}"
    )
    if not found.sources_known:
        yield _UNKNOWN
    yield ""
    yield from align([_HEADERS, *((one.name, *_cells(one.pooled)) for one in found.subjects)])
    yield ""
    yield from align([("by fold: accuracy, AUC", *(f"fold {fold}" for fold in range(found.folds))), *_by_fold(found)])
    yield ""
    yield f"A clip counts as a fight from a calibrated 0.5; brackets are 95 % intervals over {over}."
    if found.protocol == "random":
        yield "Cameras are on both sides of random folds: this is no promise for a camera that was never seen."


def describe_abroad(found: AbroadValidation) -> Iterator[str]:
    """The lines that judging on another data set prints."""
    first = found.subjects[0].figures
    yield (
        f"{found.recipe} trained on all of {found.train}, judged on all of {found.test}: {first.clips} clips "
        f"({first.fights} fights), members of seeds {', '.join(map(str, found.seeds))}"
    )
    if not found.sources_known:
        yield _UNKNOWN
    yield ""
    yield from align([_HEADERS, *((one.name, *_cells(one.figures)) for one in found.subjects)])
    yield ""
    point = "calibrated on the folder trained on" if found.calibrated else "not calibrated"
    yield f"A clip counts as a fight from 0.5, {point}; brackets are 95 % intervals over sources."


def _cells(figures: Figures) -> tuple[str, ...]:
    return (
        percent(figures.accuracy),
        decimal(figures.auc),
        percent(figures.low_alarm_recall),
        share(figures.recall),
        share(figures.specificity),
        f"{figures.expected_calibration_error:.3f}",
    )


def _by_fold(found: CrossValidation) -> Iterator[tuple[str, ...]]:
    for one in found.subjects:
        by_number = {fold.fold: fold.figures for fold in one.folds}
        yield (one.name, *(_short(by_number.get(number)) for number in range(found.folds)))


def _short(figures: Figures | None) -> str:
    if figures is None:
        return "n/a"
    return f"{share(figures.accuracy)}, {'n/a' if figures.auc is None else f'{figures.auc.value:.3f}'}"


def _cross_validate(arguments: argparse.Namespace, recipe: Recipe, display: TerminalDisplay) -> CrossValidation:
    options = CrossvalOptions(
        data=arguments.data,
        out=arguments.out,
        recipe=recipe,
        protocol=arguments.protocol,
        until=arguments.stop_at,
        code_version=package_version(),
        executor=choose_executor(arguments),
    )
    return cross_validate(options, display)


def _abroad(arguments: argparse.Namespace, recipe: Recipe, display: TerminalDisplay) -> AbroadValidation:
    options = AbroadOptions(
        train=arguments.train,
        test=arguments.test,
        out=arguments.out,
        recipe=recipe,
        protocol=arguments.protocol,
        until=arguments.stop_at,
        calibrated=arguments.calibrate == "folds",
        code_version=package_version(),
        executor=choose_executor(arguments),
    )
    return validate_abroad(options, display)


def _require_data(arguments: argparse.Namespace) -> None:
    pair = (arguments.train, arguments.test)
    if (arguments.data is None) == (pair == (None, None)) or (arguments.data is None and None in pair):
        raise ArgumentsError("give --data DIR to cross-validate on one folder, or --train DIR and --test DIR for two")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nexara crossval", description=main.__doc__)
    parser.add_argument("--data", type=Path, metavar="DIR", help="clips to fold")
    parser.add_argument("--train", type=Path, metavar="DIR", help="clips to learn from, all of them")
    parser.add_argument("--test", type=Path, metavar="DIR", help="clips of another data set to judge on")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("crossval"),
        metavar="DIR",
        help="DIR/work keeps finished stages (default: crossval); that of a build shares its stages",
    )
    parser.add_argument("--recipe", default="full", help="full, quick, or the path of a TOML file (default: full)")
    parser.add_argument(
        "--protocol",
        choices=("grouped", "random"),
        default="grouped",
        help="folds that never split a source (default), or that deal clips out at random",
    )
    parser.add_argument("--folds", type=at_least_two, metavar="N", help="how many (default: as in the recipe)")
    parser.add_argument(
        "--seeds", type=at_least_one, metavar="N", help="members of the ensemble (default: the recipe's)"
    )
    parser.add_argument(
        "--stop-at",
        choices=("ensemble", "unpruned", "student", "int8"),
        default="int8",
        help="what is trained and judged at most (default: int8)",
    )
    parser.add_argument(
        "--calibrate",
        choices=("folds", "none"),
        default="folds",
        help="with --train and --test: by the folds of --train, which are then trained too (default), or not at all",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures and every clip's score there")
    add_execution(parser)
    add_work_limit(parser)
    return parser
