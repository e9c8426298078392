"""Hardware that is not there, and stand-ins for hardware: no machine of ours has any that FFmpeg decodes by."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import av
import numpy as np
import pytest
from av.codec import CodecContext
from av.video.codeccontext import VideoCodecContext

from edge_agent.doctor import examine_decoding
from edge_agent.sources import SourceOptions, open_source
from edge_agent.sources.decoding import HARDWARE, Decoder, DecoderAbsentError, Decoding, Opener, probe_decoding
from tests.edge_agent.films import write_film

ABSENT = [kind for kind, absence in probe_decoding().items() if absence]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "a.mp4", range(0, 240, 12), codec="libx264")


def decode(film: Path, openers: Mapping[str, Opener]) -> tuple[list[tuple[float | None, np.ndarray]], str]:
    """Each frame's time and luma, and by what they were decoded."""
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        decoder = Decoder(stream, "yard", openers)
        frames = [frame for packet in container.demux(stream) for frame in decoder.decode(packet)]
        return [(frame.time, frame.to_ndarray(format="gray")) for frame in frames], decoder.description


def same(one: list[tuple[float | None, np.ndarray]], other: list[tuple[float | None, np.ndarray]]) -> bool:
    return [time_s for time_s, _ in one] == [time_s for time_s, _ in other] and all(
        np.array_equal(left, right) for (_, left), (_, right) in zip(one, other, strict=True)
    )


def open_stand_in(context: VideoCodecContext) -> VideoCodecContext:
    """A second decoder beside the stream's own, opened as hardware is."""
    other = CodecContext.create("h264", "r")
    other.extradata = context.extradata
    return other


def open_unable(_: VideoCodecContext) -> VideoCodecContext:
    """A decoder that opens and then cannot decode what it is given: it lacks the stream's parameter sets."""
    return CodecContext.create("h264", "r")


def open_absent(context: VideoCodecContext) -> VideoCodecContext:
    raise DecoderAbsentError(f"no device decodes {context.codec.canonical_name}")


@pytest.mark.parametrize("wish", [*ABSENT, "auto"])
def test_file_is_decoded_by_software_and_log_says_so_when_hardware_is_absent(
    film: Path, wish: Decoding, caplog: pytest.LogCaptureFixture
) -> None:
    if wish == "auto" and len(ABSENT) < len(HARDWARE):
        pytest.skip("this machine has hardware that decodes")
    caplog.set_level(logging.INFO)
    options = SourceOptions(realtime=False, decode=wish)
    source = open_source(str(film), options, time.monotonic)
    frames = []
    while frame := source.read(threading.Event()):
        frames.append(frame.image.luma())
    assert source.decoding.startswith("software")
    source.close()
    assert len(frames) == 20
    assert len(caplog.messages) == 1
    assert f"{film}: decoded by software ({'cuda' if wish == 'auto' else wish}: " in caplog.text


def test_nothing_is_logged_when_software_is_asked_for(film: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with av.open(str(film)) as container:
        assert Decoder(container.streams.video[0], "yard", {}).description == "software"
    assert not caplog.messages


def test_frames_and_times_are_the_same_when_a_decoder_of_its_own_decodes(film: Path) -> None:
    frames, by = decode(film, {"first": open_absent, "second": open_stand_in})
    assert by == "second"
    assert same(frames, decode(film, {})[0])


def test_no_frame_is_lost_when_hardware_cannot_decode_what_it_is_given(
    film: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    frames, by = decode(film, {"weak": open_unable})
    assert by.startswith("software (weak: ")
    assert len(caplog.messages) == 1
    assert same(frames, decode(film, {})[0])


def test_hardware_stays_in_use_when_one_packet_is_broken(film: Path) -> None:
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        decoder = Decoder(stream, "yard", {"second": open_stand_in})
        packets = list(container.demux(stream))
        for packet in packets[:10]:
            list(decoder.decode(packet))
        packets[10].update(bytes(packets[10].size))
        with pytest.raises(av.FFmpegError):
            list(decoder.decode(packets[10]))
        assert decoder.description == "second"


def test_doctor_tells_what_decodes_here() -> None:
    finding = examine_decoding()
    assert finding.outcome == "ok"
    assert finding.detail.startswith("software")
    assert all(kind in finding.detail for kind in HARDWARE)
