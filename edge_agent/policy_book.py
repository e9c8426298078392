"""The policies in force: what a reload replaces and each camera's watch reads at its next judgement."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import MappingProxyType

from edge_agent.camera_policies import CameraPolicies


class PolicyBook:
    """Each camera's policies by its id, to be read and replaced from any thread: pages are immutable and the book is
    exchanged whole, so that nobody reads half of a change."""

    def __init__(self, policies: Mapping[str, CameraPolicies]) -> None:
        self._changing = threading.Lock()
        self._policies: Mapping[str, CameraPolicies] = MappingProxyType(dict(policies))

    @property
    def pages(self) -> Mapping[str, CameraPolicies]:
        """All of it as it is now; a later ``apply`` does not change what was read."""
        return self._policies

    def of(self, camera: str) -> CameraPolicies:
        """The policies in force at a camera; raises ``KeyError`` for one that is not in the book."""
        return self._policies[camera]

    def apply(self, policies: Mapping[str, CameraPolicies]) -> None:
        """Put policies in force from each camera's next judgement on. Cameras left out keep theirs, and ones that the
        book does not know are passed over: nobody watches them."""
        with self._changing:
            before = self._policies
            self._policies = MappingProxyType({camera: policies.get(camera, mine) for camera, mine in before.items()})
