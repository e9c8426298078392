"""Fetching a bundle over HTTPS: in pieces that survive an interruption, bounded, and checked by its hash."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from edge_agent.bundles.errors import DownloadError, disk_error
from edge_agent.bundles.ownership import give_to_owner, make_folder, open_own
from edge_agent.bundles.shelf import digest_of
from models.errors import NexaraError

log = logging.getLogger(__name__)

_PIECE = 1 << 16
_TRIES = 5
_WRITABLE = re.compile(r"[!-~]+")
Pause = Callable[[int], object]
"""Waits after so many failures in a row."""
Progress = Callable[[int, "int | None"], object]
"""Hears how many bytes are there, and of how many where the server says so. What it raises ends the fetching."""

_BROKEN = (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError, ssl.SSLError)


@dataclass(frozen=True, slots=True)
class Order:
    """What to fetch: ``url`` is https, ``digest`` the SHA-256 that the file must have, in hexadecimal."""

    url: str
    digest: str

    def __post_init__(self) -> None:
        require_https(self.url)
        if len(self.digest) != hashlib.sha256().digest_size * 2 or set(self.digest) - set("0123456789abcdef"):
            raise DownloadError(f"{self.digest!r} is no SHA-256; give the 64 hexadecimal digits of the bundle's file")


def ignore_progress(_done: int, _total: int | None) -> None:
    """Nobody waits for it."""


@dataclass(frozen=True, slots=True)
class Downloader:
    """Fetches into ``directory``, at most ``most_bytes``; ``timeout_s`` bounds each wait for the server. ``ca`` is a
    file of the authorities that are believed in the place of the system's."""

    directory: Path
    most_bytes: int
    pause: Pause
    ca: Path | None = None
    timeout_s: float = 30.0
    progress: Progress = ignore_progress

    def fetch(self, order: Order) -> Path:
        """The file that was ordered. What an earlier try left is continued where the server can; other leftovers are
        removed. ``pause`` waits after so many failures.

        Raises ``DownloadError``, ``ShelfDiskError`` and what ``pause`` and ``progress`` raise.
        """
        part = self.directory / f"{order.digest}.part"
        try:
            make_folder(self.directory)
            for other in self.directory.iterdir():
                if other != part:
                    other.unlink()
        except OSError as error:
            raise disk_error(self.directory, error) from error
        opener = self._opener()
        for attempt in range(1, _TRIES + 1):
            try:
                self._continue(opener, order, part)
                break
            except _InterruptedError as error:
                if attempt == _TRIES:
                    raise DownloadError(f"{redact_query(order.url)}: {error}; tried {_TRIES} times") from error
                log.warning("%s: %s; trying again", redact_query(order.url), error)
                self.pause(attempt)
        return self._checked(order, part)

    def read(self, url: str, most_bytes: int) -> bytes:
        """A small document, in one try. Raises ``DownloadError``."""
        require_https(url)
        try:
            with self._opener().open(url, timeout=self.timeout_s) as answer:
                content: bytes = answer.read(most_bytes + 1)
        except urllib.error.HTTPError as error:
            raise DownloadError(f"{redact_query(url)}: the server says {error.code} {error.reason}") from error
        except _BROKEN as error:
            raise DownloadError(f"{redact_query(url)}: {getattr(error, 'reason', None) or error!r}") from error
        if len(content) > most_bytes:
            raise DownloadError(f"{redact_query(url)}: more than {most_bytes} bytes; that is no such document")
        return content

    def _continue(self, opener: urllib.request.OpenerDirector, order: Order, part: Path) -> None:
        have = part.stat().st_size if part.exists() else 0
        request = urllib.request.Request(order.url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310 an Order is https
        try:
            with opener.open(request, timeout=self.timeout_s) as answer:
                begun = have if answer.status == HTTPStatus.PARTIAL_CONTENT and _begins_at(answer, have) else 0
                self._take(answer, part, begun, order)
        except urllib.error.HTTPError as error:
            if have and error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                # All of it is there already, or it was another file: its hash tells.
                return
            if error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise _InterruptedError(f"the server says {error.code} {error.reason}") from error
            raise DownloadError(f"{redact_query(order.url)}: the server says {error.code} {error.reason}") from error
        except _BROKEN as error:
            reason = getattr(error, "reason", None) or error
            if isinstance(reason, ssl.SSLCertVerificationError):
                raise DownloadError(
                    f"{redact_query(order.url)}: {reason.verify_message}; name the authority's file as updates.ca"
                ) from error
            raise _InterruptedError(str(reason) or type(reason).__name__) from error

    def _take(self, answer: HTTPResponse, part: Path, begun: int, order: Order) -> None:
        length = answer.length
        if length is not None and begun + length > self.most_bytes:
            raise self._too_large(order, begun + length)
        try:
            if not begun:
                part.unlink(missing_ok=True)
            with open(part, "r+b" if begun else "xb", opener=open_own) as target:
                give_to_owner(part)
                target.seek(begun)
                target.truncate()
                written = begun
                for piece in _pieces(answer):
                    written += len(piece)
                    if written > self.most_bytes:
                        raise self._too_large(order, written)
                    target.write(piece)
                    self.progress(written, None if length is None else begun + length)
                target.flush()
                os.fsync(target.fileno())
        except OSError as error:
            raise disk_error(part, error) from error
        if length is not None and written < begun + length:
            raise _InterruptedError(f"the connection ended after {written} of {begun + length} bytes")

    def _checked(self, order: Order, part: Path) -> Path:
        try:
            found = digest_of(part)
            if found == order.digest:
                return part
            part.unlink()
        except OSError as error:
            raise disk_error(part, error) from error
        raise DownloadError(
            f"{redact_query(order.url)}: what came has the SHA-256 {found}, not {order.digest}; "
            "it was thrown away: correct the address or the hash"
        )

    def _too_large(self, order: Order, found: int) -> DownloadError:
        return DownloadError(
            f"{redact_query(order.url)}: {found} bytes or more, at most {self.most_bytes} are taken; raise "
            "updates.max_megabytes if that is right"
        )

    def _opener(self) -> urllib.request.OpenerDirector:
        try:
            context = ssl.create_default_context(cafile=None if self.ca is None else str(self.ca))
        except (OSError, ssl.SSLError) as error:
            raise DownloadError(f"{self.ca}: no file of authorities ({error}); correct updates.ca") from error
        return urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _StayEncrypted())


