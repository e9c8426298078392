"""What a device and its site say to one another when it enrols, as JSON over HTTPS."""

from __future__ import annotations

import msgspec

PATH = "/enrol"
MOST_BYTES = 16_384
"""No request and no answer is longer."""


class EnrolRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``request`` is a certificate request (PEM), signed by the key that the device has made."""

    device: str
    token: str
    request: str

    def __repr__(self) -> str:
        return f"EnrolRequest(device={self.device!r}, ...)"


class EnrolAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A ``certificate`` (PEM), or why there is none."""

    certificate: str | None = None
    error: str | None = None
