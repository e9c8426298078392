"""Locks on open files, of which one holder at a time has each; gone with whoever holds it."""

from __future__ import annotations

import fcntl
import time

_AGAIN_S = 0.02


def take_lock(file: int) -> bool:
    """Whether the lock of an open file, by its descriptor, is ours now: somebody else may have it, also another
    descriptor of this process. Raises ``OSError``."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_for_lock(file: int, patience_s: float) -> bool:
    """As ``take_lock``, but whoever has it is waited for, so many seconds at most."""
    for _ in range(round(patience_s / _AGAIN_S)):
        if take_lock(file):
            return True
        time.sleep(_AGAIN_S)
    return take_lock(file)
