"""A bundle with tiny but real artifacts: an encoder of 32 x 32 samples and an LSTM head, made by the real converters.

TensorFlow is imported only when one is made.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from cryptography.hazmat.primitives.asymmetric import ec
from numpy.typing import NDArray

from models.bundle import GOLDEN, MANIFEST
from models.manifest import (
    Artifact,
    Calibration,
    Dataset,
    Geometry,
    Lineage,
    Manifest,
    Parent,
    Preprocessing,
    Requirement,
    Stage,
    Tensor,
    Thresholds,
)
from models.preprocessing import to_input
from models.signing import sign
from runtimes import onnx, tflite

SIZE = 32
SAMPLES = 4
EMBEDDING = 8
TARGETS = ("tflite-int8", "tflite-float32", "onnx-float32")

PREPROCESSING = Preprocessing(size=(SIZE, SIZE), difference_gain=3.0, mean=127.5, scale=127.5)
GEOMETRY = Geometry(samples=SAMPLES, rate_hz=10.0, frame_gap_s=0.1)
REAL_INPUT = Tensor(name="real", shape=(-1, SIZE, SIZE, 3), dtype="float32")


def make_tiny_bundle(directory: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """Write a signed bundle into ``directory``, which must be empty."""
    (directory / "artifacts").mkdir(parents=True)
    encoder, head = _make_networks()
    samples = make_windows(np.random.default_rng(7), 6)
    _spread_embeddings(encoder, _embed(encoder, samples))
    embeddings = _embed(encoder, samples)
    _spread_logits(head, embeddings)
    logits = np.asarray(head(embeddings, training=False), dtype=np.float32)
    np.savez(directory / GOLDEN, samples=samples, logits=logits)
    artifacts = tuple(_write_artifacts(directory, encoder, head, samples, embeddings))
    (directory / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(make_manifest(artifacts)), indent=2))
    (directory / "MODEL_CARD.md").write_text("# Tiny\n\nUntrained, for tests only.\n")
    sign(directory, key)


def make_windows(rng: np.random.Generator, count: int) -> NDArray[np.uint8]:
    """``count`` windows ``(count, T, H, W, C) uint8`` of noise around levels from dark to bright."""
    levels = np.linspace(20, 235, count).reshape(-1, 1, 1, 1, 1)
    noise = rng.normal(0, 20, (count, SAMPLES, SIZE, SIZE, 3))
    return np.clip(levels + noise, 0, 255).astype(np.uint8)


def make_manifest(artifacts: tuple[Artifact, ...]) -> Manifest:
    """A manifest of these artifacts with the tiny bundle's geometry."""
    return Manifest(
        name="tiny",
        version="0.1.0",
        created="2026-01-01T00:00:00Z",
        geometry=GEOMETRY,
        preprocessing=PREPROCESSING,
        calibration=Calibration(temperature=1.5, thresholds=Thresholds(wake=0.3, alert=0.6, clear=0.4)),
        artifacts=artifacts,
        lineage=Lineage(
            code_version="0.1.0",
            recipe={"name": "tiny"},
            seeds=(7,),
            datasets=(Dataset(name="noise", licence="CC0-1.0", clips=6, sources=6, fingerprint="0" * 64),),
            parents=(Parent(name="none", licence="Apache-2.0", origin="random weights", sha256="0" * 64),),
            held_out_sources=("noise-5",),
        ),
    )


def _make_networks() -> tuple[Any, Any]:
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tf_keras as keras

    keras.utils.set_random_seed(7)
    layers = keras.layers
    image = keras.Input((SIZE, SIZE, 3))
    value = layers.Conv2D(8, 3, strides=2, activation="relu")(image)
    value = layers.Conv2D(8, 3, strides=2, activation="relu")(value)
    value = layers.GlobalAveragePooling2D()(value)
    encoder = keras.Model(image, layers.Dense(EMBEDDING)(value))
    window = keras.Input((SAMPLES, EMBEDDING))
    head = keras.Model(window, layers.Dense(2)(layers.LSTM(8)(window)))
    return encoder, head


