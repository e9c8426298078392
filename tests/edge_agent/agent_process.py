"""``nexara-edge run`` as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def set_port(config: Path, port: int) -> Path:
    config.write_text(config.read_text().replace("@PORT@", str(port)))
    return config


def start(config: Path, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "edge_agent", "run", "--config", str(config)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={"PATH": "/usr/bin:/bin", **environment})
