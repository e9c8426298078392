from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from builder.backbones.registry import BackboneSpec, build_backbone
from builder.framework import load_tensorflow
from builder.heads import HeadName
from builder.training.network import (
    EMBEDDING_NORM,
    ROOT_FLOOR,
    load_weights,
    pool_encoder,
    save_weights,
    standardise,
)
from tests.builder.tiny_training import encoded, make_network, make_training


@pytest.mark.parametrize("head", ["tcn", "bilstm"])
def test_the_whole_network_is_its_parts_on_normalised_samples(head: HeadName) -> None:
    network = make_network(head)
    windows = make_training(3).views(0, 0, range(3))
    apart = np.asarray(network.head(encoded(network, windows), training=False))
    np.testing.assert_allclose(network.whole(windows, training=False), apart, rtol=1e-4, atol=1e-5)


def test_embeddings_have_mean_0_and_variance_1_once_they_are_standardised() -> None:
    network = make_network()
    windows = make_training().views(0, 0, range(8))
    raw = encoded(network, windows)
    told = standardise(network, raw)
    assert told.dtype == np.float32
    np.testing.assert_allclose(told.mean(axis=(0, 1)), 0, atol=1e-4)
    # Until then the encoder divides by the root of 1 and a thousandth: nothing beside a whole deviation.
    np.testing.assert_allclose(encoded(network, windows), told, rtol=1e-2, atol=2e-2)
    varied = raw.var(axis=(0, 1)) > 0.1
    assert varied.any()
    np.testing.assert_allclose(told.std(axis=(0, 1))[varied], 1, atol=0.01)


def test_roots_are_taken_of_pooled_features_and_can_be_tuned_where_they_are_0() -> None:
    features = build_backbone(BackboneSpec(), (32, 32), 1).features
    plain, rooted = pool_encoder(features), pool_encoder(features, root=True)
    panes = np.random.default_rng(0).normal(size=(3, 32, 32, 1)).astype(np.float32)
    pooled = np.asarray(plain(panes))
    assert (pooled == 0).any()
    np.testing.assert_allclose(rooted(panes), np.sqrt(pooled + ROOT_FLOOR), rtol=1e-4, atol=1e-5)
    tf = load_tensorflow()
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(rooted(panes))
    assert all(np.isfinite(slope).all() for slope in tape.gradient(total, rooted.trainable_weights))


def test_training_leaves_the_standard_of_embeddings_as_it_is() -> None:
    network = make_network()
    norm = network.encoder.get_layer(EMBEDDING_NORM)
    before = norm.get_weights()
    network.whole(make_training(2).views(0, 0, range(2)), training=True)
    assert not norm.trainable_weights
    for old, new in zip(before, norm.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_weights_come_back_as_they_were_saved(tmp_path: Path) -> None:
    network, other = make_network("bilstm", seed=1), make_network("bilstm", seed=2)
    windows = make_training(2).views(0, 0, range(2))
    standardise(network, encoded(network, windows))
    logits = np.asarray(network.whole(windows, training=False))
    assert not np.allclose(other.whole(windows, training=False), logits)
    save_weights(network, tmp_path)
    load_weights(other, tmp_path)
    np.testing.assert_array_equal(other.whole(windows, training=False), logits)


def test_weights_of_another_form_are_refused(tmp_path: Path) -> None:
    save_weights(make_network(blocks=2), tmp_path)
    with pytest.raises(ValueError, match="weight"):
        load_weights(make_network(blocks=3), tmp_path)
