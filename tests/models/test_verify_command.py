from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import models
from models.archive import read_files
from models.bundle import pack
from models.command_line import main
from models.signing import bundle_digest
from models.trust import TrustStore, user_key_folder


@pytest.fixture(autouse=True)
def no_user_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def bundle(tiny_bundle_directory: Path, tmp_path: Path) -> Path:
    return pack(tiny_bundle_directory, tmp_path / "tiny.nexara")


def test_a_sound_bundle_of_a_trusted_signer_is_told_with_its_digest(
    bundle: Path, key_folder: Path, trust: TrustStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(bundle), "--key", str(key_folder / "public.pem")]) == 0
    told = capsys.readouterr().out
    assert "tiny 0.1.0" in told
    assert bundle_digest(read_files(bundle)) in told
    assert trust.keys[-1].fingerprint in told


def test_the_released_bundles_are_signed_by_a_key_that_is_shipped(capsys: pytest.CaptureFixture[str]) -> None:
    found = sorted((Path(models.__file__).parent / "released").glob("*.nexara"))
    assert found
    for released in found:
        assert main(["verify", str(released)]) == 0
        assert "release-" in capsys.readouterr().out


def test_a_file_that_differs_is_named(
    tiny_bundle_directory: Path, key_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = shutil.copytree(tiny_bundle_directory, tmp_path / "changed")
    (changed / "MODEL_CARD.md").write_text("the best there is")
    assert main(["verify", str(changed), "--key", str(key_folder / "public.pem")]) == 2
    assert "MODEL_CARD.md" in capsys.readouterr().err


def test_a_signer_that_nobody_knows_is_refused(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(bundle)]) == 2
    assert "is not trusted here" in capsys.readouterr().err


@pytest.mark.parametrize("revoked", ["bundle", "key"])
def test_what_was_withdrawn_is_refused_though_its_signer_is_trusted(
    bundle: Path, key_folder: Path, trust: TrustStore, revoked: str, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = bundle_digest(read_files(bundle)) if revoked == "bundle" else trust.keys[-1].fingerprint
    user_key_folder().mkdir(parents=True)
    (user_key_folder() / "revoked.txt").write_text(f"# since spring\n\n{digest} misses fights at night\n")
    assert main(["verify", str(bundle), "--key", str(key_folder / "public.pem")]) == 2
    told = capsys.readouterr().err
    assert f"{revoked} {digest[:16]}" in told
    assert "misses fights at night" in told
