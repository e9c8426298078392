from __future__ import annotations

import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from edge_agent.bundles.errors import ShelfDiskError, ShelfError
from edge_agent.bundles.record import Record, current, keep, leave, put_on_trial
from edge_agent.bundles.shelf import Shelf

INSTALL = Path(__file__).with_name("interrupted_install.py")
ROOT = Path(__file__).parents[3]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "bundles")


def write(folder: Path, content: bytes) -> tuple[Path, str]:
    path = folder / f"{len(content)}.nexara"
    path.write_bytes(content)
    return path, hashlib.sha256(content).hexdigest()


def names(shelf: Shelf) -> set[str]:
    return {path.name for path in shelf.directory.iterdir()} - {"lock"}


def test_what_was_added_is_there_whole_and_in_the_record(shelf: Shelf, tmp_path: Path) -> None:
    file, digest = write(tmp_path, b"a" * 3_000_000)
    assert shelf.add(file, put_on_trial) == Shelf(shelf.directory).read()
    assert current(shelf.read()) == digest
    assert shelf.is_whole(digest)
    assert shelf.path_of(digest).read_bytes() == file.read_bytes()
    assert names(shelf) == {f"{digest}.nexara", "record.json"}


def test_what_no_record_needs_is_removed(shelf: Shelf, tmp_path: Path) -> None:
    digests = []
    for size in (1, 2, 3):
        file, digest = write(tmp_path, b"x" * size)
        digests.append(digest)
        shelf.add(file, put_on_trial)
        shelf.path_of(digest).with_suffix(".bench.json").write_text("{}")
        shelf.change(keep)
    assert names(shelf) == {
        "record.json",
        *(f"{digest}{end}" for digest in digests[1:] for end in (".nexara", ".bench.json")),
    }


def test_a_bundle_that_changed_is_not_whole(shelf: Shelf, tmp_path: Path) -> None:
    file, digest = write(tmp_path, b"abc")
    shelf.add(file, put_on_trial)
    shelf.path_of(digest).write_bytes(b"abd")
    assert not shelf.is_whole(digest)
    shelf.path_of(digest).unlink()
    assert not shelf.is_whole(digest)


@pytest.mark.parametrize("content", [b"", b"{", b'{"kept": 3}', b"\xff\xfe"])
def test_a_damaged_record_is_set_aside_and_told(shelf: Shelf, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    shelf.directory.mkdir()
    (shelf.directory / "record.json").write_bytes(content)
    assert shelf.read() == Record()
    assert "set aside" in caplog.text
    assert names(shelf) == {"record.json.damaged"}


@pytest.mark.parametrize("link", [os.link, os.symlink], ids=["link", "symlink"])
def test_what_the_agent_laid_there_is_not_written_through(
    shelf: Shelf, tmp_path: Path, link: Callable[[Path, Path], None]
) -> None:
    """Root may be who installs, and the folder is not root's."""
    file, digest = write(tmp_path, b"a bundle")
    elsewhere = tmp_path / "shadow"
    elsewhere.write_text("of root")
    shelf.directory.mkdir()
    link(elsewhere, shelf.directory / f"{os.getpid()}.partial")
    shelf.add(file, put_on_trial)
    assert shelf.is_whole(digest)
    (shelf.directory / "lock").unlink()
    link(elsewhere, shelf.directory / "lock")
    with pytest.raises(ShelfDiskError, match="Too many"):
        shelf.change(keep)
    assert elsewhere.read_text() == "of root"


def test_what_is_no_file_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    with pytest.raises(ShelfError, match="not a file"):
        shelf.add(tmp_path, put_on_trial)


def test_a_disk_that_does_not_play_along_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ShelfDiskError, match="needed: a folder"):
        Shelf(tmp_path / "file" / "bundles").change(keep)


@pytest.mark.parametrize("before", ["nothing", "kept"])
def test_one_good_bundle_is_left_whenever_an_install_is_killed(tmp_path: Path, before: str) -> None:
    new, wanted = write(tmp_path, os.urandom(2_500_000))
    old, had = write(tmp_path, b"the bundle of before")
    for step in range(1, 100):
        shelf = Shelf(tmp_path / str(step))
        if before == "kept":
            shelf.add(old, put_on_trial)
            shelf.change(keep)
        command = [sys.executable, str(INSTALL), str(shelf.directory), str(new), str(step)]
        killed = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False).returncode
        found = current(shelf.read())
        assert found in {had if before == "kept" else None, wanted}
        assert found is None or shelf.is_whole(found)
        if killed == 0:
            assert (found, step > 5) == (wanted, True)
            break
        assert killed == -signal.SIGKILL
        # The next one goes through, and nothing of the interrupted one is left.
        assert current(shelf.add(new, put_on_trial)) == wanted
        assert names(shelf) == {"record.json", f"{wanted}.nexara"} | ({f"{had}.nexara"} if before == "kept" else set())
    else:
        pytest.fail("an install of a hundred steps")


LEAVE_TEN = """
import sys
from pathlib import Path
from edge_agent.bundles.record import leave, put_on_trial
from edge_agent.bundles.shelf import Shelf

directory, name = sys.argv[1:]
for number in range(10):
    digest = f"{name}{number}".ljust(64, "0")
    Shelf(Path(directory)).change(lambda record: leave(put_on_trial(record, digest), name))
"""


def test_changes_of_several_processes_come_one_after_another(shelf: Shelf) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen([sys.executable, "-c", LEAVE_TEN, str(shelf.directory), name], env=environment)
        for name in ("a", "b")
    ]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert len(shelf.read().left) == 20


def test_leave_may_be_told_again(shelf: Shelf, tmp_path: Path) -> None:
    file, _ = write(tmp_path, b"a")
    shelf.add(file, put_on_trial)
    once = shelf.change(partial(leave, reason="x"))
    assert shelf.change(partial(leave, reason="y")) == once


def test_who_holds_the_shelf_and_hangs_is_not_waited_for_for_ever(shelf: Shelf, tmp_path: Path) -> None:
    file, digest = write(tmp_path, b"a")
    shelf.add(file, put_on_trial)
    with (shelf.directory / "lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ShelfDiskError, match="another process has been changing it"):
            Shelf(shelf.directory, patience_s=0.05).change(keep)
    assert Shelf(shelf.directory, patience_s=0.0).change(keep).kept == digest


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what another user may not write")
def test_agent_writes_its_record_though_root_was_killed_at_it() -> None:
    agent = 61_000
    # Not pytest's folder, which no other user may enter.
    with tempfile.TemporaryDirectory() as folder:
        shelf = Shelf(Path(folder))
        (shelf.directory / "record.json.part").write_bytes(b"of a root that was killed")
        os.chown(folder, agent, agent)
        os.seteuid(agent)
        try:
            assert shelf.change(partial(put_on_trial, digest="a" * 64)).trial is not None
        finally:
            os.seteuid(0)
