from __future__ import annotations

import stat
from pathlib import Path

import pytest

from models.command_line import main
from models.signing_key import load_private_key
from models.trust import TrustStore


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "nexara" / "keys"


def test_a_key_is_made_where_its_maker_trusts_it(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keygen", "release-2027"]) == 0
    private, public = config / "release-2027.key", config / "release-2027.pem"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert stat.S_IMODE(config.stat().st_mode) == 0o700
    trusted = TrustStore.load().keys[-1]
    assert trusted.name == str(public)
    assert trusted.public_key.public_numbers() == load_private_key(private).public_key().public_numbers()
    told = capsys.readouterr().out
    assert all(word in told for word in (str(private), str(public), trusted.fingerprint))


def test_a_key_in_another_folder_is_encrypted_and_not_trusted(config: Path, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("correct horse\nnot this\n")
    folder = tmp_path / "vault" / "keys"
    assert main(["keygen", "site", "--folder", str(folder), "--password-file", str(tmp_path / "password")]) == 0
    assert b"ENCRYPTED" in (folder / "site.key").read_bytes()
    assert load_private_key(folder / "site.key", b"correct horse").key_size == 256
    assert not config.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["../escape"], "a key's name is a file's name"),
        (["k", "--folder", "taken"], "cannot make the folder"),
        (["k", "--password-file", "empty"], "its first line is empty"),
        (["k", "--password-file", "nowhere"], "cannot read the password"),
    ],
)
def test_what_cannot_be_made_is_told_and_nothing_is_left(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    config: Path,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_text("a file")
    (tmp_path / "empty").write_text("\n")
    assert main(["keygen", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not list(config.glob("*"))
