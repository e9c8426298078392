"""Several sessions as one, with the real engines."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import numpy as np
import pytest

from models.bundle import Bundle
from models.manifest import Artifact
from runtimes.errors import RuntimeOpenError, SessionError
from runtimes.onnx import OnnxRuntime
from runtimes.protocol import Runtime, Session, SessionOptions
from runtimes.side_by_side import SideBySide, open_side_by_side
from runtimes.tflite import TFLiteRuntime
from tests.runtimes.breaking import BreakingRuntime, Faults

ENGINES = (TFLiteRuntime(), OnnxRuntime())


def first_encoder(bundle: Bundle, engine: Runtime) -> Artifact:
    return next(
        one
        for one in (bundle.manifest.artifact(target, "encoder") for target in bundle.manifest.targets())
        if one.requires.engine == engine.name and one.precision == "float32"
    )


def opener(bundle: Bundle, engine: Runtime) -> Callable[[int], Session]:
    artifact = first_encoder(bundle, engine)
    content = bundle.read(artifact.file)
    return lambda threads: engine.open(artifact, content, SessionOptions(threads=threads))


def batch_for(session: Session, items: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(items)
    return {one.name: random.normal(size=(items, *one.shape[1:])).astype(one.dtype) for one in session.inputs}


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
@pytest.mark.parametrize("items", [0, 1, 2, 3, 7, 36])
def test_a_batch_is_answered_in_order_whatever_its_size(tiny: Bundle, engine: Runtime, items: int) -> None:
    open_with = opener(tiny, engine)
    with closing(open_with(1)) as one, closing(open_with(3)) as three:
        assert isinstance(three, SideBySide)
        assert (three.inputs, three.outputs) == (one.inputs, one.outputs)
        batch = batch_for(one, items)
        wanted, found = one.run(batch), three.run(batch)
    assert wanted.keys() == found.keys()
    for name, array in wanted.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_allclose(found[name], array, atol=1e-5)


def test_arrays_that_do_not_fit_are_refused_as_by_one_session(tiny: Bundle) -> None:
    with closing(opener(tiny, TFLiteRuntime())(2)) as session:
        (name,) = (one.name for one in session.inputs)
        with pytest.raises(SessionError, match=r"takes \(N, "):
            session.run({name: np.zeros((4, 3), np.float32)})
        with pytest.raises(SessionError, match="no array for input"):
            session.run({})


def test_all_are_closed_together(tiny: Bundle) -> None:
    session = opener(tiny, TFLiteRuntime())(2)
    batch = batch_for(session, 4)
    session.close()
    with pytest.raises(SessionError, match="closed"):
        session.run(batch)


def test_one_that_fails_fails_the_batch_and_the_next_is_answered(tiny: Bundle) -> None:
    faults = Faults()
    artifact = first_encoder(tiny, TFLiteRuntime())
    broken = BreakingRuntime(TFLiteRuntime(), faults)
    content = tiny.read(artifact.file)
    whole = TFLiteRuntime().open(artifact, content, SessionOptions())
    with closing(SideBySide([whole, broken.open(artifact, content, SessionOptions())])) as session:
        batch = batch_for(session, 4)
        faults.run = ".*"
        with pytest.raises(RuntimeError, match="unplugged"):
            session.run(batch)
        faults.run = "nothing"
        np.testing.assert_array_equal(*(one.run(batch)[session.outputs[0].name] for one in (session, whole)))


def test_nothing_stays_open_when_one_does_not_open(tiny: Bundle) -> None:
    artifact = first_encoder(tiny, TFLiteRuntime())
    opened: list[Session] = []

    def open_one() -> Session:
        if len(opened) == 2:
            raise RuntimeOpenError("no memory for a third")
        opened.append(TFLiteRuntime().open(artifact, tiny.read(artifact.file), SessionOptions()))
        return opened[-1]

    with pytest.raises(RuntimeOpenError, match="third"):
        open_side_by_side(open_one, 3)
    for session in opened:
        with pytest.raises(SessionError, match="closed"):
            session.run(batch_for(session, 1))
