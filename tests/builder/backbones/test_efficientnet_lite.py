from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from builder.backbones.efficientnet_lite import (
    BLOCKS,
    SHA256,
    build_efficientnet_lite0,
    load_efficientnet_lite0,
)
from builder.errors import WeightsError
from builder.framework import load_keras


@pytest.mark.parametrize(
    ("blocks", "shape", "kernels"),
    [(1, (16, 16, 16), 3), (3, (8, 8, 24), 9), (5, (4, 4, 40), 15), (11, (2, 2, 112), 33), (BLOCKS, (1, 1, 1280), 49)],
)
def test_the_network_ends_where_it_is_cut(blocks: int, shape: tuple[int, ...], kernels: int) -> None:
    model = build_efficientnet_lite0((32, 32), 1, blocks=blocks)
    assert model.output_shape == (None, *shape)
    assert sum("conv" in layer.name for layer in model.layers) == kernels


def test_the_whole_network_has_the_published_number_of_weights() -> None:
    # 4,652,008 with the classifier of 1280 x 1000 and its bias, which is not built here.
    model = build_efficientnet_lite0((32, 32), 3)
    assert sum(int(np.prod(weight.shape)) for weight in model.trainable_weights) == 4_652_008 - 1281 * 1000


def test_one_plane_gives_what_the_same_plane_gives_thrice() -> None:
    single, triple = (build_efficientnet_lite0((32, 32), planes, blocks=3) for planes in (1, 3))
    assert load_efficientnet_lite0(single) == load_efficientnet_lite0(triple) == SHA256
    plane = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 1)).astype(np.float32)
    features = np.asarray(single(plane, training=False))
    assert features.std() > 0.1
    np.testing.assert_allclose(features, triple(np.repeat(plane, 3, axis=-1), training=False), atol=2e-4)


def test_two_planes_have_a_kernel_each_that_weigh_what_three_did() -> None:
    pair, triple = (build_efficientnet_lite0((32, 32), planes, blocks=1) for planes in (2, 3))
    load_efficientnet_lite0(pair)
    load_efficientnet_lite0(triple)
    two, three = (model.get_layer("stem_conv").get_weights()[0] for model in (pair, triple))
    np.testing.assert_allclose(two, 1.5 * three[:, :, :2], rtol=1e-6)
    assert not np.allclose(two[:, :, 0], two[:, :, 1])


def test_every_layer_is_loaded() -> None:
    model = build_efficientnet_lite0((32, 32), 1)
    before = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
    load_efficientnet_lite0(model)
    for name, weights in before.items():
        for old, new in zip(weights, model.get_layer(name).get_weights(), strict=True):
            assert not np.array_equal(old, new), name


def test_one_clear_error_when_the_weights_do_not_fit_or_cannot_be_read(tmp_path: Path) -> None:
    layers = load_keras().layers
    other = load_keras().Sequential([layers.Conv2D(32, 5, use_bias=False, name="stem_conv")])
    other.build((None, 32, 32, 3))
    with pytest.raises(WeightsError, match=r"does not fit layer stem_conv"):
        load_efficientnet_lite0(other)
    (tmp_path / "text.pth").write_text("weights")
    model = build_efficientnet_lite0((32, 32), 1, blocks=1)
    for path, message in ((tmp_path / "absent.pth", "cannot be read"), (tmp_path / "text.pth", "not a legacy PyTorch")):
        with pytest.raises(WeightsError, match=f"{path.name}: {message}.*as published"):
            load_efficientnet_lite0(model, path)
