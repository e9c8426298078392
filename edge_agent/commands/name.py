"""What the commands are called."""

from __future__ import annotations

from typing import Literal

CommandName = Literal["ping", "snapshot", "set", "mute", "label", "logs", "restart", "update", "rollback"]
"""The last level of a command's topic."""
