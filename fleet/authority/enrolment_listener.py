"""Takes callers over TLS: so many at once, and each for so long that whoever says nothing keeps nobody out."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from socketserver import TCPServer, ThreadingMixIn
from typing import Any


class EnrolmentListener(ThreadingMixIn, TCPServer):
    """Has each caller served on a thread of its own. One is *speaking* until all that it wants to say is there: it is
    hung up on ``patience_s`` after it came, however much it says, or where there are ``most`` callers and another comes
    who has said nothing yet. One that is being *answered* is let go on.

    Not ``HTTPServer``, which asks the network for this machine's name.
    """

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(
        self,
        address: tuple[str, int],
        handler: Any,  # noqa: ANN401 what socketserver asks for
        context: ssl.SSLContext,
        *,
        most: int = 32,
        patience_s: float = 20.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``clock`` is monotonic seconds. Raises ``OSError`` when the address cannot be had."""
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._most = most
        self._patience_s = patience_s
        self._clock = clock
        self._guard = threading.Lock()
        # By when they came, the first first.
        self._speaking: dict[Any, float] = {}
        self._answered = 0
        super().__init__(address, handler)
        # The thread of each caller shakes hands, so that one who says nothing keeps nobody waiting.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    @contextmanager
    def answering(self, request: Any) -> Iterator[bool]:  # noqa: ANN401 as socketserver has it
        """Whether the caller may be answered, and then be it until left: not where it was hung up on meanwhile."""
        with self._guard:
            there = self._speaking.pop(request, None) is not None
            self._answered += there
        try:
            yield there
        finally:
            with self._guard:
                self._answered -= there

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 as socketserver has it
        if self._make_room():
            with self._guard:
                self._speaking[request] = self._clock()
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 as socketserver has it
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._guard:
                self._speaking.pop(request, None)

    def service_actions(self) -> None:
        """Called by ``serve_forever`` as often as it looks up."""
        late_s = self._clock() - self._patience_s
        with self._guard:
            slow = [request for request, since_s in self._speaking.items() if since_s <= late_s]
        for request in slow:
            self._hang_up(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 as socketserver has it
        # Callers may hang up or speak no TLS, as whoever looks which ports are open does.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def _make_room(self) -> bool:
        with self._guard:
            if len(self._speaking) + self._answered < self._most:
                return True
            first = next(iter(self._speaking), None)
        if first is None:
            return False
        self._hang_up(first)
        return True

    def _hang_up(self, request: Any) -> None:  # noqa: ANN401 as socketserver has it
        with self._guard:
            self._speaking.pop(request, None)
        with suppress(OSError):
            # Not as a socket of TLS does it, whose thread would go on in the clear.
            socket.socket.shutdown(request, socket.SHUT_RDWR)
