"""One message as a test's client received it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Heard:
    """Topic, payload and what came along; ``qos`` is None where the client does not tell it."""

    topic: str
    payload: bytes
    qos: int | None
    retain: bool
    content_type: str | None
    user_properties: dict[str, str]
