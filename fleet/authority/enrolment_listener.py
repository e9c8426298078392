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

_LOOK_EVERY_S = 0.05


class EnrolmentListener(ThreadingMixIn, TCPServer):
    """Has each caller served on a thread of its own. One is *speaking* until all that it wants to say is there: it is
    hung up on ``patience_s`` after it came, however much it says. While there are ``most`` of them the next waits,
    until one has ended or the first has had ``turn_s`` and is hung up on. One that is being *answered* is let go on.

    Not ``HTTPServer``, which asks the network for this machine's name.
    """

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    # A site's devices may all be switched on at once.
    request_queue_size = 256

    def __init__(
        self,
        address: tuple[str, int],
        handler: Any,  # noqa: ANN401 what socketserver asks for
        context: ssl.SSLContext,
        *,
        most: int = 32,
        patience_s: float = 20.0,
        turn_s: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``clock`` is monotonic seconds. Raises ``OSError`` when the address cannot be had."""
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._most = most
        self._patience_s = patience_s
        self._turn_s = turn_s
        self._clock = clock
        self._changed = threading.Condition()
        # By when they came, the first first.
        self._speaking: dict[Any, float] = {}
        self._answered = 0
        super().__init__(address, handler)
        # The thread of each caller shakes hands, so that one who says nothing keeps nobody waiting.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    @contextmanager
    def answering(self, request: Any) -> Iterator[bool]:  # noqa: ANN401 as socketserver has it
        """Whether the caller may be answered, and then be it until left: not where it was hung up on meanwhile."""
        with self._changed:
            there = self._speaking.pop(request, None) is not None
            self._answered += there
        try:
            yield there
        finally:
            with self._changed:
                self._answered -= there
                self._changed.notify()

    def get_request(self) -> Any:  # noqa: ANN401 as socketserver has it
        if not self._make_room():
            raise BlockingIOError("there is no room yet")
        return super().get_request()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 as socketserver has it
        with self._changed:
            self._speaking[request] = self._clock()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 as socketserver has it
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._changed:
                self._speaking.pop(request, None)
                self._changed.notify()

    def service_actions(self) -> None:
        """Called by ``serve_forever`` as often as it looks up."""
        late_s = self._clock() - self._patience_s
        with self._changed:
            slow = [request for request, since_s in self._speaking.items() if since_s <= late_s]
        for request in slow:
            self._hang_up(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 as socketserver has it
        # Callers may hang up or speak no TLS, as whoever looks which ports are open does.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def _make_room(self) -> bool:
        """Whether there is room for one more; waits a moment where there is none."""
        with self._changed:
            if len(self._speaking) + self._answered < self._most:
                return True
            first, since_s = next(iter(self._speaking.items()), (None, 0.0))
            if first is None or self._clock() - since_s < self._turn_s:
                self._changed.wait(_LOOK_EVERY_S)
                return False
        self._hang_up(first)
        return True

    def _hang_up(self, request: Any) -> None:  # noqa: ANN401 as socketserver has it
        with self._changed:
            self._speaking.pop(request, None)
        with suppress(OSError):
            # Not as a socket of TLS does it, whose thread would go on in the clear.
            socket.socket.shutdown(request, socket.SHUT_RDWR)
