"""On which line of a TOML source a key stands, which the parser does not tell."""

from __future__ import annotations

import re
from collections.abc import Iterator

KeyPath = tuple[str | int, ...]
"""Names of tables and keys, and indices into arrays of tables: ``("camera", 1, "source")``."""

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_KEY = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)+")
_HEADER = re.compile(rf"(?P<array>\[)?\[[ \t]*(?P<key>{_KEY})[ \t]*\]")
_ASSIGNMENT = re.compile(rf"(?P<key>{_KEY})[ \t]*=")
_VALUE_TOKEN = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*'
    r"|(?P<open>[\[{])|(?P<close>[\]}])|(?P<end>\n)|.",
    re.DOTALL,
)


class Locator:
    """Lines of the keys of one TOML source, which must be valid TOML."""

    def __init__(self, source: str) -> None:
        self._lines: dict[KeyPath, int] = {}
        for path, offset in _scan(source):
            for length in range(1, len(path) + 1):
                self._lines.setdefault(path[:length], source.count("\n", 0, offset) + 1)

    def line(self, path: KeyPath) -> int:
        """The line of a key; of the nearest table around it when it has none of its own; 1 at the very top."""
        return next(
            (self._lines[path[:length]] for length in range(len(path), 0, -1) if path[:length] in self._lines), 1
        )


def _scan(source: str) -> Iterator[tuple[KeyPath, int]]:
    """Every header and key with its offset, in order."""
    table: KeyPath = ()
    elements: dict[KeyPath, int] = {}
    position = _skip(_BLANK, source, 0)
    while position < len(source):
        header = _HEADER.match(source, position)
        if header is not None:
            table = _table(_parts(header["key"]), elements, is_array=header["array"] is not None)
            yield table, position
            position = header.end() + (1 if header["array"] else 0)
        else:
            assignment = _ASSIGNMENT.match(source, position)
            if assignment is None:
                return
            yield (*table, *_parts(assignment["key"])), position
            position = _after_value(source, assignment.end())
        position = _skip(_BLANK, source, position)


def _table(parts: tuple[str, ...], elements: dict[KeyPath, int], *, is_array: bool) -> KeyPath:
    """The path of a header: each array of tables on the way stands at its newest element."""
    path: KeyPath = ()
    for depth, part in enumerate(parts):
        path = (*path, part)
        if is_array and depth == len(parts) - 1:
            elements[path] = elements.get(path, -1) + 1
        if path in elements:
            path = (*path, elements[path])
    return path


def _parts(key: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_PART, key))


def _skip(pattern: re.Pattern[str], source: str, position: int) -> int:
    match = pattern.match(source, position)
    return position if match is None else match.end()


def _after_value(source: str, position: int) -> int:
    """The offset of the line break after a value, which may span lines in strings and arrays."""
    depth = 0
    for token in _VALUE_TOKEN.finditer(source, position):
        depth += (token["open"] is not None) - (token["close"] is not None)
        if token["end"] is not None and depth == 0:
            return token.start()
    return len(source)
