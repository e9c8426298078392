"""A display that remembers what it was told, lane by lane."""

from __future__ import annotations


class RememberedLane:
    """What one lane was told, in order."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, bool]] = []
        self.steps: list[tuple[int, int, str]] = []
        self.warnings: list[str] = []

    def stage(self, name: str, done: bool) -> None:
        self.stages.append((name, done))

    def progress(self, done: int, total: int, word: str) -> None:
        self.steps.append((done, total, word))

    def warn(self, message: str) -> None:
        self.warnings.append(message)


class Remembered(RememberedLane):
    """A display with lanes; ``opened`` keeps each lane that ever was, ``open`` those that were not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: dict[str, list[RememberedLane]] = {}
        self.open: set[str] = set()

    def open_lane(self, key: str, label: str) -> None:  # noqa: ARG002 - the protocol's name
        assert key not in self.open
        self.open.add(key)
        self.opened.setdefault(key, []).append(RememberedLane())

    def lane(self, key: str) -> RememberedLane:
        assert key in self.open
        return self.opened[key][-1]

    def close_lane(self, key: str) -> None:
        self.open.remove(key)
