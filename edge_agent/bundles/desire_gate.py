"""Which desires are taken: those of the right form, signed where that is asked for, and not older than the last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import msgspec

from edge_agent.bundles.download import require_https
from edge_agent.bundles.errors import DownloadError, RefusedDesireError
from edge_agent.bundles.standing import Standing, is_of, name_of
from edge_agent.commands.authority import require_authority
from edge_agent.commands.errors import CommandError
from edge_agent.commands.options import Signer
from edge_agent.commands.signature import OPERATOR_PROPERTY
from edge_agent.delivery.payloads import DesiredBundle
from edge_agent.delivery.request import UNREADABLE, Request

MOST_BYTES = 4096
"""Of a desire; its longest address takes half of that."""
_AHEAD = timedelta(days=1)
_EARLIEST_PLAUSIBLE = datetime(2025, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class DesireGate:
    """Checks what is heard on ``desired/bundle``. With ``operators`` it must be signed by one who may ``update``; the
    window of commands does not hold, since the topic is retained."""

    operators: Mapping[str, Signer]

    def admit(self, request: Request, standing: Standing, now: datetime) -> DesiredBundle | None:
        """What is desired; ``None``: nothing. Raises ``RefusedDesireError``. ``now`` is this device's clock."""
        if not request.payload:
            # It takes back what is not done yet, and can have nothing done.
            return None
        wanted = read_desired(request.payload)
        named = [value for key, value in request.user_properties if key == OPERATOR_PROPERTY]
        try:
            require_authority(self.operators, "update", named[0] if len(named) == 1 else None, request)
        except CommandError as error:
            raise RefusedDesireError(str(error), name_of(wanted)) from error
        require_newer(wanted, standing, now)
        return wanted


def read_desired(payload: bytes) -> DesiredBundle:
    """What a payload desires; raises ``RefusedDesireError``."""
    if len(payload) > MOST_BYTES:
        raise RefusedDesireError(f"found {len(payload)} bytes; allowed are {MOST_BYTES}")
    try:
        wanted = msgspec.json.decode(payload, type=DesiredBundle)
        wanted = msgspec.structs.replace(wanted, issued_at=wanted.issued_at.astimezone(timezone.utc))
    except UNREADABLE as error:
        text = f"found what desires no bundle: {error}; see the schema desired-bundle"
        raise RefusedDesireError(text) from error
    try:
        require_https(wanted.url)
    except DownloadError as error:
        raise RefusedDesireError(f"found the url {error}", name_of(wanted)) from error
    return wanted


def require_newer(wanted: DesiredBundle, standing: Standing, now: datetime) -> None:
    """Raise ``RefusedDesireError`` for a desire that is older than the last: whoever kept it could have the device go
    back. One from the future would shut out all that come before its time."""
    newest = standing.newest
    # One that was taken back may not be had again by whoever kept it.
    again = newest == wanted.issued_at and not is_of(standing, wanted)
    if newest is not None and (wanted.issued_at < newest or again):
        told = "that of the last one" if again else f"older than the last one, {newest.isoformat()}"
        text = f"found issued_at {wanted.issued_at.isoformat()}, {told}"
        raise RefusedDesireError(f"{text}; issue it anew", name_of(wanted))
    # A device without a battery believes in 1970 until it hears of the time.
    if now >= _EARLIEST_PLAUSIBLE and wanted.issued_at > now + _AHEAD:
        text = f"found issued_at {wanted.issued_at.isoformat()}, more than a day after this device's clock"
        raise RefusedDesireError(f"{text}; compare the clocks", name_of(wanted))
