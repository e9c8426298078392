"""Where the broker is and how to enter: what a connection needs to know."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from edge_agent.delivery.errors import BrokerUnreachableError

Protocol = Literal["5", "3.1.1"]
Transport = Literal["tcp", "websockets"]
WEBSOCKET_PATH = "/mqtt"
"""What most brokers and those who stand before them expect."""


@dataclass(frozen=True, slots=True)
class TLSFiles:
    """PEM files. ``ca`` replaces the system's authorities; ``certificate`` and ``key`` name this client."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """A verifying context (TLS 1.2 or newer, host name checked); raises ``BrokerUnreachableError`` on bad files."""
        try:
            context = ssl.create_default_context(cafile=self.ca)
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            files = ", ".join(str(path) for path in (self.ca, self.certificate, self.key) if path is not None)
            raise BrokerUnreachableError(
                f"TLS files {files}: {error}; expected PEM files that this user may read"
            ) from error
        return context


@dataclass(frozen=True, slots=True)
class Broker:
    """One broker as one client sees it; the password is kept out of ``repr``.

    ``protocol`` is the version of MQTT to speak. With 3.1.1 messages lose their properties (content type and user
    properties), and a publish that the broker refuses cannot be told from one it took. ``message_expiry_s`` is for how
    long the broker keeps what it does not retain for those who are away (``None``: for as long as it likes). ``path``
    is where a broker of ``transport`` ``websockets`` is asked for.
    """

    host: str
    port: int
    client_id: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: TLSFiles | None = None
    keepalive_s: int = 30
    connect_timeout_s: float = 8.0
    protocol: Protocol = "5"
    message_expiry_s: int | None = None
    transport: Transport = "tcp"
    path: str = WEBSOCKET_PATH

    @property
    def address(self) -> str:
        if self.transport == "websockets":
            return f"{'wss' if self.tls else 'ws'}://{self.host}:{self.port}{self.path}"
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"
