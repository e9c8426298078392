"""Asks a site by HTTPS, and believes nobody but who its authority vouches for."""

from __future__ import annotations

import http.client
import ssl
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from edge_agent.enrolment.errors import EnrolmentError, SiteUnreachableError
from edge_agent.enrolment.message import MOST_BYTES, PATH, EnrolAnswer, EnrolRequest

_TIMEOUT_S = 20.0


def ask_site(address: str, ca: Path, request: EnrolRequest) -> EnrolAnswer:
    """Send ``request`` to ``https://host:port``.

    Raises ``SiteUnreachableError`` when nobody answers whom ``ca`` vouches for, or the site is busy, and
    ``EnrolmentError`` for an address that is none, a ``ca`` that cannot be read, and an answer that is not understood.
    """
    try:
        parts = urlsplit(address)
        fit, port = parts.scheme == "https" and parts.hostname, parts.port
    except ValueError:
        fit = None
    if not fit:
        raise EnrolmentError(f"found the address {address!r}; allowed is https://host:port, as the kit was made for")
    try:
        context = ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise EnrolmentError(f"{ca}: cannot be read as the site's authority: {error}") from error
    connection = http.client.HTTPSConnection(fit, port, timeout=_TIMEOUT_S, context=context)
    try:
        connection.request("POST", PATH, msgspec.json.encode(request), {"Content-Type": "application/json"})
        response = connection.getresponse()
        content = response.read(MOST_BYTES + 1)
    except (OSError, http.client.HTTPException) as error:
        raise SiteUnreachableError(f"{address}: {error}; is nexara fleet enrol running there?") from error
    finally:
        connection.close()
    if response.status == HTTPStatus.SERVICE_UNAVAILABLE:
        raise SiteUnreachableError(f"{address}: the site is busy; it is asked again")
    try:
        return msgspec.json.decode(content, type=EnrolAnswer)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise EnrolmentError(f"{address}: an answer that is none of a site: {error}") from error
