"""Bound batches on the processor, where nothing is recorded and all else is as on a GPU."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from models.bundle import Bundle
from models.manifest import Stage
from runtimes.batch import SIZES, Answer, run_in_sizes
from runtimes.onnx_binding import BoundBatches
from runtimes.protocol import Batch

ENGINE = importlib.import_module("onnxruntime")


@pytest.mark.parametrize("stage", ["encoder", "head"])
def test_bound_batches_answer_as_the_session_does_whatever_their_sizes(tiny: Bundle, stage: Stage) -> None:
    artifact = tiny.manifest.artifact("onnx-float32", stage)
    session = ENGINE.InferenceSession(tiny.read(artifact.file), providers=["CPUExecutionProvider"])
    bound = BoundBatches(ENGINE, lambda: session, artifact, "cpu", 0)
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
    bound = BoundBatches(ENGINE, lambda: session, artifact, "cpu", 0)
    source, output = artifact.inputs[0], artifact.outputs[0]
    dark, bright = (np.full((2, *source.shape[1:]), level, np.float32) for level in (-1, 1))
    first = bound.run({source.name: dark})[output.name]
    kept = first.copy()
    assert not np.allclose(bound.run({source.name: bright})[output.name], kept)
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize(
    ("count", "sizes"),
    [
        (1, [1]),
        (3, [4]),
        (9, [16]),
        (17, [16, 1]),
        (24, [32]),
        (36, [32, 4]),
        (64, [64]),
        (70, [64, 8]),
        (200, [64] * 3 + [8]),
    ],
)
def test_a_batch_is_filled_up_where_that_is_cheaper_than_another_run(
    tiny: Bundle, count: int, sizes: list[int]
) -> None:
    artifact = tiny.manifest.artifact("onnx-float32", "encoder")
    source, output = artifact.inputs[0], artifact.outputs[0]
    seen: list[int] = []

    def run(batch: Batch, size: int) -> Answer:
        seen.append(size)
        assert len(batch[source.name]) == size
        return {output.name: batch[source.name][:, 0, 0, :1]}

    rows = np.zeros((count, *source.shape[1:]), np.float32)
    rows[:, 0, 0, 0] = np.arange(count)
    found = run_in_sizes(artifact, {source.name: rows}, run)[output.name]
    np.testing.assert_array_equal(found[:, 0], np.arange(count))
    assert seen == sizes
