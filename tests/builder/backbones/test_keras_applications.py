from __future__ import annotations

import hashlib
import socket
from pathlib import Path

import numpy as np
import pytest

from builder.backbones.keras_applications import build_keras_backbone
from builder.errors import WeightsError
from builder.framework import load_keras
from tests.ports import free_port


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn weights of MobileNetV2 without top, as Keras keeps them."""
    keras = load_keras()
    keras.utils.set_random_seed(1)
    path = tmp_path_factory.mktemp("weights") / "mobilenet_v2.h5"
    keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(32, 32, 3)).save_weights(str(path))
    return path


@pytest.fixture
def no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without weights, and a proxy that refuses every download at once."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for scheme in ("http", "https"):
        monkeypatch.setenv(f"{scheme}_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    return tmp_path


def test_a_local_file_is_loaded_for_one_plane_as_for_three(stored: Path) -> None:
    single, digest = build_keras_backbone("mobilenet_v2", (32, 32), 1, stored)
    triple, _ = build_keras_backbone("mobilenet_v2", (32, 32), 3, stored)
    assert digest == hashlib.sha256(stored.read_bytes()).hexdigest()
    assert single.output_shape == (None, 1, 1, 1280)
    plane = np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 1)).astype(np.float32)
    features = np.asarray(single(plane, training=False))
    assert features.std() > 0
    np.testing.assert_allclose(features, triple(np.repeat(plane, 3, axis=-1), training=False), atol=1e-5)


def test_the_first_of_two_planes_stands_in_for_the_third(stored: Path) -> None:
    pair, _ = build_keras_backbone("mobilenet_v2", (32, 32), 2, stored)
    triple, _ = build_keras_backbone("mobilenet_v2", (32, 32), 3, stored)
    planes = np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 2)).astype(np.float32)
    features = np.asarray(pair(planes, training=False))
    np.testing.assert_allclose(features, triple(planes[..., [0, 1, 0]], training=False), atol=1e-5)


def test_no_model_stands_inside_the_backbone(stored: Path) -> None:
    keras = load_keras()
    model, _ = build_keras_backbone("mobilenet_v2", (32, 32), 1, stored)
    assert not [layer.name for layer in model.layers if isinstance(layer, keras.Model)]


def test_vgg19_sees_the_range_that_it_was_trained_on(tmp_path: Path) -> None:
    keras = load_keras()
    path = tmp_path / "vgg19.h5"
    plain = keras.applications.VGG19(include_top=False, weights=None, input_shape=(32, 32, 3))
    plain.save_weights(str(path))
    model, _ = build_keras_backbone("vgg19", (32, 32), 3, path)
    image = np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 3)).astype(np.float32)
    np.testing.assert_allclose(model(image), plain(image * 127.5), rtol=1e-4, atol=1e-4)


def test_weights_are_not_downloaded_again_when_they_are_there(stored: Path, no_network: Path) -> None:
    cache = no_network / ".keras" / "models"
    cache.mkdir(parents=True)
    (cache / "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_128_no_top.h5").write_bytes(b"another width")
    (cache / "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_128_no_top.h5").write_bytes(stored.read_bytes())
    _, digest = build_keras_backbone("mobilenet_v2", (32, 32), 1, None)
    assert digest == hashlib.sha256(stored.read_bytes()).hexdigest()


def test_one_clear_error_when_there_is_neither_a_file_nor_a_network(no_network: Path) -> None:
    patience = socket.getdefaulttimeout()
    with pytest.raises(WeightsError, match=r"MobileNetV2 are neither here .* nor to be downloaded .*local \.h5 file"):
        build_keras_backbone("mobilenet_v2", (32, 32), 1, None)
    assert socket.getdefaulttimeout() == patience
    assert not list(no_network.rglob("*.h5"))


def test_one_clear_error_when_the_file_is_not_the_weights(stored: Path, tmp_path: Path) -> None:
    (tmp_path / "text.h5").write_text("weights")
    (tmp_path / "cut.h5").write_bytes(stored.read_bytes()[:5000])
    for path in (tmp_path / "absent.h5", tmp_path / "text.h5", tmp_path / "cut.h5"):
        with pytest.raises(WeightsError, match=f"{path.name}: cannot be read as weights of MobileNetV2 without top"):
            build_keras_backbone("mobilenet_v2", (32, 32), 1, path)
    with pytest.raises(WeightsError, match="cannot be read as weights of VGG19"):
        build_keras_backbone("vgg19", (32, 32), 1, stored)
