"""``nexara fleet``: many devices from one place."""

from __future__ import annotations

from fleet.authority.command import main as ca
from fleet.authority.enrol_command import main as enrol
from fleet.authority.errors import AuthorityError

_COMMANDS = {"ca": ca, "enrol": enrol}


def main(argv: list[str]) -> int:
    """Many devices from one place."""
    if not argv or argv[0] not in _COMMANDS:
        raise AuthorityError(
            f"nexara fleet: found {' '.join(argv[:1]) or 'nothing'}; allowed are {', '.join(_COMMANDS)}"
        )
    return _COMMANDS[argv[0]](argv[1:])
