"""Compiling a network for one of the targets of the catalogue."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from builder.compilation.bias_correction import correct_bias, measure_shift
from builder.compilation.catalogue import Target
from builder.compilation.compiled import Compiled
from builder.compilation.onnx import compile_onnx
from builder.compilation.tflite import compile_tflite
from builder.evaluation.opening import open_artifact
from builder.training.network import Network
from models.manifest import Artifact, Preprocessing, Requirement, Stage
from models.preprocessing import normalise

if TYPE_CHECKING:
    from tf_keras import Model


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Calibrating:
    """What int8 ranges are taken from, out of training clips only: samples ``(K, H, W, C) uint8`` and windows
    ``(M, T, D) float32`` of the float encoder's embeddings."""

    samples: NDArray[np.uint8]
    windows: NDArray[np.float32]


def compile_target(
    target: Target, network: Network, calibrating: Calibrating, preprocessing: Preprocessing, directory: Path
) -> tuple[Artifact, Artifact]:
    """Write encoder and head of ``network`` as ``directory/artifacts/<target>-<stage>.<suffix>`` and give both as the
    manifest lists them, without accuracy and latency, which are measured later. Raises ``CompilationError``."""
    folder = directory / "artifacts"
    folder.mkdir(parents=True, exist_ok=True)
    artifacts: list[Artifact] = []
    stages: tuple[Stage, Stage] = ("encoder", "head")
    for stage in stages:
        path = folder / f"{target.name}-{stage}.{target.suffix}"
        model = network.encoder if stage == "encoder" else network.head
        compiled = _compile(target, stage, model, calibrating, preprocessing, path)
        if stage == "encoder" and compiled.precision == "int8":
            corrected = _corrected(model, _artifact(target, stage, compiled), calibrating, preprocessing, directory)
            compiled = _compile(target, stage, corrected, calibrating, preprocessing, path)
        if compiled.note is not None:
            _log.warning("%s %s: %s", target.name, stage, compiled.note)
        artifacts.append(_artifact(target, stage, compiled))
    return artifacts[0], artifacts[1]


def _compile(
    target: Target, stage: Stage, model: Model, calibrating: Calibrating, preprocessing: Preprocessing, path: Path
) -> Compiled:
    representative = (
        [calibrating.windows]
        if stage == "head"
        else (normalise(row[None], preprocessing) for row in calibrating.samples)
    )
    if target.engine == "onnx":
        return compile_onnx(
            model, precision=target.precision, path=path, representative=representative, symmetric=target.symmetric
        )
    darkest, brightest = normalise(np.array([0, 255], np.uint8), preprocessing)
    samples_range = (float(darkest), float(brightest)) if stage == "encoder" else None
    return compile_tflite(
        model, precision=target.precision, path=path, representative=representative, samples_range=samples_range
    )


def _corrected(
    encoder: Model, artifact: Artifact, calibrating: Calibrating, preprocessing: Preprocessing, directory: Path
) -> Model:
    session = open_artifact(artifact, directory)
    try:
        return correct_bias(encoder, measure_shift(encoder, session, calibrating.samples, preprocessing))
    finally:
        session.close()


def _artifact(target: Target, stage: Stage, compiled: Compiled) -> Artifact:
    return Artifact(
        stage=stage,
        target=target.name,
        file=f"artifacts/{compiled.path.name}",
        sha256=compiled.sha256(),
        precision=compiled.precision,
        inputs=compiled.inputs,
        outputs=compiled.outputs,
        requires=Requirement(engine=target.engine, min_version=target.min_version),
    )
