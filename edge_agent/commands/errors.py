"""Why a command is not done."""

from __future__ import annotations

from typing import Literal

from models.errors import NexaraError

RefusalKind = Literal[
    "response_topic",
    "size",
    "retained",
    "unknown",
    "malformed",
    "unsigned",
    "signature",
    "not_allowed",
    "time",
    "replayed",
    "busy",
    "arguments",
    "failed",
]
"""``failed`` is a command that was let in and could not be done; all others were refused and have had no effect."""


class CommandError(NexaraError):
    """A command is refused or failed; the message says what was found, what is allowed and what to do."""

    def __init__(self, kind: RefusalKind, text: str) -> None:
        super().__init__(text)
        self.kind = kind
