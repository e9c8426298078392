from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from edge_agent.frame import Frame
from edge_agent.sources import Source, SourceOptions, open_source
from edge_agent.sources.source import SourceOpenError
from models.manifest import Preprocessing
from models.preprocessing import shrink
from tests.edge_agent.films import write_film

FAST = SourceOptions(realtime=False)
PREPROCESSING = Preprocessing(size=(32, 32), difference_gain=3.0, mean=127.5, scale=127.5)


def _write_sound(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def play(source: Source, most: int = 1000) -> list[Frame]:
    frames = []
    while len(frames) < most and (frame := source.read(threading.Event())) is not None:
        frames.append(frame)
    source.close()
    return frames


def open_fast(uri: str, *, loop: bool = False) -> Source:
    return open_source(uri, SourceOptions(realtime=False, loop=loop), time.monotonic)


@pytest.mark.parametrize("prefix", ["", "file:", "file://"])
def test_file_gives_every_frame_with_its_time_when_played(tmp_path: Path, prefix: str) -> None:
    film = write_film(tmp_path / "a film.mp4", range(0, 200, 10))
    frames = play(open_fast(f"{prefix}{film}"))
    assert [frame.time_s for frame in frames] == pytest.approx([index / 20 for index in range(20)])
    assert {frame.segment for frame in frames} == {0}


def test_luma_is_what_the_builder_shrinks_when_a_file_is_played(tmp_path: Path) -> None:
    film = write_film(tmp_path / "a.mp4", [10, 120, 250])
    with av.open(str(film)) as container:
        wanted = [shrink(frame.to_ndarray(format="gray"), PREPROCESSING) for frame in container.decode(video=0)]
    found = [shrink(frame.image.luma(), PREPROCESSING) for frame in play(open_fast(str(film)))]
    assert np.array_equal(found, wanted)


def test_file_starts_over_as_new_segment_when_looped(tmp_path: Path) -> None:
    film = write_film(tmp_path / "a.mp4", [0] * 10)
    frames = play(open_fast(str(film), loop=True), most=25)
    assert [frame.segment for frame in frames] == [0] * 10 + [1] * 10 + [2] * 5
    times = [frame.time_s for frame in frames]
    assert times == sorted(set(times))


def test_file_is_held_back_to_its_speed_when_paced(tmp_path: Path) -> None:
    waits: list[float] = []

    class Stop(threading.Event):
        """Lets time pass at once, by the clock that the source is given."""

        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0.0)
            return False

    film = write_film(tmp_path / "a.mp4", [0] * 10)
    source = open_source(str(film), SourceOptions(), lambda: sum(waits))
    while source.read(Stop()):
        pass
    assert sum(waits) == pytest.approx(9 / 20)


def test_folder_plays_all_in_order_over_and_over_when_one_is_broken(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    write_film(tmp_path / "a.mp4", [10] * 4)
    (tmp_path / "b.mp4").write_bytes(b"not a video at all")
    write_film(tmp_path / "deep" / "c.avi", [240] * 4)
    (tmp_path / "notes.txt").write_text("no video")
    source = open_fast(f"folder:{tmp_path}")
    frames = play(source, most=16)
    assert [frame.segment for frame in frames] == [segment for segment in range(4) for _ in range(4)]
    assert [frame.image.luma()[50, 100] > 128 for frame in frames[::4]] == [False, True, False, True]
    assert source.skipped == 2


def test_folder_names_each_broken_clip_once_when_it_plays_over_and_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(b"not a video at all")
    write_film(tmp_path / "c.mp4", [10] * 4)
    play(open_fast(f"folder:{tmp_path}"), most=12)
    assert [caplog.text.count(f"{name}: cannot be opened") for name in ("a.mp4", "b.mp4")] == [1, 1]


def test_pictures_start_no_threads_when_they_are_converted(tmp_path: Path) -> None:
    source = open_fast(str(write_film(tmp_path / "a.mp4", [10] * 8)))
    frames = play(source)
    before = len(list(Path("/proc/self/task").iterdir()))
    for frame in frames:
        frame.image.luma()
        frame.image.colour(64)
    assert len(list(Path("/proc/self/task").iterdir())) == before


def test_file_gives_what_is_whole_when_its_middle_is_broken(tmp_path: Path) -> None:
    film = write_film(tmp_path / "a.avi", [index * 3 % 250 for index in range(80)])
    content = bytearray(film.read_bytes())
    content[len(content) // 3 : len(content) // 2] = b"\xff" * (len(content) // 2 - len(content) // 3)
    film.write_bytes(content)
    source = open_fast(str(film))
    frames = play(source)
    assert 10 < len(frames) <= 80


def test_file_gives_what_is_there_when_it_was_cut_off(tmp_path: Path) -> None:
    film = write_film(tmp_path / "a.ts", [index * 3 % 250 for index in range(80)], codec="mpeg2video")
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    assert 10 < len(play(open_fast(str(film)))) < 80


def test_file_goes_on_when_resolution_changes(tmp_path: Path) -> None:
    small = write_film(tmp_path / "s.ts", [50] * 20, codec="mpeg2video")
    large = write_film(tmp_path / "l.ts", [50] * 20, codec="mpeg2video", size=(192, 256))
    (tmp_path / "both.ts").write_bytes(small.read_bytes() + large.read_bytes())
    sizes = [frame.image.size for frame in play(open_fast(str(tmp_path / "both.ts")))]
    assert sizes[0] == (96, 128)
    assert sizes[-1] == (192, 256)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda _: None, "no such file", id="absent"),
        pytest.param(lambda path: path.mkdir(), "no such file", id="folder"),
        pytest.param(lambda path: path.write_bytes(b""), "cannot be opened", id="empty"),
        pytest.param(lambda path: path.write_bytes(b"\x00" * 5000), "cannot be opened", id="garbage"),
        pytest.param(_write_sound, "holds no video", id="sound-only"),
    ],
)
def test_file_is_refused_with_reason_when_it_is_no_video(
    tmp_path: Path, make: Callable[[Path], object], message: str
) -> None:
    make(tmp_path / "a.mp4")
    with pytest.raises(SourceOpenError, match=message):
        open_fast(str(tmp_path / "a.mp4"))


@pytest.mark.parametrize(
    ("names", "message"), [((), "holds no video"), (("a.mp4", "b.mp4"), "cannot be opened"), (None, "no such folder")]
)
def test_folder_is_refused_with_reason_when_nothing_plays(
    tmp_path: Path, names: tuple[str, ...] | None, message: str
) -> None:
    for name in names or ():
        (tmp_path / name).write_bytes(b"broken")
    with pytest.raises(SourceOpenError, match=message):
        open_fast(f"folder:{tmp_path}" if names is not None else f"folder:{tmp_path}/none")
