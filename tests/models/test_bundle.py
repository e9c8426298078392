from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.bundle import Bundle, open_bundle, pack
from models.errors import (
    BundleError,
    BundleFormatError,
    BundleIntegrityError,
    BundleSignatureError,
    BundleVersionError,
)
from models.signing import sign
from models.trust import TrustStore

NAMES = ("manifest.json", "golden.npz", "MODEL_CARD.md", "artifacts/encoder.int8.tflite", "artifacts/head.float32.onnx")


def _edit_manifest(folder: Path, key: ec.EllipticCurvePrivateKey, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "manifest.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    sign(folder, key)


def _save(folder: Path, key: ec.EllipticCurvePrivateKey, **arrays: Any) -> None:
    np.savez(folder / "golden.npz", **arrays)
    sign(folder, key)


def test_open_bundle_reads_the_same_when_it_is_one_file(tiny: Bundle, tmp_path: Path, trust: TrustStore) -> None:
    packed = open_bundle(pack(tiny.path, tmp_path / "tiny.nexara"), trust)
    assert packed.manifest == tiny.manifest
    assert packed.files == tiny.files
    assert packed.signature == tiny.signature
    assert packed.signature.state == "trusted"


def test_open_bundle_keeps_unknown_fields_when_the_minor_format_is_newer(
    bundle_copy: Path, signing_key: ec.EllipticCurvePrivateKey, trust: TrustStore
) -> None:
    _edit_manifest(bundle_copy, signing_key, lambda m: m.update(format="1.9", colour="blue"))
    bundle = open_bundle(bundle_copy, trust)
    assert bundle.document["colour"] == "blue"
    assert bundle.manifest.format == "1.9"


def test_open_bundle_keeps_and_checks_files_that_the_manifest_does_not_list(
    bundle_copy: Path, tmp_path: Path, signing_key: ec.EllipticCurvePrivateKey, trust: TrustStore
) -> None:
    (bundle_copy / "pictures").mkdir()
    (bundle_copy / "pictures" / "1.jpg").write_bytes(b"a picture")
    with pytest.raises(BundleIntegrityError, match=r"pictures/1\.jpg was added after signing"):
        open_bundle(bundle_copy, trust)
    sign(bundle_copy, signing_key)
    for path in (bundle_copy, pack(bundle_copy, tmp_path / "tiny.nexara")):
        assert open_bundle(path, trust).read("pictures/1.jpg") == b"a picture"
    (bundle_copy / "pictures" / "1.jpg").write_bytes(b"another one")
    for path in (bundle_copy, pack(bundle_copy, tmp_path / "tiny.nexara")):
        with pytest.raises(BundleIntegrityError, match=r"pictures/1\.jpg differs from what was signed"):
            open_bundle(path, trust)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("change", ["remove", "change", "append"])
@pytest.mark.parametrize("packed", [False, True])
def test_open_bundle_names_the_file_when_it_is_not_as_signed(
    bundle_copy: Path, tmp_path: Path, trust: TrustStore, name: str, change: str, packed: bool
) -> None:
    path = bundle_copy / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    if change == "remove":
        path.unlink()
    else:
        path.write_bytes(content if change == "change" else path.read_bytes() + b"\n")
    opened = pack(bundle_copy, tmp_path / "b.nexara") if packed else bundle_copy
    error = BundleFormatError if (name, change) == ("manifest.json", "remove") else BundleIntegrityError
    with pytest.raises(error, match=name):
        open_bundle(opened, trust)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_open_bundle_never_believes_it_when_any_byte_of_any_file_is_changed(
    data: st.DataObject, tiny: Bundle, trust: TrustStore, tmp_path: Path
) -> None:
    name = data.draw(st.sampled_from(tiny.names))
    content = bytearray(tiny.read(name))
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    folder = tmp_path / "changed"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(tiny.path, folder)
    (folder / name).write_bytes(content)
    try:
        bundle = open_bundle(folder, trust)
    except BundleError:
        return
    # Base64 and JSON leave some freedom in how the signature itself is written, none in what it says.
    assert name == "signature"
    assert {**bundle.files, name: b""} == {**tiny.files, name: b""}


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_open_bundle_never_raises_another_error_when_the_packed_file_is_damaged(
    data: st.DataObject, tiny: Bundle, trust: TrustStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    path = pack(tiny.path, folder / "b.nexara")
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content) - 1))
        patch = data.draw(st.binary(min_size=1, max_size=8))
        content[start : start + len(patch)] = patch
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))] if data.draw(st.booleans()) else content)
    try:
        bundle = open_bundle(path, trust)
    except BundleError:
        return
    assert {**bundle.files, "signature": b""} == {**tiny.files, "signature": b""}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda m: m.update(format="3.0"), BundleVersionError, "format 3.0 found.*2.x.*upgrade"),
        (lambda m: m.update(format="x"), BundleFormatError, "a version such as 1.0 is needed"),
        (lambda m: m.pop("geometry"), BundleFormatError, "geometry"),
        (lambda m: m.update(version="one"), BundleFormatError, "version"),
        (lambda m: m["calibration"].update(temperature=0), BundleFormatError, "temperature"),
        (lambda m: m.update(artifacts=[]), BundleFormatError, "no artifact"),
        (lambda m: m["artifacts"].pop(), BundleFormatError, "one encoder and one head"),
        (lambda m: m["artifacts"].append(m["artifacts"][0]), BundleFormatError, "one encoder and one head"),
        (lambda m: m["artifacts"][0].update(sha256="0" * 64), BundleIntegrityError, "encoder.int8.tflite differs"),
        (lambda m: m["artifacts"][0].update(file="artifacts/none"), BundleIntegrityError, "artifacts/none is missing"),
        (lambda m: m["artifacts"][0].update(file="../secret"), BundleIntegrityError, "secret is missing"),
        (lambda m: m["artifacts"][0].update(inputs=[]), BundleFormatError, "0 inputs"),
        (lambda m: m["geometry"].update(samples=9), BundleFormatError, "head maps"),
        (lambda m: m["preprocessing"].update(size=[64, 64]), BundleFormatError, "encoder maps"),
        (lambda m: m["preprocessing"].update(channels=["grey"]), BundleFormatError, "encoder maps"),
        (
            lambda m: m["preprocessing"].update(close_up={"canvas": [240, 320], "share": 0.4}),
            BundleFormatError,
            "head maps",
        ),
        (lambda m: m["artifacts"][1]["outputs"][0].update(shape=[-1, 9]), BundleFormatError, "maps"),
    ],
)
def test_open_bundle_refuses_the_manifest_when_it_is_signed_but_wrong(
    bundle_copy: Path,
    signing_key: ec.EllipticCurvePrivateKey,
    trust: TrustStore,
    change: Callable[[dict[str, Any]], object],
    error: type[BundleError],
    message: str,
) -> None:
    _edit_manifest(bundle_copy, signing_key, change)
    with pytest.raises(error, match=message):
        open_bundle(bundle_copy, trust)


