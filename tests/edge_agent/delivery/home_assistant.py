"""Home Assistant itself, where this machine has one: started without a person, and what it shows."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from tests.ports import free_port

PYTHON = "NEXARA_HOME_ASSISTANT_PYTHON"
"""Names the Python that has the package ``homeassistant`` with what its own METADATA wants, and ``paho-mqtt``."""
_SCRIPT = Path(__file__).with_name("home_assistant_process.py")

Entities = dict[str, dict[str, Any]]


class HomeAssistantProcess(AbstractContextManager["HomeAssistantProcess"]):
    """Runs with its files in ``folder``, so that one started there later knows what the one before knew. ``entities``
    are by id, each as it was told of last; those that are gone are not among them."""

    def __init__(self, folder: Path, broker_port: int) -> None:
        python = os.environ.get(PYTHON)
        if not python:
            pytest.skip(f"no Home Assistant here; {PYTHON} must name a Python that has homeassistant and paho-mqtt")
        self._changed = threading.Condition()
        self._entities: Entities = {}
        self._log = folder / "home-assistant.log"
        self.version = ""
        folder.mkdir(exist_ok=True)
        command = [python, str(_SCRIPT), str(folder), str(broker_port), str(free_port())]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env={"PATH": os.defpath}
            )
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def until(self, enough: Callable[[Entities], object], timeout_s: float = 60) -> Entities:
        """All entities once ``enough`` is true of them; the time only bounds a broken test."""
        with self._changed:
            assert self._changed.wait_for(lambda: enough(self._entities), timeout_s), (
                {id_: entity["state"] for id_, entity in self._entities.items()},
                self._log.read_text()[-5000:],
            )
            return dict(self._entities)

    def until_shown(self, states: dict[str, str]) -> Entities:
        """All entities once these are in these states."""
        return self.until(lambda shown: all(shown.get(id_, {}).get("state") == state for id_, state in states.items()))

    def complaints(self) -> list[str]:
        """What its integrations warned of."""
        lines = self._log.read_text().splitlines()
        return [line for line in lines if " homeassistant.components." in line]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it as its user would."""
        self._process.communicate(timeout=30)
        self._thread.join(10)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            with self._changed:
                if told["entity"] is None:
                    self.version = told["version"]
                elif told["state"] is None:
                    self._entities.pop(told["entity"], None)
                else:
                    self._entities[told["entity"]] = told
                self._changed.notify_all()
