"""That the watch over what fuzzed code touches sees it."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.fuzzing import nothing_outside


def connect(_: Path) -> None:
    with socket.socket() as client, suppress(OSError):
        client.connect(("127.0.0.1", 1))


@pytest.mark.parametrize(
    "act",
    [
        lambda folder: (folder / "file").write_text("x"),
        lambda folder: (folder / "folder").mkdir(),
        lambda folder: (folder / "there").unlink(),
        lambda folder: (folder / "there").rename(folder / "file"),
        lambda _: subprocess.run(["true"], check=True),
        connect,
    ],
    ids=["write", "mkdir", "unlink", "rename", "process", "network"],
)
def test_what_is_touched_outside_is_seen_and_inside_is_not(tmp_path: Path, act: Callable[[Path], object]) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "there").touch()
    with pytest.raises(AssertionError), nothing_outside(inside):
        act(outside)
    with nothing_outside(inside):
        (inside / "file").write_text("x")
        (inside / "there").read_text()
        (outside / "there2").exists()
