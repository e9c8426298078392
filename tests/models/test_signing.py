from __future__ import annotations

import base64
import json
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from models import signing
from models.archive import read_files
from models.errors import BundleFormatError, BundleIntegrityError, BundleSignatureError
from models.signing import SIGNATURE, sign, verify
from models.signing_key import generate_key, load_private_key
from models.trust import Accept, TrustStore, read_key

Change = Callable[[Path], object]


@pytest.fixture
def signed(tmp_path: Path, signing_key: ec.EllipticCurvePrivateKey) -> Path:
    folder = tmp_path / "signed"
    (folder / "artifacts").mkdir(parents=True)
    (folder / "manifest.json").write_bytes(b"{}")
    (folder / "artifacts" / "one.bin").write_bytes(b"one")
    (folder / "artifacts" / "two.bin").write_bytes(b"two")
    sign(folder, signing_key)
    return folder


def _edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads((folder / SIGNATURE).read_text())
    change(document)
    (folder / SIGNATURE).write_text(json.dumps(document))


def _edit_statement(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    def edit(document: dict[str, Any]) -> None:
        statement = json.loads(base64.b64decode(document["dsseEnvelope"]["payload"]))
        change(statement)
        document["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()

    _edit(folder, edit)


def test_verify_says_trusted_when_nothing_changed(signed: Path, trust: TrustStore) -> None:
    status = verify(read_files(signed), trust, "bundle")
    assert (status.state, status.fingerprint) == ("trusted", trust.keys[-1].fingerprint)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda folder: (folder / "artifacts/one.bin").write_bytes(b"onf"), "artifacts/one.bin differs"),
        (lambda folder: (folder / "artifacts/one.bin").unlink(), "artifacts/one.bin is missing"),
        (lambda folder: (folder / "manifest.json").write_bytes(b"{} "), "manifest.json differs"),
        (lambda folder: (folder / "extra").write_bytes(b""), "extra was added"),
        (lambda folder: (folder / ".gitignore").write_bytes(b"*"), ".gitignore was added"),
        (lambda folder: (folder / "artifacts/one.bin").rename(folder / "one.bin"), "artifacts/one.bin is missing"),
    ],
)
@pytest.mark.parametrize("accept", ["trusted", "untrusted", "unsigned"])
def test_verify_names_the_file_when_one_is_not_as_signed(
    signed: Path, trust: TrustStore, change: Change, name: str, accept: Accept
) -> None:
    change(signed)
    keys = trust.keys if accept == "trusted" else ()
    with pytest.raises(BundleIntegrityError, match=name):
        verify(read_files(signed), TrustStore(keys, accept), "bundle")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / SIGNATURE).unlink(), "no signature file"),
        (lambda folder: (folder / SIGNATURE).write_bytes(b""), "malformed"),
        (lambda folder: (folder / SIGNATURE).write_bytes(b"\xff{}"), "malformed"),
        (lambda folder: (folder / SIGNATURE).write_bytes(b"[" * 100_000), "malformed"),
        (lambda folder: (folder / SIGNATURE).write_bytes(b'{"mediaType": 3}'), "malformed"),
        (lambda folder: _edit(folder, lambda d: d.update(mediaType="other")), "other over"),
        (lambda folder: _edit(folder, lambda d: d["dsseEnvelope"].update(payloadType="text")), "over text"),
        (lambda folder: _edit(folder, lambda d: d["dsseEnvelope"].update(payload="*")), "malformed"),
        (lambda folder: _edit(folder, lambda d: d["dsseEnvelope"].update(signatures=[])), "0 signatures"),
        (
            lambda folder: _edit(folder, lambda d: d["dsseEnvelope"]["signatures"][0].update(sig="AAAA")),
            "not one of key",
        ),
        (
            lambda folder: _edit(folder, lambda d: d["verificationMaterial"]["publicKey"].update(hint="0" * 64)),
            "not trusted here",
        ),
        (
            lambda folder: _edit_statement(folder, lambda s: s["predicate"]["resources"].pop()),
            "not one of key",
        ),
    ],
)
def test_verify_refuses_the_signature_when_it_is_not_sound(
    signed: Path, trust: TrustStore, change: Change, message: str
) -> None:
    change(signed)
    with pytest.raises(BundleSignatureError, match=message):
        verify(read_files(signed), trust, "bundle")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.update(_type="other"), "holds other"),
        (lambda s: s.update(predicateType="other"), "with other"),
        (lambda s: s["predicate"]["serialization"].update(method="shards"), "hashes by 'shards'"),
        (lambda s: s["predicate"]["resources"].append(s["predicate"]["resources"][0]), "twice"),
        (lambda s: s["predicate"]["resources"][0].update(algorithm="md5"), "not by sha256"),
    ],
)
def test_verify_refuses_the_statement_when_it_says_what_we_cannot_check(
    signed: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    _edit_statement(signed, change)
    with pytest.raises(BundleSignatureError, match=message):
        verify(read_files(signed), TrustStore(accept="untrusted"), "bundle")


def test_verify_refuses_a_false_signature_of_a_known_key_when_untrusted_ones_are_allowed(
    signed: Path, trust: TrustStore
) -> None:
    (signed / "manifest.json").write_bytes(b"{...}")
    sign(signed, ec.generate_private_key(ec.SECP256R1()))
    hint = trust.keys[-1].fingerprint
    _edit(signed, lambda document: document["verificationMaterial"]["publicKey"].update(hint=hint))
    with pytest.raises(BundleSignatureError, match="do not use"):
        verify(read_files(signed), TrustStore(trust.keys, "unsigned"), "bundle")


@pytest.mark.parametrize(
    ("accept", "signature", "state"),
    [
        ("untrusted", True, "untrusted"),
        ("unsigned", True, "untrusted"),
        ("unsigned", False, "unsigned"),
        ("untrusted", False, None),
        ("trusted", True, None),
        ("trusted", False, None),
    ],
)
def test_verify_accepts_what_the_policy_allows_when_no_key_is_known(
    signed: Path, accept: Accept, signature: bool, state: str | None
) -> None:
    if not signature:
        (signed / SIGNATURE).unlink()
    store = TrustStore(accept=accept)
    if state is None:
        with pytest.raises(BundleSignatureError):
            verify(read_files(signed), store, "bundle")
    else:
        assert verify(read_files(signed), store, "bundle").state == state


def test_sign_refuses_the_directory_when_it_holds_a_link(signed: Path, signing_key: ec.EllipticCurvePrivateKey) -> None:
    (signed / "link").symlink_to("/etc/hostname")
    with pytest.raises(BundleFormatError, match="link is a link"):
        sign(signed, signing_key)


def test_generate_key_keeps_the_private_key_private_when_it_writes_it(tmp_path: Path) -> None:
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    key = generate_key(private, public)
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert load_private_key(private).private_numbers() == key.private_numbers()
    assert read_key("k", public.read_bytes()).public_key.public_numbers() == key.public_key().public_numbers()


def test_generate_key_says_where_when_it_cannot_write(tmp_path: Path) -> None:
    with pytest.raises(BundleSignatureError, match=r"no/such/k\.pem: cannot write the key"):
        generate_key(tmp_path / "no/such/k.pem", tmp_path / "public.pem")


@pytest.mark.parametrize("taken", ["private.pem", "public.pem"])
def test_generate_key_refuses_to_overwrite_when_a_key_is_there(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).write_text("precious")
    with pytest.raises(BundleSignatureError, match="already"):
        generate_key(tmp_path / "private.pem", tmp_path / "public.pem")
    assert [path.name for path in tmp_path.iterdir()] == [taken]


def _private_pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read"),
        (b"no key", "not a PEM"),
        (_private_pem(ed25519.Ed25519PrivateKey.generate()), "P-256"),
        (_private_pem(ec.generate_private_key(ec.SECP384R1())), "P-256"),
    ],
)
def test_load_private_key_says_what_it_needs_when_given_another_file(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "key.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BundleSignatureError, match=message):
        load_private_key(path)


def public_tool(folder: Path, key: Path) -> int:
    """The exit code of OpenSSF's ``model_signing verify key``."""
    command = [sys.executable, "-m", "model_signing", "verify", "key", str(folder), "--signature",
               str(folder / SIGNATURE), "--public_key", str(key)]  # fmt: skip
    return subprocess.run(command, check=False, capture_output=True).returncode


def test_public_tool_verifies_our_signature(signed: Path, key_folder: Path) -> None:
    assert public_tool(signed, key_folder / "public.pem") == 0
    (signed / "extra").write_bytes(b"")
    assert public_tool(signed, key_folder / "public.pem") != 0


def test_public_tool_verifies_what_is_released(tmp_path: Path) -> None:
    models = Path(signing.__file__).parent
    released = sorted((models / "released").glob("*.nexara"))
    assert released
    for path in released:
        files = read_files(path)
        signer = verify(files, TrustStore.load(), path.name).key
        assert signer is not None
        folder = tmp_path / path.stem
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        assert public_tool(folder, models / "keys" / signer) == 0


def test_verify_trusts_a_signature_when_the_public_tool_wrote_it() -> None:
    """``tests/models/public_tool`` was signed by ``model_signing sign key`` 1.1.1."""
    folder = Path(__file__).parent / "public_tool"
    key = read_key("public_tool.pem", (folder.parent / "public_tool.pem").read_bytes())
    assert verify(read_files(folder), TrustStore((key,)), "bundle").state == "trusted"
