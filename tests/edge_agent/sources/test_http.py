"""Streams over HTTP, each from a real server."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import av
import av.stream
import numpy as np
import pytest

from edge_agent.frame import Frame
from edge_agent.sources import Source, SourceOptions, open_source
from edge_agent.sources.source import SourceOpenError, SourceReadError
from tests.edge_agent.delivery.mosquitto import make_private_ca
from tests.edge_agent.http_server import Answer, LiveHls, http_server, motion_jpeg, send_head, write_stream
from tests.edge_agent.sources.test_live import SHORT, mute_server, read_on
from tests.ports import free_port


def read(source: Source, count: int) -> list[Frame]:
    frames = [source.read(threading.Event()) for _ in range(count)]
    assert all(frames)
    return [frame for frame in frames if frame]


def then_rubbish(head: bytes, kind: str) -> Answer:
    """Something, and after it rubbish for as long as anybody listens."""
    rubbish = np.random.default_rng(1).integers(0, 256, 188 * 100, dtype=np.uint8).tobytes()

    def answer(request: BaseHTTPRequestHandler) -> None:
        send_head(request, kind)
        request.wfile.write(head)
        while True:
            request.wfile.write(rubbish)
            time.sleep(0.01)

    return answer


@pytest.mark.parametrize("length", [True, False], ids=["sizes-told", "sizes-found"])
@pytest.mark.parametrize("fps", [8, 12])
def test_motion_jpeg_has_the_times_of_its_arrival_when_it_carries_none(fps: int, length: bool) -> None:
    with http_server(motion_jpeg(fps, length=length)) as port:
        source = open_source(f"http://127.0.0.1:{port}/video.cgi", SourceOptions(), time.monotonic)
        times = [frame.time_s for frame in read(source, 15)]
        source.close()
    # The first few were read before the stream was known for what it is; FFmpeg would count 25 a second.
    steps = np.diff(times[3:])
    assert times[-1] - times[3] == pytest.approx(11 / fps, abs=0.2)
    assert np.median(steps) == pytest.approx(1 / fps, abs=0.02)


def test_motion_jpeg_gives_its_pictures_when_read() -> None:
    with http_server(motion_jpeg(50)) as port:
        source = open_source(f"http://127.0.0.1:{port}/", SourceOptions(), time.monotonic)
        lumas = [frame.image.luma() for frame in read(source, 5)]
        source.close()
    assert {luma.shape for luma in lumas} == {(96, 128)}
    assert [int(luma[50, 100]) for luma in lumas] == pytest.approx([0, 10, 20, 30, 40], abs=3)


def test_http_fails_within_its_timeout_when_server_never_answers() -> None:
    with mute_server() as port, pytest.raises(SourceOpenError, match="no answer within 1 s") as raised:
        open_source(f"http://admin:s3cret@127.0.0.1:{port}/a", SHORT, time.monotonic)
    assert "s3cret" not in f"{raised.value} {raised.value.__cause__}"


def test_http_fails_with_reason_when_nobody_listens() -> None:
    with pytest.raises(SourceOpenError, match=r"http://\*\*\*@127.*cannot be opened: Connection refused"):
        open_source(f"http://admin:s3cret@127.0.0.1:{free_port()}/a", SHORT, time.monotonic)


def test_http_fails_within_its_timeout_when_stream_stalls() -> None:
    with http_server(motion_jpeg(50, count=20, stall_s=60)) as port:
        source = open_source(f"http://admin:s3cret@127.0.0.1:{port}/a", SHORT, time.monotonic)
        with pytest.raises(SourceReadError, match=r"http://\*\*\*@.*stopped: no answer within 1 s") as raised:
            read_on(source)
        source.close()
    assert "s3cret" not in f"{raised.value} {raised.value.__cause__}"


@pytest.mark.parametrize("kind", ["video/mp2t", "video/mp4", "multipart/x-mixed-replace; boundary=x", "text/html"])
def test_http_fails_with_reason_when_rubbish_comes_and_never_ends(kind: str) -> None:
    with http_server(then_rubbish(b"", kind)) as port, pytest.raises(SourceOpenError, match="cannot be opened"):
        open_source(f"http://127.0.0.1:{port}/a", SHORT, time.monotonic)


def test_http_gives_up_a_stream_that_turned_into_rubbish_which_never_ends(tmp_path: Path) -> None:
    film = write_stream(tmp_path / "film", [index / 20 for index in range(20)], format_="mpegts")
    with http_server(then_rubbish(film.read_bytes(), "video/mp2t")) as port:
        source = open_source(f"http://127.0.0.1:{port}/a", SHORT, time.monotonic)
        read(source, 15)
        with pytest.raises(SourceReadError, match="within 1 s"):
            read_on(source)
        source.close()


def test_http_fails_when_stream_ends() -> None:
    with http_server(motion_jpeg(50, count=5)) as port:
        source = open_source(f"http://127.0.0.1:{port}/a", SHORT, time.monotonic)
        with pytest.raises(SourceReadError, match="stopped: Input/output error"):
            read_on(source)
        source.close()


@pytest.mark.parametrize("digest", [False, True], ids=["basic", "digest"])
def test_http_signs_in_when_password_is_right(
    digest: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    live = LiveHls(tmp_path, fps=20, segment_s=0.5, seconds=3)
    with http_server(live, user="bob", password="s3/c:r@t", digest=digest) as port:
        source = open_source(f"http://bob:s3%2Fc%3Ar%40t@127.0.0.1:{port}/live.m3u8", SourceOptions(), time.monotonic)
        read(source, 15)
        source.close()
    assert len([path for path in live.asked if path.endswith(".ts")]) >= 2
    told = "".join(capfd.readouterr()) + caplog.text
    assert "s3" not in told
    assert "bob" not in told


@pytest.mark.parametrize("name", ["video", "live.m3u8"])
def test_https_gives_frames_when_the_camera_signed_its_own_certificate(tmp_path: Path, name: str) -> None:
    answer = motion_jpeg(30) if name == "video" else LiveHls(tmp_path, fps=20, segment_s=0.5, seconds=3)
    with http_server(answer, user="bob", password="s3cret", identity=make_private_ca(tmp_path)) as port:
        source = open_source(f"https://bob:s3cret@127.0.0.1:{port}/{name}", SourceOptions(), time.monotonic)
        assert {frame.image.size for frame in read(source, 12)} == {(96, 128)}
        source.close()


def test_http_says_why_when_password_is_wrong(capfd: pytest.CaptureFixture[str]) -> None:
    with (
        http_server(motion_jpeg(10), user="bob", password="s3cret") as port,
        pytest.raises(SourceOpenError, match="401 Unauthorized") as raised,
    ):
        open_source(f"http://bob:wr0ng@127.0.0.1:{port}/a", SHORT, time.monotonic)
    assert "wr0ng" not in str(raised.value) + "".join(capfd.readouterr())


def test_hls_keeps_its_own_times_and_comes_evenly_when_its_segments_come_at_once(tmp_path: Path) -> None:
    live = LiveHls(tmp_path, fps=20, segment_s=1, seconds=8, finished=4)
    with http_server(live) as port:
        source = open_source(f"http://127.0.0.1:{port}/live.m3u8", SourceOptions(), time.monotonic)
        began_s = time.monotonic()
        frames = read(source, 50)
        took_s = time.monotonic() - began_s
        source.close()
    assert np.diff([frame.time_s for frame in frames]) == pytest.approx(np.full(49, 0.05), abs=1e-3)
    # 2.45 s of video, at most a tenth faster than it was taken, though most of it was there at once.
    assert took_s > 2.1
    assert "/3.ts" in live.asked
    assert "/2.ts" not in live.asked


@pytest.mark.skipif(not hasattr(av.stream, "Discard"), reason="PyAV 17 cannot leave a stream out")
def test_hls_is_fetched_in_one_quality_when_there_are_more(tmp_path: Path) -> None:
    live = LiveHls(tmp_path, fps=20, segment_s=0.5, seconds=4)
    with http_server(live) as port:
        source = open_source(f"http://127.0.0.1:{port}/many.m3u8", SourceOptions(), time.monotonic)
        read(source, 35)
        source.close()
    fetched = [path for path in live.asked if path.endswith(".ts")]
    assert len([path for path in fetched if "/low/" in path]) >= 3
    # One of the other quality is read to learn what it is.
    assert len([path for path in fetched if "/high/" in path]) <= 1


def test_hls_opens_no_file_of_this_machine_when_a_playlist_names_one(tmp_path: Path) -> None:
    secret = write_stream(tmp_path / "secret.ts", [0.0, 0.05, 0.1], format_="mpegts")
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.15,\nfile://{secret}\n#EXT-X-ENDLIST\n".encode()

    def answer(request: BaseHTTPRequestHandler) -> None:
        send_head(request, "application/vnd.apple.mpegurl", len(playlist))
        request.wfile.write(playlist)

    with http_server(answer) as port, pytest.raises(SourceOpenError):
        open_source(f"http://127.0.0.1:{port}/live.m3u8", SHORT, time.monotonic)


@pytest.mark.parametrize(("format_", "kind"), [("mpegts", "video/mp2t"), ("mp4", "video/mp4")])
def test_bare_stream_keeps_its_own_times_when_it_comes_at_once(tmp_path: Path, format_: str, kind: str) -> None:
    film = write_stream(tmp_path / "film", [index / 20 for index in range(20)], format_=format_)

    def answer(request: BaseHTTPRequestHandler) -> None:
        send_head(request, kind, film.stat().st_size)
        request.wfile.write(film.read_bytes())

    with http_server(answer) as port:
        source = open_source(f"http://127.0.0.1:{port}/stream", SHORT, time.monotonic)
        began_s = time.monotonic()
        frames = read(source, 18)
        took_s = time.monotonic() - began_s
        with pytest.raises(SourceReadError, match="ended its stream"):
            read_on(source)
        source.close()
    assert np.diff([frame.time_s for frame in frames]) == pytest.approx(np.full(17, 0.05), abs=1e-3)
    assert took_s > 0.7