def test_open_bundle_trusts_nobody_else_when_no_store_is_given(
    tiny: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(BundleSignatureError, match="not trusted here"):
        open_bundle(tiny.path)


def test_open_bundle_trusts_the_key_when_it_is_in_the_user_folder(
    tiny: Bundle, tmp_path: Path, key_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "nexara" / "keys").mkdir(parents=True)
    shutil.copy(key_folder / "public.pem", tmp_path / "nexara" / "keys" / "mine.pem")
    assert open_bundle(tiny.path).signature.key == str(tmp_path / "nexara" / "keys" / "mine.pem")


def test_open_bundle_still_checks_artifacts_when_unsigned_is_allowed(bundle_copy: Path) -> None:
    (bundle_copy / "signature").unlink()
    assert open_bundle(bundle_copy, TrustStore(accept="unsigned")).signature.state == "unsigned"
    (bundle_copy / "artifacts/head.int8.tflite").write_bytes(b"other")
    with pytest.raises(BundleIntegrityError, match=r"head\.int8\.tflite differs"):
        open_bundle(bundle_copy, TrustStore(accept="unsigned"))


def test_read_gives_every_file_when_asked_by_name(tiny: Bundle) -> None:
    assert set(NAMES) < set(tiny.names)
    for artifact in tiny.manifest.artifacts:
        assert hashlib.sha256(tiny.read(artifact.file)).hexdigest() == artifact.sha256
    with pytest.raises(BundleFormatError, match=r"no file ../secret; it has .*manifest.json"):
        tiny.read("../secret")


def test_golden_gives_samples_and_logits_when_they_fit_the_manifest(tiny: Bundle) -> None:
    golden = tiny.golden()
    assert (golden.samples.dtype, golden.samples.shape) == (np.uint8, (6, 4, 32, 32, 3))
    assert (golden.logits.dtype, golden.logits.shape) == (np.float32, (6, 2))


SAMPLES = np.zeros((2, 4, 32, 32, 3), np.uint8)
LOGITS = np.zeros((2, 2), np.float32)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"samples": SAMPLES}, "no array logits"),
        ({"samples": SAMPLES.astype(np.float32), "logits": LOGITS}, "samples are float32"),
        ({"samples": SAMPLES[:, :3], "logits": LOGITS}, "samples are uint8"),
        ({"samples": SAMPLES[:0], "logits": LOGITS[:0]}, "samples are uint8"),
        ({"samples": SAMPLES, "logits": LOGITS.astype(np.float64)}, "logits are float64"),
        ({"samples": SAMPLES, "logits": LOGITS[:1]}, "logits are float32"),
        ({"samples": SAMPLES, "logits": np.array([{}, {}])}, "array logits cannot be read"),
    ],
)
def test_golden_refuses_the_file_when_it_does_not_fit(
    bundle_copy: Path,
    signing_key: ec.EllipticCurvePrivateKey,
    trust: TrustStore,
    arrays: dict[str, Any],
    message: str,
) -> None:
    _save(bundle_copy, signing_key, **arrays)
    with pytest.raises(BundleFormatError, match=message):
        open_bundle(bundle_copy, trust).golden()


def test_golden_refuses_the_array_when_its_header_claims_more_than_memory_holds(
    bundle_copy: Path, signing_key: ec.EllipticCurvePrivateKey, trust: TrustStore
) -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "|u1", "fortran_order": False, "shape": (2**40, 4, 32, 32, 3)}
    )
    _save(bundle_copy, signing_key, samples=SAMPLES, logits=LOGITS)
    with zipfile.ZipFile(bundle_copy / "golden.npz", "w") as archive:
        archive.writestr("samples.npy", buffer.getvalue())
        archive.writestr("logits.npy", b"")
    sign(bundle_copy, signing_key)
    with pytest.raises(BundleFormatError, match="array samples cannot be read"):
        open_bundle(bundle_copy, trust).golden()
