from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from builder.errors import OutputError
from builder.work_lock import lock_work

HOLD = """
import sys, time
from pathlib import Path
from builder.work_lock import lock_work

with lock_work(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(100)
"""


def hold(work: Path) -> subprocess.Popen[str]:
    """Another process that holds ``work`` until it is killed."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(work)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_folder_is_refused_by_the_holders_pid_and_free_once_that_is_killed(tmp_path: Path) -> None:
    with hold(tmp_path) as other:
        with pytest.raises(OutputError, match=rf"process {other.pid} is building there; wait .* --out another"):
            lock_work(tmp_path).__enter__()
        other.send_signal(signal.SIGKILL)
    with lock_work(tmp_path):
        pass


def test_a_folder_may_be_held_again_once_it_was_left(tmp_path: Path) -> None:
    for _ in range(2):
        with lock_work(tmp_path), pytest.raises(OutputError, match="is building there"):
            lock_work(tmp_path).__enter__()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="absent: cannot be written: No such file"):
        lock_work(tmp_path / "absent").__enter__()