def _spread_embeddings(encoder: Any, embeddings: NDArray[np.float32]) -> None:
    """Scale the encoder's last layer so that embeddings have unit variance."""
    flat = embeddings.reshape(-1, EMBEDDING)
    kernel, _ = encoder.layers[-1].get_weights()
    scale = 1 / (flat.std(axis=0) + 1e-6)
    encoder.layers[-1].set_weights([kernel * scale, -flat.mean(axis=0) * scale])


def _spread_logits(head: Any, embeddings: NDArray[np.float32]) -> None:
    """Set the head's last layer so that dark windows are calm and bright ones a fight, and a wrong answer shows."""
    import tf_keras as keras

    features = np.asarray(keras.Model(head.input, head.layers[-2].output)(embeddings, training=False))
    axis = features[-1] - features[0]
    direction = 8 * axis / (axis @ axis)
    middle = features.mean(axis=0) @ direction
    kernel = np.stack([np.zeros_like(direction), direction], axis=1)
    head.layers[-1].set_weights([kernel, np.array([0, -middle], np.float32)])


def _embed(encoder: Any, samples: NDArray[np.uint8]) -> NDArray[np.float32]:
    flat = to_input(samples.reshape(-1, SIZE, SIZE, 3), REAL_INPUT, PREPROCESSING)
    return np.asarray(encoder(flat, training=False), dtype=np.float32).reshape(len(samples), SAMPLES, EMBEDDING)


def _write_artifacts(
    directory: Path, encoder: Any, head: Any, samples: NDArray[np.uint8], embeddings: NDArray[np.float32]
) -> Iterator[Artifact]:
    real = to_input(samples.reshape(-1, SIZE, SIZE, 3), REAL_INPUT, PREPROCESSING)
    stages: tuple[tuple[Stage, Any, NDArray[Any]], ...] = (("encoder", encoder, real), ("head", head, embeddings))
    for stage, network, data in stages:
        for target in TARGETS:
            engine, precision = target.split("-")
            if engine == "tflite":
                content = _to_tflite(network, data, whole=stage == "encoder", int8=precision == "int8")
            else:
                content = _to_onnx(network, data.shape[1:])
            file = f"artifacts/{stage}.{precision}.{engine}"
            (directory / file).write_bytes(content)
            yield describe(stage, target, file, content)


def describe(stage: Stage, target: str, file: str, content: bytes) -> Artifact:
    """The manifest's entry of one compiled file, its tensors as the engine tells them."""
    engine, precision = target.split("-")
    inputs, outputs = (tflite if engine == "tflite" else onnx).read_tensors(content, file)
    return Artifact(
        stage=stage,
        target=target,
        file=file,
        sha256=hashlib.sha256(content).hexdigest(),
        precision="int8" if precision == "int8" else "float32",
        inputs=inputs,
        outputs=outputs,
        requires=Requirement(engine=engine),
    )


def _to_tflite(network: Any, data: NDArray[Any], *, whole: bool, int8: bool) -> bytes:
    import tensorflow as tf

    function = tf.function(lambda x: network(x, training=False)).get_concrete_function(
        tf.TensorSpec((1, *data.shape[1:]), tf.float32)
    )
    weights = tf.Module()
    weights.all = network.variables
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], weights)
    if int8:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([row[None]] for row in data)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.uint8 if whole else tf.int8
        converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def _to_onnx(network: Any, shape: tuple[int, ...]) -> bytes:
    import tensorflow as tf
    import tf2onnx

    function = tf.function(lambda x: network(x, training=False))
    model, _ = tf2onnx.convert.from_function(function, [tf.TensorSpec((None, *shape), tf.float32, name="x")], opset=17)
    return bytes(model.SerializeToString())
