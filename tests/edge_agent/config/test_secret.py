"""Secrets by reference."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.config import SecretError
from edge_agent.config.secret import read_secret


@pytest.mark.parametrize(
    ("content", "secret"), [("a b\n", "a b"), ("päss", "päss"), ("x\r\n", "x"), (" y \n\n", " y \n")]
)
def test_secret_is_the_file_without_its_last_line_break(tmp_path: Path, content: str, secret: str) -> None:
    (tmp_path / "mqtt").write_bytes(content.encode())
    assert read_secret(f"file:{tmp_path}/mqtt", {}) == secret
    assert read_secret("credential:mqtt", {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == secret


@pytest.mark.parametrize(
    ("reference", "environment", "text"),
    [
        ("file:/nowhere/mqtt", {}, "cannot read /nowhere/mqtt"),
        ("credential:mqtt", {}, r"\$CREDENTIALS_DIRECTORY is not set; add LoadCredential=mqtt:/path"),
        ("credential:mqtt", {"CREDENTIALS_DIRECTORY": "/nowhere"}, "cannot read /nowhere/mqtt"),
        ("file:/dev/null", {}, "/dev/null is empty"),
    ],
)
def test_error_tells_what_to_do_when_secret_is_not_there(
    reference: str, environment: dict[str, str], text: str
) -> None:
    with pytest.raises(SecretError, match=text):
        read_secret(reference, environment)
