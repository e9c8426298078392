"""Clips of a running agent: what its cameras' packets go to, and an outbox that has each incident recorded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from edge_agent.clips.footage import FootageQueue
from edge_agent.clips.policy import ClipPolicy, KeepPolicy
from edge_agent.clips.recorder import CameraRecorder
from edge_agent.clips.redaction import Redaction
from edge_agent.clips.shelf import Shelf
from edge_agent.clips.writer import ClipWriter
from edge_agent.delivery.payloads import BundleName
from edge_agent.events import CameraState, Health, IncidentEvent, Outbox, Snapshot
from edge_agent.sources.sink import PacketSink

# Half a minute of 16 Mbit/s: a disk that is slower for longer has to be given up on.
_MOST_WAITING_BYTES = 64_000_000
# Encoding may take its time: what judges comes first.
_ENCODING_YIELDS = 10


@dataclass(frozen=True, slots=True)
class ClipOptions:
    """Where clips go, how much they show and how many stay; ``bundle`` is named beside each."""

    directory: Path
    bundle: BundleName
    clips: ClipPolicy = field(default_factory=ClipPolicy)
    keep: KeepPolicy = field(default_factory=KeepPolicy)


@dataclass(frozen=True, slots=True)
class Recording:
    """What an agent is run with: the sink of each camera, by its id, and the outbox to tell; ``shelf`` is where its
    clips are, if there are any."""

    sinks: Mapping[str, PacketSink]
    outbox: Outbox
    shelf: Shelf | None = None
    recorders: Sequence[CameraRecorder] = ()

    def use_bundle(self, bundle: BundleName) -> None:
        """Name this one as what judges from now on."""
        for recorder in self.recorders:
            recorder.use_bundle(bundle)


@contextmanager
def recording(
    options: ClipOptions | None,
    views: Mapping[str, Sequence[str]],
    outbox: Outbox,
    redactions: Mapping[str, Redaction] = MappingProxyType({}),
    *,
    clock: Callable[[], float] = time.monotonic,
    wall: Callable[[], float] = time.time,
) -> Iterator[Recording]:
    """Record the incidents that are told to the outbox it gives, which passes everything on to ``outbox``; without
    ``options`` it does nothing. ``views`` has the ids of a source's views by its own: clips of a wall are of all of it,
    and a view that is in none has no clips. ``redactions`` say what must be hidden in the clips of a source: they are
    encoded, by a thread of their own. On leaving, clips in progress are ended and written, within 10 s for each of the
    two threads. No fault of the disk is raised; ``clock`` is monotonic seconds, ``wall`` seconds since the epoch."""
    if options is None:
        yield Recording({}, outbox)
        return
    shelf = Shelf(options.directory, options.keep)
    recorders: dict[str, CameraRecorder] = {}
    writers = []
    for encodes in (False, True):
        queue = FootageQueue(_MOST_WAITING_BYTES)
        own = {
            id_: CameraRecorder(id_, options.clips, options.bundle, queue, clock, redactions.get(id_))
            for id_ in views
            if (id_ in redactions) is encodes
        }
        recorders |= own
        if own:
            yields = _ENCODING_YIELDS if encodes else 0
            writers.append(ClipWriter(queue, shelf, tuple(own.values()), clock, wall, yields=yields))
    for writer in writers:
        writer.start()
    try:
        yield Recording(recorders, RecordedOutbox(outbox, recorders, views), shelf, tuple(recorders.values()))
    finally:
        for writer in writers:
            writer.end()
        for writer in writers:
            writer.join()


class RecordedOutbox:
    """Passes everything on, incidents with the path of their clip."""

    def __init__(
        self, outbox: Outbox, recorders: Mapping[str, CameraRecorder], views: Mapping[str, Sequence[str]]
    ) -> None:
        self._outbox = outbox
        self._recorders = {one: recorders[id_] for id_ in views for one in views[id_]}
        self._paths: dict[str, str] = {}

    def incident(self, event: IncidentEvent) -> None:
        self._outbox.incident(replace(event, clip=self._record(event)))

    def snapshot(self, snapshot: Snapshot) -> None:
        self._outbox.snapshot(snapshot)

    def camera_state(self, state: CameraState) -> None:
        self._outbox.camera_state(state)

    def health(self, health: Health) -> None:
        self._outbox.health(health)

    def _record(self, event: IncidentEvent) -> str | None:
        recorder = self._recorders.get(event.camera)
        if recorder is None:
            return None
        if event.phase != "started":
            recorder.follow(event)
        elif (path := recorder.begin(event)) is not None:
            self._paths[event.incident] = path
        return self._paths.pop(event.incident, None) if event.phase == "ended" else self._paths.get(event.incident)
