"""Every target of a bundle that runs here, opened stage by stage, with what it took to load it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from models.bundle import Bundle, open_bundle
from models.manifest import Artifact, Stage
from models.trust import TrustStore
from runtimes.discovery import discover_runtimes
from runtimes.environment import probe_environment
from runtimes.errors import NoRuntimeError, RuntimeOpenError
from runtimes.protocol import Runtime, Session, SessionOptions
from runtimes.selection import refuse

STAGES: tuple[Stage, ...] = ("encoder", "head")


class OpenedStage(NamedTuple):
    """An open artifact; ``load_ms`` is how long its engine took to open it."""

    artifact: Artifact
    session: Session
    load_ms: float


class OpenedTargets(NamedTuple):
    """Open artifacts by target and stage, and why each other target could not be opened."""

    stages: dict[tuple[str, Stage], OpenedStage]
    refused: dict[str, str]


def open_any_bundle(path: Path) -> Bundle:
    """Open a bundle whoever signed it; files that differ from their hashes are refused. Raises ``BundleError``."""
    return open_bundle(path, TrustStore.load(accept="unsigned"))


@contextmanager
def open_all_targets(bundle: Bundle, threads: int, clock: Callable[[], float]) -> Iterator[OpenedTargets]:
    """Open every target that runs here on ``threads`` threads; all are closed at the end. ``clock`` gives seconds.

    Raises ``NoRuntimeError`` when none runs.
    """
    engines = {engine.name: engine for engine in discover_runtimes().runtimes}
    opened: dict[tuple[str, Stage], OpenedStage] = {}
    refused: dict[str, str] = {}
    with ExitStack() as stack:
        for target in bundle.manifest.targets():
            pair = _open_pair(bundle, target, engines, threads, clock)
            if isinstance(pair, str):
                refused[target] = pair
                continue
            for stage, one in zip(STAGES, pair, strict=True):
                stack.callback(one.session.close)
                opened[target, stage] = one
        if not opened:
            raise NoRuntimeError(bundle.manifest.name, tuple(refused.values()))
        yield OpenedTargets(opened, refused)


def _open_pair(
    bundle: Bundle, target: str, engines: dict[str, Runtime], threads: int, clock: Callable[[], float]
) -> tuple[OpenedStage, ...] | str:
    """Encoder and head, or why one of them cannot be opened."""
    with ExitStack() as closing:
        pair = []
        try:
            for stage in STAGES:
                pair.append(_open(bundle, bundle.manifest.artifact(target, stage), engines, threads, clock))
                closing.callback(pair[-1].session.close)
        except RuntimeOpenError as error:
            return str(error)
        closing.pop_all()
    return tuple(pair)


def _open(
    bundle: Bundle, artifact: Artifact, engines: dict[str, Runtime], threads: int, clock: Callable[[], float]
) -> OpenedStage:
    reason = refuse(artifact.requires, probe_environment())
    if reason is not None:
        raise RuntimeOpenError(f"{artifact.file}: {reason}")
    engine = engines[artifact.requires.engine]
    content = bundle.read(artifact.file)
    before = clock()
    session = engine.open(artifact, content, SessionOptions(threads=threads))
    return OpenedStage(artifact, session, (clock() - before) * 1000)
