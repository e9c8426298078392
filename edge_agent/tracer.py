"""What the agent tells of its own work while it does it, for whoever measures; nobody listens by default."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from edge_agent.inference import Judgement
    from edge_agent.sample import Sample

Stage = Literal[
    "open", "decode", "shrink", "sample", "wait", "encode", "head", "decide", "snapshot", "commit", "publish", "answer"
]
"""What happens to a frame, in order. ``wait`` is in the queue to the judging thread and ``answer`` is the broker's:
nothing is computed in them."""


class Tracer(Protocol):
    """Told by each thread of its own work. No call may raise, or wait for anything but a lock held for microseconds.

    ``camera`` is empty where the work is for all of them.
    """

    def timed(self, stage: Stage, camera: str = "", count: int = 1) -> AbstractContextManager[object]:
        """Enter it with the work and leave it after; ``count`` is how many frames, samples or messages there are."""
        ...

    def frame_read(self, camera: str) -> None:
        """A source gave a frame."""
        ...

    def queued(self, sample: Sample) -> None:
        """A sample waits to be judged."""
        ...

    def taken(self, samples: Sequence[Sample]) -> None:
        """Samples that waited are being judged."""
        ...

    def dropped(self, sample: Sample) -> None:
        """A sample was given up, waiting or being judged."""
        ...

    def judged(self, judgement: Judgement) -> None:
        """A sample was judged, and is about to be decided upon."""
        ...

    def answered(self, seconds: float) -> None:
        """The broker answered an incident or snapshot ``seconds`` after it was offered."""
        ...


class Untraced:
    """Listens to nothing."""

    def timed(self, stage: Stage, camera: str = "", count: int = 1) -> AbstractContextManager[object]:  # noqa: ARG002
        return _NOTHING

    def frame_read(self, camera: str) -> None:
        """Nobody asks."""

    def queued(self, sample: Sample) -> None:
        """Nobody asks."""

    def taken(self, samples: Sequence[Sample]) -> None:
        """Nobody asks."""

    def dropped(self, sample: Sample) -> None:
        """Nobody asks."""

    def judged(self, judgement: Judgement) -> None:
        """Nobody asks."""

    def answered(self, seconds: float) -> None:
        """Nobody asks."""


_NOTHING = nullcontext()
UNTRACED: Tracer = Untraced()
