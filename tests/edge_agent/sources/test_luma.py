"""The luma of decoded pictures, which has to be what the builder's are."""

from __future__ import annotations

import av
import numpy as np
import pytest

from edge_agent.sources.video import VideoImage


@pytest.mark.parametrize("color_range", [0, 1, 2])
@pytest.mark.parametrize("size", [(64, 48), (162, 121), (2, 2)])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuvj420p", "yuv422p", "yuv444p", "nv12", "gray", "yuv420p10le"])
def test_luma_is_what_ffmpeg_makes_of_the_same_picture(pixels: str, size: tuple[int, int], color_range: int) -> None:
    frame = av.VideoFrame(*size, pixels)
    frame.color_range = color_range
    random = np.random.default_rng(3)
    for plane in frame.planes:
        # Ten bits are stored in two bytes, the upper of which holds two.
        deep = pixels.endswith("10le")
        filled = random.integers(0, 1024 if deep else 256, plane.buffer_size // (2 if deep else 1))
        plane.update(filled.astype(np.uint16 if deep else np.uint8).tobytes())
    luma = VideoImage(frame).luma()
    assert luma.shape == (size[1], size[0])
    np.testing.assert_array_equal(luma, frame.to_ndarray(format="gray"))
