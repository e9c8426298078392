from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from builder.execution.executor import TaskDefect, TaskError, run_tasks
from builder.execution.processes import ProcessExecutor
from tests.builder.execution.tiny_tasks import DieFirst, Hang, Write
from tests.builder.execution.told import Remembered

pytestmark = pytest.mark.slow
PATIENCE_S = 60


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A process that ended and was not waited for yet is no longer at work.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_tasks_run_in_other_processes_and_a_killed_one_is_run_again(tmp_path: Path) -> None:
    display = Remembered()
    tasks = [DieFirst(Write("a", tmp_path), tmp_path), Write("b", tmp_path), Write("c", tmp_path, ("a", "b"))]
    with ProcessExecutor(2) as executor:
        run_tasks(tasks, executor, display)
    pids = {int((tmp_path / name).read_text()) for name in "abc"}
    assert os.getpid() not in pids
    assert display.warnings == ["a: its process was killed by SIGKILL; it is run again"]
    assert len(display.opened["a"]) == 2
    assert display.opened["c"][0].stages == [("c", False)]
    assert display.opened["c"][0].steps == [(1, 2, "half")]
    assert display.opened["c"][0].warnings == ["c warns"]
    assert not any(is_alive(pid) for pid in pids)


@pytest.mark.parametrize(
    ("task", "error", "message"),
    [
        (Write("fold1", Path("nowhere"), error="too few clips"), TaskError, r"^fold1: too few clips$"),
        (Write("fold1", Path("nowhere"), defect="colour"), TaskDefect, r"fold1:\nTraceback(.|\n)*KeyError: 'colour'"),
    ],
)
def test_a_failing_task_is_named_and_the_others_are_stopped(
    tmp_path: Path, task: Write, error: type[Exception], message: str
) -> None:
    hanging = tmp_path / "hangs"
    with pytest.raises(error, match=message), ProcessExecutor(2) as executor:
        run_tasks([Hang(hanging.name, tmp_path), replace(task, beside=hanging)], executor, Remembered())
    assert not is_alive(int(hanging.read_text()))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_every_process_ends_when_the_first_is_interrupted_or_killed(tmp_path: Path, number: signal.Signals) -> None:
    code = (
        "from pathlib import Path\n"
        "from builder.execution.executor import run_tasks\n"
        "from builder.execution.processes import ProcessExecutor\n"
        "from tests.builder.execution.tiny_tasks import Hang\n"
        "from tests.builder.execution.told import Remembered\n"
        "if __name__ == '__main__':\n"
        f"    folder = Path({str(tmp_path)!r})\n"
        "    with ProcessExecutor(2) as executor:\n"
        "        run_tasks([Hang('a', folder), Hang('b', folder)], executor, Remembered())\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    root = str(Path(__file__).resolve().parents[3])
    process = subprocess.Popen(
        [sys.executable, str(script)], env={**os.environ, "PYTHONPATH": root}, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + PATIENCE_S
    while not all((tmp_path / name).is_file() for name in "ab"):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    pids = [int((tmp_path / name).read_text()) for name in "ab"]
    process.send_signal(number)
    told = process.communicate(timeout=PATIENCE_S)[1]
    assert ("KeyboardInterrupt" in told) is (number == signal.SIGINT)
    # They hold the far end of the pipe that was just read to its end.
    assert not any(is_alive(pid) for pid in pids)
