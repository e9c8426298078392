"""A real HTTPS server that has bundles, and what a device was told to have of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from edge_agent.bundles.shelf import digest_of
from tests.edge_agent.delivery.mosquitto import PrivateCA
from tests.edge_agent.http_server import Answer, http_server

ISSUED = datetime(2026, 3, 1, 22, 14, tzinfo=timezone.utc)


@dataclass
class BundleStore:
    """Answers with files by the last part of their path, and counts who asks."""

    ca: Path
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    port: int = 0
    special: Answer | None = None
    """Answers in its place, where a test has something else in mind."""

    def url(self, name: str) -> str:
        return f"https://127.0.0.1:{self.port}/{name}"

    def put(self, file: Path) -> dict[str, str]:
        """Have a file, and return where it is and its hash."""
        self.files[file.name] = file.read_bytes()
        return {"url": self.url(file.name), "sha256": digest_of(file)}

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        (self.special or self.answer)(request)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        name = request.path.rpartition("/")[2]
        self.asked.append(name)
        content = self.files.get(name)
        if content is None:
            request.send_error(404)
            return
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)


@contextmanager
def bundle_store(identity: PrivateCA) -> Iterator[BundleStore]:
    store = BundleStore(identity.ca)
    with http_server(store.serve, identity=identity) as store.port:
        yield store


def desire(id_: str, found: dict[str, str], after_s: float = 0.0, **more: Any) -> bytes:
    """The payload that desires what a store has."""
    issued_at = (ISSUED + timedelta(seconds=after_s)).isoformat()
    return json.dumps({"id": id_, "issued_at": issued_at, **found, **more}).encode()
