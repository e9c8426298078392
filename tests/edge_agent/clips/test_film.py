"""MP4 files copied from real streams, and decoded again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from edge_agent.clips.errors import ClipError, StreamFormError
from edge_agent.clips.film import Film
from edge_agent.clips.form import StreamForm, read_form
from edge_agent.clips.picture import EncodedPicture
from tests.edge_agent.clips.viewing import find, view
from tests.edge_agent.films import SIZE, write_film

FPS = 15
H264 = {"g": "15", "keyint_min": "15", "sc_threshold": "0"}


def make_film(path: Path, codec: str = "libx264", seconds: int = 4, **options: str) -> Path:
    random = np.random.default_rng(1)
    pictures = [random.integers(0, 255, (*SIZE, 3)).astype(np.uint8) for _ in range(seconds * FPS)]
    return write_film(path, pictures, fps=FPS, codec=codec, options=options)


def read_packets(path: Path) -> tuple[StreamForm, list[EncodedPicture]]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        form = read_form(stream)
        packets = [packet for packet in container.demux(stream) if packet.size]
        assert all(packet.pts is not None and packet.dts is not None for packet in packets)
        return form, [
            EncodedPicture(
                bytes(one), float((one.pts or 0) * one.time_base), one.pts or 0, one.dts or 0, 1, one.is_keyframe
            )
            for one in packets
        ]


@pytest.mark.parametrize(
    ("codec", "options", "tag"),
    [
        ("libx264", {**H264, "bf": "0"}, "avc1"),
        ("libx264", {**H264, "bf": "2"}, "avc1"),
        ("libx265", {"x265-params": "log-level=none:keyint=15:min-keyint=15:scenecut=0:open-gop=0"}, "hvc1"),
        ("mpeg4", {"g": "15"}, "mp4v"),
    ],
)
def test_copy_shows_the_very_pictures_from_0_when_it_begins_within_the_film(
    tmp_path: Path, codec: str, options: dict[str, str], tag: str
) -> None:
    source = make_film(tmp_path / "a.mp4", codec, **options)
    form, pictures = read_packets(source)
    start = [index for index, picture in enumerate(pictures) if picture.is_key][1]
    film = Film(tmp_path / "b.mp4.part", form)
    film.write(pictures[start:])
    film.close()
    clip = view(tmp_path / "b.mp4.part")
    assert (clip.tag, clip.begins_with_key) == (tag, True)
    assert clip.times == pytest.approx([index / FPS for index in range(len(pictures) - start)], abs=2e-3)
    assert find(clip, view(source)) == start
    # The index comes before the pictures.
    data = (tmp_path / "b.mp4.part").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_copy_is_whole_when_its_timestamps_are_not(tmp_path: Path) -> None:
    source = make_film(tmp_path / "a.mp4", **H264, bf="0")
    form, pictures = read_packets(source)
    odd = [replace(one, pts=one.pts // 5000 * 5000, dts=one.dts // 3000 * 3000) for one in pictures]
    film = Film(tmp_path / "b.mp4", form)
    film.write(odd)
    film.close()
    clip = view(tmp_path / "b.mp4")
    assert len(clip.lumas) == len(pictures)
    assert clip.times == sorted(clip.times)
    assert clip.times[0] == 0.0


@pytest.mark.parametrize("codec", ["mjpeg", "ffv1"])
def test_stream_that_players_do_not_take_from_a_file_is_refused(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=FPS)
        stream.height, stream.width = SIZE
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((*SIZE, 3), np.uint8), format="bgr24")))
        container.mux(stream.encode(None))
    with av.open(str(path)) as container, pytest.raises(StreamFormError, match=f"found a stream of {codec}; allowed"):
        read_form(container.streams.video[0])


@pytest.mark.parametrize("qp", ["1", "45"])
def test_error_says_why_and_nothing_is_left_when_the_disk_is_full(tmp_path: Path, tiny_disk: Path, qp: str) -> None:
    form, pictures = read_packets(make_film(tmp_path / "a.mp4", **H264, bf="0", qp=qp))

    def make(folder: Path) -> None:
        film = Film(folder / "b.mp4.part", form)
        try:
            film.write(pictures)
            film.close()
        except ClipError:
            film.abandon()
            raise

    make(tmp_path)
    # Of the small one but a page is missing, so that it fails when it is completed.
    pages = min(16, -(-(tmp_path / "b.mp4.part").stat().st_size // 4096) - 1)
    (tiny_disk / "else").write_bytes(bytes((16 - pages) * 4096))
    with pytest.raises(ClipError, match=r"b\.mp4\.part: cannot be written: No space left on device"):
        make(tiny_disk)
    assert [path.name for path in tiny_disk.iterdir()] == ["else"]


def test_error_says_why_when_the_file_cannot_be_made(tmp_path: Path) -> None:
    form, pictures = read_packets(make_film(tmp_path / "a.mp4", seconds=1))
    film = Film(tmp_path / "none" / "b.mp4.part", form)
    with pytest.raises(ClipError, match="cannot be written: No such file or directory"):
        film.write(pictures)
    film.abandon()
