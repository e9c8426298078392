"""Run by the unit in the place of the agent: tries what its sandbox may forbid, and prints the answers as JSON."""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any


def attempt(act: Callable[[], Any]) -> str:
    try:
        act()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "allowed"


def open_device(name: str) -> None:
    os.close(os.open(f"/dev/{name}", os.O_RDWR))


def start_libusb() -> bool | None:
    """Whether libusb can be started; ``None`` where it is not installed."""
    try:
        return bool(ctypes.CDLL("libusb-1.0.so.0").libusb_init(None) == 0)
    except OSError:
        return None


answers = {
    "camera": attempt(lambda: open_device("video0")),
    "another device": attempt(lambda: open_device("another")),
    "memory written and run": attempt(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)),
    "binding to a core": attempt(lambda: os.sched_setaffinity(0, {0})),
    "standing back": attempt(lambda: os.setpriority(os.PRIO_PROCESS, 0, 10)),
    "raw sockets": attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close()),
    "netlink": attempt(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close()),
    "writing elsewhere": attempt(lambda: Path("/etc/nexara/edge.toml").write_text("")),
    "libusb": start_libusb(),
}
print(json.dumps(answers))
