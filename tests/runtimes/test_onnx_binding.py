"""Bound batches on the processor, where nothing is recorded and all else is as on a GPU."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from models.bundle import Bundle
from models.manifest import Artifact, Stage
from runtimes.batch import SIZES, Answer, run_in_sizes
from runtimes.errors import SessionError
from runtimes.onnx_binding import BoundBatches
from runtimes.protocol import Batch, SessionOptions
from tests.edge_agent.test_camera import wait_for

ENGINE = importlib.import_module("onnxruntime")


def bind(open_session: Callable[[], Any], artifact: Artifact, options: SessionOptions | None = None) -> BoundBatches:
    return BoundBatches(ENGINE, open_session, artifact, ("cpu", 0), options or SessionOptions(), threading.Lock())


class Watched:
    """A session that keeps which threads ran it, by whether what they ran may be recorded."""

    def __init__(self, content: bytes) -> None:
        self._session = ENGINE.InferenceSession(content, providers=["CPUExecutionProvider"])
        self.ran: list[tuple[bool, str]] = []

    def io_binding(self) -> Any:
        return self._session.io_binding()

    def run_with_iobinding(self, binding: Any, options: Any = None) -> None:
        self.ran.append((options is None, threading.current_thread().name))
        self._session.run_with_iobinding(binding, options)


@pytest.mark.parametrize("stage", ["encoder", "head"])
def test_bound_batches_answer_as_the_session_does_whatever_their_sizes(tiny: Bundle, stage: Stage) -> None:
    artifact = tiny.manifest.artifact("onnx-float32", stage)
    session = ENGINE.InferenceSession(tiny.read(artifact.file), providers=["CPUExecutionProvider"])
    bound = bind(lambda: session, artifact)
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
    bound = bind(lambda: session, artifact)
    source, output = artifact.inputs[0], artifact.outputs[0]
    dark, bright = (np.full((2, *source.shape[1:]), level, np.float32) for level in (-1, 1))
    first = bound.run({source.name: dark})[output.name]
    kept = first.copy()
    assert not np.allclose(bound.run({source.name: bright})[output.name], kept)
    np.testing.assert_array_equal(first, kept)


def test_one_thread_records_and_runs_them_all_while_nothing_else_uses_the_gpu(tiny: Bundle) -> None:
    artifact = tiny.manifest.artifact("onnx-float32", "head")
    sessions: list[Watched] = []
    alone: list[int] = []

    def open_session() -> Watched:
        sessions.append(Watched(tiny.read(artifact.file)))
        return sessions[-1]

    @contextmanager
    def enter_alone() -> Iterator[None]:
        before = sum(recordable for session in sessions for recordable, _ in session.ran)
        yield
        alone.append(sum(recordable for session in sessions for recordable, _ in session.ran) - before)

    bound = bind(open_session, artifact, SessionOptions(alone=enter_alone))
    source = artifact.inputs[0]
    bound.run({source.name: np.zeros((3, *source.shape[1:]), np.float32)})
    assert alone == [1] * len(SIZES)
    assert {name for session in sessions for recordable, name in session.ran if recordable} == {"gpu head"}


def test_a_gradual_session_answers_with_the_largest_size_until_the_others_are_there(tiny: Bundle) -> None:
    artifact = tiny.manifest.artifact("onnx-float32", "head")
    content, go_on, opened = tiny.read(artifact.file), threading.Event(), list[int]()

    def open_session() -> Any:
        if opened:
            assert go_on.wait(30)
        opened.append(1)
        return ENGINE.InferenceSession(content, providers=["CPUExecutionProvider"])

    bound = bind(open_session, artifact, SessionOptions(gradual=True))
    source, output = artifact.inputs[0], artifact.outputs[0]
    rows = np.random.default_rng(4).normal(size=(3, *source.shape[1:])).astype(np.float32)
    early = bound.run({source.name: rows})[output.name]
    assert bound.sizes == (SIZES[-1],)
    go_on.set()
    wait_for(lambda: bound.sizes == SIZES)
    np.testing.assert_allclose(bound.run({source.name: rows})[output.name], early, rtol=1e-4, atol=1e-5)


def test_a_gradual_session_goes_on_with_what_is_open_when_another_size_fails(
    tiny: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    artifact = tiny.manifest.artifact("onnx-float32", "head")
    sessions = iter([ENGINE.InferenceSession(tiny.read(artifact.file), providers=["CPUExecutionProvider"])])

    def open_session() -> Any:
        session = next(sessions, None)
        if session is None:
            raise RuntimeError("out of memory")
        return session

    bound = bind(open_session, artifact, SessionOptions(gradual=True))
    wait_for(lambda: "out of memory" in caplog.text)
    source = artifact.inputs[0]
    answer = bound.run({source.name: np.zeros((5, *source.shape[1:]), np.float32)})
    assert len(answer[artifact.outputs[0].name]) == 5
    bound.close()
    with pytest.raises(SessionError, match="closed"):
        bound.run({source.name: np.zeros((5, *source.shape[1:]), np.float32)})


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


def test_a_batch_is_filled_up_to_what_is_open(tiny: Bundle) -> None:
    artifact = tiny.manifest.artifact("onnx-float32", "encoder")
    source, output = artifact.inputs[0], artifact.outputs[0]
    seen: list[int] = []

    def run(batch: Batch, size: int) -> Answer:
        seen.append(size)
        return {output.name: batch[source.name][:, 0, 0, :1]}

    rows = np.zeros((70, *source.shape[1:]), np.float32)
    assert len(run_in_sizes(artifact, {source.name: rows}, run, (64,))[output.name]) == 70
    assert seen == [64, 64]
