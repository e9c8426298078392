from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from models.errors import BundleSignatureError
from models.trust import TrustStore, read_key, read_revoked, user_key_folder


def _public_pem(key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _p256() -> bytes:
    return _public_pem(ec.generate_private_key(ec.SECP256R1()).public_key())


@pytest.fixture(autouse=True)
def user_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = user_key_folder()
    folder.mkdir(parents=True)
    return folder


def test_load_reads_user_keys_and_given_ones_when_there_are_several(tmp_path: Path, user_folder: Path) -> None:
    (user_folder / "a.pem").write_bytes(_p256())
    (user_folder / "notes.txt").write_text("not a key")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "b.pem").write_bytes(_p256())
    (tmp_path / "c.pem").write_bytes(_p256())
    shipped = len(TrustStore.load().keys) - 1
    keys = TrustStore.load([tmp_path / "site", tmp_path / "c.pem"]).keys
    assert [Path(key.name).name for key in keys[shipped:]] == ["a.pem", "b.pem", "c.pem"]
    assert TrustStore(keys).find(keys[-1].fingerprint) is keys[-1]
    assert TrustStore(keys).find("0" * 64) is None


def test_user_key_folder_is_under_home_when_nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_key_folder() == tmp_path / ".config" / "nexara" / "keys"


def test_read_key_gives_one_fingerprint_when_the_pem_is_written_otherwise() -> None:
    pem = _p256()
    commented = b"Made for the site office\n" + pem.replace(b"\n", b"\r\n")
    assert read_key("a", pem).fingerprint == read_key("b", commented).fingerprint


@pytest.mark.parametrize(
    ("pem", "message"),
    [
        (b"", "not a PEM public key"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "not a PEM public key"),
        (_public_pem(ed25519.Ed25519PrivateKey.generate().public_key()), "must be EC on P-256"),
        (_public_pem(ec.generate_private_key(ec.SECP384R1()).public_key()), "must be EC on P-256"),
    ],
)
def test_load_names_the_file_when_it_holds_no_key_we_take(tmp_path: Path, pem: bytes, message: str) -> None:
    (tmp_path / "k.pem").write_bytes(pem)
    with pytest.raises(BundleSignatureError, match=rf"k\.pem: .*{message}"):
        TrustStore.load([tmp_path / "k.pem"])


def test_load_names_the_path_when_there_is_nothing(tmp_path: Path) -> None:
    with pytest.raises(BundleSignatureError, match=r"none\.pem: cannot read"):
        TrustStore.load([tmp_path / "none.pem"])


def test_lists_of_all_folders_are_kept_together(tmp_path: Path, user_folder: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "revoked.txt").write_text("a" * 64 + " stolen\n" + "b" * 64)
    (user_folder / "revoked.txt").write_text("c" * 64 + "   too old  \n")
    shipped = TrustStore.load().revoked.keys() - {"c" * 64}
    found = TrustStore.load([tmp_path / "site"]).revoked
    assert {digest: why for digest, why in found.items() if digest not in shipped} == {
        "a" * 64: "stolen",
        "b" * 64: "",
        "c" * 64: "too old",
    }


@pytest.mark.parametrize("line", ["a" * 63, "A" * 64 + " why", "see " + "a" * 64, "\xff" * 64])
def test_a_revocation_that_cannot_be_read_is_not_overlooked(line: str) -> None:
    with pytest.raises(BundleSignatureError, match=r"revoked\.txt, line 2"):
        read_revoked("revoked.txt", f"# these\n{line}\n".encode("latin-1"))


def test_a_list_that_may_not_be_read_is_not_overlooked(user_folder: Path) -> None:
    (user_folder / "revoked.txt").mkdir()
    with pytest.raises(BundleSignatureError, match="cannot read what was revoked"):
        TrustStore.load()
