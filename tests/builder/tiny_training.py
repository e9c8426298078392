"""What tests of training share: decoded clips of noise that shakes or stands still, and small pretrained networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from builder.backbones.registry import BackboneSpec, build_backbone
from builder.data.clips import LABELS, Clip
from builder.data.decode import DecodedClip
from builder.framework import load_keras
from builder.heads import HeadName
from builder.training.network import Network, build_network, copy_encoder
from builder.training.training_set import Rotation, TrainingSet
from builder.training.views import Augmentation
from models.manifest import Geometry, Preprocessing

SIZE = 32
GEOMETRY = Geometry(samples=3, rate_hz=5.0, frame_gap_s=0.1)
PREPROCESSING = Preprocessing(
    size=(SIZE, SIZE), channels=("acceleration",), difference_gain=4.0, mean=128.0, scale=128.0
)


def silent(done: int, total: int, word: str) -> None:
    """Progress that tells nobody."""


def make_training(count: int = 8, seen: Preprocessing = PREPROCESSING, rotation: Rotation | None = None) -> TrainingSet:
    """``count`` clips, fights and calm ones by turns, as they are ``seen``: a fight shakes, calm stands still."""
    rng = np.random.default_rng(0)
    clips = []
    for number in range(count):
        label = LABELS[number % 2]
        picture = rng.integers(0, 256, (40, 40), np.uint8)
        frames = np.stack([np.roll(picture, 6 * (frame // 2 % 2), 1) for frame in range(20)])
        still = np.repeat(picture[None], 20, axis=0)
        decoded = DecodedClip(np.arange(20) / 20, frames if label == "fight" else still)
        clips.append((Clip(f"{number}.mp4", Path(f"{number}.mp4"), label, f"s{number}"), decoded))
    return TrainingSet(clips, GEOMETRY, seen, Augmentation(noise=0.0), rotation=rotation)


def make_network(head: HeadName = "tcn", *, blocks: int = 2, frozen: int = 0, seed: int = 1) -> Network:
    """EfficientNet-Lite0 cut after a few blocks, with its ImageNet weights, under a new head."""
    load_keras().utils.set_random_seed(seed)
    features = build_backbone(BackboneSpec(blocks=blocks, frozen=frozen), PREPROCESSING.size, 1).features
    return build_network(features, head, GEOMETRY, PREPROCESSING)


def half_pruned(whole: Network, name: str) -> tuple[Network, NDArray[np.bool_]]:
    """The network without the smaller half of the weights of the layer so named, and which those are."""
    encoder = copy_encoder(whole.encoder)
    kernel = encoder.get_layer(name).get_weights()[0]
    small = np.abs(kernel) < np.median(np.abs(kernel))
    encoder.get_layer(name).set_weights([np.where(small, 0, kernel)])
    return Network(encoder, whole.head, whole.whole), small


def encoded(network: Network, windows: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Embeddings ``(M, T, D)`` of windows, by the encoder called on its own."""
    flat = (windows.reshape(-1, *windows.shape[2:]).astype(np.float32) - PREPROCESSING.mean) / PREPROCESSING.scale
    return np.asarray(network.encoder(flat, training=False)).reshape(*windows.shape[:2], -1)
