"""What is in force for each camera: replaced from any thread, and read by others at their next decision."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import Generic, TypeVar

_Page = TypeVar("_Page")


class Book(Generic[_Page]):
    """A page for each camera by its id, to be read and replaced from any thread: pages are immutable and the book is
    exchanged whole, so that nobody reads half of a change."""

    def __init__(self, pages: Mapping[str, _Page]) -> None:
        self._changing = threading.Lock()
        self._pages: Mapping[str, _Page] = MappingProxyType(dict(pages))

    @property
    def pages(self) -> Mapping[str, _Page]:
        """All of it as it is now; a later ``apply`` does not change what was read."""
        return self._pages

    def of(self, camera: str) -> _Page:
        """The page in force at a camera; raises ``KeyError`` for one that is not in the book."""
        return self._pages[camera]

    def apply(self, pages: Mapping[str, _Page]) -> None:
        """Put pages in force from each camera's next decision on. Cameras left out keep theirs, and ones that the
        book does not know are passed over: nobody watches them."""
        with self._changing:
            before = self._pages
            self._pages = MappingProxyType({camera: pages.get(camera, mine) for camera, mine in before.items()})
