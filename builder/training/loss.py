"""What training brings down: cross-entropy to smoothed labels, its focal and class-weighted forms, and distillation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from builder.errors import DataError
from builder.framework import load_tensorflow

Positive = Annotated[float, msgspec.Meta(gt=0)]
CLASSES, TARGETS = 2, 4
SURE = 1e-7
"""Below this much doubt the focal factor is held, since its slope has no limit at no doubt at all."""


class Focal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lin, Goyal, Girshick, He & Dollár, Focal loss for dense object detection (ICCV 2017): each class's cross-entropy
    is faded by ``(1 - p) ** gamma``, so that what is already told apart counts less, and scaled by ``alpha`` (calm,
    fight)."""

    gamma: Annotated[float, msgspec.Meta(ge=0)] = 2.0
    alpha: tuple[Positive, Positive] = (1.0, 1.0)


class Distillation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hinton, Vinyals & Dean (2015): ``soft`` of the loss is the cross-entropy to the teacher's softened
    probabilities, scaled by the squared temperature; the rest is the hard label's."""

    temperature: float = 2.0
    soft: float = 0.7


def balanced_weights(labels: NDArray[np.float32]) -> tuple[float, float]:
    """Weights of calm and fight, inverse to how much of one-hot or soft ``labels (N, 2)`` is theirs; their mean over
    the labels is 1. Source: King & Zeng, Logistic regression in rare events data (2001).

    Raises ``DataError`` when a class has none.
    """
    shares = labels.astype(np.float64).mean(axis=0)
    if not shares.all():
        raise DataError(
            f"{len(labels)} label(s) of one class only; classes cannot be weighed: give clips of both, or leave "
            "class_weights out"
        )
    calm, fight = 1 / (len(shares) * shares)
    return float(calm), float(fight)


def make_loss(
    smoothing: float,
    *,
    focal: Focal | None = None,
    weights: tuple[float, float] | None = None,
    distillation: Distillation | None = None,
) -> Callable[[Any, Any], Any]:
    """The loss per window ``(B,)`` of targets ``(B, 4)`` (labels, one-hot or soft, then the teacher's logits) and the
    network's logits ``(B, 2)``.

    ``smoothing`` of each label goes to both classes alike. ``focal`` and class ``weights`` (calm, fight) shape the hard
    label's part only: a teacher's probabilities say themselves how sure to be.
    """
    tf = load_tensorflow()
    hard = _hard_loss(focal, weights)

    def loss(targets: Any, logits: Any) -> Any:  # noqa: ANN401 - symbolic tensors
        # Networks of mixed precision give half floats, in which a cross-entropy of a sure verdict is lost.
        targets, logits = tf.cast(targets, tf.float32), tf.cast(logits, tf.float32)
        labels, teacher = tf.split(targets, 2, axis=1)
        told = hard(labels * (1 - smoothing) + smoothing / 2, logits)
        if distillation is None:
            return told
        warmth = distillation.temperature
        soft = tf.nn.softmax_cross_entropy_with_logits(tf.nn.softmax(teacher / warmth), logits / warmth)
        return (1 - distillation.soft) * told + distillation.soft * warmth**2 * soft

    return loss


def hinted(loss: Callable[[Any, Any], Any], weight: float) -> Callable[[Any, Any], Any]:
    """``loss`` with ``weight`` times the mean squared distance between embeddings and what they shall be.

    Targets ``(B, 4 + T * D)`` and outputs ``(B, 2 + T * D)`` are those of ``loss`` with the embeddings behind them.
    Source: Romero et al., FitNets (ICLR 2015).
    """
    tf = load_tensorflow()

    def both(targets: Any, outputs: Any) -> Any:  # noqa: ANN401 - symbolic tensors
        away = tf.cast(targets[:, TARGETS:] - outputs[:, CLASSES:], tf.float32)
        return loss(targets[:, :TARGETS], outputs[:, :CLASSES]) + weight * tf.reduce_mean(away**2, axis=1)

    return both


def _hard_loss(focal: Focal | None, weights: tuple[float, float] | None) -> Callable[[Any, Any], Any]:
    tf = load_tensorflow()
    if focal is None and weights is None:
        return tf.nn.softmax_cross_entropy_with_logits  # type: ignore[no-any-return]
    gamma, alpha = (focal.gamma, focal.alpha) if focal is not None else (0.0, (1.0, 1.0))
    scale = np.multiply(alpha, weights or (1.0, 1.0)).astype(np.float32)

    def hard(labels: Any, logits: Any) -> Any:  # noqa: ANN401 - symbolic tensors
        log = tf.nn.log_softmax(logits)
        doubt = tf.maximum(-tf.math.expm1(log), SURE)
        return -tf.reduce_sum(scale * doubt**gamma * labels * log, axis=1)

    return hard
