"""Secrets by reference: read when needed, and never part of what is shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from edge_agent.config.errors import SecretError

CREDENTIALS_DIRECTORY = "CREDENTIALS_DIRECTORY"


def read_secret(reference: str, environment: Mapping[str, str]) -> str:
    """The secret behind ``file:/path`` or ``credential:name`` (a file in ``$CREDENTIALS_DIRECTORY``).

    One line break at its end is not part of it. Raises ``SecretError`` when it cannot be read or is empty.
    """
    kind, _, name = reference.partition(":")
    path = find_credential(name, environment) if kind == "credential" else Path(name)
    try:
        secret = path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise SecretError(
            f"{reference}: cannot read {path}: {error}; it must be a text file this user may read"
        ) from error
    if not secret:
        raise SecretError(f"{reference}: {path} is empty; write the secret into it")
    return secret


def find_credential(name: str, environment: Mapping[str, str]) -> Path:
    """Where systemd laid the credential ``name``; raises ``SecretError`` where nothing says so."""
    folder = environment.get(CREDENTIALS_DIRECTORY)
    if folder is None:
        raise SecretError(
            f"credential:{name}: ${CREDENTIALS_DIRECTORY} is not set; add LoadCredential={name}:/path to the systemd"
            " unit, or name a file outside of it"
        )
    return Path(folder) / name


def insert_password(source: str, reference: str | None, environment: Mapping[str, str]) -> str:
    """The address with the password behind ``reference`` beside its user, or as it is. Raises ``SecretError``."""
    if reference is None:
        return source
    return source.replace("@", f":{quote(read_secret(reference, environment), safe='')}@", 1)
