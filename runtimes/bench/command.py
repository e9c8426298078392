"""``nexara bench``: how fast a bundle is on this machine; ``nexara-edge bench`` keeps that for the agent, too."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import msgspec

from models.bundle import Bundle
from runtimes.bench.bundle_bench import BenchOptions, BundleBench, bench_bundle
from runtimes.bench.description import describe
from runtimes.bench.kept import KeptBenchError
from runtimes.bench.machine_limit import measure_limit
from runtimes.bench.opened_targets import open_any_bundle
from runtimes.environment import probe_environment

ROUNDS = 100


def main(argv: list[str]) -> int:
    """Measure how fast every target of a bundle is on this machine."""
    parser = argparse.ArgumentParser(prog="nexara bench", description=main.__doc__)
    parser.add_argument("--bundle", type=Path, required=True, help="bundle directory or .nexara file")
    add_bench_options(parser)
    arguments = parser.parse_args(argv)
    run_bench(open_any_bundle(arguments.bundle), arguments)
    return 0


def add_bench_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--rounds`` and ``--json``."""
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"timed calls of each (default {ROUNDS})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")


def run_bench(bundle: Bundle, arguments: argparse.Namespace) -> BundleBench:
    """Measure, print, and write where that was asked for. Raises ``EngineError``."""
    environment = probe_environment()
    threads = tuple(dict.fromkeys((1, environment.cores)))
    options = BenchOptions(rounds=max(1, arguments.rounds), threads=threads, clock=time.perf_counter)
    bench = bench_bundle(bundle, environment, measure_limit(), options)
    for line in describe(bench):
        sys.stdout.write(f"{line}\n")
    if arguments.json is not None:
        _write(arguments.json, bench)
    return bench


def _write(path: Path, bench: BundleBench) -> None:
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(bench), indent=2) + b"\n")
    except OSError as error:
        raise KeptBenchError(f"{path}: cannot be written: {error.strerror}; choose another file") from error
