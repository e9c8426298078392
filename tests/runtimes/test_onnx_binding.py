"""Bound batches on the processor, where nothing is recorded and all else is as on a GPU."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from models.bundle import Bundle
from models.manifest import Stage
from runtimes.batch import SIZES
from runtimes.onnx_binding import BoundBatches

ENGINE = importlib.import_module("onnxruntime")


@pytest.mark.parametrize("stage", ["encoder", "head"])
def test_bound_batches_answer_as_the_session_does_whatever_their_sizes(tiny: Bundle, stage: Stage) -> None:
    artifact = tiny.manifest.artifact("onnx-float32", stage)
    session = ENGINE.InferenceSession(tiny.read(artifact.file), providers=["CPUExecutionProvider"])
    bound = BoundBatches(ENGINE, session, artifact, "cpu", 0)
    source, output = artifact.inputs[0], artifact.outputs[0]
    generator = np.random.default_rng(3)
    # Sizes between those that are bound, twice the same with other content, and more than the largest.
    for count in (1, 3, 3, SIZES[-1], SIZES[-1] + 5, 2):
        rows = generator.normal(size=(count, *source.shape[1:])).astype(np.float32)
        found = bound.run({source.name: rows})[output.name]
        (meant,) = session.run([output.name], {source.name: rows})
        assert found.shape == (count, *output.shape[1:])
        np.testing.assert_allclose(found, meant, rtol=1e-4, atol=1e-5)


def test_answers_stay_when_the_next_batch_is_run(tiny: Bundle) -> None:
    artifact = tiny.manifest.artifact("onnx-float32", "encoder")
    session = ENGINE.InferenceSession(tiny.read(artifact.file), providers=["CPUExecutionProvider"])
    bound = BoundBatches(ENGINE, session, artifact, "cpu", 0)
    source, output = artifact.inputs[0], artifact.outputs[0]
    dark, bright = (np.full((2, *source.shape[1:]), level, np.float32) for level in (-1, 1))
    first = bound.run({source.name: dark})[output.name]
    kept = first.copy()
    assert not np.allclose(bound.run({source.name: bright})[output.name], kept)
    np.testing.assert_array_equal(first, kept)
