from __future__ import annotations

import os
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.whole_file import sync_folder, write_whole


@pytest.fixture
def _masked() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_masked")
@pytest.mark.parametrize(("mode", "expected"), [(None, 0o600), (0o644, 0o644), (0o600, 0o600)])
def test_the_mode_is_the_one_asked_for_or_as_the_mask_says(tmp_path: Path, mode: int | None, expected: int) -> None:
    path = tmp_path / "state"
    for content in (b"old", b"new"):
        write_whole(path, content, mode)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", expected)
    assert list(tmp_path.iterdir()) == [path]


def test_file_and_folder_are_on_disk_once_it_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (synced.append(os.fstat(file).st_ino), fsync(file))[1])
    write_whole(tmp_path / "state", b"content")
    assert synced == [(tmp_path / "state").stat().st_ino, tmp_path.stat().st_ino]


def test_what_is_there_stays_when_it_cannot_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "state"
    write_whole(path, b"old")
    (tmp_path / "state.part").mkdir()
    with pytest.raises(OSError, match=r"state\.part"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"


def test_what_a_kill_left_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "state.part").write_bytes(b"half of")
    write_whole(tmp_path / "state", b"whole")
    assert (tmp_path / "state").read_bytes() == b"whole"
    assert not (tmp_path / "state.part").exists()


@pytest.fixture
def _room_for_little() -> Iterator[None]:
    """No file may become larger than 10 kB, as on a disk that is almost full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("_room_for_little")
def test_half_a_file_does_not_keep_its_room(tmp_path: Path) -> None:
    path = tmp_path / "engine"
    write_whole(path, b"old")
    with pytest.raises(OSError, match="too large"):
        write_whole(path, bytes(20_000))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_synced_is_no_fault() -> None:
    descriptor = os.open("/proc", os.O_RDONLY)
    with pytest.raises(OSError, match="Invalid argument"):
        os.fsync(descriptor)
    os.close(descriptor)
    sync_folder(Path("/proc"))
