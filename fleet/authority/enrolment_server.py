"""Where devices enrol: one HTTPS address that takes a token and a certificate request, and gives a certificate."""

from __future__ import annotations

import ssl
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec

from edge_agent.enrolment.message import MOST_BYTES, PATH, EnrolAnswer, EnrolRequest
from fleet.authority.errors import AuthorityError
from fleet.authority.site_authority import SiteAuthority

Tell = Callable[[str], None]


class _Listener(ThreadingHTTPServer):
    """One whose callers may hang up or speak no TLS, as whoever looks which ports are open does."""

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 of the standard library
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class EnrolmentServer:
    """Serves until it is closed; each request in a thread of its own, and what it decides one after another."""

    def __init__(self, address: tuple[str, int], certificate: Path, authority: SiteAuthority, tell: Tell) -> None:
        """``certificate`` is PEM, with its key beside it; ``tell`` is told of each device. Raises ``AuthorityError``
        when the address cannot be had."""
        self._authority = authority
        self._tell = tell
        self._lock = threading.Lock()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        try:
            self._server = _Listener(address, self._handler())
        except OSError as error:
            raise AuthorityError(f"{address[0]}:{address[1]}: cannot be listened on: {error.strerror}") from error
        # The thread of each request shakes hands, so that one who says nothing keeps nobody waiting.
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def serve(self) -> None:
        """Answer until ``close`` is called by another thread."""
        self._server.serve_forever()

    def close(self) -> None:
        """End ``serve``."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, content: bytes) -> EnrolAnswer:
        """What is answered to one request; raises nothing that a request could cause."""
        try:
            request = msgspec.json.decode(content, type=EnrolRequest)
            with self._lock:
                certificate = self._authority.enrol(request.device, request.token, request.request.encode())
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return EnrolAnswer(error=f"not a request: {error}")
        except AuthorityError as error:
            self._tell(f"refused: {error}")
            return EnrolAnswer(error=str(error))
        self._tell(f"enrolled: {request.device}")
        return EnrolAnswer(certificate=certificate.decode())

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer = self.answer

        class Handler(BaseHTTPRequestHandler):
            """Takes one request."""

            timeout = 10

            def do_POST(self) -> None:
                length = self.headers.get("Content-Length", "")
                if self.path != PATH or not length.isdigit() or int(length) > MOST_BYTES:
                    self.send_error(400)
                    return
                told = answer(self.rfile.read(int(length)))
                content = msgspec.json.encode(told)
                self.send_response(200 if told.certificate else 403)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_arguments: Any) -> None:  # noqa: ANN401 of the standard library
                """Devices are told of elsewhere."""

        return Handler
