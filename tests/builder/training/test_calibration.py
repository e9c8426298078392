from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from builder.training.calibration import (
    HIGHEST_ALERT,
    LOWEST_WAKE,
    MAX_SLOPE,
    MIN_SLOPE,
    Platt,
    choose_thresholds,
    fit_platt,
    fit_temperature,
)

probabilities = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=30)


@pytest.mark.parametrize(("temperature", "shift"), [(1.0, 0.0), (2.5, 1.0), (0.5, -0.7), (4.0, 3.0)])
def test_the_temperature_and_shift_that_made_the_labels_are_found_again(temperature: float, shift: float) -> None:
    rng = np.random.default_rng(0)
    margins = rng.normal(-shift, 2 * temperature, 20_000)
    labels = (rng.random(20_000) < Platt(temperature, shift).probabilities(margins)).astype(np.int64)
    found = fit_platt(margins, labels)
    assert found.temperature == pytest.approx(temperature, rel=0.05)
    assert found.shift == pytest.approx(shift, abs=0.05 * temperature)


def softened_loss(margins: np.ndarray, labels: np.ndarray, platt: Platt) -> float:
    """Platt's own goal: the cross-entropy to his softened targets."""
    fights = labels.sum()
    targets = np.where(labels == 1, (fights + 1) / (fights + 2), 1 / (len(labels) - fights + 2))
    scores = (margins + platt.shift) / platt.temperature
    return float(np.mean(np.logaddexp(0, scores) - targets * scores))


@given(
    st.lists(st.tuples(st.floats(-8, 8), st.booleans()), min_size=4, max_size=60).filter(
        lambda rows: len({fight for _, fight in rows}) == 2
    ),
    st.floats(MIN_SLOPE, MAX_SLOPE),
    st.floats(-6, 6),
)
@example([(0.0, False), (0.0, False), (0.0, True), (0.125, True)], MAX_SLOPE, 0.0)
def test_no_other_temperature_and_shift_that_is_allowed_fits_better(
    rows: list[tuple[float, bool]], slope: float, shift: float
) -> None:
    margins, labels = np.array([row[0] for row in rows]), np.array([int(row[1]) for row in rows])
    found = fit_platt(margins, labels)
    assert 1 / MAX_SLOPE <= found.temperature <= 1 / MIN_SLOPE + 1e-9
    assert np.isfinite(found.shift)
    assert softened_loss(margins, labels, found) <= softened_loss(margins, labels, Platt(1 / slope, shift)) + 1e-6


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_made_the_labels_is_found_again_without_a_shift(temperature: float) -> None:
    rng = np.random.default_rng(0)
    margins = rng.normal(0.5, 2 * temperature, 20_000)
    labels = (rng.random(20_000) < Platt(temperature, 0.0).probabilities(margins)).astype(np.int64)
    found = fit_temperature(margins, labels)
    assert found.temperature == pytest.approx(temperature, rel=0.05)
    assert found.shift == 0.0


@given(
    st.lists(st.tuples(st.floats(-8, 8), st.booleans()), min_size=4, max_size=60).filter(
        lambda rows: len({fight for _, fight in rows}) == 2
    ),
    st.floats(0.06, 3.9),
)
def test_no_other_temperature_alone_fits_better(rows: list[tuple[float, bool]], slope: float) -> None:
    margins, labels = np.array([row[0] for row in rows]), np.array([int(row[1]) for row in rows])
    found = fit_temperature(margins, labels)
    assert 1 / MAX_SLOPE <= found.temperature <= 1 / MIN_SLOPE + 1e-9
    assert softened_loss(margins, labels, found) <= softened_loss(margins, labels, Platt(1 / slope, 0.0)) + 1e-6


def test_probabilities_are_the_sigmoid_of_the_shifted_margin_over_the_temperature() -> None:
    told = Platt(temperature=2.0, shift=-1.0).probabilities(np.array([1.0, 3.0, -1.0]))
    np.testing.assert_allclose(told, [0.5, 1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1))])


@given(probabilities, probabilities)
def test_thresholds_stand_in_order_and_off_the_ends(fights: list[float], calm: list[float]) -> None:
    labels = np.array([1] * len(fights) + [0] * len(calm))
    found = choose_thresholds(np.array(fights + calm, dtype=np.float64), labels)
    assert LOWEST_WAKE <= found.wake <= found.clear <= found.alert <= HIGHEST_ALERT
    assert found.alert >= 0.5


@pytest.mark.parametrize(
    ("fights", "calm", "wake", "alert"),
    [
        (np.linspace(0.4, 1.0, 101), np.linspace(0.0, 0.8, 101), 0.43, 0.72),
        (np.full(10, 0.9), np.full(10, 0.1), 0.5, 0.5),
        (np.full(10, 0.01), np.full(10, 0.99), 0.05, 0.95),
    ],
)
def test_wake_lets_fights_through_and_alert_holds_calm_back(
    fights: np.ndarray, calm: np.ndarray, wake: float, alert: float
) -> None:
    labels = np.repeat([1, 0], [len(fights), len(calm)])
    found = choose_thresholds(np.concatenate([fights, calm]), labels)
    assert (found.wake, found.alert) == (pytest.approx(wake), pytest.approx(alert))
    assert found.clear == pytest.approx((wake + alert) / 2)
