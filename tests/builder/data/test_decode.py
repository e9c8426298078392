from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import msgspec
import numpy as np
import pytest

from builder.data import decode
from builder.data.decode import decode_clip, decode_clip_at_sizes
from builder.errors import DataError
from models.manifest import Preprocessing
from models.preprocessing import shrink
from tests.builder import tiny_clips

SMALL = Preprocessing(size=(24, 32), channels=("grey",), difference_gain=1.0, mean=0.0, scale=1.0)


def write_stamped(path: Path, stamps: list[int]) -> Path:
    """A film whose pictures, each brighter than the one before, carry these time stamps in hundredths of a second."""
    with av.open(str(path), "w", format="nut") as container:
        stream = container.add_stream("rawvideo", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "gray"
        stream.codec_context.time_base = Fraction(1, 100)
        for number, stamp in enumerate(stamps):
            packet = av.Packet(np.full((48, 64), 10 * number, np.uint8).tobytes())
            packet.pts = packet.dts = stamp
            packet.time_base = Fraction(1, 100)
            packet.stream = stream
            container.mux_one(packet)
    return path


def test_frames_are_shrunk_luma_at_the_times_of_the_film(tmp_path: Path) -> None:
    tiny_clips.write_clip(tmp_path / "a.mp4", fight=True, seed=1, frames=12)
    clip = decode_clip(tmp_path / "a.mp4", SMALL)
    assert (clip.frames.shape, clip.frames.dtype) == ((12, 24, 32), np.uint8)
    np.testing.assert_allclose(clip.times_s, np.arange(12) / 20)
    with av.open(str(tmp_path / "a.mp4")) as container:
        lumas = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    np.testing.assert_array_equal(clip.frames, [shrink(luma, SMALL) for luma in lumas])


def test_one_decoding_gives_what_one_for_each_size_gives(tmp_path: Path) -> None:
    tiny_clips.write_clip(tmp_path / "a.mp4", fight=True, seed=1, frames=12)
    sizes = [msgspec.structs.replace(SMALL, size=size) for size in ((30, 40), (24, 32), (7, 5))]
    for found, size in zip(decode_clip_at_sizes(tmp_path / "a.mp4", sizes), sizes, strict=True):
        alone = decode_clip(tmp_path / "a.mp4", size)
        np.testing.assert_array_equal(found.times_s, alone.times_s)
        np.testing.assert_array_equal(found.frames, alone.frames)


def test_uneven_time_stamps_are_kept_from_zero_when_they_rise(tmp_path: Path) -> None:
    clip = decode_clip(write_stamped(tmp_path / "a.nut", [100, 110, 150, 160]), SMALL)
    np.testing.assert_allclose(clip.times_s, [0, 0.1, 0.5, 0.6])
    assert [int(frame[0, 0]) for frame in clip.frames] == [0, 10, 20, 30]


@pytest.mark.parametrize("times", [[0.0, 0.1, 0.1, 0.2], [0.0, 0.3, 0.2, 0.4], [5.0, 5.0, 5.0, 5.0]])
def test_the_nominal_rate_is_the_clock_when_time_stamps_do_not_rise(times: list[float]) -> None:
    np.testing.assert_allclose(decode._ascending(np.array(times), 10.0), [0, 0.1, 0.2, 0.3])


def test_clip_is_read_as_far_as_it_goes_when_it_is_cut_short(tmp_path: Path) -> None:
    film = write_stamped(tmp_path / "a.nut", list(range(0, 100, 10)))
    film.write_bytes(film.read_bytes()[: -48 * 64 * 4])
    assert 2 <= len(decode_clip(film, SMALL).frames) < 10


def write_sound(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        silence.sample_rate = 8000
        container.mux(stream.encode(silence))


def test_one_clear_error_when_a_clip_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "folder.mp4").mkdir()
    write_sound(tmp_path / "sound.wav")
    tiny_clips.write_clip(tmp_path / "one.mp4", fight=False, seed=0, frames=1)
    tiny_clips.write_clip(tmp_path / "whole.mp4", fight=False, seed=0)
    (tmp_path / "half.mp4").write_bytes((tmp_path / "whole.mp4").read_bytes()[:600])
    for name in ("absent.mp4", "empty.mp4", "text.mp4", "folder.mp4", "sound.wav", "one.mp4", "half.mp4"):
        with pytest.raises(DataError, match=f"{name}: .*replace the file or remove it"):
            decode_clip(tmp_path / name, SMALL)


def test_clip_is_refused_when_it_is_longer_than_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MAX_FRAMES", 5)
    tiny_clips.write_clip(tmp_path / "a.mp4", fight=True, seed=1, frames=6)
    with pytest.raises(DataError, match="more than 5 frames; cut it into shorter clips"):
        decode_clip(tmp_path / "a.mp4", SMALL)
