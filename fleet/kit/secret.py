"""The secrets that a device is given, refused here where its agent would refuse them there."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from edge_agent.commands.options import SHORTEST_KEY
from fleet.kit.errors import KitError

_CREDENTIAL = re.compile(r"[A-Za-z0-9_.-]+")


def read_secrets(given: Sequence[str], operator_keys: Collection[str]) -> dict[str, bytes]:
    """What the files of ``NAME=FILE`` hold, by name; those of ``operator_keys`` are long enough to sign with. Raises
    ``KitError``."""
    secrets = {}
    for words in given:
        name, equals, path = words.partition("=")
        if not equals or not _CREDENTIAL.fullmatch(name):
            raise KitError(f"--secret: found {name!r}; allowed is NAME=FILE, with a file that holds the secret")
        try:
            secrets[name] = Path(path).read_bytes()
        except OSError as error:
            raise KitError(f"--secret {name}: {path}: cannot be read: {error.strerror}") from error
        fault = _find_fault(secrets[name], signs=name in operator_keys)
        if fault is not None:
            raise KitError(f"--secret {name}: {path}: {fault}")
    return secrets


def _find_fault(secret: bytes, *, signs: bool) -> str | None:
    try:
        # As the agent reads it, which takes a line break at the end for none of it.
        length = len(secret.decode().removesuffix("\n").removesuffix("\r").encode())
    except UnicodeDecodeError:
        return "found what is no text (UTF-8), and the agent would not take it; write the secret as text"
    if signs and length < SHORTEST_KEY:
        return (
            f"found {length} byte(s); an operator's key has {SHORTEST_KEY} or more, since fewer can be tried out by"
            " whoever saw one signed command; make one with `openssl rand -hex 32`"
        )
    return None if length else "found nothing in it, and the agent would not start; write the secret into it"
