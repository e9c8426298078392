"""MobileNetV2, ResNet50V2 and VGG19 from Keras' own collection.

Sources: Sandler et al., MobileNetV2 (CVPR 2018); He et al., Identity mappings in deep residual networks (ECCV 2016);
Simonyan & Zisserman, Very deep convolutional networks (ICLR 2015).
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from builder.errors import WeightsError
from builder.framework import load_keras

if TYPE_CHECKING:
    import tf_keras

DOWNLOAD_TIMEOUT_S = 30.0
"""Longest silence of the server, not the longest download."""
TAUGHT_PLANES = 3
DOWNLOADED_SHAPE = (128, 128, TAUGHT_PLANES)
KerasName = Literal["mobilenet_v2", "resnet50_v2", "vgg19"]


class KerasBackbone(NamedTuple):
    """``constructor`` in ``keras.applications``; ``gain`` takes -1..1 to the range that it was trained on; ``file`` is
    what Keras calls the weights that it downloads."""

    constructor: str
    gain: float
    origin: str
    file: str


KERAS_BACKBONES: dict[KerasName, KerasBackbone] = {
    "mobilenet_v2": KerasBackbone(
        "MobileNetV2",
        1.0,
        "keras.applications MobileNetV2 (ImageNet, no top)",
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_128_no_top.h5",
    ),
    "resnet50_v2": KerasBackbone(
        "ResNet50V2",
        1.0,
        "keras.applications ResNet50V2 (ImageNet, no top)",
        "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
    ),
    "vgg19": KerasBackbone(
        "VGG19",
        127.5,
        "keras.applications VGG19 (ImageNet, no top)",
        "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
    ),
}


def build_keras_backbone(
    name: KerasName, size: tuple[int, int], channels: int, weights: Path | None
) -> tuple[tf_keras.Model, str]:
    """Feature maps ``(N, H, W, channels) float32`` in -1..1 to ``(N, h, w, D)``, and the SHA-256 of its weights.

    ``weights`` is an ``.h5`` file; without one Keras downloads its own. Raises ``WeightsError`` when neither is there.
    """
    keras = load_keras()
    backbone = KERAS_BACKBONES[name]
    image = keras.Input((*size, channels), name="image")
    plane = _taught_planes(image, channels)
    scaled = keras.layers.Rescaling(backbone.gain, name="range")(plane) if backbone.gain != 1.0 else plane
    constructor = getattr(keras.applications, backbone.constructor)
    # Built on the scaled image, not called on it: pruning silently skips what is inside a nested model.
    network = constructor(include_top=False, weights=None, input_tensor=scaled)
    path = weights or _downloaded(backbone, constructor)
    try:
        network.load_weights(str(path))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"{path}: cannot be read as weights of {backbone.constructor} without top: {error}"
        ) from error
    return keras.Model(image, network.output, name=name), digest


def _taught_planes(image: Any, channels: int) -> Any:  # noqa: ANN401 - symbolic tensors
    """As many planes as the network was taught: where there are fewer, the first stands in for those that lack."""
    if channels >= TAUGHT_PLANES:
        return image
    first = image if channels == 1 else image[..., :1]
    return load_keras().layers.Concatenate(name="planes")([image, *[first] * (TAUGHT_PLANES - channels)])


def _downloaded(backbone: KerasBackbone, constructor: Callable[..., object]) -> Path:
    path = Path.home() / ".keras" / "models" / backbone.file
    if path.is_file():
        return path
    patience = socket.getdefaulttimeout()
    # Keras sets no limit of its own, and a network that swallows packets would hold the build for good.
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT_S)
    try:
        constructor(include_top=False, weights="imagenet", input_shape=DOWNLOADED_SHAPE)
    except Exception as error:
        raise WeightsError(
            f"ImageNet weights of {backbone.constructor} are neither here ({path}) nor to be downloaded ({error}); "
            "give a local .h5 file with backbone.weights"
        ) from error
    finally:
        socket.setdefaulttimeout(patience)
    if not path.is_file():
        raise WeightsError(f"{path}: not there after the download; give a local .h5 file with backbone.weights")
    return path
