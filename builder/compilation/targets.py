"""Compiling a network for one of the targets of the catalogue."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from builder.compilation.bias_correction import correct_bias, correct_logits, measure_logit_shift, measure_shift
from builder.compilation.catalogue import Target
from builder.compilation.compiled import Compiled
from builder.compilation.onnx import compile_onnx
from builder.compilation.tflite import compile_tflite
from builder.evaluation.opening import open_artifact
from builder.training.network import Network
from models.manifest import Artifact, Preprocessing, Stage
from models.preprocessing import normalise
from runtimes.protocol import Session

if TYPE_CHECKING:
    from tf_keras import Model


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Calibrating:
    """What int8 ranges and shifts are taken from, out of training clips only: windows ``(M, T, P * D) float32`` of the
    float encoder's embeddings of ``panes (M, T * P, H, W, C) uint8``; and the encoder as int8 files are to hold it, the
    convolutions named by ``float_layers`` in float; ``whole`` is it for a target that has no floats."""

    windows: NDArray[np.float32]
    panes: NDArray[np.uint8]
    encoder: Model
    float_layers: tuple[str, ...] = ()
    whole: Model | None = None

    def stored_by(self, target: Target) -> Model:
        """The encoder as the int8 file of this target is to hold it."""
        return self.whole if target.all_int8 and self.whole is not None else self.encoder

    @property
    def samples(self) -> NDArray[np.uint8]:
        """The panes of two or three instants of each window, ``(K, H, W, C) uint8``: neighbours are much alike."""
        count, instants = self.windows.shape[:2]
        pane = self.panes.shape[2:]
        by_instant = self.panes.reshape(count, instants, self.panes.shape[1] // instants, *pane)
        return by_instant[:, :: max(1, instants // 2)].reshape(-1, *pane)


def compile_target(
    target: Target, network: Network, calibrating: Calibrating, preprocessing: Preprocessing, directory: Path
) -> tuple[Artifact, Artifact]:
    """Write encoder and head of ``network`` as ``directory/artifacts/<target>-<stage>.<suffix>`` and give both as the
    manifest lists them, without accuracy and latency, which are measured later. Raises ``CompilationError``."""
    folder = directory / "artifacts"
    folder.mkdir(parents=True, exist_ok=True)
    paths = {stage: folder / f"{target.name}-{stage}.{target.suffix}" for stage in ("encoder", "head")}
    model = calibrating.stored_by(target) if target.precision == "int8" else network.encoder
    encoder = _compile(target, "encoder", model, calibrating, preprocessing, paths["encoder"])
    head = network.head
    if encoder.precision == "int8":
        with _opened(target, encoder, directory) as session:
            shift = measure_shift(network.encoder, session, calibrating.samples, preprocessing)
        corrected = correct_bias(model, shift)
        encoder = _compile(target, "encoder", corrected, calibrating, preprocessing, paths["encoder"])
        with _opened(target, encoder, directory) as session:
            shift = measure_logit_shift(head, session, calibrating.panes, calibrating.windows, preprocessing)
        head = correct_logits(head, shift)
    judged = _compile(target, "head", head, calibrating, preprocessing, paths["head"])
    stages: tuple[tuple[Stage, Compiled], ...] = (("encoder", encoder), ("head", judged))
    for stage, compiled in stages:
        if compiled.note is not None:
            _log.warning("%s %s: %s", target.name, stage, compiled.note)
    return as_artifact(target, "encoder", encoder), as_artifact(target, "head", judged)


def _compile(
    target: Target, stage: Stage, model: Model, calibrating: Calibrating, preprocessing: Preprocessing, path: Path
) -> Compiled:
    representative = (
        [calibrating.windows]
        if stage == "head"
        else (normalise(row[None], preprocessing) for row in calibrating.samples)
    )
    precision = target.precision_of(stage)
    float_layers = calibrating.float_layers if stage == "encoder" and not target.all_int8 else ()
    if target.suffix == "onnx":
        return compile_onnx(
            model,
            precision=precision,
            path=path,
            representative=representative,
            symmetric=target.symmetric,
            half_arithmetic=target.half_arithmetic,
            float_layers=float_layers,
        )
    darkest, brightest = normalise(np.array([0, 255], np.uint8), preprocessing)
    samples_range = (float(darkest), float(brightest)) if stage == "encoder" else None
    return compile_tflite(
        model,
        precision=precision,
        path=path,
        representative=representative,
        samples_range=samples_range,
        float_layers=float_layers,
    )


def _opened(target: Target, encoder: Compiled, directory: Path) -> AbstractContextManager[Session]:
    return closing(open_artifact(as_artifact(target, "encoder", encoder), directory))


def as_artifact(target: Target, stage: Stage, compiled: Compiled) -> Artifact:
    """A file compiled into a folder ``artifacts`` as the manifest lists it, without accuracy and latency."""
    return Artifact(
        stage=stage,
        target=target.name,
        file=f"artifacts/{compiled.path.name}",
        sha256=compiled.sha256(),
        precision=compiled.precision,
        inputs=compiled.inputs,
        outputs=compiled.outputs,
        requires=target.requires(stage),
    )
