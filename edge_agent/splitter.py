"""One source's frames, split into the samples of all its views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from edge_agent.cell_image import CellImage, SharedImage
from edge_agent.cover import Cover
from edge_agent.events import Mode, Picture
from edge_agent.frame import Frame
from edge_agent.region import WHOLE, Region
from edge_agent.sample import Sample, SampleMaker
from edge_agent.sampling import SamplingPolicy


class Splitter:
    """Feeds every view's sample maker with its part of each frame. A frame is converted to luma once for all views,
    and only if any of them needs it. Modes and policies may be set from any thread."""

    def __init__(self, makers: Mapping[str, tuple[Region, SampleMaker]]) -> None:
        """``makers`` has each view's region and sample maker by its id."""
        self._makers = dict(makers)
        self._before: SharedImage | None = None

    def set_mode(self, view: str, mode: Mode) -> None:
        """Sample a view at this mode's rate from the next frame on."""
        self._makers[view][1].mode = mode

    def set_sampling(self, view: str, policy: SamplingPolicy) -> None:
        """Sample a view by this policy from the next frame on."""
        self._makers[view][1].policy = policy

    def set_cover(self, view: str, cover: Cover) -> None:
        """Judge and show of a view what this leaves, from the next frame on."""
        self._makers[view][1].cover = cover

    def picture(self, view: str) -> Picture:
        """What is wrong with the pictures of a view, if anything is."""
        return self._makers[view][1].picture

    def needs(self, source_s: float, *, key: bool) -> bool:
        """Whether any view needs the picture at ``source_s`` decoded; every view is asked for each picture in turn."""
        needed = [maker.needs(source_s, key=key) for _, maker in self._makers.values()]
        if any(needed):
            return True
        self._before = None
        for _, maker in self._makers.values():
            maker.let_go()
        return False

    def rest_s(self, source_s: float) -> float:
        """For how many seconds from ``source_s`` on surely no view needs a picture, as far as is known there."""
        return min(maker.rest_s(source_s) for _, maker in self._makers.values())

    def make(self, frame: Frame, arrived_s: float) -> list[Sample]:
        """The samples of all views that are complete with ``frame``; mostly none."""
        shared = SharedImage(frame.image)
        samples = [
            sample
            for region, maker in self._makers.values()
            for sample in maker.make(_cut(frame, shared, region), arrived_s)
        ]
        # A sample may still turn back to the frame before, but to no older one.
        if self._before is not None:
            self._before.forget()
        self._before = shared
        return samples


def _cut(frame: Frame, shared: SharedImage, region: Region) -> Frame:
    return frame if region == WHOLE else replace(frame, image=CellImage(shared, region))
