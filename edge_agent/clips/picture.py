"""One encoded picture of a camera, free of the stream and the library that it came from."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class EncodedPicture:
    """``time_s`` is when it is shown, on the camera's recording clock; ``pts``, ``dts`` and ``duration`` are that clock
    in the stream's time base, of which ``dts`` orders decoding. ``is_key``: it can be decoded without any before it."""

    data: bytes = field(repr=False)
    time_s: float
    pts: int
    dts: int
    duration: int
    is_key: bool

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.data)
