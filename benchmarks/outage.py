"""Whether anything is lost, doubled or out of order when processes are killed, brokers are restarted and one is away
for a day.

One process after another tells of incidents through the agent's own outbox, spool and session, against a real
Mosquitto, and is killed (SIGKILL) at a random moment of its life; the next one goes on with the same spool. The broker
is restarted among them. Then it stays away for 24 simulated hours, in which processes are killed too, and comes back
while the killing goes on. A subscriber with a session of its own counts by id, against the ledger of what the spool has
accepted. Usage: ``python -m benchmarks.outage --kills 1000``.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

import msgspec

from benchmarks.outage_process import LEDGER, TOPICS, Job, work
from benchmarks.outage_subscriber import Subscriber
from benchmarks.outcome import machine_line, run, tell, write_json
from benchmarks.site import SiteError, free_port, run_broker
from runtimes.bench.table import table_lines

HOURS = 24
INCIDENTS_AN_HOUR = 60
_LONGEST_LIFE_S = 0.5
_RESTART_EVERY = 20
_AWAY_FOR = 2
"""Processes that live and die while the broker is away."""
_SNAPSHOT_BYTES = 3_000
_OUTAGE_SNAPSHOT_BYTES = 40_000
_QUIET_S = 20.0
_DRAIN_S = 600.0


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted. ``accepted`` are messages of which the spool's commit had returned and was written down;
    ``unreported`` arrived although a kill came between the two. ``lost`` were accepted and never heard. ``doubled``
    are contents that a consumer who drops ids it has seen would take twice: another content under a known id, or a
    second end of an incident; ``left_open`` are incidents without an end. ``repeats`` are deliveries of ids already
    heard, ``out_of_order`` those that came for the first time after a later one. ``drained_s`` is from the broker's
    return after ``hours`` until all of their messages had arrived, kills in between."""

    kills: int
    restarts: int
    hours: int
    backlog: int
    seconds: float
    accepted: int
    unreported: int
    lost: int
    doubled: int
    left_open: int
    repeats: int
    out_of_order: int
    drained_s: float


@dataclass(slots=True)
class Site:
    """A broker that comes and goes, and the one process at a time that tells it of incidents."""

    folder: Path
    port: int
    random: random.Random
    kills: int = 0
    restarts: int = 0
    _context: ForkServerContext = field(default_factory=lambda: multiprocessing.get_context("forkserver"))
    _broker: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        # A process is then a fork of one that has imported all it needs.
        self._context.set_forkserver_preload(["__main__", "benchmarks.outage_process"])

    def start_broker(self) -> None:
        """Raises ``SiteError``."""
        lines = (
            f"persistence true\npersistence_location {self.folder}/\nmax_queued_messages 0\nmax_inflight_messages 0\n"
        )
        self._broker.enter_context(run_broker(self.folder, self.port, lines))

    def stop_broker(self) -> None:
        """End the broker as its unit would, so that it saves what it holds for the subscriber."""
        self._broker.close()

    def start(self, job: Job) -> BaseProcess:
        process = self._context.Process(target=work, args=(job,))
        process.start()
        return process

    def live(self, job: Job, *, restart: bool = False) -> None:
        """Start a process and kill it at a random moment, with the broker gone or come before."""
        process = self.start(job)
        life_s = self.random.uniform(0, _LONGEST_LIFE_S)
        if restart:
            time.sleep(life_s / 2)
            self.restarts += 1
            self.stop_broker()
        time.sleep(life_s / 2 if restart else life_s)
        process.kill()
        process.join()
        self.kills += 1


def main(argv: list[str]) -> int:
    """Kill processes that tell of incidents, and count what arrives."""
    arguments = _parser().parse_args(argv)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        result = measure(Path(folder), arguments.kills, arguments.seed)
    tell(describe(result))
    write_json(arguments.json, result)
    return 0


