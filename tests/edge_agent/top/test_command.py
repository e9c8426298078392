"""``nexara-edge top`` on a terminal."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys

import pytest

from edge_agent.command_line import main
from edge_agent.metrics.tally import Tally
from tests.edge_agent.metrics.scrape import serving, url
from tests.ports import free_port


def read_until(terminal: int, text: str) -> str:
    """What is drawn on a terminal up to ``text``; fails when the terminal closes before."""
    drawn = b""
    while text not in drawn.decode(errors="replace"):
        drawn += os.read(terminal, 4096)
    return drawn.decode(errors="replace")


def test_the_live_view_shows_the_agent_says_when_it_is_gone_and_ends_at_an_interrupt() -> None:
    port = free_port()
    command = [sys.executable, "-m", "edge_agent", "top", "--interval", "0.2", "--url", url(port)]
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "160", "LINES": "40"}
    with serving(port, Tally(["yard"])):
        top = subprocess.Popen(command, stdout=theirs, stderr=subprocess.PIPE, env=environment)
        os.close(theirs)
        drawn = read_until(ours, "yard") + read_until(ours, "Ctrl-C ends")
    assert "nexara-edge at" in drawn
    read_until(ours, "is the agent running")
    with serving(port, Tally(["yard"])):
        read_until(ours, "Ctrl-C ends")
        top.send_signal(signal.SIGINT)
        _, errors = top.communicate(timeout=30)
    os.close(ours)
    assert top.returncode == 130
    assert errors == b""


def test_the_live_view_says_what_to_install_when_its_package_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)
    port = free_port()
    with serving(port, Tally(["yard"])):
        assert main(["top", "--url", url(port)]) == 2
    assert "install nexaravision[top], or use --once" in capsys.readouterr().err


@pytest.mark.parametrize("interval", ["0", "x", "nan", "4000"])
def test_an_interval_that_makes_no_sense_is_refused(interval: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["top", "--interval", interval])
    assert "a number of seconds from 0.1 to 3600 is allowed" in capsys.readouterr().err
