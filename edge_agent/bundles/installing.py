"""From a bundle's file or address to a trial: fetched, tested as the agent will use it, and put on the shelf."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from edge_agent.backoff import BackoffPolicy, wait_s
from edge_agent.bundles.download import Downloader, Order, Pause, Progress, ignore_progress, redact_query
from edge_agent.bundles.errors import DownloadError
from edge_agent.bundles.record import Record, go_back, put_on_trial
from edge_agent.bundles.shelf import Shelf
from edge_agent.config.plan import Plan
from models.manifest import Manifest
from runtimes.detector import open_detector
from runtimes.protocol import SessionOptions


@dataclass(frozen=True, slots=True)
class Installed:
    """A bundle on the shelf. ``runtime`` is what passed its self-test; ``trial`` is false for the one in use."""

    manifest: Manifest
    runtime: str
    trial: bool


@dataclass(frozen=True, slots=True)
class Installer:
    """Installs for one configuration; ``alone`` is entered while no camera of this process may use a GPU."""

    plan: Plan
    shelf: Shelf
    downloader: Downloader
    alone: Callable[[], AbstractContextManager[object]] = nullcontext

    def install(self, source: str, sha256: str | None = None, *, again: bool = False) -> Installed:
        """Put the bundle in the file ``source`` on trial, or that at the https address ``source``, whose file has the
        hash ``sha256``; ``again`` allows one that was left before.

        Raises ``BundleError``, ``ConfigError`` when its thresholds contradict the configuration, ``NoRuntimeError``
        when no engine here runs it, ``ShelfError`` and ``BundleFormatError``.
        """
        with self.shelf.receiving():
            return self.put(self._fetch(source, sha256) if "://" in source else Path(source), again=again)

    def fetch(self, order: Order) -> Path:
        """The file of a bundle: as it lies on the shelf already, or else fetched. Raises as ``Downloader.fetch``."""
        if self.shelf.is_whole(order.digest):
            return self.shelf.path_of(order.digest)
        return self.downloader.fetch(order)

    def put(self, file: Path, *, again: bool = False) -> Installed:
        """Test the bundle in ``file`` as the agent will use it, and put it on trial. Raises as ``install`` does."""
        bundle = self.plan.open_usable(file)
        # In a running agent, decoders would spoil what is recorded on the GPU, and it them.
        options = SessionOptions(alone=self.alone)
        detector = open_detector(bundle, target=self.plan.config.settings.runtime.target, options=options)
        detector.close()
        record = self.shelf.add(file, partial(put_on_trial, again=again))
        if file.parent == self.shelf.incoming:
            file.unlink(missing_ok=True)
        return Installed(bundle.manifest, detector.description, trial=record.trial is not None)

    def roll_back(self, reason: str) -> Record | None:
        """Leave the bundle on trial, or else the one in use; ``None`` where there is none to go back from. Raises
        ``ShelfDiskError``."""
        before = self.shelf.read()
        after = self.shelf.change(partial(go_back, reason=reason))
        return None if after == before else after

    def _fetch(self, source: str, sha256: str | None) -> Path:
        if sha256 is None:
            raise DownloadError(
                f"{redact_query(source)}: fetched only with the SHA-256 of its file; tell it with --sha256"
            )
        return self.fetch(Order(source, sha256.lower()))


def plan_installer(plan: Plan, pause: Pause | None = None, progress: Progress = ignore_progress) -> Installer | None:
    """What installs for a configuration; ``None`` where it keeps no further bundles. Without ``pause`` it
    sleeps after failures to fetch."""
    shelf, downloader = plan.shelf(), plan.downloader(pause or _sleep_longer(), progress)
    return None if shelf is None or downloader is None else Installer(plan, shelf, downloader)


def _sleep_longer() -> Pause:
    policy, random = BackoffPolicy(first_s=1.0), np.random.default_rng()
    return lambda failures: time.sleep(wait_s(policy, failures, random.random))
