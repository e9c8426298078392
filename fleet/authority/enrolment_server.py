"""Where devices enrol: one HTTPS address that takes a token and a certificate request, and gives a certificate."""

from __future__ import annotations

import io
import re
import ssl
import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, cast

import msgspec

from edge_agent.enrolment.message import MOST_BYTES, PATH, EnrolAnswer, EnrolRequest
from fleet.authority.bounded_stream import BoundedStream
from fleet.authority.enrolment_listener import EnrolmentListener
from fleet.authority.errors import AuthorityBusyError, AuthorityError
from fleet.authority.site_authority import SiteAuthority

Tell = Callable[[str], None]
Told = tuple[HTTPStatus, EnrolAnswer]

_LOOK_EVERY_S = 0.1
_LENGTH = re.compile(r"[0-9]{1,6}")


class EnrolmentServer:
    """Serves until it is closed; the authority decides one request after another."""

    def __init__(
        self,
        address: tuple[str, int],
        certificate: Path,
        authority: SiteAuthority,
        tell: Tell,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``certificate`` is PEM, with its key beside it; ``tell`` is told of each device; ``clock`` is monotonic
        seconds. Raises ``AuthorityError`` when the address cannot be had."""
        self._authority = authority
        self._tell = tell
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        try:
            self._listener = EnrolmentListener(address, partial(_Handler, self.answer), context, clock=clock)
        except OSError as error:
            raise AuthorityError(f"{address[0]}:{address[1]}: cannot be listened on: {error.strerror}") from error

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.server_address[1])

    def serve(self) -> None:
        """Answer until ``close`` is called by another thread."""
        self._listener.serve_forever(_LOOK_EVERY_S)

    def close(self) -> None:
        """End ``serve``."""
        self._listener.shutdown()
        self._listener.server_close()

    def answer(self, content: bytes) -> Told:
        """What is answered to one request; raises nothing that a request could cause."""
        try:
            request = msgspec.json.decode(content, type=EnrolRequest)
            certificate = self._authority.enrol(request.device, request.token, request.request.encode())
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return HTTPStatus.FORBIDDEN, EnrolAnswer(error=f"not a request: {error}")
        except AuthorityBusyError as error:
            self._tell(f"put off: {error}")
            return HTTPStatus.SERVICE_UNAVAILABLE, EnrolAnswer(error="the site is busy; ask again")
        except AuthorityError as error:
            self._tell(f"refused: {error}")
            return HTTPStatus.FORBIDDEN, EnrolAnswer(error=str(error))
        self._tell(f"enrolled: {request.device}")
        return HTTPStatus.OK, EnrolAnswer(certificate=certificate.decode())


class _Handler(BaseHTTPRequestHandler):
    """Takes one request."""

    timeout = 10
    # Counted before it is buffered.
    rbufsize = 0

    def __init__(self, answer: Callable[[bytes], Told], *arguments: Any) -> None:  # noqa: ANN401 as socketserver has it
        self._answer = answer
        super().__init__(*arguments)

    def setup(self) -> None:
        super().setup()
        # Of the head no more than of the body.
        self.rfile = io.BufferedReader(BoundedStream(self.rfile, 2 * MOST_BYTES))

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self.path != PATH or not _LENGTH.fullmatch(length) or int(length) > MOST_BYTES:
            self.send_error(HTTPStatus.BAD_REQUEST)
            return
        content = self.rfile.read(int(length))
        with cast("EnrolmentListener", self.server).answering(self.connection) as there:
            if there:
                self._send(*self._answer(content))

    def log_message(self, *_arguments: Any) -> None:  # noqa: ANN401 of the standard library
        """Devices are told of elsewhere."""

    def _send(self, status: HTTPStatus, told: EnrolAnswer) -> None:
        content = msgspec.json.encode(told)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
