from __future__ import annotations

import pytest

from builder.backbones.efficientnet_lite import SHA256
from builder.backbones.registry import BackboneSpec, build_backbone
from builder.errors import RecipeError
from builder.framework import load_keras


def test_frozen_blocks_and_all_batch_statistics_stay_as_they_were() -> None:
    backbone = build_backbone(BackboneSpec(blocks=3, frozen=2), (32, 32), 1)
    learning = {layer.name for layer in backbone.features.layers if layer.trainable and layer.weights}
    assert learning == {"block2_expand_conv", "block2_depth_conv", "block2_project_conv"}


def test_everything_but_batch_statistics_learns_when_nothing_is_frozen() -> None:
    backbone = build_backbone(BackboneSpec(blocks=12), (32, 32), 1)
    norms = load_keras().layers.BatchNormalization
    for layer in backbone.features.layers:
        assert layer.trainable != isinstance(layer, norms), layer.name


def test_freezing_one_block_leaves_those_whose_number_begins_alike() -> None:
    backbone = build_backbone(BackboneSpec(blocks=12, frozen=2), (32, 32), 1)
    assert not backbone.features.get_layer("block1_project_conv").trainable
    assert backbone.features.get_layer("block10_project_conv").trainable


def test_the_parent_names_the_weights_for_the_lineage() -> None:
    parent = build_backbone(BackboneSpec(blocks=1), (32, 32), 1).parent
    assert (parent.sha256, parent.licence) == (SHA256, "Apache-2.0")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (BackboneSpec(blocks=17), "blocks is 1 to 16"),
        (BackboneSpec(blocks=0), "blocks is 1 to 16"),
        (BackboneSpec(blocks=-1), "blocks is 1 to 16"),
        (BackboneSpec(blocks=3, frozen=4), "frozen at most blocks"),
        (BackboneSpec(frozen=-1), "frozen at most blocks"),
        (BackboneSpec(name="mobilenet_v2", blocks=3), "blocks, skip, top and frozen are for efficientnet_lite0 only"),
        (BackboneSpec(blocks=3, root=True), "leave out blocks and top, or root"),
        (BackboneSpec(top=False, root=True), "leave out blocks and top, or root"),
        (BackboneSpec(name="vgg19", frozen=1), "blocks, skip, top and frozen are for efficientnet_lite0 only"),
    ],
)
def test_one_clear_error_when_a_spec_does_not_fit_its_backbone(spec: BackboneSpec, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        build_backbone(spec, (32, 32), 1)
