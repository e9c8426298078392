"""``nexara demo``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from edge_agent.agent_options import AgentOptions
from edge_agent.demo.audience import Audience
from edge_agent.demo.bundle_choice import choose_bundle
from edge_agent.demo.ledger import Ledger
from edge_agent.demo.lines import PlainLines
from edge_agent.demo.show import play
from edge_agent.demo.site import MOST_SEED, DemoCamera, make_site
from edge_agent.demo.stage import open_stage
from edge_agent.demo.stopwatch import Stopwatch
from edge_agent.demo.terminal import signals_unwind, stderr_held_back
from edge_agent.demo.verdict import judge
from edge_agent.demo.view import THUMBNAIL_SIDE, LiveView
from edge_agent.version import read_version
from models.bundle import Bundle
from models.trust import TrustStore

DEFAULT_SEED = 8
HEADLESS_LIMIT_S = 60.0
_NO_READER = 128 + signal.SIGPIPE


def run_demo(argv: list[str]) -> int:
    """Show the demo; 0 when it showed what it must, 1 when ``--headless`` waited in vain."""
    stopwatch = Stopwatch(time.monotonic)
    arguments = _parser().parse_args(argv)
    with signals_unwind():
        try:
            return _show(arguments, stopwatch)
        except BrokenPipeError:
            # The reader has seen enough; what is still buffered must not complain at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return _NO_READER


def _show(arguments: argparse.Namespace, stopwatch: Stopwatch) -> int:
    bundle = choose_bundle(arguments.bundle, TrustStore.load(arguments.key))
    cameras = make_site(arguments.seed)
    ledger = Ledger(cameras)
    limit_s = arguments.seconds or (HEADLESS_LIMIT_S if arguments.headless else float("inf"))
    live = not arguments.headless and sys.stdout.isatty()
    options = AgentOptions(thumbnail_side=THUMBNAIL_SIDE if live else None)

    def finished() -> bool:
        return stopwatch.elapsed() >= limit_s or (arguments.headless and bool(ledger.detections))

    with ExitStack() as stack:
        audience = _audience(stack, live, bundle, cameras, stopwatch)
        stage = stack.enter_context(open_stage(bundle, cameras, options, read_version(), stopwatch))
        audience.announce(f"broker on {stage.broker.host}:{stage.broker.port}")
        try:
            play(stage, ledger, audience, stopwatch, finished)
        except KeyboardInterrupt:
            if arguments.headless:
                raise
        audience.announce("ending")
        audience.refresh()
    verdict = judge(ledger)
    if not arguments.headless:
        print(verdict.text)
        return 0
    print(f"{'passed' if verdict.passed else 'failed'}: {verdict.text}")
    return 0 if verdict.passed else 1


def _audience(
    stack: ExitStack, live: bool, bundle: Bundle, cameras: Sequence[DemoCamera], stopwatch: Stopwatch
) -> Audience:
    manifest = bundle.manifest
    title = f"NexaraVision demo: {manifest.name} {manifest.version}"
    if live:
        stack.enter_context(stderr_held_back())
        view = LiveView(Console(), title, cameras, manifest.calibration.thresholds, stopwatch)
        return stack.enter_context(view)
    lines = PlainLines(sys.stdout, stopwatch)
    lines.announce(title)
    for camera in cameras:
        lines.announce(f"camera {camera.id}: {camera.shows}")
    return lines


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nexara demo",
        description="Four drawn cameras, a fight in one of them, the real agent, and its alerts over MQTT.",
    )
    parser.add_argument(
        "--headless", action="store_true", help="plain lines; end with code 0 once the fight's incident was received"
    )
    parser.add_argument("--bundle", type=Path, help="the bundle to show (default: the newest that ships)")
    parser.add_argument(
        "--key", type=Path, action="append", default=[], help="public key (PEM) to trust besides, for your own bundles"
    )
    parser.add_argument("--seed", type=_seed, default=DEFAULT_SEED, help="what is drawn (default: %(default)s)")
    parser.add_argument(
        "--seconds",
        type=_seconds,
        help=f"end after so long (default: {HEADLESS_LIMIT_S:g} with --headless, else at Ctrl-C)",
    )
    return parser


def _seed(text: str) -> int:
    if not (text.isdecimal() and int(text) <= MOST_SEED):
        raise argparse.ArgumentTypeError(f"{text!r} found, a whole number from 0 to {MOST_SEED} is allowed")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} found, a number of seconds above 0 is allowed")
    return seconds