class _InterruptedError(NexaraError):
    """The server or the way to it failed in a manner that may pass."""


class _StayEncrypted(urllib.request.HTTPRedirectHandler):
    """Follows no redirection that leaves https."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme != "https":
            raise DownloadError(f"{redact_query(req.full_url)}: sends us on to {redact_query(newurl)}, not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def redact_query(url: str) -> str:
    """An address as it may be logged: signed links carry their right to be read behind the question mark."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "an address that is none (not shown)"
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path}"


def require_https(url: str) -> None:
    """Raise ``DownloadError`` for what no HTTPS client takes: to try it would end in another error than the network's,
    and be tried again."""
    try:
        parts = urlsplit(url)
        fit = parts.scheme == "https" and parts.hostname and parts.port != 0 and _WRITABLE.fullmatch(url)
    except ValueError:
        fit = None
    if not fit:
        text = "only https://host/path is fetched, with a port up to 65535, without spaces and in ASCII"
        raise DownloadError(f"{redact_query(url)}: {text}")


def _pieces(answer: HTTPResponse) -> Iterator[bytes]:
    while True:
        try:
            piece = answer.read(_PIECE)
        except _BROKEN as error:
            raise _InterruptedError(str(error) or type(error).__name__) from error
        if not piece:
            return
        yield piece


def _begins_at(answer: HTTPResponse, have: int) -> bool:
    return (answer.headers.get("Content-Range") or "").startswith(f"bytes {have}-")
