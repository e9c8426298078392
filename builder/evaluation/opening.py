"""Compiled files opened by the runtimes that devices use, before there is a bundle around them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec

from models.manifest import Artifact, Preprocessing, Requirement
from runtimes.discovery import discover_runtimes
from runtimes.edgetpu import COMPILED
from runtimes.environment import probe_environment
from runtimes.errors import RuntimeOpenError
from runtimes.pair import Pair
from runtimes.protocol import Session, SessionOptions
from runtimes.selection import PROCESSOR_TOO, Candidate, refuse
from runtimes.tensorrt.runtime import ENGINE

_EDGETPU = "edgetpu"
_GRAPH = ".onnx"
_TFLITE = ".tflite"


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
    if stand_in is None:
        content = (directory / artifact.file).read_bytes()
        return engines[artifact.requires.engine].open(artifact, content, SessionOptions(threads=threads))
    opened = msgspec.structs.replace(artifact, file=stand_in.file, requires=Requirement(engine=stand_in.engine))
    options = SessionOptions(threads=threads, device=PROCESSOR_TOO.get(stand_in.engine))
    return engines[stand_in.engine].open(opened, (directory / stand_in.file).read_bytes(), options)


class StandIn(NamedTuple):
    """An engine of the processor, and the file that it runs in the place of another."""

    engine: str
    file: str


def standing_in(artifact: Artifact) -> StandIn | None:
    """What runs a file on the processor where what it is made for is not at hand; ``None`` where it is.

    An ONNX or TFLite file is one graph to all who read it: what stands in tells what it answers, other kernels only
    round otherwise. What it tells nothing of is speed. What a further compiler made has what it was made of beside it.
    Raises ``RuntimeOpenError`` when no engine here can run the file.
    """
    file, engine = artifact.file, artifact.requires.engine
    stand_in = _uncompiled(file, engine)
    # A file that its compiler has not seen yet is nothing to the device.
    waiting = engine == _EDGETPU and not file.endswith(COMPILED)
    reason = refuse(artifact.requires, probe_environment())
    if reason is None and not waiting:
        return None
    if stand_in is None:
        raise RuntimeOpenError(f"{file}: {reason}")
    return stand_in


def _uncompiled(file: str, engine: str) -> StandIn | None:
    if file.endswith((ENGINE, _GRAPH)):
        return StandIn("onnx", str(Path(file).with_suffix(_GRAPH)))
    if engine == _EDGETPU:
        return StandIn("tflite", file.removesuffix(COMPILED) + _TFLITE if file.endswith(COMPILED) else file)
    return None
