"""What is recorded of one camera: its newest pictures, always, and the clips in progress."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import av

from edge_agent.clips.errors import StreamFormError
from edge_agent.clips.facts import ClipFacts, Cut
from edge_agent.clips.footage import Finished, Footage, FootageQueue
from edge_agent.clips.form import StreamForm, read_form
from edge_agent.clips.media_clock import MediaClock
from edge_agent.clips.picture import EncodedPicture
from edge_agent.clips.policy import ClipPolicy
from edge_agent.clips.redaction import Redaction
from edge_agent.clips.ring import PictureRing
from edge_agent.clips.shelf import name_clip
from edge_agent.delivery.payloads import BundleName
from edge_agent.delivery.timestamp import rfc3339
from edge_agent.events import IncidentEvent
from edge_agent.sources.sink import PacketFeed

log = logging.getLogger(__name__)

# An incident is told this much after its start at most, with the usual holds.
_TOLD_LATE_S = 3.0
# Sixteen seconds of 16 Mbit/s.
MOST_RING_BYTES = 32_000_000
# Pictures that should have come by now come no more.
_PATIENCE_S = 5.0
# One incident in progress, and those before it whose last seconds are still to come.
_MOST_CLIPS = 4


@dataclass(slots=True)
class _Clip:
    """A clip in progress. Times are those of the recording clock; ``event`` is the newest step of its incident,
    and ``bundle`` what raised it."""

    path: str
    event: IncidentEvent
    bundle: BundleName
    starts_s: float
    until_s: float = math.inf
    deadline_s: float = math.inf
    form: StreamForm | None = None
    first_s: float = math.inf
    last_s: float = -math.inf


class CameraRecorder:
    """A ``PacketSink`` for one camera that copies what comes and makes clips of it. Called by the camera's thread, the
    agent's and the one that writes; no call waits for the disk."""

    def __init__(
        self,
        camera: str,
        policy: ClipPolicy,
        bundle: BundleName,
        queue: FootageQueue,
        clock: Callable[[], float],
        redaction: Redaction | None = None,
    ) -> None:
        """``redaction`` is what must be hidden in its clips; without it they may be copies."""
        self._camera = camera
        self._policy = policy
        self._bundle = bundle
        self._queue = queue
        self._clock = clock
        self._redaction = redaction
        self._lock = threading.Lock()
        self._ring = PictureRing(policy.before_s + _TOLD_LATE_S, MOST_RING_BYTES)
        self._form: StreamForm | None = None
        self._feed: _Feed | None = None
        self._time: MediaClock | None = None
        self._newest_s = -math.inf
        self._clips: list[_Clip] = []

    def use_bundle(self, bundle: BundleName) -> None:
        """Name this one as what judges from now on."""
        self._bundle = bundle

    def open(self, stream: av.VideoStream) -> PacketFeed | None:
        with self._lock:
            try:
                form = read_form(stream)
            except StreamFormError as error:
                log.warning("camera %s: no clips: %s", self._camera, error)
                self._renew(None, None)
                return None
            if self._time is None or form != self._form:
                self._renew(form, MediaClock(form.time_base))
            else:
                self._time.begin()
            self._feed = _Feed(self)
            return self._feed

    def begin(self, event: IncidentEvent) -> str | None:
        """An incident started; the path of its clip, ``None`` where there will be none."""
        with self._lock:
            if self._time is None or self._newest_s == -math.inf:
                log.warning("camera %s: no clip of incident %s: no stream to copy", self._camera, event.incident)
                return None
            # Of a stream that was replaced meanwhile, an instant would seem to lie ahead.
            told_s = min(self._time.of_source(event.source_time_s), self._newest_s)
            starts_s = told_s - (event.at - event.started_at).total_seconds()
            clip = _Clip(name_clip(event), event, self._bundle, starts_s)
            if len(self._clips) >= _MOST_CLIPS:
                self._finish(self._clips[0], "crowded")
            self._clips.append(clip)
            self._extend(clip, self._ring.since(clip.starts_s - self._policy.before_s))
            return clip.path

    def follow(self, event: IncidentEvent) -> None:
        """A later step of an incident."""
        with self._lock:
            clip = next((one for one in self._clips if one.event.incident == event.incident), None)
            if clip is None:
                return
            clip.event = event
            if event.ended_at is not None:
                lasted_s = (event.ended_at - event.started_at).total_seconds()
                clip.until_s = clip.starts_s + lasted_s + self._policy.after_s
                missing_s = min(max(0.0, clip.until_s - self._newest_s), self._policy.longest_s)
                clip.deadline_s = self._clock() + missing_s + _PATIENCE_S
                if self._newest_s >= clip.until_s:
                    self._finish(clip, None)

    def tend(self, now_s: float) -> None:
        """End the clips of a camera that gives no more pictures."""
        with self._lock:
            for clip in [one for one in self._clips if now_s > one.deadline_s]:
                self._finish(clip, "stream")

    def close(self) -> None:
        """End all clips with what they have: the agent stops."""
        with self._lock:
            for clip in list(self._clips):
                self._finish(clip, "stopped")
            self._feed = None

    def take(self, feed: _Feed, packet: av.Packet[av.VideoStream]) -> None:
        with self._lock:
            if feed is not self._feed or self._time is None or not packet.size:
                return
            pts, dts = self._time.follow(packet.pts, packet.dts, self._clock())
            if not (feed.begun or packet.is_keyframe):
                return
            feed.begun = True
            time_s = self._time.seconds(pts)
            self._newest_s = max(self._newest_s, time_s)
            picture = EncodedPicture(bytes(packet), time_s, pts, dts, packet.duration or 0, packet.is_keyframe)
            self._ring.append(picture)
            for clip in list(self._clips):
                self._extend(clip, [picture])

    def place(self, feed: _Feed, origin_s: float) -> None:
        with self._lock:
            if feed is self._feed and self._time is not None:
                self._time.place(origin_s)

    def _renew(self, form: StreamForm | None, time: MediaClock | None) -> None:
        for clip in list(self._clips):
            self._finish(clip, "stream")
        self._ring.clear()
        self._newest_s = -math.inf
        self._form, self._time, self._feed = form, time, None

    def _extend(self, clip: _Clip, pictures: Sequence[EncodedPicture]) -> None:
        if not pictures or self._form is None or (clip.form is None and not pictures[0].is_key):
            return
        if clip.form is None:
            clip.form, clip.first_s = self._form, pictures[0].time_s
        longest_s = max(clip.first_s, clip.starts_s - self._policy.before_s) + self._policy.longest_s
        limit_s = min(clip.until_s, longest_s)
        wanted = [picture for picture in pictures if picture.time_s < limit_s]
        if wanted and not self._queue.put(Footage(clip.path, clip.form, wanted, self._redaction)):
            self._finish(clip, "disk")
            return
        clip.last_s = max([clip.last_s, *(picture.time_s for picture in wanted)])
        if len(wanted) < len(pictures):
            self._finish(clip, "longest" if longest_s < clip.until_s else None)

    def _finish(self, clip: _Clip, cut: Cut | None) -> None:
        self._clips.remove(clip)
        if clip.form is None:
            log.warning("camera %s: no clip of incident %s: no picture came", self._camera, clip.event.incident)
            return
        event = clip.event
        begins_at = event.started_at + timedelta(seconds=clip.first_s - clip.starts_s)
        facts = ClipFacts(
            incident=event.incident,
            camera=event.camera,
            started_at=rfc3339(event.started_at),
            ended_at=None if event.ended_at is None else rfc3339(event.ended_at),
            reason=event.reason,
            begins_at=rfc3339(begins_at),
            duration_s=round(clip.last_s - clip.first_s, 3),
            codec=clip.form.codec if self._redaction is None else "h264",
            peak=event.peak,
            mean=event.mean,
            bundle=clip.bundle,
            cut=cut,
            encoded=self._redaction is not None,
            hidden=() if self._redaction is None else self._redaction.hidden,
        )
        self._queue.finish(Finished(clip.path, facts))


class _Feed:
    """One stream of a recorder's camera; it has no effect once a later one was opened."""

    def __init__(self, recorder: CameraRecorder) -> None:
        self._recorder = recorder
        self.begun = False

    def take(self, packet: av.Packet[av.VideoStream]) -> None:
        self._recorder.take(self, packet)

    def place(self, origin_s: float) -> None:
        self._recorder.place(self, origin_s)
