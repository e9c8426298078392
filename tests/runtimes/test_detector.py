from __future__ import annotations

import logging
import math
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from models.bundle import Bundle, open_bundle
from models.errors import BundleFormatError
from models.signing import sign
from models.trust import TrustStore
from runtimes.detector import open_detector
from runtimes.errors import DetectorInputError, NoRuntimeError, SessionError
from runtimes.onnx import OnnxRuntime
from runtimes.pair import TOLERANCE, probability
from runtimes.protocol import Runtime, SessionOptions
from runtimes.selection import PREFERENCE
from runtimes.tflite import TFLiteRuntime
from tests.runtimes.breaking import BreakingRuntime, Faults
from tests.tiny_bundle import EMBEDDING, SAMPLES, SIZE, TARGETS

ORDER = ("tflite-int8", "tflite-float32", "onnx-float32")


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def engines(faults: Faults) -> tuple[Runtime, ...]:
    """The real engines, which break when ``faults`` say so."""
    return BreakingRuntime(TFLiteRuntime(), faults), BreakingRuntime(OnnxRuntime(), faults)


@pytest.fixture
def ordered(tiny: Bundle, monkeypatch: pytest.MonkeyPatch) -> Bundle:
    """The tiny bundle on a machine where its targets rank in ``ORDER``, whatever processor runs the tests."""
    order = tuple(tuple(target.split("-")) for target in ORDER)
    monkeypatch.setattr("runtimes.selection.PREFERENCE", dict.fromkeys(PREFERENCE, order))
    return tiny


