"""What a caller sends, and how much of it is read."""

from __future__ import annotations

import io
from typing import Any


class BoundedStream(io.RawIOBase):
    """``stream`` up to ``most`` bytes: reading further raises ``ConnectionAbortedError``, as if the caller had gone."""

    def __init__(self, stream: Any, most: int) -> None:  # noqa: ANN401 a socket's own, which has no public type
        super().__init__()
        self._stream = stream
        self._left = most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 as io has it
        count: int | None = self._stream.readinto(buffer)
        self._left -= count or 0
        if self._left < 0:
            raise ConnectionAbortedError("more was sent than is read")
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()
