"""What can be wrong with a configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.errors import NexaraError


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: the key as it would be written, its line (from 1), and what is wrong with it."""

    line: int
    key: str
    text: str


class ConfigError(NexaraError):
    """A configuration cannot be used; the message lists every problem, one a line, as ``file:line: key: what``."""

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        lines = (f"{path}:{one.line}: {one.key}: {one.text}" if one.key else f"{path}:{one.line}: {one.text}"
                 for one in self.problems)  # fmt: skip
        super().__init__("\n".join(lines))


class SecretError(NexaraError):
    """A referenced secret cannot be read; the message never holds the secret."""
