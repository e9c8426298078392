"""A sample and how it is made of frames: only frames that a sample needs are ever converted."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge_agent.cover import OPEN, Cover
from edge_agent.events import Mode, Picture
from edge_agent.frame import Frame, Image
from edge_agent.picture import PictureWatch
from edge_agent.sampling import Sampler, SamplingPolicy, Triple
from edge_agent.stillness import Stillness
from edge_agent.timeline import LARGEST_GAP_S, Tick, Timeline
from edge_agent.tracer import UNTRACED, Tracer
from models.manifest import Geometry, Preprocessing
from models.preprocessing import Luma, make_sample, shrink

_log = logging.getLogger(__name__)
# A source's clock that is further ahead has jumped: what it says of the next glance means nothing.
_FARTHEST_S = 120.0


@dataclass(frozen=True, slots=True)
class Sample:
    """The encoder's input at one instant of one camera: ``pixels`` ``(P * H, W, C) uint8``.

    ``time_s`` is the camera's own rising clock and ``run`` its unbroken stretch; ``source_s`` is the source's clock at
    the newest frame, which is ``image``; ``arrived_s`` is when that frame was there, by the agent's clock, and
    ``late_s`` how long it took from there to be decoded. It is ``still`` where a single frame showed that nothing moved
    since the sample before: ``pixels`` are then the very array of the last that was not still.
    """

    camera: str
    time_s: float
    run: int
    source_s: float
    arrived_s: float
    image: Image = field(repr=False)
    pixels: NDArray[np.uint8] = field(repr=False)
    late_s: float = 0.0
    still: bool = False


@dataclass(frozen=True, slots=True)
class _Placed:
    tick: Tick
    frame: Frame


class SampleMaker:
    """Turns one camera's frames into its samples. ``mode``, ``policy`` and ``cover`` may be set from any thread."""

    def __init__(
        self,
        camera: str,
        policy: SamplingPolicy,
        geometry: Geometry,
        preprocessing: Preprocessing,
        largest_gap_s: float = LARGEST_GAP_S,
        tracer: Tracer = UNTRACED,
        cover: Cover = OPEN,
    ) -> None:
        """A silence between frames above ``largest_gap_s`` is a break; what ``cover`` hides seems never to move."""
        self._camera = camera
        self._tracer = tracer
        self._preprocessing = preprocessing
        self._timeline = Timeline(largest_gap_s)
        self._sampler = Sampler(policy, geometry)
        self._shrunk: dict[float, Luma] = {}
        self._previous: _Placed | None = None
        self._last: tuple[float, float] | None = None
        self._scene: tuple[int, tuple[int, int]] | None = None
        self._segment = 0
        self._watch = PictureWatch()
        self._stillness = Stillness()
        self._pixels: dict[int, NDArray[np.uint8]] = {}
        self.cover = cover
        self._covered_by = cover
        self._hidden = cover.hidden(preprocessing.canvas)

    @property
    def picture(self) -> Picture:
        """What is wrong with the pictures, if anything is."""
        return self._watch.picture

    @property
    def mode(self) -> Mode:
        return self._sampler.mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        self._sampler.mode = mode

    @property
    def policy(self) -> SamplingPolicy:
        return self._sampler.policy

    @policy.setter
    def policy(self, policy: SamplingPolicy) -> None:
        self._sampler.policy = policy

    def needs(self, source_s: float, *, key: bool) -> bool:
        """Whether the picture at the source's time ``source_s`` has to be decoded; ``key``: it can be decoded without
        any before it. To be asked for each picture in turn, by the thread that calls ``make``."""
        time_s = self._time_of(source_s)
        return time_s is None or self._sampler.needs(time_s, key=key)

    def rest_s(self, source_s: float) -> float:
        """For how many seconds from ``source_s`` on no picture is needed, as far as is known there."""
        time_s = self._time_of(source_s)
        return 0.0 if time_s is None else self._sampler.rest_s(time_s)

    def _time_of(self, source_s: float) -> float | None:
        """The camera's time of what follows on the last frame; ``None`` where that says nothing of it."""
        if self._last is None:
            return None
        last_source_s, last_s = self._last
        ahead_s = source_s - last_source_s
        return last_s + ahead_s if 0 <= ahead_s <= _FARTHEST_S else None

    def let_go(self) -> None:
        """Let go of the last frame, which takes megabytes: what follows right after it is not needed."""
        self._previous = None

    def make(self, frame: Frame, arrived_s: float) -> list[Sample]:
        """The samples that are complete with ``frame``; mostly none."""
        self._follow_cover()
        # Pictures of two sizes have no motion in common: a new size is a new segment.
        scene = (frame.segment, frame.image.size)
        self._segment += scene != self._scene
        self._scene = scene
        tick = self._timeline.follow(frame.time_s, self._segment, arrived_s, paused=frame.paused)
        if tick is None:
            return []
        here, previous = _Placed(tick, frame), self._previous
        self._previous = here
        self._last = frame.time_s, tick.time_s
        step = self._sampler.offer(tick, turns_back=previous is not None)
        if previous is not None and step.take_previous:
            self._keep(previous)
        if step.take:
            self._keep(here)
        samples = [self._sample(triple, here, previous, arrived_s) for triple in step.samples]
        if step.glance is not None:
            samples += self._still_samples(_shown_at(step.glance, here, previous), arrived_s)
        self._shrunk = {time_s: luma for time_s, luma in self._shrunk.items() if time_s >= step.needed_from}
        return samples

    def _follow_cover(self) -> None:
        cover = self.cover
        if cover is self._covered_by:
            return
        self._covered_by = cover
        self._hidden = cover.hidden(self._preprocessing.canvas)
        # A segment of its own: between a picture that hides a part and one that does not, all of it would seem to move.
        self._segment += 1
        self._shrunk = {}

    def _keep(self, placed: _Placed) -> None:
        if placed.tick.time_s not in self._shrunk:
            with self._tracer.timed("shrink", self._camera):
                luma = shrink(placed.frame.image.luma(), self._preprocessing)
                if self._hidden is not None:
                    luma[self._hidden] = 0
                self._shrunk[placed.tick.time_s] = luma

    def _sample(self, triple: Triple, here: _Placed, previous: _Placed | None, arrived_s: float) -> Sample:
        before, now, after = (self._shrunk[time_s] for time_s in (triple.before, triple.now, triple.after))
        with self._tracer.timed("sample", self._camera):
            pixels = make_sample(before, now, after, self._preprocessing)
            self._look(triple.time_s, here.tick.run, (before, now, after))
        if self.mode == "alert":
            # It was kept awake by what moved: what it showed before that says nothing of now.
            self._stillness.forget()
        self._pixels = {here.tick.run: pixels}
        newest = _shown_at(triple.after, here, previous)
        return self._finish(triple.time_s, newest, pixels, arrived_s, here.frame.late_s)

    def _still_samples(self, begun: _Placed, arrived_s: float) -> list[Sample]:
        """The sample of a glance that ends with the frame that it began with, where nothing moved; else none yet."""
        time_s, run, luma = begun.tick.time_s, begun.tick.run, self._shrunk[begun.tick.time_s]
        still = self._stillness.is_still(time_s, run, luma, self.policy.full_glance_s)
        pixels = self._pixels.get(run)
        # The glance before may have come to nothing, frames being lost.
        if not still or pixels is None:
            return []
        self._sampler.end_glance()
        self._look(time_s, run, (luma,))
        return [self._finish(time_s, begun, pixels, arrived_s, begun.frame.late_s, still=True)]

    def _finish(
        self,
        time_s: float,
        newest: _Placed,
        pixels: NDArray[np.uint8],
        arrived_s: float,
        late_s: float,
        *,
        still: bool = False,
    ) -> Sample:
        return Sample(
            camera=self._camera,
            time_s=time_s,
            run=newest.tick.run,
            source_s=newest.frame.time_s,
            arrived_s=arrived_s,
            image=self._covered_by.cover(newest.frame.image),
            pixels=pixels,
            late_s=late_s,
            still=still,
        )

    def _look(self, time_s: float, run: int, pictures: Sequence[Luma]) -> None:
        before = self._watch.picture
        picture = self._watch.look(time_s, run, pictures)
        if picture != before:
            level = logging.INFO if picture == "ok" else logging.WARNING
            _log.log(level, "camera %s: its picture is %s", self._camera, picture)


def _shown_at(time_s: float, here: _Placed, previous: _Placed | None) -> _Placed:
    """Whichever of the newest two frames has this time."""
    return here if previous is None or time_s == here.tick.time_s else previous
