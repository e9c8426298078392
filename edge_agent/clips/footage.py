"""What waits to be written: for all cameras, bounded by bytes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.clips.facts import ClipFacts
from edge_agent.clips.form import StreamForm
from edge_agent.clips.picture import EncodedPicture
from edge_agent.clips.redaction import Redaction

# Python's own share of a picture: with cameras of few bits it is most of it.
_OVERHEAD_BYTES = 300


@dataclass(frozen=True, slots=True)
class Footage:
    """The next pictures of the clip that will lie at ``path``, and what must be hidden in them."""

    path: str
    form: StreamForm
    pictures: Sequence[EncodedPicture]
    redaction: Redaction | None = None

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(picture.size + _OVERHEAD_BYTES for picture in self.pictures)


@dataclass(frozen=True, slots=True)
class Finished:
    """The clip at ``path`` is complete."""

    path: str
    facts: ClipFacts


class FootageQueue:
    """Between the cameras' threads and one that writes. It takes no footage beyond ``most_bytes``, which happens only
    when the disk, or what encodes, has become too slow; that a clip is finished it always takes."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._changed = threading.Condition()
        self._jobs: deque[Footage | Finished] = deque()
        self._bytes = 0
        self._closed = False

    def put(self, footage: Footage) -> bool:
        """Take the next pictures of a clip, never waiting; whether there was room."""
        with self._changed:
            if self._bytes + footage.size > self._most_bytes:
                return False
            self._jobs.append(footage)
            self._bytes += footage.size
            self._changed.notify()
            return True

    def finish(self, finished: Finished) -> None:
        with self._changed:
            self._jobs.append(finished)
            self._changed.notify()

    def take(self, timeout_s: float) -> Footage | Finished | None:
        """The oldest; ``None`` when nothing came in ``timeout_s``, or at once when closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._closed, timeout_s)
            if not self._jobs:
                return None
            job = self._jobs.popleft()
            self._bytes -= job.size if isinstance(job, Footage) else 0
            return job

    def close(self) -> None:
        """Stop waiting; what is inside can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        with self._changed:
            return self._closed
