"""What a bundle is made of and with, as a CycloneDX 1.6 document.

It names files, parent models, data sets, and the packages that trained and compiled them.
Format: https://cyclonedx.org/docs/1.6/json (OWASP; ECMA-424).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib import metadata
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License, LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from models.manifest import Manifest

BILL = "bom.json"
DISTRIBUTION = "nexaravision"

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_LONGEST = 60
_UNKNOWN = "UNKNOWN"
_CLASSIFIER = "License :: OSI Approved :: "


class Package(NamedTuple):
    """An installed distribution; ``licence`` as its own metadata names it, or an empty string."""

    name: str
    version: str
    licence: str


def installed_packages() -> tuple[Package, ...]:
    """This project and what it asks for to build with, as far as it is installed, by name."""
    asked = [text for text in metadata.requires(DISTRIBUTION) or () if _for_building(text)]
    names = dict.fromkeys([DISTRIBUTION, *(name[0] for text in asked if (name := _NAME.match(text)))])
    return tuple(sorted(package for name in names for package in _installed(name)))


def bill_of_materials(manifest: Manifest, packages: Sequence[Package]) -> bytes:
    """The document, the same bytes for the same bundle and ``packages``."""
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, f"{manifest.fingerprint()} {manifest.created}"))
    bom.metadata.timestamp = datetime.fromisoformat(manifest.created)
    bom.metadata.component = Component(
        type=ComponentType.MACHINE_LEARNING_MODEL, name=manifest.name, version=manifest.version, bom_ref="bundle"
    )
    parts = [*_files(manifest), *_parents(manifest), *_data_sets(manifest), *map(_library, packages)]
    for part in parts:
        bom.components.add(part)
    bom.register_dependency(bom.metadata.component, parts)
    return JsonV1Dot6(bom).output_as_string(indent=2).encode() + b"\n"


def listed_packages(document: bytes) -> tuple[Package, ...]:
    """The packages that a bundle's own bill names, sorted: what is made of that bundle was trained with the same."""
    bom = Bom.from_json(json.loads(document))  # type: ignore[attr-defined] # the package's decorator adds it
    return tuple(
        sorted(
            Package(part.name, part.version or "", next(map(_licence_name, part.licenses), ""))
            for part in bom.components
            if part.type is ComponentType.LIBRARY
        )
    )


def _licence_name(licence: License) -> str:
    if isinstance(licence, LicenseExpression):
        return licence.value
    return licence.id or licence.name or ""


def _files(manifest: Manifest) -> Iterator[Component]:
    for one in manifest.artifacts:
        yield Component(
            type=ComponentType.FILE,
            name=one.file,
            hashes=[_sha256(one.sha256)],
            properties=[
                Property(name="nexara:target", value=one.target),
                Property(name="nexara:stage", value=one.stage),
                Property(name="nexara:precision", value=one.precision),
            ],
            bom_ref=one.file,
        )


def _parents(manifest: Manifest) -> Iterator[Component]:
    for parent in manifest.lineage.parents:
        yield Component(
            type=ComponentType.MACHINE_LEARNING_MODEL,
            name=parent.name,
            licenses=[LicenseFactory().make_from_string(parent.licence)],
            hashes=[_sha256(parent.sha256)],
            properties=[Property(name="nexara:origin", value=parent.origin)],
            bom_ref=f"parent:{parent.name}:{parent.sha256[:12]}",
        )


def _data_sets(manifest: Manifest) -> Iterator[Component]:
    for number, one in enumerate(manifest.lineage.datasets):
        yield Component(
            type=ComponentType.DATA,
            name=one.name,
            licenses=[LicenseFactory().make_from_string(one.licence)],
            properties=[
                # Of the list of clips with their hashes, which is no file that could be hashed.
                Property(name="nexara:fingerprint", value=one.fingerprint),
                Property(name="nexara:clips", value=str(one.clips)),
            ],
            bom_ref=f"data:{number}:{one.name}",
        )


def _library(package: Package) -> Component:
    return Component(
        type=ComponentType.LIBRARY,
        name=package.name,
        version=package.version,
        purl=PackageURL("pypi", None, package.name.lower(), package.version),
        licenses=[LicenseFactory().make_from_string(package.licence)] if package.licence else [],
        bom_ref=f"package:{package.name}",
    )


def _sha256(digest: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=digest)


def _for_building(requirement: str) -> bool:
    return "extra ==" not in requirement or re.search(r"extra == ['\"]builder['\"]", requirement) is not None


def _installed(name: str) -> Iterator[Package]:
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return
    yield Package(found.metadata["Name"], found.version, _licence(found))


def _licence(found: metadata.Distribution) -> str:
    own = found.metadata.get_all("License-Expression") or []
    classified = [
        one.removeprefix(_CLASSIFIER)
        for one in found.metadata.get_all("Classifier") or []
        if one.startswith(_CLASSIFIER)
    ]
    # Some distributions put the whole text where its name belongs.
    plain = [text for text in found.metadata.get_all("License") or [] if len(text) <= _LONGEST and "\n" not in text]
    return next((text for text in (*own, *plain, *classified) if text != _UNKNOWN), "")
