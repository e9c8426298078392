"""Compiled files opened by the runtimes that devices use, before there is a bundle around them."""

from __future__ import annotations

from pathlib import Path

import msgspec

from models.manifest import Artifact, Preprocessing, Requirement
from runtimes.discovery import discover_runtimes
from runtimes.environment import probe_environment
from runtimes.errors import RuntimeOpenError
from runtimes.pair import Pair
from runtimes.protocol import Session, SessionOptions
from runtimes.selection import PROCESSOR_TOO, Candidate, refuse
from runtimes.tensorrt.runtime import ENGINE

_STAND_IN = "onnx"
_GRAPH = ".onnx"


def open_artifacts(
    encoder: Artifact, head: Artifact, directory: Path, preprocessing: Preprocessing, threads: int = 1
) -> Pair:
    """Open encoder and head of one target, whose files lie under ``directory`` as the artifacts name them.

    Raises ``RuntimeOpenError`` when the engine is absent or refuses a file.
    """
    sessions = [open_artifact(artifact, directory, threads) for artifact in (encoder, head)]
    return Pair(Candidate(encoder.target, encoder, head), sessions[0], sessions[1], preprocessing)


def open_artifact(artifact: Artifact, directory: Path, threads: int = 1) -> Session:
    """Open one file of ``directory``, by the engine ``standing_in`` for its own where that is not here.

    Raises ``RuntimeOpenError``.
    """
    engines = {engine.name: engine for engine in discover_runtimes().runtimes}
    stand_in = standing_in(artifact)
    opened = artifact if stand_in is None else msgspec.structs.replace(artifact, requires=Requirement(engine=stand_in))
    options = SessionOptions(threads=threads, device=None if stand_in is None else PROCESSOR_TOO[stand_in])
    file = Path(artifact.file) if stand_in is None else Path(artifact.file).with_suffix(_GRAPH)
    return engines[opened.requires.engine].open(opened, (directory / file).read_bytes(), options)


def standing_in(artifact: Artifact) -> str | None:
    """The engine that runs a file on the processor where what it is made for is not at hand; ``None`` where it is.

    An ONNX file is one graph to all who read it: ONNX Runtime tells what it answers, other kernels only round
    otherwise. What it tells nothing of is speed. An engine has the graph that it was built of beside it. Raises
    ``RuntimeOpenError`` when no engine here can run the file.
    """
    reason = refuse(artifact.requires, probe_environment())
    if reason is None:
        return None
    if Path(artifact.file).suffix not in {_GRAPH, ENGINE}:
        raise RuntimeOpenError(f"{artifact.file}: {reason}")
    return _STAND_IN
