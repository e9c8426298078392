"""What a bundle can be compiled for, as data, and compiling one of them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from builder.compilation.bias_correction import correct_bias, measure_shift
from builder.compilation.compiled import Compiled, Precision
from builder.compilation.onnx import compile_onnx
from builder.compilation.tflite import compile_tflite
from builder.evaluation.opening import open_artifact
from builder.training.network import Network
from models.manifest import Artifact, Preprocessing, Requirement, Stage
from models.preprocessing import normalise

if TYPE_CHECKING:
    from tf_keras import Model


_log = logging.getLogger(__name__)


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One way to run the network: an engine and a precision.

    ``min_version`` is the engine's oldest version, ``major.minor``, that reads the file; ``symmetric`` asks for Q/DQ
    with activations symmetric about 0.
    """

    name: str
    engine: str
    precision: Precision
    suffix: str
    min_version: str | None = None
    symmetric: bool = False


# ONNX files are opset 17 in IR 8, which onnxruntime reads from 1.12 on. TFLite files name no version: boards with
# tflite-runtime 2.14 count otherwise than LiteRT, and an operator too new is refused when the file is opened.
TARGETS: tuple[Target, ...] = (
    Target(name="cpu-tflite-int8", engine="tflite", precision="int8", suffix="tflite"),
    Target(name="cpu-tflite", engine="tflite", precision="float32", suffix="tflite"),
    Target(name="cpu-onnx", engine="onnx", precision="float32", suffix="onnx", min_version="1.12"),
    Target(name="cpu-onnx-int8", engine="onnx", precision="int8", suffix="onnx", min_version="1.12"),
)


@dataclass(frozen=True, slots=True)
class Calibrating:
    """What int8 ranges are taken from, out of training clips only: samples ``(K, H, W, C) uint8`` and windows
    ``(M, T, D) float32`` of the float encoder's embeddings."""

    samples: NDArray[np.uint8]
    windows: NDArray[np.float32]


def store_half(targets: Iterable[Target]) -> tuple[Target, ...]:
    """The same targets with the weights of float ones stored as float16: half the size, and as fast, since engines
    widen weights when they load."""
    return tuple(
        msgspec.structs.replace(target, precision="float16") if target.precision == "float32" else target
        for target in targets
    )


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
