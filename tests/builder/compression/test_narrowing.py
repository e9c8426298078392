from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from builder.compression.bottlenecks import encoder_cost, find_bottlenecks
from builder.compression.narrowing import STEP, Narrower
from builder.compression.widths import WidthsError
from builder.framework import load_keras
from builder.training.network import (
    EMBEDDING_NORM,
    Network,
    join_network,
    narrow_encoder,
    restore_network,
    save_weights,
    standardise,
)
from tests.builder.tiny_training import GEOMETRY, PREPROCESSING, encoded, make_network, make_training, silent

pytestmark = pytest.mark.slow
BLOCKS = 5


def panes_of(windows: NDArray[np.uint8]) -> NDArray[np.float32]:
    flat = windows.reshape(-1, *windows.shape[2:]).astype(np.float32)
    return np.asarray((flat - PREPROCESSING.mean) / PREPROCESSING.scale)


@pytest.fixture(scope="module")
def panes() -> NDArray[np.float32]:
    training = make_training(8)
    return panes_of(np.concatenate([training.views(1, view, range(8)) for view in range(6)]))


@pytest.fixture(scope="module")
def unseen() -> NDArray[np.uint8]:
    return make_training(8).views(2, 0, range(8))


@pytest.fixture(scope="module")
def whole() -> Network:
    network = make_network(blocks=BLOCKS, frozen=2)
    standardise(network, encoded(network, make_training(8).views(1, 0, range(8))))
    return network


def narrowed(network: Network, panes: NDArray[np.float32], keep: float) -> Network:
    encoder = Narrower(keep, panes, 0, silent).narrow(network.encoder)
    return join_network(encoder, network.head, GEOMETRY, PREPROCESSING)


@pytest.fixture(scope="module")
def narrow(whole: Network, panes: NDArray[np.float32]) -> Network:
    return narrowed(whole, panes, 0.5)


def strayed(network: Network, whole: Network, windows: NDArray[np.uint8]) -> float:
    """How far embeddings are from those of the whole network, relative to their spread."""
    wanted = encoded(whole, windows)
    return float(np.mean((encoded(network, windows) - wanted) ** 2) / wanted.var())


def test_the_encoder_costs_no_more_than_asked_and_hardly_less(narrow: Network, whole: Network) -> None:
    assert 0.4 < encoder_cost(narrow.encoder) / encoder_cost(whole.encoder) <= 0.5
    assert all(one.width % STEP == 0 for one in find_bottlenecks(narrow.encoder))


def test_nothing_but_its_channels_is_changed(narrow: Network, whole: Network) -> None:
    assert [layer.name for layer in narrow.encoder.layers] == [layer.name for layer in whole.encoder.layers]
    assert [layer.trainable for layer in narrow.encoder.layers] == [layer.trainable for layer in whole.encoder.layers]
    assert narrow.encoder.output_shape == whole.encoder.output_shape
    for old, new in zip(*(one.encoder.get_layer(EMBEDDING_NORM).get_weights() for one in (whole, narrow)), strict=True):
        np.testing.assert_array_equal(old, new)


def test_it_still_sees_what_the_whole_encoder_saw(narrow: Network, whole: Network, unseen: NDArray[np.uint8]) -> None:
    widths = {one.filters: one.width for one in find_bottlenecks(narrow.encoder)}
    cut = narrow_encoder(whole.encoder, widths)
    for layer in cut.layers:
        own = whole.encoder.get_layer(layer.name).get_weights()
        shapes = [weight.shape for weight in layer.get_weights()]
        layer.set_weights([old[tuple(map(slice, shape))] for old, shape in zip(own, shapes, strict=True)])
    as_they_came = join_network(cut, whole.head, GEOMETRY, PREPROCESSING)
    assert strayed(narrow, whole, unseen) < 0.25 * strayed(as_they_came, whole, unseen)


def test_the_more_is_kept_the_less_it_strays(
    narrow: Network, whole: Network, panes: NDArray[np.float32], unseen: NDArray[np.uint8]
) -> None:
    wide = narrowed(whole, panes, 0.8)
    assert strayed(wide, whole, unseen) < 0.5 * strayed(narrow, whole, unseen)


def test_the_same_panes_and_seed_give_the_same_weights(
    narrow: Network, whole: Network, panes: NDArray[np.float32]
) -> None:
    again = narrowed(whole, panes, 0.5)
    for old, new in zip(narrow.encoder.get_weights(), again.encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_narrow_network_comes_back_as_it_was_saved(
    narrow: Network, unseen: NDArray[np.uint8], tmp_path: Path
) -> None:
    save_weights(narrow, tmp_path)
    form = make_network(blocks=BLOCKS, frozen=2, seed=5)
    restored = restore_network(form, tmp_path, GEOMETRY, PREPROCESSING)
    np.testing.assert_array_equal(restored.whole(unseen, training=False), narrow.whole(unseen, training=False))
    assert restored.encoder.output_shape == form.encoder.output_shape


def test_a_network_that_is_as_wide_as_its_form_is_read_into_it(whole: Network, tmp_path: Path) -> None:
    save_weights(whole, tmp_path)
    form = make_network(blocks=BLOCKS, seed=5)
    assert restore_network(form, tmp_path, GEOMETRY, PREPROCESSING) is form


def test_another_form_is_refused(narrow: Network, tmp_path: Path) -> None:
    save_weights(narrow, tmp_path)
    with pytest.raises(ValueError, match="weight"):
        restore_network(make_network(blocks=BLOCKS - 1), tmp_path, GEOMETRY, PREPROCESSING)


def test_less_than_the_narrowest_and_other_backbones_are_refused(whole: Network, panes: NDArray[np.float32]) -> None:
    with pytest.raises(WidthsError, match=r"ask for a larger slimming\.keep"):
        narrowed(whole, panes[:32], 0.05)
    vgg = load_keras().applications.VGG19(include_top=False, weights=None, input_shape=(32, 32, 3))
    with pytest.raises(WidthsError, match="no inverted residual blocks"):
        Narrower(0.5, panes, 0, silent).narrow(vgg)


def test_an_output_that_is_switched_off_stays_off(whole: Network, panes: NDArray[np.float32]) -> None:
    encoder = load_keras().models.clone_model(whole.encoder)
    encoder.set_weights(whole.encoder.get_weights())
    norm = encoder.get_layer("block1_project_norm")
    gamma, *rest = norm.get_weights()
    gamma[3] = 0
    norm.set_weights([gamma, *rest])
    narrow = Narrower(0.6, panes, 0, silent).narrow(encoder)
    assert all(np.isfinite(weights).all() for weights in narrow.get_weights())
    assert narrow.get_layer("block1_project_norm").get_weights()[0][3] == 0
