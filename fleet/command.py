"""``nexara fleet``: many devices from one place."""

from __future__ import annotations

from fleet.authority.command import main as ca
from fleet.authority.errors import AuthorityError


def main(argv: list[str]) -> int:
    """Many devices from one place."""
    if argv[:1] != ["ca"]:
        raise AuthorityError(f"nexara fleet: found {argv[:1]}; allowed is ca")
    return ca(argv[1:])
