"""A picture that a GStreamer pipeline gave: planes in its buffer, copied only when somebody looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from edge_agent.frame import fit
from edge_agent.sources.full_range import to_full_range
from models.preprocessing import Luma

PixelFormat = Literal["GRAY8", "I420", "NV12"]
FORMATS: dict[PixelFormat, str] = {"GRAY8": "gray", "I420": "yuv420p", "NV12": "nv12"}
"""What a pipeline may give, each with FFmpeg's name for it. All begin with the luma plane."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a buffer holds a picture: ``offsets`` and ``strides`` of its planes in bytes; ``full_range`` says that luma
    goes from 0 to 255 and not, as video's mostly does, from 16 to 235."""

    format: PixelFormat
    height: int
    width: int
    offsets: tuple[int, ...]
    strides: tuple[int, ...]
    full_range: bool


class GStreamerImage:
    """Holds the pipeline's buffer for as long as it lives."""

    def __init__(self, buffer: Any, layout: Layout) -> None:  # noqa: ANN401 - a Gst.Buffer, and GStreamer has no types
        self._buffer = buffer
        self._layout = layout

    @property
    def size(self) -> tuple[int, int]:
        return self._layout.height, self._layout.width

    def luma(self) -> Luma:
        luma = self._plane(0, self._layout.height, self._layout.width)
        return luma if self._layout.full_range else to_full_range(luma)

    def colour(self, largest_side: int) -> NDArray[np.uint8]:
        height, width = fit(self.size, largest_side)
        frame = self._frame()
        picture = VideoReformatter().reformat(frame, width=width, height=height, format="bgr24", threads=1)
        return np.asarray(picture.to_ndarray(), dtype=np.uint8)

    def _plane(self, index: int, rows: int, columns: int) -> NDArray[np.uint8]:
        """``(rows, columns) uint8``, the one copy that is made of it; columns count bytes."""
        layout = self._layout
        # The last row may end before its stride does.
        size = layout.strides[index] * (rows - 1) + columns
        data = self._buffer.extract_dup(layout.offsets[index], size)
        return np.lib.stride_tricks.as_strided(
            np.frombuffer(data, np.uint8), (rows, columns), (layout.strides[index], 1), writeable=False
        )

    def _frame(self) -> av.VideoFrame:
        layout = self._layout
        frame = av.VideoFrame(layout.width, layout.height, FORMATS[layout.format])
        frame.color_range = 2 if layout.full_range else 1
        for index, plane in enumerate(frame.planes):
            filled = np.zeros((plane.height, plane.line_size), np.uint8)
            # NV12 has two bytes a pixel in its second plane.
            columns = plane.width * (2 if layout.format == "NV12" and index else 1)
            filled[:, :columns] = self._plane(index, plane.height, columns)
            plane.update(filled.tobytes())
        return frame
