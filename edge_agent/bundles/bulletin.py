"""What is published of a device's bundles: each change once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from edge_agent.delivery.message import Message
from edge_agent.delivery.payloads import BundleFile, BundleStatus, DesiredName, Drift, UpdateState
from edge_agent.delivery.timestamp import rfc3339
from edge_agent.delivery.topics import Topics


class Bulletin:
    """Posts the retained status of a device's bundles where it differs from the last; on one thread."""

    def __init__(
        self, topics: Topics, post: Callable[[Message], None], utc: Callable[[], datetime], *, listens: bool
    ) -> None:
        """``listens``: whether the device hears what is desired of it."""
        self._topic = topics.bundle
        self._post = post
        self._utc = utc
        self._listens = listens
        self._told: BundleStatus | None = None

    def tell(
        self,
        current: BundleFile,
        state: UpdateState,
        reason: str,
        *,
        trial: bool,
        desired: DesiredName | None,
        progress: float | None = None,
        drift: Drift | None = None,
    ) -> None:
        """Say how it is now."""
        at = rfc3339(self._utc())
        status = BundleStatus(
            at=at,
            current=current,
            trial=trial,
            desired=desired,
            state=state,
            progress=progress,
            reason=reason,
            drift=drift,
            listens=self._listens,
        )
        told = self._told
        if told is None or msgspec.structs.replace(told, at=at) != status:
            self._told = status
            self._post(Message(self._topic, msgspec.json.encode(status), retain=True))
