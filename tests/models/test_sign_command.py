from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from models.archive import read_files
from models.bundle import open_bundle, pack
from models.command_line import main
from models.signing import SIGNATURE, bundle_digest
from models.signing_key import generate_key
from models.trust import TrustStore


@pytest.fixture(autouse=True)
def no_user_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A key pair of another signer, its private half encrypted: ``own.key``, ``own.pem`` and ``password``."""
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "password").write_text("open sesame")
    generate_key(folder / "own.key", folder / "own.pem", b"open sesame")
    return folder


@pytest.fixture
def bundle(tiny_bundle_directory: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_bundle_directory, tmp_path / "bundle")


def sign_by(own: Path, path: Path) -> int:
    return main(["sign", str(path), "--key", str(own / "own.key"), "--password-file", str(own / "password")])


@pytest.mark.parametrize("packed", [False, True])
def test_another_signer_takes_the_place_of_the_first_and_the_bundle_keeps_its_digest(
    own: Path, bundle: Path, trust: TrustStore, packed: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    path = pack(bundle, bundle.with_suffix(".nexara")) if packed else bundle
    before = read_files(path)
    assert open_bundle(path, trust).signature.state == "trusted"
    assert sign_by(own, path) == 0
    after = read_files(path)
    opened = open_bundle(path, TrustStore.load([own / "own.pem"]))
    assert (opened.signature.state, opened.signature.key) == ("trusted", str(own / "own.pem"))
    assert {name for name in after if after[name] != before[name]} == {SIGNATURE}
    assert bundle_digest(before) == bundle_digest(after)
    told = capsys.readouterr().out
    assert "tiny 0.1.0" in told
    assert bundle_digest(after) in told
    assert sorted(one.name for one in bundle.parent.iterdir() if "partial" in one.name) == []


def test_what_was_changed_is_signed_anew_where_it_is_still_a_bundle(own: Path, bundle: Path) -> None:
    document = json.loads((bundle / "manifest.json").read_text())
    document["version"] = "0.1.1"
    (bundle / "manifest.json").write_text(json.dumps(document))
    assert sign_by(own, bundle) == 0
    assert open_bundle(bundle, TrustStore.load([own / "own.pem"])).manifest.version == "0.1.1"


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("manifest.json", None, "no manifest.json in it"),
        ("manifest.json", b"{}", "manifest.json"),
        (None, b"other weights", "differs from the hash"),
    ],
)
def test_what_no_device_could_open_is_not_signed(
    own: Path,
    bundle: Path,
    file: str | None,
    content: bytes | None,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    artifact = json.loads((bundle / "manifest.json").read_text())["artifacts"][0]["file"]
    changed = bundle / (file or artifact)
    changed.unlink()
    if content is not None:
        changed.write_bytes(content)
    before = (bundle / SIGNATURE).read_bytes()
    assert sign_by(own, bundle) == 2
    assert message in capsys.readouterr().err
    assert (bundle / SIGNATURE).read_bytes() == before


def test_a_wrong_password_signs_nothing(own: Path, bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (own / "password").write_text("wrong")
    before = (bundle / SIGNATURE).read_bytes()
    assert sign_by(own, bundle) == 2
    assert "the password is wrong" in capsys.readouterr().err
    assert main(["sign", str(bundle), "--key", str(own / "own.key")]) == 2
    assert (bundle / SIGNATURE).read_bytes() == before
