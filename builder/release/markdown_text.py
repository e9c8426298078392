"""Names that others chose, as text of a Markdown page: none of them may become a link, markup or another line."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\`*<])")
_RUNS = re.compile(r"`+")


def plain(text: str) -> str:
    """The text as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split())).replace("](", r"]\(")


def code(text: str) -> str:
    """The text as a code span, on one line; its fence is longer than any run of backticks within."""
    line = " ".join(text.split())
    fence = "`" * (1 + max((len(run) for run in _RUNS.findall(line)), default=0))
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{space}{line}{space}{fence}"
