from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from builder.framework import load_keras
from builder.training.averaging import Swa
from builder.training.fit import Batch, fit
from builder.training.schedule import Schedule
from builder.training.stopping import Stopping

STEPS = 4


def rates(schedule: Schedule) -> list[float]:
    """The learning rate of each step, read off the optimizer while it trains."""
    keras = load_keras()
    model = keras.Sequential([keras.layers.Dense(2, input_shape=(2,))])
    batch = Batch(np.ones((2, 2), np.float32), np.eye(2, dtype=np.float32))
    seen: list[float] = []

    def follow(*_: object) -> None:
        seen.append(float(model.optimizer.learning_rate.numpy()))

    fit(model, lambda _: [lambda: batch] * STEPS, schedule, follow)
    return seen


def cosine(steps: int, highest: float) -> Any:
    """From the highest rate down to a hundredth of it, over so many steps."""
    return highest * (0.99 * 0.5 * (1 + np.cos(np.pi * np.arange(steps) / steps)) + 0.01)


@pytest.mark.parametrize(("warmup", "rising"), [(msgspec.UNSET, 4), (1.0, 4), (2.0, 8), (0.5, 2), (0.25, 1), (0.0, 0)])
def test_the_rate_rises_for_the_epochs_of_warm_up_and_then_falls_by_a_cosine(warmup: Any, rising: int) -> None:
    found = rates(Schedule(epochs=4, learning_rate=0.8, warmup=warmup))
    wanted = [0.8 * step / rising for step in range(rising)] + list(cosine(16 - rising, 0.8))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-7)


def test_the_rate_is_constant_while_weights_are_averaged() -> None:
    found = rates(Schedule(epochs=4, learning_rate=0.8, swa=Swa(epochs=2, learning_rate=0.05)))
    np.testing.assert_allclose(found[:8], [0.0, 0.2, 0.4, 0.6, *cosine(4, 0.8)], rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(found[8:], 0.05, rtol=1e-5)


@pytest.mark.parametrize(("cycle", "length"), [(1, 4), (2, 8)])
def test_the_rate_falls_anew_in_each_cycle(cycle: int, length: int) -> None:
    found = rates(Schedule(epochs=4, learning_rate=0.8, swa=Swa(epochs=2, learning_rate=0.08, cycle=cycle)))
    falling = [0.8 + (0.08 - 0.8) * (step + 1) / length for step in range(length)]
    np.testing.assert_allclose(found[8:], falling * (8 // length), rtol=1e-4)


def test_what_is_not_asked_leaves_no_trace_in_a_stages_key() -> None:
    assert msgspec.json.encode(Schedule(epochs=3)) == (
        b'{"epochs":3,"learning_rate":0.0006,"batch":6,"weight_decay":0.02,"averaging":0.98,"label_smoothing":0.1}'
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epochs": 2, "swa": {"epochs": 2, "learning_rate": 0.1}}, r"swa\.epochs is 2 of 2 epochs; .*give fewer"),
        (
            {"epochs": 3, "swa": {"epochs": 1, "learning_rate": 0.1}, "stopping": {}},
            "swa and stopping are both set; .*keep one",
        ),
        ({"epochs": 2, "warmup": -1.0}, r">= 0.*\$\.warmup"),
        ({"epochs": 2, "focal": {"gamma": -1.0}}, r">= 0.*\$\.focal\.gamma"),
        ({"epochs": 2, "focal": {"alpha": [1.0, 0.0]}}, r"> 0.*\$\.focal\.alpha"),
        ({"epochs": 2, "class_weights": "even"}, r"Invalid enum value 'even'.*\$\.class_weights"),
        ({"epochs": 2, "mixing": {"chance": 1.5}}, r"<= 1.*\$\.mixing\.chance"),
        ({"epochs": 2, "mixing": {"mixap": 1.5}}, r"unknown field `mixap`"),
        ({"epochs": 2, "stopping": {"patience": 0}}, r">= 1.*\$\.stopping\.patience"),
    ],
)
def test_one_clear_error_when_a_schedule_is_wrong(given: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(given, Schedule)


def test_a_schedule_takes_every_technique_but_the_two_that_exclude_each_other() -> None:
    given = {
        "epochs": 4,
        "warmup": 0.5,
        "focal": {"gamma": 1.5, "alpha": [0.5, 1.0]},
        "class_weights": "balanced",
        "mixing": {"mixup": 0.2, "cutmix": 1.0},
        "stopping": {"patience": 2},
    }
    schedule = msgspec.convert(given, Schedule)
    assert schedule.stopping == Stopping(patience=2)
    assert msgspec.convert(msgspec.to_builtins(schedule), Schedule) == schedule
