from __future__ import annotations

import numpy as np

from builder.framework import load_keras
from builder.heads import HEADS, build_tcn


def test_a_window_becomes_two_logits() -> None:
    head = build_tcn(6, 7)
    assert (head.input_shape, head.output_shape) == ((None, 6, 7), (None, 2))
    assert head.layers[-1].activation.__name__ == "linear"


def test_every_layer_is_one_that_quantizes_and_that_accelerators_take() -> None:
    layers = load_keras().layers
    allowed = (
        layers.InputLayer,
        layers.Reshape,
        layers.Dropout,
        layers.Conv2D,
        layers.Add,
        layers.GlobalAveragePooling2D,
        layers.Dense,
    )
    for layer in build_tcn(6, 7).layers:
        assert isinstance(layer, allowed), layer.name
        assert not isinstance(layer, layers.Conv1D), layer.name


def test_order_in_time_matters_though_the_mean_is_taken() -> None:
    load_keras().utils.set_random_seed(4)
    head = build_tcn(6, 7)
    windows = np.random.default_rng(0).normal(size=(1, 6, 7)).astype(np.float32)
    there, back = (np.asarray(head(given, training=False)) for given in (windows, windows[:, ::-1]))
    assert np.abs(there - back).max() > 1e-4


def test_each_logit_sees_three_samples_to_either_side() -> None:
    load_keras().utils.set_random_seed(4)
    head = build_tcn(9, 7)
    column = load_keras().Model(head.input, head.get_layer("residual2").output)
    windows = np.random.default_rng(0).normal(size=(1, 9, 7)).astype(np.float32)
    changed = windows.copy()
    changed[:, 4] += 1
    moved = np.abs(np.asarray(column(changed)) - np.asarray(column(windows))).max(axis=(0, 2, 3)) > 0
    assert np.flatnonzero(moved).tolist() == [1, 2, 3, 4, 5, 6, 7]


def test_heads_are_found_by_the_names_that_recipes_use() -> None:
    assert set(HEADS) == {"bilstm", "moments", "tcn"}
    for name, build in HEADS.items():
        assert build(4, 3).output_shape == (None, 2), name
