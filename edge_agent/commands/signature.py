"""Who signed a request."""

from __future__ import annotations

import hashlib
import hmac

PROPERTY = "signature"
"""The user property that bears it, as hexadecimal digits."""

OPERATOR_PROPERTY = "operator"
"""The user property that says whose it is, where the payload has no field for that."""


def sign(key: bytes, topic: str, payload: bytes) -> str:
    """HMAC-SHA256 over the topic, a zero byte and the very bytes of the payload: what was signed for one command of one
    device is good for no other.

    >>> sign(b"k" * 16, "nexara/v1/school/gate/command/ping", b"{}")[:8]
    '0705c6e8'
    """
    return hmac.new(key, topic.encode() + b"\0" + payload, hashlib.sha256).hexdigest()


def is_signed(signature: str, key: bytes, topic: str, payload: bytes) -> bool:
    """Whether a signature is right; how long that takes does not tell how much of it is."""
    return hmac.compare_digest(signature.encode(errors="replace"), sign(key, topic, payload).encode())
