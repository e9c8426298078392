"""What nobody may see in the pictures of one source, of all its views together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_agent.cover import Cover
from edge_agent.privacy.head_finder import NOTHING, Zones
from edge_agent.privacy.search import find_or_hide_all
from edge_agent.region import Region
from edge_agent.view import View

Hidden = Literal["masks", "faces"]


@dataclass(frozen=True, slots=True)
class Redaction:
    """``parts`` are the views' regions of the picture and what is hidden in each."""

    parts: tuple[tuple[Region, Cover], ...]

    @property
    def hidden(self) -> tuple[Hidden, ...]:
        """What kinds of things are hidden."""
        masks = any(cover.masks for _, cover in self.parts)
        return (*(("masks",) if masks else ()), *(("faces",) if self.seeks_heads else ()))

    @property
    def seeks_heads(self) -> bool:
        return any(cover.heads is not None for _, cover in self.parts)

    def masked(self, size: tuple[int, int]) -> NDArray[np.bool_]:
        """What lies inside a mask, of a whole picture of ``size`` ``(height, width)``."""
        masked = np.zeros(size, np.bool_)
        for region, cover in self.parts:
            part = masked[region.slices(size)]
            part |= cover.masked((part.shape[0], part.shape[1]))
        return masked

    def find_heads(self, picture: NDArray[np.uint8]) -> Zones:
        """Zones of the whole ``picture`` ``(h, w, 3) uint8 BGR`` that hold heads, each view looked at by itself."""
        height, width = picture.shape[:2]
        found = [NOTHING]
        for region, cover in self.parts:
            if cover.heads is not None:
                rows, columns = region.slices((height, width))
                zones = find_or_hide_all(cover.heads, picture[rows, columns], closely=False)
                # Of its neighbours nothing is hidden that they show themselves.
                zones = np.clip(zones, 0, 1)
                extent = np.array([columns.stop - columns.start, rows.stop - rows.start] * 2)
                pixels = zones * extent + [columns.start, rows.start] * 2
                found.append((pixels / [width, height, width, height]).astype(np.float32))
        return np.concatenate(found)


def redact(views: Sequence[View]) -> Redaction | None:
    """What is hidden of the source with ``views``; ``None``: nothing is, and it may be copied."""
    parts = tuple((view.region, view.cover) for view in views if view.cover.masks or view.cover.heads is not None)
    return Redaction(parts) if parts else None
