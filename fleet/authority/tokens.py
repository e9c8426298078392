"""One-time tokens, by which a site knows a device that it has never seen: only their hashes are kept."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from fleet.authority.errors import AuthorityError
from fleet.authority.folder import make_folder, read_file, write_file
from fleet.authority.lock import Lock

LIFE = timedelta(days=30)
"""Long enough for a device to be sent and mounted."""
_BYTES = 32


class _Token(msgspec.Struct, frozen=True, kw_only=True):
    """``key`` is the fingerprint of the public key that it was used for, once it was."""

    sha256: str
    until: datetime
    key: str | None = None


class Tokens:
    """Those in ``directory``, one a device; ``now`` tells the time in UTC. ``use`` and ``forget`` are for who holds
    ``lock``, the authority's, which ``issue`` takes."""

    def __init__(self, directory: Path, now: Callable[[], datetime], lock: Lock) -> None:
        self._directory = directory
        self._now = now
        self._lock = lock

    def issue(self, device: str) -> str:
        """A token for ``device``, in the place of an earlier one. Raises ``AuthorityError`` when it cannot be kept."""
        token = secrets.token_urlsafe(_BYTES)
        with self._lock.held():
            make_folder(self._directory)
            self._keep(device, _Token(sha256=_hash(token), until=self._now() + LIFE))
        return token

    def use(self, device: str, token: str, key: str) -> None:
        """Use it for the public key with the fingerprint ``key``. With the same key it may be used again, since a
        device may have missed the answer.

        Raises ``AuthorityError``, in the same words for a token that never was and one of another device.
        """
        path = self._path(device)
        kept = msgspec.json.decode(read_file(path), type=_Token) if path.exists() else None
        if kept is None or not hmac.compare_digest(kept.sha256, _hash(token)):
            raise AuthorityError(f"{device}: not its token; make it a new kit")
        if kept.key not in {None, key}:
            raise AuthorityError(f"{device}: its token was used already, by another key; make it a new kit")
        if self._now() >= kept.until:
            raise AuthorityError(f"{device}: its token has expired; make it a new kit")
        self._keep(device, msgspec.structs.replace(kept, key=key))

    def forget(self, device: str, key: str) -> None:
        """Have the token that the public key with the fingerprint ``key`` came with be good for nothing any more."""
        path = self._path(device)
        if path.exists() and msgspec.json.decode(read_file(path), type=_Token).key == key:
            path.unlink()

    def _keep(self, device: str, token: _Token) -> None:
        write_file(self._path(device), msgspec.json.encode(token), 0o600)

    def _path(self, device: str) -> Path:
        return self._directory / f"{device}.json"


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
