"""What the service manager is told (systemd's sd_notify protocol, one datagram a message)."""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping

log = logging.getLogger(__name__)


class Notifier:
    """Speaks to ``$NOTIFY_SOCKET``; silent where there is none, as outside of systemd."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # A leading @ stands for the zero byte of Linux's abstract sockets.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._is_ready = False

    def ready(self) -> None:
        self._is_ready = True
        self._send("READY=1")

    def reloading(self) -> None:
        # Before the first READY=1, the one that ends a reload would pass for it.
        if self._is_ready:
            self._send("RELOADING=1")

    def reloaded(self) -> None:
        if self._is_ready:
            self._send("READY=1")

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.sendto(message.encode(), self._address)
        except OSError as error:
            log.warning("service manager not told %s: %s", message, error)
