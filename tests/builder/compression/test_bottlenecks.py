from __future__ import annotations

import pytest

from builder.compression.bottlenecks import ACTIVATION, encoder_cost, find_bottlenecks
from builder.framework import load_keras
from builder.training.network import narrow_encoder, pool_encoder
from tests.builder.tiny_training import make_network

pytestmark = pytest.mark.slow


def test_each_block_has_the_channels_between_its_convolutions_and_nothing_else_reads() -> None:
    found = find_bottlenecks(make_network(blocks=3).encoder)
    assert [one.filters for one in found] == ["stem_conv", "block1_expand_conv", "block2_expand_conv"]
    assert [one.width for one in found] == [32, 96, 144]
    assert found[0].inside[-1] == "block0_depth_relu"
    assert found[2].inside == tuple(
        f"block2_{part}"
        for part in ("expand_conv", "expand_norm", "expand_relu", "depth_conv", "depth_norm", "depth_relu")
    )
    assert [one.sum for one in found] == [None, None, "block2_add"]


def test_what_a_channel_costs_is_what_an_encoder_without_it_saves() -> None:
    encoder = make_network(blocks=3).encoder
    for one in find_bottlenecks(encoder):
        narrow = narrow_encoder(encoder, {one.filters: one.width - 8})
        assert encoder_cost(encoder) - encoder_cost(narrow) == pytest.approx(8 * one.cost)
        assert [other.width for other in find_bottlenecks(narrow) if other.filters == one.filters] == [one.width - 8]


def test_a_convolution_costs_its_products_and_what_it_writes() -> None:
    keras = load_keras()
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, keras.layers.Conv2D(5, 3, 2, padding="same")(image))
    assert encoder_cost(model) == 4 * 4 * (3 * 3 * 3 * 5 + ACTIVATION * 5)


def test_mobilenet_is_made_of_them_and_vgg_of_none() -> None:
    applications = load_keras().applications
    mobile = pool_encoder(applications.MobileNetV2(include_top=False, weights=None, input_shape=(32, 32, 3)))
    found = find_bottlenecks(mobile)
    assert len(found) == 17
    assert sum(one.sum is not None for one in found) == 10
    assert find_bottlenecks(applications.VGG19(include_top=False, weights=None, input_shape=(32, 32, 3))) == ()


@pytest.mark.parametrize("read_twice", ["expand", "filtered"])
def test_channels_that_something_else_reads_too_have_to_stay(read_twice: str) -> None:
    keras = load_keras()
    layers = keras.layers
    image = keras.Input((8, 8, 3))
    maps = {"expand": layers.Conv2D(16, 1, name="expand")(image)}
    maps["filtered"] = layers.DepthwiseConv2D(3, padding="same", name="filtered")(maps["expand"])
    given = layers.BatchNormalization(name="norm")(layers.Conv2D(16, 1, name="project")(maps["filtered"]))
    assert [one.width for one in find_bottlenecks(keras.Model(image, given))] == [16]
    assert find_bottlenecks(keras.Model(image, layers.Concatenate()([given, maps[read_twice]]))) == ()


def test_a_projection_whose_offset_nothing_takes_keeps_its_channels() -> None:
    keras = load_keras()
    layers = keras.layers
    image = keras.Input((8, 8, 3))
    filtered = layers.DepthwiseConv2D(3, name="filtered")(layers.Conv2D(16, 1)(image))
    assert find_bottlenecks(keras.Model(image, layers.Conv2D(4, 1)(filtered))) == ()
    assert find_bottlenecks(keras.Model(image, layers.BatchNormalization()(layers.Conv2D(4, 3)(filtered)))) == ()
