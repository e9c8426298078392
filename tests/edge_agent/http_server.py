"""A real HTTP server for tests: motion JPEG by the clock, live HLS, and whatever else a path is made to answer."""

from __future__ import annotations

import base64
import hashlib
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import parse_http_list, parse_keqv_list

import av
import cv2

from tests.edge_agent.delivery.mosquitto import PrivateCA
from tests.edge_agent.films import picture

Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def http_server(
    answer: Answer, *, user: str = "", password: str = "", digest: bool = False, identity: PrivateCA | None = None
) -> Iterator[int]:
    """Serve ``answer`` on a free port of 127.0.0.1, to those who know the password if there is one, and inside TLS to
    those who speak it if there is an identity."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def do_GET(self) -> None:
            if user and not _knows(self, user, password, digest=digest):
                self.send_response(401)
                kind = 'Digest realm="camera", nonce="7", qop="auth", algorithm=MD5' if digest else "Basic"
                self.send_header("WWW-Authenticate", kind if digest else 'Basic realm="camera"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            try:
                answer(self)
            except OSError:
                return  # whoever watched has gone

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        if identity:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(identity.server_certificate, identity.server_key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(5)


def motion_jpeg(fps: float, *, length: bool = True, count: int = 10_000, stall_s: float = 0.0) -> Answer:
    """``count`` pictures at ``fps`` a second, and then silence for ``stall_s``; ``length`` gives each its size."""
    jpegs = [cv2.imencode(".jpg", picture(level))[1].tobytes() for level in range(0, 250, 10)]

    def answer(request: BaseHTTPRequestHandler) -> None:
        send_head(request, "multipart/x-mixed-replace; boundary=frame")
        began_s = time.monotonic()
        for index in range(count):
            jpeg = jpegs[index % len(jpegs)]
            size = f"Content-Length: {len(jpeg)}\r\n" if length else ""
            request.wfile.write(f"--frame\r\nContent-Type: image/jpeg\r\n{size}\r\n".encode() + jpeg + b"\r\n")
            time.sleep(max(0.0, began_s + (index + 1) / fps - time.monotonic()))
        time.sleep(stall_s)

    return answer


def send_head(request: BaseHTTPRequestHandler, kind: str, size: int | None = None) -> None:
    request.send_response(200)
    request.send_header("Content-Type", kind)
    if size is not None:
        request.send_header("Content-Length", str(size))
    request.end_headers()


class LiveHls:
    """An HLS camera: a segment that was finished is there, and the playlist names the last few of them."""

    def __init__(self, folder: Path, *, fps: int, segment_s: float, seconds: float, finished: int = 3) -> None:
        """``finished`` segments are there at the start, which is when the first playlist is asked for."""
        self.asked: list[str] = []
        self._segment_s = segment_s
        self._finished = finished
        self._began_s: float | None = None
        count, size = round(seconds / segment_s), round(fps * segment_s)
        # Broadcasts start anywhere: a stream's clock is no count from zero.
        self._segments = [
            _write_segment(
                folder / f"{index}.ts", range(index * size, (index + 1) * size), fps, 5.0 + index * segment_s
            )
            for index in range(count)
        ]

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append(request.path)
        name = request.path.rpartition("/")[2]
        if name == "many.m3u8":
            variants = "".join(
                f"#EXT-X-STREAM-INF:BANDWIDTH={rate}000,RESOLUTION=128x96\n{kind}/live.m3u8\n"
                for kind, rate in (("low", 200), ("high", 900))
            )
            body, kind = f"#EXTM3U\n{variants}".encode(), "application/vnd.apple.mpegurl"
        elif name.endswith(".m3u8"):
            body, kind = self._playlist().encode(), "application/vnd.apple.mpegurl"
        else:
            body, kind = self._segments[int(name.removesuffix(".ts"))].read_bytes(), "video/mp2t"
        send_head(request, kind, len(body))
        request.wfile.write(body)

    def _playlist(self) -> str:
        now_s = time.monotonic()
        if self._began_s is None:
            self._began_s = now_s
        there = min(len(self._segments), self._finished + int((now_s - self._began_s) / self._segment_s))
        first = max(0, there - 3)
        named = "".join(f"#EXTINF:{self._segment_s:.3f},\n{index}.ts\n" for index in range(first, there))
        target = max(1, round(self._segment_s))
        return f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-MEDIA-SEQUENCE:{first}\n{named}"


def write_stream(path: Path, times_s: Sequence[float], *, format_: str | None = None, codec: str = "mpeg4") -> Path:
    """A film whose pictures have these times of their own, in order."""
    with av.open(str(path), "w", format=format_) as container:
        stream = container.add_stream(codec, rate=20)
        stream.height, stream.width, stream.pix_fmt = 96, 128, "yuv420p"
        packets = []
        for index in range(len(times_s)):
            frame = av.VideoFrame.from_ndarray(picture(index * 10 % 250), format="bgr24")
            frame.pts = index
            packets += stream.encode(frame)
        packets += stream.encode(None)
        for packet, time_s in zip(packets, times_s, strict=True):
            packet.pts = packet.dts = round(time_s / packet.time_base)
            container.mux(packet)
    return path


def _write_segment(path: Path, indices: range, fps: int, start_s: float) -> Path:
    return write_stream(path, [start_s + (index - indices[0]) / fps for index in indices], format_="mpegts")


def _knows(request: BaseHTTPRequestHandler, user: str, password: str, *, digest: bool) -> bool:
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    if not digest:
        return kind == "Basic" and base64.b64decode(given).decode() == f"{user}:{password}"
    if kind != "Digest":
        return False
    fields = parse_keqv_list(parse_http_list(given))
    secret, asked = _md5(f"{user}:camera:{password}"), _md5(f"GET:{fields['uri']}")
    proof = ":".join((secret, fields["nonce"], fields["nc"], fields["cnonce"], fields["qop"], asked))
    return fields["username"] == user and fields["response"] == _md5(proof)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
