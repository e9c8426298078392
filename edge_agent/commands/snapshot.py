"""``snapshot``: a camera's newest picture, on the topic of its snapshots."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import replace
from datetime import datetime
from typing import Annotated

import cv2
import msgspec

from edge_agent.commands.errors import CommandError
from edge_agent.commands.gate import Admitted
from edge_agent.commands.target import CameraId, require_view
from edge_agent.events import Snapshot
from edge_agent.frame import Image
from edge_agent.picture_desk import PictureDesk
from edge_agent.policy_book import PolicyBook
from edge_agent.snapshot import encode_snapshot

# An idle camera's glance may come a quarter of its interval late, and be judged a little after that.
_LATE = 1.25
_PATIENCE_S = 5.0
_STEP_S = 0.2


class SnapshotArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which camera."""

    camera: CameraId


class SnapshotResult(msgspec.Struct, frozen=True, kw_only=True):
    """``reference`` is that of the picture on ``camera/<id>/snapshot``."""

    camera: str
    reference: Annotated[str, msgspec.Meta(description="user property of the picture, which may come sooner or later")]


class Snapshots:
    """Has the next judged picture of a camera sent as those of incidents are: what nobody may see of it is hidden by
    the same hand, before it comes here."""

    def __init__(
        self,
        pictures: PictureDesk,
        policies: PolicyBook,
        send: Callable[[Snapshot], None],
        *,
        stop: threading.Event,
        clock: Callable[[], float],
        utc: Callable[[], datetime],
        make_id: Callable[[], str],
    ) -> None:
        """``stop`` ends every wait; ``clock`` is monotonic seconds."""
        self._pictures = pictures
        self._policies = policies
        self._send = send
        self._stop = stop
        self._clock = clock
        self._utc = utc
        self._make_id = make_id

    def act(self, arguments: SnapshotArguments, _request: Admitted) -> SnapshotResult:
        """Raises ``CommandError`` when no picture comes, or none can be made of it."""
        camera = require_view(arguments.camera, self._policies.pages)
        policies = self._policies.of(camera)
        try:
            image = self._await(camera, policies.sampling.idle_interval_s * _LATE + _PATIENCE_S)
        finally:
            self._pictures.withdraw(camera)
        try:
            jpeg = encode_snapshot(image, 0.0, replace(policies.snapshots, score=False))
        except (cv2.error, ValueError, OSError) as error:
            raise CommandError("failed", f"camera {camera}: no picture could be made: {error}; try again") from error
        reference = self._make_id()
        self._send(Snapshot(camera, "", reference, self._utc(), jpeg))
        return SnapshotResult(camera=camera, reference=reference)

    def _await(self, camera: str, patience_s: float) -> Image:
        wanted: Future[Image] = self._pictures.ask(camera)
        deadline_s = self._clock() + patience_s
        while self._clock() < deadline_s and not self._stop.is_set():
            done, _ = wait((wanted,), _STEP_S)
            if done:
                return wanted.result()
        text = f"camera {camera}: no picture was judged within {patience_s:.0f} s; its state says how it is"
        raise CommandError("failed", text)
