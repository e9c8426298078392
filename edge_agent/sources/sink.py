"""Where a stream's packets also go, as they come and before any is decoded: the seam to what records them."""

from __future__ import annotations

from typing import Protocol

import av


class PacketFeed(Protocol):
    """Takes the packets of one opened stream, in order, from the thread that reads it. No call waits or raises."""

    def take(self, packet: av.Packet[av.VideoStream]) -> None:
        """Take the next packet; it is the caller's again when this returns."""
        ...

    def place(self, origin_s: float) -> None:
        """Say that the stream's own time ``origin_s`` is 0 on its source's clock, that of ``Frame.time_s``."""
        ...


class PacketSink(Protocol):
    """Takes a source's streams, one after another."""

    def open(self, stream: av.VideoStream) -> PacketFeed | None:
        """A stream was opened, and any before it counts no more. ``None``: its packets are of no use. Never raises."""
        ...
