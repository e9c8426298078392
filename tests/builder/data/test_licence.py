from __future__ import annotations

from pathlib import Path

import pytest

from builder.data.licence import read_licence


@pytest.mark.parametrize(
    ("name", "text", "licence"),
    [
        ("LICENSE", "\n  MIT License \nmore", "MIT License"),
        ("LICENCE", "CC0", "CC0"),
        ("LICENSE", "\n\n", "not stated"),
    ],
)
def test_the_first_line_that_says_something_is_the_licence(tmp_path: Path, name: str, text: str, licence: str) -> None:
    (tmp_path / name).write_text(text)
    assert read_licence(tmp_path) == licence


def test_the_licence_is_not_stated_when_there_is_no_file(tmp_path: Path) -> None:
    assert read_licence(tmp_path) == "not stated"
