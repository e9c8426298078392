"""Compiled files opened by the runtimes that devices use, before there is a bundle around them."""

from __future__ import annotations

from pathlib import Path

from models.manifest import Artifact, Preprocessing
from runtimes.discovery import discover_runtimes
from runtimes.errors import RuntimeOpenError
from runtimes.pair import Pair
from runtimes.protocol import Session, SessionOptions
from runtimes.selection import Candidate


def open_artifacts(
    encoder: Artifact, head: Artifact, directory: Path, preprocessing: Preprocessing, threads: int = 1
) -> Pair:
    """Open encoder and head of one target, whose files lie under ``directory`` as the artifacts name them.

    Raises ``RuntimeOpenError`` when the engine is absent or refuses a file.
    """
    sessions = [open_artifact(artifact, directory, threads) for artifact in (encoder, head)]
    return Pair(Candidate(encoder.target, encoder, head), sessions[0], sessions[1], preprocessing)


def open_artifact(artifact: Artifact, directory: Path, threads: int = 1) -> Session:
    """Open one file of ``directory``. Raises ``RuntimeOpenError``."""
    engines = {engine.name: engine for engine in discover_runtimes().runtimes}
    engine = engines.get(artifact.requires.engine)
    if engine is None:
        raise RuntimeOpenError(
            f"{artifact.file}: no engine {artifact.requires.engine!r} here; known are {', '.join(sorted(engines))}"
        )
    return engine.open(artifact, (directory / artifact.file).read_bytes(), SessionOptions(threads=threads))
