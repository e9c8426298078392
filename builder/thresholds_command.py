"""``nexara thresholds``: another budget of false alarms for a bundle, with nothing trained."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

from rich.console import Console

from builder.alarms.choice import AlarmChoice
from builder.arguments import at_least_one
from builder.display import say
from builder.errors import BuilderError
from builder.execution.arguments import add_execution, choose_executor
from builder.framework import load_tensorflow
from builder.pipeline.choose_again import ChoiceOptions, choose_again
from builder.recipe import DRAWN_FIGHTS
from builder.signing_argument import add_signing_key, signing_key
from builder.table import align
from builder.work_limit import add_work_limit, open_work
from builder.workplace import make_folder, package_version
from models.bundle import open_bundle
from models.manifest import Thresholds
from models.trust import TrustStore


def main(argv: list[str]) -> int:
    """Choose a bundle's thresholds anew, and seal its networks with them as another version."""
    arguments = _parser().parse_args(argv)
    if arguments.per_hour is not None and not arguments.per_hour > 0:
        raise BuilderError(f"--per-hour {arguments.per_hour:g}: a budget of false alarms has to be above 0")
    # What is sealed anew is vouched for anew: it has to come from someone who is trusted.
    bundle = open_bundle(arguments.bundle, TrustStore.load(arguments.trust))
    console = Console()
    make_folder(arguments.out / "work")
    load_tensorflow().get_logger().setLevel(logging.ERROR)
    options = ChoiceOptions(
        out=arguments.out,
        version=arguments.version,
        key=signing_key(arguments, partial(say, console)),
        code_version=package_version(),
        now=lambda: datetime.now(timezone.utc),
        fights=arguments.fights,
        per_hour=arguments.per_hour,
        executor=choose_executor(arguments),
    )
    with open_work(arguments, console) as display:
        packed, chosen = choose_again(bundle, options, display)
        warning = chosen.warning()
        if warning is not None:
            display.warn(warning)
    for line in describe(bundle.manifest.calibration.thresholds, chosen):
        say(console, line)
    say(console, f"bundle  {packed} ({packed.stat().st_size / 1e6:.2f} MB)")
    return 0


def describe(before: Thresholds, chosen: AlarmChoice) -> Iterator[str]:
    """The lines that are printed."""
    now, rate = chosen.thresholds, chosen.measured_per_hour
    header = ("threshold", "before", "now")
    rows = [(name, f"{getattr(before, name):g}", f"{getattr(now, name):g}") for name in ("wake", "alert", "clear")]
    yield from align([header, *rows])
    yield ""
    yield (
        f"{chosen.alarms} alarms in {chosen.hours:.1f} hours of calm streams: {rate.value:.1f} an hour "
        f"[{rate.low:.1f}, {rate.high:.1f}], {chosen.certainty:.0%} sure of no more than {chosen.budget_per_hour:g}; "
        f"awake for {chosen.awake:.0%} of the time."
    )
    waking = chosen.waking
    if waking is not None:
        yield (
            f"Of {waking.fights} drawn fights a camera that is always awake tells of {waking.always}, an idle one of "
            f"{waking.told} of those."
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nexara thresholds", description=main.__doc__)
    parser.add_argument("--bundle", type=Path, required=True, help="bundle directory or .nexara file, of a build")
    parser.add_argument("--version", required=True, help="of the new bundle, as 1.2.3")
    parser.add_argument("--out", type=Path, required=True, help="folder for it; out/work keeps finished stages")
    parser.add_argument("--per-hour", type=float, metavar="N", help="false alarms allowed (default: as before)")
    parser.add_argument(
        "--fights",
        type=at_least_one,
        default=DRAWN_FIGHTS,
        metavar="N",
        help="drawn fights that the wake threshold is chosen on (default: %(default)s)",
    )
    parser.add_argument(
        "--trust", type=Path, action="append", default=[], metavar="FILE", help="public key (PEM) to trust besides"
    )
    add_signing_key(parser)
    add_execution(parser)
    add_work_limit(parser)
    return parser
