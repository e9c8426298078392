"""Manifests that nobody would write: each is read or refused as malformed."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.bundle import MANIFEST as FILE
from models.bundle import read_bundle
from models.errors import BundleError
from models.signing import SignatureStatus
from tests.fuzzing import fuzzed, nothing_outside, places
from tests.models.test_manifest import MANIFEST

pytestmark = pytest.mark.fuzz

DOCUMENT = json.loads(msgspec.json.encode(MANIFEST))
FILES = {artifact.file: b"\x00" * 16 for artifact in MANIFEST.artifacts}
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(
        ["", "../x", "/etc/passwd", "artifacts/../../x", "2.0", "99", "-1", "encoder", "uint8", "0" * 64]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@st.composite
def manifests(draw: st.DrawFn) -> bytes:
    """A valid manifest in which up to four things were changed, left out, added or exchanged."""
    document = copy.deepcopy(DOCUMENT)
    for _ in range(draw(st.integers(1, 4))):
        found = list(places(document))
        if not found:
            break
        container, key = found[draw(st.integers(0, len(found) - 1))]
        change = draw(st.sampled_from(["replace", "delete", "repeat", "exchange"]))
        if change == "replace":
            container[key] = draw(VALUES)
        elif change == "delete":
            del container[key]
        elif change == "exchange":
            other, place = found[draw(st.integers(0, len(found) - 1))]
            container[key], other[place] = copy.deepcopy(other[place]), copy.deepcopy(container[key])
        elif isinstance(container, list):
            container.append(copy.deepcopy(container[key]))
    return json.dumps(document).encode()


def read(folder: Path, content: bytes) -> None:
    with nothing_outside(folder), suppress(BundleError):
        bundle = read_bundle({FILE: content, **FILES}, folder, SignatureStatus("unsigned"))
        # What was read can be written down again, and says the same then.
        again = read_bundle({FILE: msgspec.json.encode(bundle.manifest), **FILES}, folder, bundle.signature)
        assert again.manifest == bundle.manifest


@fuzzed(150)
@given(content=manifests())
def test_a_changed_manifest_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    read(tmp_path, content)


@fuzzed(150)
@given(place=st.integers(0, 5000), length=st.integers(0, 40), inserted=st.binary(max_size=20))
@example(place=0, length=9999, inserted=b"[" * 100_000)
@example(place=0, length=9999, inserted=b'{"format":' * 50_000)
@example(place=0, length=9999, inserted=b'{"format": "' + b"9" * 5000 + b'"}')
def test_any_bytes_are_read_or_refused(tmp_path: Path, place: int, length: int, inserted: bytes) -> None:
    whole = json.dumps(DOCUMENT).encode()
    read(tmp_path, whole[:place] + inserted + whole[place + length :])
