"""A relay between one RTSP client and its server that does to what the server sends what a bad network does."""

from __future__ import annotations

import re
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import numpy as np

Fault = Callable[[bytes], list[bytes]]
"""What arrives, and in which order, when a datagram was sent, or so many bytes of a TCP connection."""

_HEADER_BYTES = 12
_LOOPBACK = "127.0.0.1"
_REQUEST = re.compile(rb"^([A-Z_]+) rtsp://", re.MULTILINE)
_PORTS = re.compile(rb"client_port=(\d+)-(\d+)")


def no_fault(datagram: bytes) -> list[bytes]:
    return [datagram]


class LostAndSwapped:
    """Loses a share of the datagrams, and delivers another share after the one that follows."""

    def __init__(self, random: np.random.Generator, *, lost: float, swapped: float) -> None:
        self._random = random
        self._lost = lost
        self._swapped = swapped
        self._held: list[bytes] = []
        self.lost = 0
        self.swapped = 0

    def __call__(self, datagram: bytes) -> list[bytes]:
        chance = self._random.random()
        if chance < self._lost:
            self.lost += 1
            return []
        if not self._held and chance < self._lost + self._swapped:
            self.swapped += 1
            self._held = [datagram]
            return []
        arrived, self._held = [datagram, *self._held], []
        return arrived


class Stretched:
    """Makes the stream's clock run ``factor`` times as fast as it comes."""

    def __init__(self, factor: float) -> None:
        self._factor = factor
        self._first: int | None = None

    def __call__(self, datagram: bytes) -> list[bytes]:
        ticks = _ticks(datagram)
        self._first = ticks if self._first is None else self._first
        passed = (ticks - self._first) % 2**32
        return [_at(self._first + round(passed * self._factor), datagram)]


class Jumped:
    """Makes the stream's clock be ``seconds`` ahead of what it was."""

    def __init__(self, seconds: float) -> None:
        self._ticks = round(90_000 * seconds)

    def __call__(self, datagram: bytes) -> list[bytes]:
        return [_at(_ticks(datagram) + self._ticks, datagram)]


class Garbled:
    """Makes another byte of a share of all, and so loses the borders of what is interleaved in a TCP connection."""

    def __init__(self, random: np.random.Generator, share: float) -> None:
        self._random = random
        self._share = share
        self.garbled = 0

    def __call__(self, sent: bytes) -> list[bytes]:
        arrived = np.frombuffer(sent, np.uint8).copy()
        hit = self._random.random(arrived.size) < self._share
        arrived[hit] ^= self._random.integers(1, 256, int(hit.sum()), dtype=np.uint8)
        self.garbled += int(hit.sum())
        return [arrived.tobytes()]


class Relay:
    """Stands for the server at ``port``. ``fault`` befalls its RTP over UDP, ``tcp_fault`` what it sends over TCP, a
    ``ConnectionError`` of which ends the connection; both may be set at any time. ``asked`` are the methods of all
    requests so far."""

    def __init__(self, server_port: int, listener: socket.socket) -> None:
        self.port: int = listener.getsockname()[1]
        self.fault: Fault = no_fault
        self.tcp_fault: Fault = no_fault
        self.asked: list[str] = []
        self._server_port = server_port
        self._listener = listener
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(5)

    def _run(self) -> None:
        serving: list[threading.Thread] = []
        while not self._stopped.is_set():
            if select.select([self._listener], [], [], 0.1)[0]:
                client, _ = self._listener.accept()
                serving.append(threading.Thread(target=self._serve_to_the_end, args=(client,), daemon=True))
                serving[-1].start()
        for thread in serving:
            thread.join(5)

    def _serve_to_the_end(self, client: socket.socket) -> None:
        # A client may go in mid-stream.
        with client, suppress(ConnectionError):
            self._serve(client)

    def _serve(self, client: socket.socket) -> None:
        with ExitStack() as stack:
            server = stack.enter_context(socket.create_connection((_LOOPBACK, self._server_port)))
            rtp, rtcp = (stack.enter_context(_udp_socket()) for _ in range(2))
            ours = b"client_port=%d-%d" % (rtp.getsockname()[1], rtcp.getsockname()[1])
            theirs = (0, 0)
            while not self._stopped.is_set():
                for ready in select.select([client, server, rtp, rtcp], [], [], 0.1)[0]:
                    data = ready.recv(65536)
                    if ready is rtp:
                        for datagram in self.fault(data):
                            rtp.sendto(datagram, (_LOOPBACK, theirs[0]))
                    elif ready is rtcp:
                        rtcp.sendto(data, (_LOOPBACK, theirs[1]))
                    elif not data:
                        return
                    elif ready is server:
                        client.sendall(b"".join(self.tcp_fault(data)))
                    else:
                        if asked := _PORTS.search(data):
                            theirs = (int(asked[1]), int(asked[2]))
                        self.asked += [method.decode() for method in _REQUEST.findall(data)]
                        server.sendall(_PORTS.sub(ours, data))


@contextmanager
def relay(server_port: int) -> Iterator[Relay]:
    with socket.create_server((_LOOPBACK, 0)) as listener:
        relayed = Relay(server_port, listener)
        relayed.start()
        try:
            yield relayed
        finally:
            relayed.stop()


def _ticks(datagram: bytes) -> int:
    """When an RTP packet is, by its stream's clock."""
    return int.from_bytes(datagram[4:8], "big")


def _at(ticks: int, datagram: bytes) -> bytes:
    """An RTP packet at another time."""
    return datagram[:4] + (ticks % 2**32).to_bytes(4, "big") + datagram[8:]


def _udp_socket() -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.bind((_LOOPBACK, 0))
    return bound
