"""Loopback ports for servers that tests start.

A port from the range that the system deals out to clients may be a client's by the time its server starts, or that of
another test process. These are from below that range, each process begins elsewhere in them, and none comes twice.
"""

from __future__ import annotations

import itertools
import os
import socket

_FIRST, _COUNT = 20_000, 12_000
_APART = 1009
_numbers = itertools.count(os.getpid() * _APART)


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens."""
    for number in itertools.islice(_numbers, _COUNT):
        port = _FIRST + number % _COUNT
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError(f"no port from {_FIRST} to {_FIRST + _COUNT - 1} is free")
