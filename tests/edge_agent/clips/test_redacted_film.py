"""Films that hide something: decoded from a camera's packets, encoded anew and decoded again to be looked at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.clips import encoder
from edge_agent.clips.errors import ClipError
from edge_agent.clips.redacted_film import RedactedFilm
from edge_agent.clips.redaction import Redaction, redact
from edge_agent.cover import Cover, Polygon
from edge_agent.region import WHOLE, Region
from edge_agent.view import View
from tests.edge_agent.clips.test_film import FPS, H264, read_packets
from tests.edge_agent.films import write_film
from tests.edge_agent.privacy.finding import BrokenFinder, FixedFinder

SIZE = (192, 256)
LEFT: Polygon = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
# Beside its neighbours' light, what H.264 leaves of black.
BLACK = 26


def make_film(
    path: Path,
    codec: str = "libx264",
    size: tuple[int, int] = SIZE,
    seconds: int = 3,
    block: int = 8,
    **options: str,
) -> Path:
    """Bright blocks that change with every picture; of small ones, MPEG-4's encoder makes broken pictures."""
    random = np.random.default_rng(3)
    shape = (-(-size[0] // block), -(-size[1] // block), 3)
    blocks = [random.integers(60, 256, shape).astype(np.uint8) for _ in range(seconds * FPS)]
    pictures = [one.repeat(block, 0).repeat(block, 1)[: size[0], : size[1]] for one in blocks]
    return write_film(path, pictures, fps=FPS, size=size, codec=codec, options=options)


def make(film: Path, path: Path, redaction: Redaction) -> None:
    form, pictures = read_packets(film)
    redacted = RedactedFilm(path, form, redaction)
    redacted.write(pictures)
    redacted.close()


def decode(path: Path) -> tuple[list[float], list[NDArray[np.uint8]]]:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        return [float(frame.time or 0) for frame in frames], [frame.to_ndarray(format="bgr24") for frame in frames]


def of_all(cover: Cover) -> Redaction:
    return Redaction(((WHOLE, cover),))


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {**H264, "bf": "0"}),
        ("libx264", {**H264, "bf": "2"}),
        ("libx265", {"x265-params": "log-level=none:keyint=15"}),
        ("mpeg4", {"g": "15"}),
    ],
)
def test_masked_part_is_black_in_every_picture(tmp_path: Path, codec: str, options: dict[str, str]) -> None:
    film = make_film(tmp_path / "a.mp4", codec, block=8 if codec != "mpeg4" else 64, **options)
    make(film, tmp_path / "b.mp4", of_all(Cover(masks=(LEFT,))))
    times, pictures = decode(tmp_path / "b.mp4")
    assert times == pytest.approx([index / FPS for index in range(3 * FPS)], abs=2e-3)
    for picture in pictures:
        assert picture[:, :128].max() <= BLACK
        assert picture[:, 132:].mean() > 100
    with av.open(str(tmp_path / "b.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.profile, context.pix_fmt) == ("h264", "Main", "yuv420p")
    data = (tmp_path / "b.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize(("size", "shown"), [((190, 254), (190, 254)), ((1080, 1920), (720, 1280))])
def test_odd_and_large_pictures_fit_and_keep_their_masks(
    tmp_path: Path, size: tuple[int, int], shown: tuple[int, int]
) -> None:
    film = make_film(tmp_path / "a.mp4", size=size, seconds=1, **H264, bf="0")
    make(film, tmp_path / "b.mp4", of_all(Cover(masks=(LEFT,))))
    _, pictures = decode(tmp_path / "b.mp4")
    assert len(pictures) == FPS
    assert pictures[0].shape[:2] == shown
    assert max(picture[:, : shown[1] // 2].max() for picture in pictures) <= BLACK


def test_masks_of_a_wall_lie_in_their_cells(tmp_path: Path) -> None:
    cells = (
        View("one", Region(0.0, 0.0, 0.5, 0.5), cover=Cover(masks=(LEFT,))),
        View("two", Region(0.5, 0.0, 1.0, 0.5)),
    )
    redaction = redact(cells)
    assert redaction is not None
    assert redaction.hidden == ("masks",)
    make(make_film(tmp_path / "a.mp4", **H264, bf="0"), tmp_path / "b.mp4", redaction)
    _, pictures = decode(tmp_path / "b.mp4")
    for picture in pictures:
        assert picture[:96, :64].max() <= BLACK
        assert picture[:96, 68:].mean() > 100
        assert picture[100:].mean() > 100
    assert redact((View("two"),)) is None


def test_heads_are_coarse_in_every_picture_and_the_rest_is_not(tmp_path: Path) -> None:
    finder = FixedFinder((0.25, 0.25, 0.75, 0.75))
    make(make_film(tmp_path / "a.mp4", **H264, bf="0"), tmp_path / "b.mp4", of_all(Cover(heads=finder)))
    _, pictures = decode(tmp_path / "b.mp4")
    assert len(pictures) == 3 * FPS
    for picture in pictures:
        # Cells of 32 pixels, in which 16 blocks were; what is left in one is the encoder's.
        cells = picture[64:128, 64:192].mean(axis=2).reshape(2, 32, 4, 32).transpose(0, 2, 1, 3).reshape(8, 32, 32)
        assert cells[:, 4:-4, 4:-4].std(axis=(1, 2)).max() < 5
        assert picture[:40].mean(axis=2).std() > 15
    # Every 0.15 s, and not every picture.
    assert len(finder.asked) == 15
    assert set(finder.asked) == {(SIZE, False)}


def test_a_head_that_is_found_once_is_hidden_half_a_second_before_and_after(tmp_path: Path) -> None:
    class Once(FixedFinder):
        def find(self, picture: NDArray[np.uint8], *, closely: bool) -> NDArray[np.float32]:
            zones = super().find(picture, closely=closely)
            return zones if len(self.asked) == 8 else zones[:0]

    make(
        make_film(tmp_path / "a.mp4", **H264, bf="0"),
        tmp_path / "b.mp4",
        of_all(Cover(heads=Once((0.25, 0.25, 0.75, 0.75)))),
    )
    times, pictures = decode(tmp_path / "b.mp4")
    hidden = [time_s for time_s, one in zip(times, pictures, strict=True) if one[68:92, 68:92].mean(axis=2).std() < 5]
    # Of pictures every 1/15 s each third is looked at, the eighth after 1.4 s.
    assert hidden == pytest.approx([index / FPS for index in range(14, 29)], abs=2e-3)


def test_all_is_hidden_while_the_search_fails(tmp_path: Path) -> None:
    make(make_film(tmp_path / "a.mp4", **H264, bf="0"), tmp_path / "b.mp4", of_all(Cover(heads=BrokenFinder())))
    _, pictures = decode(tmp_path / "b.mp4")
    assert len(pictures) == 3 * FPS
    for picture in pictures:
        # Cells of 64 pixels.
        assert picture[4:60, 4:60].mean(axis=2).std() < 5


def test_a_corrupt_packet_costs_pictures_and_hides_no_less(tmp_path: Path) -> None:
    form, pictures = read_packets(make_film(tmp_path / "a.mp4", **H264, bf="0"))
    random = np.random.default_rng(5)
    broken = list(pictures)
    for index in (20, 21, 33):
        data = bytearray(pictures[index].data)
        data[40:] = random.integers(0, 256, len(data) - 40, dtype=np.uint8).tobytes()
        broken[index] = replace(pictures[index], data=bytes(data))
    broken[25] = replace(pictures[25], data=b"\x00\x00\x00\x01")
    film = RedactedFilm(tmp_path / "b.mp4", form, of_all(Cover(masks=(LEFT,), heads=FixedFinder())))
    film.write(broken)
    film.close()
    times, shown = decode(tmp_path / "b.mp4")
    assert 30 <= len(shown) <= 45
    assert times == sorted(times)
    assert max(picture[:, :128].max() for picture in shown) <= BLACK


def test_pictures_that_wait_are_few_however_many_come(tmp_path: Path) -> None:
    form, pictures = read_packets(make_film(tmp_path / "a.mp4", seconds=8, **H264, bf="0"))
    # Four times as many a second: 60, of which every other is left out.
    fast = [replace(one, pts=one.pts // 4, dts=one.dts // 4) for one in pictures]
    film = RedactedFilm(tmp_path / "b.mp4", form, of_all(Cover(heads=FixedFinder())))
    waiting = []
    for picture in fast:
        film.write([picture])
        waiting.append(len(film._waiting))
    assert 10 <= max(waiting) <= 17
    film.close()
    assert len(decode(tmp_path / "b.mp4")[0]) == pytest.approx(60, abs=2)


def test_clip_is_given_up_when_no_picture_can_be_decoded(tmp_path: Path) -> None:
    form, pictures = read_packets(make_film(tmp_path / "a.mp4", **H264, bf="0"))
    film = RedactedFilm(tmp_path / "b.mp4", form, of_all(Cover(masks=(LEFT,))))
    film.write([replace(one, data=bytes(len(one.data))) for one in pictures])
    with pytest.raises(ClipError, match=r"b\.mp4: no picture of it could be decoded"):
        film.close()
    film.abandon()
    assert not (tmp_path / "b.mp4").exists()


def test_error_names_what_was_tried_when_nothing_encodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "ENCODERS", {"h264_of_another_chip": {}})
    with pytest.raises(ClipError, match=r"no H\.264 can be encoded here.*none of h264_of_another_chip"):
        make(make_film(tmp_path / "a.mp4", **H264, bf="0"), tmp_path / "b.mp4", of_all(Cover(masks=(LEFT,))))


def test_next_encoder_is_taken_when_one_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg has encoders of chips that this machine has not."""
    if "h264_v4l2m2m" not in av.codec.codecs_available or list(Path("/dev").glob("video*")):
        pytest.skip("this FFmpeg has no encoder that cannot be opened here")
    monkeypatch.setattr(encoder, "ENCODERS", {"h264_v4l2m2m": {}, "libx264": {}})
    make(make_film(tmp_path / "a.mp4", **H264, bf="0"), tmp_path / "b.mp4", of_all(Cover(masks=(LEFT,))))
    assert len(decode(tmp_path / "b.mp4")[0]) == 3 * FPS
    monkeypatch.setattr(encoder, "ENCODERS", {"h264_v4l2m2m": {}})
    with pytest.raises(ClipError, match=r"no H\.264 can be encoded here.*\(h264_v4l2m2m: "):
        make(make_film(tmp_path / "c.mp4", **H264, bf="0"), tmp_path / "d.mp4", of_all(Cover(masks=(LEFT,))))


def test_error_says_why_when_the_disk_is_full(tmp_path: Path, tiny_disk: Path) -> None:
    form, pictures = read_packets(make_film(tmp_path / "a.mp4", seconds=8, **H264, bf="0", qp="1"))
    film = RedactedFilm(tiny_disk / "b.mp4", form, of_all(Cover(masks=(LEFT,))))

    def complete() -> None:
        film.write(pictures)
        film.close()

    with pytest.raises(ClipError, match=r"b\.mp4: cannot be written: No space left on device"):
        complete()
    film.abandon()
    assert list(tiny_disk.iterdir()) == []
