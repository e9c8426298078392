from __future__ import annotations

import json
from importlib import metadata

import msgspec
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from builder.release.bill_of_materials import Package, bill_of_materials, installed_packages, listed_packages
from models.bundle import Bundle

PACKAGES = (Package("numpy", "2.4.0", "BSD-3-Clause"), Package("odd", "1", ""), Package("worded", "2", "MIT License"))


def test_the_document_is_valid_and_names_all_that_the_bundle_is_made_of(tiny: Bundle) -> None:
    content = bill_of_materials(tiny.manifest, PACKAGES)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(content.decode()) is None
    document = json.loads(content)
    assert document["metadata"]["component"]["name"] == "tiny"
    assert document["metadata"]["component"]["type"] == "machine-learning-model"
    parts = {part["name"]: part for part in document["components"]}
    for artifact in tiny.manifest.artifacts:
        assert parts[artifact.file]["hashes"] == [{"alg": "SHA-256", "content": artifact.sha256}]
    lineage = tiny.manifest.lineage
    for known in (*lineage.parents, *lineage.datasets):
        licence = parts[known.name]["licenses"][0]["license"]
        assert known.licence in licence.values()
    assert parts["numpy"]["purl"] == "pkg:pypi/numpy@2.4.0"
    assert parts["numpy"]["licenses"] == [{"license": {"id": "BSD-3-Clause"}}]
    assert "licenses" not in parts["odd"]
    assert set(document["dependencies"][0]) <= {"ref", "dependsOn"}


def test_the_packages_come_back_as_they_were_named(tiny: Bundle) -> None:
    either = Package("either", "3", "Apache-2.0 OR BSD-3-Clause")
    assert listed_packages(bill_of_materials(tiny.manifest, (*PACKAGES, either))) == tuple(sorted((*PACKAGES, either)))


def test_the_same_bundle_gives_the_same_bytes_and_another_another_number(tiny: Bundle) -> None:
    first = bill_of_materials(tiny.manifest, PACKAGES)
    assert first == bill_of_materials(tiny.manifest, PACKAGES[::-1])
    later = msgspec.structs.replace(tiny.manifest, created="2027-01-01T00:00:00+00:00")
    other = json.loads(bill_of_materials(later, PACKAGES))
    assert other["serialNumber"] != json.loads(first)["serialNumber"]


def test_what_builds_is_listed_as_it_is_installed() -> None:
    found = {package.name: package for package in installed_packages()}
    for name in ("nexaravision", "numpy", "tensorflow", "onnx"):
        assert found[name].version == metadata.version(name)
    assert found["tensorflow"].licence
    assert "pytest" not in found
    assert all(len(package.licence) < 80 for package in found.values())
