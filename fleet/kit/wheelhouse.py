"""A folder of wheels, and which of them a device gets: what our package needs there, and what that needs in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from fleet.kit.errors import KitError
from fleet.kit.target import Target
from fleet.kit.wheel import Wheel

OWN = "nexaravision"


class MissingWheelsError(KitError):
    """Wheels that are needed are not in the folder."""

    def __init__(self, folder: Path, target: Target, missing: Sequence[Requirement]) -> None:
        self.missing = tuple(missing)
        names = ", ".join(str(one) for one in missing)
        super().__init__(
            f"{folder}: no wheel for Python {target.python} on {target.architecture} of {names}; put them there, or"
            " leave out --wheels where this machine has a package index"
        )


class Wheelhouse:
    """The wheels in ``folder`` that run on ``target``."""

    def __init__(self, folder: Path, target: Target) -> None:
        """Raises ``KitError`` when there is no such folder, or a file in it is no wheel."""
        if not folder.is_dir():
            raise KitError(f"{folder}: no such folder; give one of wheels")
        self._folder = folder
        self._target = target
        ranks = {tag: rank for rank, tag in enumerate(target.tags)}
        ranked: dict[str, list[tuple[Wheel, int]]] = {}
        for path in sorted(folder.glob("*.whl")):
            wheel = Wheel.at(path)
            fit = min((ranks[tag] for tag in wheel.tags if tag in ranks), default=None)
            if fit is not None:
                ranked.setdefault(wheel.name, []).append((wheel, fit))
        # The newest first, and of one version what was made for most of this machine.
        self._wheels = {
            name: [wheel for wheel, _ in sorted(found, key=lambda one: (one[0].version, -one[1]), reverse=True)]
            for name, found in ranked.items()
        }

    def choose(self, extras: Sequence[str]) -> list[Wheel]:
        """Our wheel with these extras and all that it takes, by name. Raises ``MissingWheelsError``."""
        chosen: dict[str, Wheel] = {}
        wanted: dict[str, tuple[SpecifierSet, frozenset[str]]] = {}
        missing: dict[str, Requirement] = {}
        waiting = [Requirement(f"{OWN}[{','.join(extras)}]")]
        while waiting:
            requirement = waiting.pop()
            name = canonicalize_name(requirement.name)
            before = wanted.get(name, (SpecifierSet(), frozenset()))
            wanted[name] = (before[0] & requirement.specifier, before[1] | requirement.extras)
            if name in chosen and wanted[name] == before:
                continue
            wheel = self._find(name, wanted[name][0])
            if wheel is None:
                missing[name] = requirement
                continue
            chosen[name] = wheel
            waiting += self.needs(wheel, wanted[name][1])
        if missing:
            raise MissingWheelsError(self._folder, self._target, list(missing.values()))
        return [chosen[name] for name in sorted(chosen)]

    def needs(self, wheel: Wheel, extras: frozenset[str]) -> list[Requirement]:
        """What a wheel with some extras needs on the target, conditions met and taken off."""
        environments: list[Mapping[str, str]] = [self._target.environment(extra) for extra in ["", *sorted(extras)]]
        needed = []
        for requirement in wheel.requirements():
            if requirement.marker is None or any(requirement.marker.evaluate(dict(one)) for one in environments):
                requirement.marker = None
                needed.append(requirement)
        return needed

    def _find(self, name: str, versions: SpecifierSet) -> Wheel | None:
        candidates = self._wheels.get(name, [])
        return next((one for one in candidates if versions.contains(one.version, prereleases=True)), None)
