"""``/metrics`` over HTTP, on threads that the watching knows nothing of."""

from __future__ import annotations

import logging
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

log = logging.getLogger(__name__)

PATH = "/metrics"
_MOST_AT_ONCE = 4
"""More requests than any scraper makes; whoever comes beyond them is hung up on."""
_PATIENCE_S = 5.0


class _Server(ThreadingMixIn, TCPServer):
    """Not ``HTTPServer``, which asks the network for this machine's name."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, host: str, port: int, handler: Any) -> None:  # noqa: ANN401 what socketserver asks for
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._room = threading.BoundedSemaphore(_MOST_AT_ONCE)
        super().__init__((host, port), handler)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 as socketserver has it
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 as socketserver has it
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401, ARG002 as socketserver has it
        error = sys.exc_info()[1]
        level = logging.DEBUG if isinstance(error, OSError) else logging.ERROR
        log.log(level, "metrics: a request failed: %r", error)


class _Handler(BaseHTTPRequestHandler):
    timeout = _PATIENCE_S

    def __init__(self, registry: CollectorRegistry, *arguments: Any) -> None:  # noqa: ANN401 as socketserver has it
        self._registry = registry
        super().__init__(*arguments)

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != PATH:
            self._answer(404, "text/plain; charset=utf-8", f"see {PATH}\n".encode())
            return
        encode, content_type = choose_encoder(self.headers.get("Accept", ""))
        self._answer(200, content_type, encode(self._registry))

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 as http.server has it
        log.debug(format, *arguments)

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def open_endpoint(host: str, port: int, registry: CollectorRegistry) -> Iterator[None]:
    """Serve until left; raises ``OSError`` when the address cannot be listened on."""
    with _Server(host, port, partial(_Handler, registry)) as server:
        threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
        log.info("metrics on http://%s%s", _join(host, port), PATH)
        try:
            yield
        finally:
            server.shutdown()


def _join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
