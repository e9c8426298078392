from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from builder.errors import DataError
from builder.framework import load_tensorflow
from builder.training.loss import Distillation, Focal, balanced_weights, hinted, make_loss

LOGITS = np.array([[2.0, -1.0], [0.5, 0.25], [-3.0, 1.0], [0.0, 0.0]], np.float32)
LABELS = np.array([[1, 0], [0, 1], [0, 1], [0.3, 0.7]], np.float32)
TEACHER = np.array([[1.0, 0.0], [-2.0, 2.0], [4.0, 3.0], [0.0, 0.0]], np.float32)


def probabilities(logits: NDArray[Any]) -> NDArray[np.float64]:
    powers = np.exp(logits.astype(np.float64))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def lost(logits: NDArray[np.float32], labels: NDArray[np.float32], smoothing: float, **options: Any) -> Any:
    targets = np.concatenate([labels, TEACHER[: len(labels)]], axis=1)
    return make_loss(smoothing, **options)(targets, logits).numpy()


@pytest.mark.parametrize(
    ("margin", "gamma", "alpha", "expected"),
    [
        # An even verdict of a fight: (1 - 0.5)^gamma * ln 2.
        (0.0, 0.0, 1.0, 0.693147),
        (0.0, 1.0, 1.0, 0.346574),
        (0.0, 2.0, 1.0, 0.173287),
        (0.0, 2.0, 0.25, 0.0433217),
        # Probability 0.9: 0.1^2 * -ln 0.9; and 0.1, of which hardly anything is faded: 0.9^2 * -ln 0.1.
        (math.log(9), 2.0, 1.0, 0.00105361),
        (-math.log(9), 2.0, 1.0, 1.865094),
        (-math.log(9), 5.0, 3.0, 4.079014),
    ],
)
def test_the_focal_loss_of_a_fight_is_what_it_is_by_hand(
    margin: float, gamma: float, alpha: float, expected: float
) -> None:
    logits, label = np.array([[0.0, margin]], np.float32), np.array([[0.0, 1.0]], np.float32)
    focal = Focal(gamma=gamma, alpha=(7.0, alpha))
    assert lost(logits, label, 0.0, focal=focal)[0] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("distillation", [None, Distillation(temperature=2.0, soft=0.7)])
@pytest.mark.parametrize(
    ("focal", "weights"),
    [
        (None, None),
        (Focal(gamma=0.0), None),
        (Focal(gamma=2.0), None),
        (Focal(gamma=0.5, alpha=(0.25, 0.75)), None),
        (None, (0.6, 3.0)),
        (Focal(gamma=1.5, alpha=(2.0, 1.0)), (0.6, 3.0)),
    ],
)
def test_the_hard_part_is_focal_weighted_and_smoothed_beside_the_teachers(
    focal: Focal | None, weights: tuple[float, float] | None, distillation: Distillation | None, smoothing: float
) -> None:
    found = lost(LOGITS, LABELS, smoothing, focal=focal, weights=weights, distillation=distillation)
    p, smooth = probabilities(LOGITS), LABELS * (1 - smoothing) + smoothing / 2
    gamma, alpha = (focal.gamma, focal.alpha) if focal else (0.0, (1.0, 1.0))
    scale = np.array(alpha) * np.array(weights or (1.0, 1.0))
    expected = -(scale * (1 - p) ** gamma * smooth * np.log(p)).sum(axis=1)
    if distillation:
        soft = -(probabilities(TEACHER / 2) * np.log(probabilities(LOGITS / 2))).sum(axis=1)
        expected = 0.3 * expected + 0.7 * 4 * soft
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("margin", [-200.0, -30.0, 30.0, 200.0])
def test_the_focal_slope_is_finite_when_a_verdict_is_sure(gamma: float, margin: float) -> None:
    tf = load_tensorflow()
    logits = tf.Variable([[0.0, margin]])
    with tf.GradientTape() as tape:
        loss = make_loss(0.0, focal=Focal(gamma=gamma))(np.array([[0.0, 1, 0, 0]], np.float32), logits)
    slope = tape.gradient(loss, logits).numpy()
    assert np.isfinite(slope).all()
    assert (abs(slope).max() > 0.9) == (margin < 0)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_the_loss_is_computed_in_whole_floats_when_logits_are_halves(dtype: str) -> None:
    tf = load_tensorflow()
    targets = np.concatenate([LABELS, TEACHER], axis=1)
    found = make_loss(0.1, focal=Focal())(tf.cast(targets, dtype), tf.cast(LOGITS, dtype))
    assert found.dtype == tf.float32
    np.testing.assert_allclose(found.numpy(), lost(LOGITS, LABELS, 0.1, focal=Focal()), rtol=0.02)


@pytest.mark.parametrize(
    ("calm", "fight", "expected"),
    [(10, 10, (1.0, 1.0)), (30, 10, (2 / 3, 2.0)), (1, 9, (5.0, 5 / 9)), (95, 5, (0.526316, 10.0))],
)
def test_class_weights_are_inverse_to_the_classes_shares_and_one_on_average(
    calm: int, fight: int, expected: tuple[float, float]
) -> None:
    labels = np.eye(2, dtype=np.float32)[[0] * calm + [1] * fight]
    weights = balanced_weights(labels)
    assert weights == pytest.approx(expected, rel=1e-5)
    assert (labels @ np.array(weights)).mean() == pytest.approx(1.0)


def test_class_weights_follow_soft_labels_too() -> None:
    assert balanced_weights(np.array([[0.9, 0.1], [0.6, 0.4]], np.float32)) == pytest.approx((2 / 3, 2.0))


@pytest.mark.parametrize("labels", [[[1.0, 0.0]], [[0.0, 1.0]] * 3])
def test_one_clear_error_when_classes_cannot_be_weighed(labels: list[list[float]]) -> None:
    with pytest.raises(DataError, match=r"one class only; .*give clips of both"):
        balanced_weights(np.array(labels, np.float32))


def test_hinted_adds_how_far_embeddings_are_when_they_stray() -> None:
    plain = make_loss(0.1)
    targets = np.array([[1, 0, 0, 0, 2.0, 4.0], [0, 1, 0, 0, 0.0, 0.0]], np.float32)
    outputs = np.array([[0.5, -0.5, 1.0, 1.0], [0.2, 0.3, 0.0, 0.0]], np.float32)
    found = np.asarray(hinted(plain, 3.0)(targets, outputs))
    base = np.asarray(plain(targets[:, :4], outputs[:, :2]))
    np.testing.assert_allclose(found - base, [3 * (1 + 9) / 2, 0], rtol=1e-5)