def _samples(count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.mark.parametrize("target", TARGETS)
def test_judge_answers_as_the_float_student_when_any_target_is_used(tiny: Bundle, target: str) -> None:
    golden = tiny.golden()
    detector = open_detector(tiny, target=target)
    embeddings = detector.encode(golden.samples.reshape(-1, SIZE, SIZE, 3)).reshape(-1, SAMPLES, EMBEDDING)
    found = detector.judge(embeddings)
    wanted = probability(golden.logits, 1.5)
    assert np.ptp(wanted) > 0.5
    assert np.abs(found - wanted).max() <= TOLERANCE["int8" if "int8" in target else "float32"]
    assert (found.dtype, embeddings.dtype) == (np.float32, np.float32)
    assert detector.target == target
    assert target in detector.description
    assert (detector.embedding_size, detector.geometry) == (EMBEDDING, tiny.manifest.geometry)
    detector.close()


@pytest.mark.parametrize(
    ("logits", "temperature", "wanted"),
    [
        ((0, 0), 1, 0.5),
        ((0, 1), 1, 1 / (1 + math.exp(-1))),
        ((0, 1), 2, 1 / (1 + math.exp(-0.5))),
        ((3, 1), 1, 1 / (1 + math.exp(2))),
        ((-1e30, 1e30), 1, 1.0),
        ((1e30, -1e30), 0.1, 0.0),
    ],
)
def test_probability_is_the_calibrated_softmax_when_logits_are_given(
    logits: tuple[float, float], temperature: float, wanted: float
) -> None:
    assert probability(np.array([logits], np.float32), temperature)[0] == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_encode_and_judge_take_any_batch_when_its_shape_fits(tiny: Bundle, count: int) -> None:
    detector = open_detector(tiny)
    embeddings = detector.encode(_samples(count))
    assert embeddings.shape == (count, EMBEDDING)
    assert detector.logits(np.repeat(embeddings[:, None], SAMPLES, axis=1)).shape == (count, 2)
    assert detector.judge(np.repeat(embeddings[:, None], SAMPLES, axis=1)).shape == (count,)


@pytest.mark.parametrize(
    "samples", [_samples(1)[0], _samples(2)[:, 1:], _samples(2).astype(np.float32), _samples(2)[..., :1]]
)
def test_encode_refuses_the_array_when_it_is_no_batch_of_samples(tiny: Bundle, samples: np.ndarray) -> None:
    with pytest.raises(DetectorInputError, match=r"samples must be \(N, 32, 32, 3\) uint8"):
        open_detector(tiny).encode(samples)


def test_judge_refuses_the_array_when_it_is_no_batch_of_windows(tiny: Bundle) -> None:
    with pytest.raises(DetectorInputError, match=r"windows must be \(N, 4, 8\) float32"):
        open_detector(tiny).judge(np.zeros((1, SAMPLES, EMBEDDING + 1), np.float32))


@pytest.mark.parametrize(
    ("open_", "wrong", "answer", "target"),
    [
        ("nothing", "nothing", 0, "tflite-int8"),
        ("encoder.int8", "nothing", 0, "tflite-float32"),
        ("head.int8", "nothing", 0, "tflite-float32"),
        ("tflite", "nothing", 0, "onnx-float32"),
        ("nothing", "head.int8", 9, "tflite-float32"),
        ("nothing", "encoder.int8", 0, "tflite-float32"),
        ("int8", "head.float32.tflite", math.nan, "onnx-float32"),
    ],
)
def test_open_detector_takes_the_next_target_when_the_best_fails_or_answers_wrongly(
    ordered: Bundle, engines: tuple[Runtime, ...], faults: Faults, open_: str, wrong: str, answer: float, target: str
) -> None:
    faults.open, faults.wrong, faults.answer = open_, wrong, answer
    detector = open_detector(ordered, runtimes=engines)
    assert detector.target == target
    detector.close()
    assert sorted(faults.opened) == sorted(faults.closed)


def test_open_detector_lists_every_attempt_when_nothing_works(
    ordered: Bundle, engines: tuple[Runtime, ...], faults: Faults
) -> None:
    faults.open, faults.wrong, faults.answer = "onnx", "head.*tflite", 9
    with pytest.raises(NoRuntimeError) as raised:
        open_detector(ordered, runtimes=engines)
    assert [attempt.split()[0] for attempt in raised.value.attempts] == list(ORDER)
    assert str(raised.value).count("self-test failed") == 2
    assert "does not open" in str(raised.value)
    assert sorted(faults.opened) == sorted(faults.closed)


def test_open_detector_says_why_when_no_engine_is_installed(tiny: Bundle) -> None:
    with pytest.raises(NoRuntimeError, match="no engine 'onnx' here; known engines: tflite"):
        open_detector(tiny, target="onnx-float32", runtimes=(TFLiteRuntime(),))


def test_open_detector_names_the_targets_when_asked_for_another(tiny: Bundle) -> None:
    with pytest.raises(BundleFormatError, match="no encoder for target 'edgetpu'"):
        open_detector(tiny, target="edgetpu")


def test_open_detector_refuses_every_target_when_golden_answers_are_not_of_this_network(
    bundle_copy: Path,
    signing_key: ec.EllipticCurvePrivateKey,
    trust: TrustStore,
) -> None:
    with np.load(bundle_copy / "golden.npz") as golden:
        np.savez(bundle_copy / "golden.npz", samples=golden["samples"], logits=golden["logits"][:, ::-1])
    sign(bundle_copy, signing_key)
    with pytest.raises(NoRuntimeError, match="golden inputs are off by"):
        open_detector(open_bundle(bundle_copy, trust))


@pytest.mark.parametrize("error", [SessionError, RuntimeError, OSError])
@pytest.mark.parametrize(
    ("run", "open_", "after"),
    [
        ("encoder.int8", "nothing", "tflite-float32"),
        ("encoder.*tflite", "nothing", "onnx-float32"),
        ("encoder.int8", "float32.tflite", "onnx-float32"),
    ],
)
def test_encode_answers_with_the_next_target_when_the_session_fails(
    ordered: Bundle,
    engines: tuple[Runtime, ...],
    faults: Faults,
    caplog: pytest.LogCaptureFixture,
    run: str,
    open_: str,
    after: str,
    error: type[Exception],
) -> None:
    told: list[tuple[str, str, str]] = []
    detector = open_detector(ordered, runtimes=engines, on_changed=lambda *what: told.append(what))
    faults.run, faults.open, faults.error = run, open_, error
    with caplog.at_level(logging.WARNING):
        embeddings = detector.encode(_samples(3))
    np.testing.assert_allclose(embeddings, open_detector(ordered, target=after).encode(_samples(3)), rtol=1e-6)
    assert detector.target == after
    assert [(before.split()[0], now) for before, now, _ in told] == [("tflite-int8", detector.description)]
    assert "unplugged" in told[0][2]
    assert any(f"to {after}" in message for message in caplog.messages)
    detector.close()
    assert sorted(faults.opened) == sorted(faults.closed)


@pytest.mark.parametrize("device", [None, "cuda"])
def test_encode_answers_on_the_processor_when_the_accelerator_is_lost(
    tiny: Bundle, faults: Faults, device: str | None
) -> None:
    told: list[tuple[str, str, str]] = []
    engines = (BreakingRuntime(OnnxRuntime(), faults, accelerator="cuda"),)
    options = SessionOptions(device=device)
    detector = open_detector(tiny, runtimes=engines, options=options, on_changed=lambda *what: told.append(what))
    assert {place.split()[-1] for place in faults.opened} == {"cuda"}
    faults.run = faults.open = "cuda"
    assert detector.encode(_samples(2)).shape == (2, EMBEDDING)
    assert detector.description == "onnx-float32 (onnx on cpu, float32)"
    assert [now for _, now, _ in told] == [detector.description]


def test_open_detector_keeps_to_the_device_when_one_is_asked_for(tiny: Bundle, faults: Faults) -> None:
    faults.open = "cuda"
    engines = (BreakingRuntime(OnnxRuntime(), faults, accelerator="cuda"),)
    with pytest.raises(NoRuntimeError, match=r"onnx on cuda.* does not open"):
        open_detector(tiny, runtimes=engines, options=SessionOptions(device="cuda"))
    assert open_detector(tiny, runtimes=engines).description == "onnx-float32 (onnx on cpu, float32)"


def test_judge_answers_with_the_next_target_when_the_head_fails(
    ordered: Bundle, engines: tuple[Runtime, ...], faults: Faults
) -> None:
    detector = open_detector(ordered, runtimes=engines)
    window = np.zeros((2, SAMPLES, EMBEDDING), np.float32)
    faults.run = "head.int8"
    wanted = open_detector(ordered, target="tflite-float32").judge(window)
    np.testing.assert_allclose(detector.judge(window), wanted, rtol=1e-5)


def test_encode_works_again_when_the_last_target_recovers(
    ordered: Bundle, engines: tuple[Runtime, ...], faults: Faults
) -> None:
    told: list[tuple[str, str, str]] = []
    detector = open_detector(ordered, runtimes=engines, on_changed=lambda *what: told.append(what))
    faults.run = "encoder"
    for _ in range(2):
        with pytest.raises(SessionError, match=r"no other target is left.*unplugged"):
            detector.encode(_samples(1))
    faults.run = "nothing"
    assert detector.encode(_samples(1)).shape == (1, EMBEDDING)
    assert told == []
    assert detector.target == "tflite-int8"


def test_encode_degrades_when_the_engine_answers_with_what_is_not_a_number(
    ordered: Bundle, engines: tuple[Runtime, ...], faults: Faults
) -> None:
    faults.open = "int8"
    detector = open_detector(ordered, runtimes=engines)
    assert detector.target == "tflite-float32"
    faults.wrong, faults.answer = "encoder.float32.tflite", math.nan
    assert np.isfinite(detector.encode(_samples(2))).all()
    assert detector.target == "onnx-float32"
