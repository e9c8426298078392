"""A bell that one thread rings and another hears in ``select``."""

from __future__ import annotations

import socket


class Wakeup:
    """Lets the network thread sleep on its socket and still hear of new messages at once."""

    def __init__(self) -> None:
        self._hearing, self._ringing = socket.socketpair()
        self._hearing.setblocking(False)
        self._ringing.setblocking(False)

    def fileno(self) -> int:
        return self._hearing.fileno()

    def ring(self) -> None:
        """Wake the listener, now or at its next ``select``."""
        try:
            self._ringing.send(b"\0")
        except OSError:
            return  # a full buffer rings already, and once closed nobody listens

    def drain(self) -> None:
        """Forget all rings so far."""
        try:
            while self._hearing.recv(4096):
                pass
        except BlockingIOError:
            return

    def close(self) -> None:
        self._hearing.close()
        self._ringing.close()
