"""``nexara-edge trace``."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

import msgspec

from edge_agent.metrics.opening import split_listen
from edge_agent.trace.errors import TraceError
from edge_agent.trace.recording import record
from edge_agent.trace.report import describe, make_report
from edge_agent.trace.subject import Subject, bare, configured


def add_trace_options(parser: argparse.ArgumentParser) -> None:
    """Declare what ``trace`` takes."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="trace a camera of this edge.toml")
    parser.add_argument("--camera", metavar="ID", help="which camera (default: the first)")
    parser.add_argument("--bundle", type=Path, help="or trace any source with this bundle")
    parser.add_argument("--source", metavar="ADDRESS", help="the source: rtsp:, v4l2:, file:, folder: or scene:")
    parser.add_argument("--key", type=Path, action="append", default=[], help="public key (PEM) to trust besides")
    parser.add_argument("--samples", type=_count, default=5, metavar="N", help="how many (default: %(default)s)")
    parser.add_argument("--seconds", type=_seconds, default=60.0, help="give up after so long (default: %(default)g)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file too")
    parser.add_argument(
        "--broker", type=_address, metavar="HOST:PORT", help="publish to this broker (default: nothing is published)"
    )
    parser.set_defaults(command=run_trace)


def run_trace(arguments: argparse.Namespace) -> int:
    """Trace and print; raises ``TraceError`` and whatever keeps the agent from starting."""
    # What the agent would warn of is told with the figures.
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s")
    subject = _subject(arguments)
    recording = record(subject, arguments.samples, arguments.seconds, arguments.broker)
    report = make_report(subject, recording)
    sys.stdout.write("\n".join(describe(report)) + "\n")
    if recording.short is not None:
        sys.stdout.write(f"\nfewer than {arguments.samples} samples: {recording.short}\n")
    if arguments.json is not None:
        try:
            arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
        except OSError as error:
            raise TraceError(f"{arguments.json}: cannot be written: {error.strerror}; name another file") from error
    return 0


def _subject(arguments: argparse.Namespace) -> Subject:
    if arguments.config is not None and arguments.bundle is None and arguments.source is None:
        return configured(arguments.config, arguments.camera)
    if arguments.config is None and arguments.bundle is not None and arguments.source is not None:
        return bare(arguments.bundle, arguments.source, arguments.key)
    raise TraceError("give --config, and --camera where it is not the first, or --bundle and --source")


def _count(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 10_000):  # noqa: PLR2004 - the limits stand in the message
        raise argparse.ArgumentTypeError(f"{text!r} found, a whole number from 1 to 10000 is allowed")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86_400:  # noqa: PLR2004 - the limits stand in the message
        raise argparse.ArgumentTypeError(f"{text!r} found, a number of seconds above 0 and up to 86400 is allowed")
    return seconds


def _address(text: str) -> tuple[str, int]:
    try:
        return split_listen(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} found, host:port is allowed, as 127.0.0.1:1883") from None
