"""Names that others chose, as text of a Markdown page: none of them may become a link, markup or another line."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\`*<])")


def plain(text: str) -> str:
    """The text as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split())).replace("](", r"]\(")
