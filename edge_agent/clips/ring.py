"""The newest encoded pictures of a camera, so that a clip can begin before anybody knew that it would."""

from __future__ import annotations

from collections import deque

from edge_agent.clips.picture import EncodedPicture


class PictureRing:
    """Pictures in decoding order, the first always a key picture.

    It holds the last ``span_s`` seconds and what is needed to decode them, back to a key picture, and never more than
    ``most_bytes``: beyond that the oldest key picture goes with all that is built upon it. When there is but one, all
    goes, and the ring is empty until the next key picture.
    """

    def __init__(self, span_s: float, most_bytes: int) -> None:
        self._span_s = span_s
        self._most_bytes = most_bytes
        self._groups: deque[list[EncodedPicture]] = deque()
        self._bytes = 0

    def append(self, picture: EncodedPicture) -> None:
        """Take the next picture; one that is built on pictures which are not here is left out."""
        if picture.is_key:
            self._groups.append([])
        if not self._groups:
            return
        self._groups[-1].append(picture)
        self._bytes += picture.size
        while len(self._groups) > 1 and self._groups[1][0].time_s <= picture.time_s - self._span_s:
            self._drop_oldest()
        while self._bytes > self._most_bytes:
            self._drop_oldest()

    def since(self, time_s: float) -> list[EncodedPicture]:
        """All from the newest key picture at or before ``time_s`` on; all there is where none is that old."""
        groups = list(self._groups)
        first = max((index for index, group in enumerate(groups) if group[0].time_s <= time_s), default=0)
        return [picture for group in groups[first:] for picture in group]

    def clear(self) -> None:
        self._groups.clear()
        self._bytes = 0

    def _drop_oldest(self) -> None:
        self._bytes -= sum(picture.size for picture in self._groups.popleft())
