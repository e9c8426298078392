"""What an idle camera leaves undecoded, on real H.264."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Literal

import av
import numpy as np
import pytest
from av.codec import CodecContext
from av.container import InputContainer

from edge_agent.events import Mode
from edge_agent.frame import Frame
from edge_agent.sample import Sample, SampleMaker
from edge_agent.sampling import SamplingPolicy
from edge_agent.sources import decoding
from edge_agent.sources.lag import Lag
from edge_agent.sources.source import Need, SourceOptions, SourceReadError, needs_all
from edge_agent.sources.video import Admission, Decoded, VideoReader
from tests.edge_agent.films import SIZE, write_film
from tests.edge_agent.sources.needing import needs_of
from tests.tiny_bundle import GEOMETRY, PREPROCESSING

FPS = 15


def write_stream(path: Path, spacing: int, seconds: int, between: int = 0) -> Path:
    """A film with a key picture every ``spacing`` frames and ``between`` pictures that are built on later ones."""
    random = np.random.default_rng(1)
    options = {"g": str(spacing), "keyint_min": str(spacing), "sc_threshold": "0", "bf": str(between), "crf": "30"}
    return write_film(
        path,
        [random.integers(0, 255, (*SIZE, 3)).astype(np.uint8) for _ in range(seconds * FPS)],
        fps=FPS,
        codec="libx264",
        options=options,
    )


def read_all(path: Path, needed: Need = needs_all) -> list[Decoded]:
    reader = VideoReader(str(path), SourceOptions(), time.monotonic, needed=needed)
    pictures = []
    while picture := reader.read():
        pictures.append(picture)
    reader.close()
    assert not reader.skipped
    return pictures


class Watcher:
    """A sample maker fed by a reader that asks it what it needs."""

    def __init__(self, path: Path) -> None:
        # Shrunk to 32 x 32 pixels, noise hardly moves: glances are made in full nevertheless.
        self.maker = SampleMaker("yard", SamplingPolicy(full_glance_s=0), GEOMETRY, PREPROCESSING)
        self.pictures: list[Decoded] = []
        self.samples: list[Sample] = []
        self._reader = VideoReader(str(path), SourceOptions(), time.monotonic, needed=needs_of(self.maker))

    def watch(self, mode: Mode, until_s: float = 1e9) -> None:
        self.maker.mode = mode
        while picture := self._reader.read():
            self.pictures.append(picture)
            frame = Frame(picture.time_s, 0, picture.image, picture.paused)
            self.samples += self.maker.make(frame, picture.time_s)
            if picture.time_s >= until_s:
                return
        self._reader.close()


@pytest.mark.parametrize("between", [0, 2])
@pytest.mark.parametrize(("spacing", "share"), [(15, 0.3), (30, 0.3), (60, 0.75), (10_000, 1.0), (1, 0.2)])
def test_an_idle_camera_decodes_little_and_glances_as_often(
    spacing: int, share: float, between: int, tmp_path: Path
) -> None:
    path = write_stream(tmp_path / "film.mp4", spacing, 20, between)
    watcher = Watcher(path)
    watcher.watch("idle")
    assert len(watcher.pictures) <= share * 20 * FPS
    assert len(watcher.samples) == pytest.approx(10, abs=1)
    assert np.diff([sample.time_s for sample in watcher.samples]) == pytest.approx(
        np.full(len(watcher.samples) - 1, 2.0), abs=0.51
    )


@pytest.mark.parametrize("between", [0, 2])
def test_pictures_after_a_pause_are_those_of_a_whole_decoding(between: int, tmp_path: Path) -> None:
    path = write_stream(tmp_path / "film.mp4", 20, 12, between)
    whole = {round(picture.time_s, 3): picture.image.luma() for picture in read_all(path)}
    watcher = Watcher(path)
    watcher.watch("idle")
    assert any(picture.paused for picture in watcher.pictures)
    for picture in watcher.pictures:
        np.testing.assert_array_equal(picture.image.luma(), whole[round(picture.time_s, 3)])


def test_samples_of_glances_are_those_of_a_camera_that_decodes_everything(tmp_path: Path) -> None:
    path = write_stream(tmp_path / "film.mp4", 30, 12)
    watcher = Watcher(path)
    watcher.watch("idle")
    maker = SampleMaker("yard", SamplingPolicy(full_glance_s=0), GEOMETRY, PREPROCESSING)
    samples = [
        sample
        for picture in read_all(path)
        for sample in maker.make(Frame(picture.time_s, 0, picture.image), picture.time_s)
    ]
    assert [sample.time_s for sample in watcher.samples] == pytest.approx([sample.time_s for sample in samples])
    for ours, theirs in zip(watcher.samples, samples, strict=True):
        np.testing.assert_array_equal(ours.pixels, theirs.pixels)
        assert ours.run == theirs.run


def test_a_camera_that_wakes_is_decoded_from_its_newest_key_picture_on(tmp_path: Path) -> None:
    watcher = Watcher(write_stream(tmp_path / "film.mp4", 30, 12))
    watcher.watch("idle", until_s=4.2)
    before = len(watcher.pictures)
    watcher.watch("alert", until_s=8.0)
    times = [picture.time_s for picture in watcher.pictures[before:]]
    assert times == pytest.approx(list(np.arange(times[0], 8.01, 1 / FPS)), abs=2e-3)
    assert times[0] <= 4.3
    woken = [sample.time_s for sample in watcher.samples if sample.time_s > times[0]]
    assert np.diff(woken) == pytest.approx(np.full(len(woken) - 1, 0.1))
    watcher.watch("idle", until_s=10.1)
    later = [picture for picture in watcher.pictures if picture.time_s > 8.5]
    assert [picture.time_s for picture in later] == pytest.approx([10.0, 10 + 1 / FPS, 10 + 2 / FPS], abs=2e-3)


@pytest.mark.parametrize("rests_s", [5.0, 5.4, 5.8, 6.2, 6.6])
def test_a_camera_that_fell_idle_at_any_moment_goes_on_decoding_little(rests_s: float, tmp_path: Path) -> None:
    watcher = Watcher(write_stream(tmp_path / "film.mp4", 30, 24))
    watcher.watch("idle", until_s=4.2)
    watcher.watch("alert", until_s=rests_s)
    watcher.watch("idle")
    # At a film's end all that waits is decoded.
    decoded = [picture for picture in watcher.pictures if 9 < picture.time_s < 21]
    glances = [sample for sample in watcher.samples if 9 < sample.time_s < 21]
    assert len(glances) == 6
    assert len(decoded) == 4 * len(glances)


@pytest.mark.parametrize("spacing", [15, 30, 60, 10_000])
@pytest.mark.parametrize("between", [0, 2])
def test_every_picture_comes_once_and_whole_whenever_a_camera_wakes(between: int, spacing: int, tmp_path: Path) -> None:
    """Its decoder was closed after each glance, and what the glance showed is decoded once more, unseen."""
    path = write_stream(tmp_path / "film.mp4", spacing, 12, between)
    whole = {round(picture.time_s, 3): picture.image.luma() for picture in read_all(path)}
    watcher = Watcher(path)
    for wakes_s, rests_s in ((2.3, 3.1), (4.9, 5.0), (6.2, 7.7)):
        watcher.watch("idle", until_s=wakes_s)
        watcher.watch("alert", until_s=rests_s)
    watcher.watch("idle")
    times = [round(picture.time_s, 3) for picture in watcher.pictures]
    assert times == sorted(set(times))
    for picture in watcher.pictures:
        np.testing.assert_array_equal(picture.image.luma(), whole[round(picture.time_s, 3)])


def read_on(reader: VideoReader) -> None:
    while reader.read():
        pass


def spoiling(broken: range) -> Callable[[InputContainer], Admission]:
    """Packets of these numbers are nothing but zeros."""

    def admit(_: InputContainer) -> Admission:
        numbers = itertools.count()

        def spoil(packet: av.Packet[av.VideoStream]) -> None:
            if next(numbers) in broken:
                packet.update(bytes(packet.size))

        return spoil

    return admit


def test_a_stream_of_which_nothing_can_be_decoded_any_more_is_given_up(tmp_path: Path) -> None:
    path = write_stream(tmp_path / "film.mp4", FPS, 21)
    reader = VideoReader(str(path), SourceOptions(), time.monotonic, admit=spoiling(range(5, 5 + 300)))
    read_on(reader)
    assert reader.skipped == 300
    reader.close()
    reader = VideoReader(str(path), SourceOptions(), time.monotonic, admit=spoiling(range(5, 5 + 301)))
    with pytest.raises(SourceReadError, match="301 packets in a row could not be decoded"):
        read_on(reader)
    reader.close()


def test_a_broken_packet_counts_once_though_it_is_decoded_twice(tmp_path: Path) -> None:
    """The second packet of a second is broken; the camera glances at its beginning and wakes later in it."""
    path = write_stream(tmp_path / "film.mp4", FPS, 3)

    def needed(time_s: float, *, key: bool, spare_s: float) -> bool:  # noqa: ARG001 a Need takes it
        return key or not 1.2 < time_s < 1.5

    admit = spoiling(range(FPS + 1, FPS + 2))
    reader = VideoReader(str(path), SourceOptions(), time.monotonic, needed=needed, admit=admit)
    read_on(reader)
    assert reader.skipped == 1
    reader.close()


def needs_beginnings(time_s: float, *, key: bool, spare_s: float) -> bool:  # noqa: ARG001 a Need takes it
    """The key picture and two more of each second, at 15 a second."""
    return key or time_s % 1 < 2.5 / FPS


@pytest.mark.parametrize(("between", "closes"), [(0, True), (2, False)])
def test_an_idle_cameras_decoder_is_closed_unless_pictures_are_under_way(
    between: int, closes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    create = CodecContext.create

    def count(codec: str, mode: Literal["r"]) -> CodecContext:
        opened.append(codec)
        return create(codec, mode)

    monkeypatch.setattr(decoding, "CodecContext", SimpleNamespace(create=count))
    read_all(write_stream(tmp_path / "film.mp4", FPS, 10, between), needs_beginnings)
    # Once a second, and once more by the end, which asks for what may be under way.
    assert len(opened) == (11 if closes else 0)


@dataclass
class Counting:
    """A turn that counts."""

    taken: int = 0
    missed: int = 0

    def __enter__(self) -> None:
        self.taken += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def hurry(self, *, awake: bool) -> None: ...

    def miss(self) -> None:
        self.missed += 1


@pytest.mark.parametrize(("falls_behind", "comes_back"), [(2 * FPS + 10, 4 * FPS), (4 * FPS - 10, 4 * FPS)])
def test_a_stream_that_fell_behind_goes_on_at_a_key_picture_and_not_with_what_is_old(
    falls_behind: int, comes_back: int, tmp_path: Path
) -> None:
    """Time stands while packets are read, but that 1.5 s pass at once at one of them. Key pictures come every 2 s."""
    path = write_stream(tmp_path / "film.mp4", 2 * FPS, 6)
    count, turns = 0, Counting()

    def admit(_: InputContainer) -> Admission:
        def read(_: av.Packet[av.VideoStream]) -> None:
            nonlocal count
            count += 1

        return read

    def clock() -> float:
        return max(falls_behind / FPS + 1.5, count / FPS) if count >= falls_behind else count / FPS

    reader = VideoReader(str(path), SourceOptions(turns=turns), clock, lag=Lag(), admit=admit)
    shown = []
    while picture := reader.read():
        shown.append(round(picture.time_s * FPS))
    reader.close()
    left_out = sorted(set(range(6 * FPS)) - set(shown))
    assert left_out == list(range(falls_behind - 1, comes_back))
    assert reader.skipped == turns.missed > 0
    assert turns.taken >= len(shown)


def test_a_wide_pause_is_no_break_and_no_pace(tmp_path: Path) -> None:
    watcher = Watcher(write_stream(tmp_path / "film.mp4", 30, 12))
    watcher.watch("idle")
    assert len({sample.run for sample in watcher.samples}) == 1