def measure(
    folder: Path, kills: int, seed: int, incidents_an_hour: int = INCIDENTS_AN_HOUR, hours: int = HOURS
) -> Result:
    """Kill so many processes, at least ten: four of five while the broker comes and goes, up to one an hour of a day
    without it, and the rest while that day is made up for. Raises ``SiteError``."""
    began_s = time.monotonic()
    site = Site(folder, free_port(), random.Random(seed))  # noqa: S311 to be repeated
    subscriber = Subscriber(site.port, TOPICS.root)
    site.start_broker()
    try:
        subscriber.open()
        away = min(hours, kills // 10)
        _live_and_die(site, range(kills - 2 * (kills // 10)))
        site.stop_broker()
        before = set(_read(folder))
        _spend_hours(site, kills, hours / away, away, incidents_an_hour)
        backlog = set(_read(folder)) - before
        site.start_broker()
        back_s = time.monotonic()
        numbers = range(2 * kills, 3 * kills - site.kills)
        _live_and_die(site, numbers, hour=hours)
        _drain(site, 3 * kills, hours)
        accepted = _read(folder)
        subscriber.wait_for(set(accepted), _QUIET_S)
    finally:
        subscriber.close()
        site.stop_broker()
    return _count(site, subscriber, accepted, backlog, (began_s, back_s, hours))


def _live_and_die(site: Site, numbers: Sequence[int], hour: float = 0.0) -> None:
    away = 0
    for turn, number in enumerate(numbers, 1):
        restart = turn % _RESTART_EVERY == 0
        site.live(Job(site.folder, site.port, number, _SNAPSHOT_BYTES, hour), restart=restart)
        away = _AWAY_FOR if restart else away - 1
        if away == 0:
            site.start_broker()
    if away > 0:
        site.start_broker()


def _spend_hours(site: Site, first: int, hours: float, processes: int, incidents_an_hour: int) -> None:
    for turn in range(processes):
        job = Job(site.folder, site.port, first + turn, _OUTAGE_SNAPSHOT_BYTES, turn * hours, hours, incidents_an_hour)
        process = site.start(job)
        process.join(_DRAIN_S)
        if process.exitcode != -signal.SIGKILL:
            process.kill()
            raise SiteError(f"a process did not come to its kill: exit code {process.exitcode}; see what it wrote")
        site.kills += 1


def _drain(site: Site, number: int, hour: float) -> None:
    process = site.start(Job(site.folder, site.port, number, _SNAPSHOT_BYTES, hour, drains=True))
    process.join(_DRAIN_S)
    if process.exitcode != 0:
        process.kill()
        raise SiteError(f"within {_DRAIN_S:g} s the spool was not delivered: exit code {process.exitcode}")


def _read(folder: Path) -> list[str]:
    return (folder / LEDGER).read_text(encoding="ascii").split()


def _count(
    site: Site, subscriber: Subscriber, accepted: list[str], backlog: set[str], times: tuple[float, float, int]
) -> Result:
    began_s, back_s, hours = times
    rank = {id_: place for place, id_ in enumerate(accepted)}
    highest = -1
    late = 0
    for id_ in subscriber.came_s:
        place = rank.get(id_, highest)
        late += place < highest
        highest = max(highest, place)
    came = subscriber.came_s
    doubled = subscriber.contradicted + sum(len(ids) - 1 for ids in subscriber.ends.values())
    return Result(
        kills=site.kills,
        restarts=site.restarts,
        hours=hours,
        backlog=len(backlog),
        seconds=time.monotonic() - began_s,
        accepted=len(accepted),
        unreported=len(came.keys() - rank.keys()),
        lost=len(rank.keys() - came.keys()),
        doubled=doubled,
        left_open=len(subscriber.began - subscriber.ends.keys()),
        repeats=subscriber.deliveries - len(came),
        out_of_order=late,
        drained_s=max((came[id_] for id_ in backlog if id_ in came), default=back_s) - back_s,
    )


def describe(result: Result) -> Iterator[str]:
    """The lines that the benchmark prints."""
    yield machine_line()
    yield (
        f"{result.kills} processes killed, {result.restarts} restarts of the broker, {result.hours} simulated hours"
        f" without it, in {result.seconds:.0f} s"
    )
    yield ""
    header = ("accepted by the spool", "lost", "doubled", "left open", "out of order", "repeats", "arrived unreported")
    figures = (result.accepted, result.lost, result.doubled, result.left_open, result.out_of_order, result.repeats)
    yield from table_lines(header, [tuple(str(figure) for figure in (*figures, result.unreported))])
    yield ""
    yield (
        f"{result.backlog} messages waited for the broker after {result.hours} hours, and arrived within"
        f" {result.drained_s:.1f} s of its return"
    )
    yield "allowed: none lost, doubled, left open or out of order; a repeat has a known id, and is dropped by it"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.outage", description=main.__doc__)
    parser.add_argument("--kills", type=_count_of_kills, default=100, help="at least 10 (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="where the spool lies, to try another disk (default: temporary)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    return parser


def _count_of_kills(text: str) -> int:
    if not text.isdecimal() or int(text) < 10:  # noqa: PLR2004 as told
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 10 on")
    return int(text)


if __name__ == "__main__":
    run(main)
