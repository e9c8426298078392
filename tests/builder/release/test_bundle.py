from __future__ import annotations

import re
import shutil
import time
from dataclasses import replace
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from builder.release.bundle import assemble_bundle
from builder.release.inputs import ReleaseError, ReleaseInputs
from models.bundle import Bundle, Golden, open_bundle
from models.errors import BundleIntegrityError, NexaraError
from models.trust import TrustStore
from runtimes.errors import NoRuntimeError
from tests.builder.made_report import make_report
from tests.builder.tiny_networks import SAMPLES, SIZE

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bundle(released: Path, trust: TrustStore) -> Bundle:
    return open_bundle(released, trust)


def test_bundle_opens_with_its_key_from_directory_and_file_alike(
    released: Path, bundle: Bundle, trust: TrustStore
) -> None:
    directory = open_bundle(released.with_suffix(""), trust)
    assert bundle.signature.state == directory.signature.state == "trusted"
    assert bundle.names == directory.names
    assert {"manifest.json", "golden.npz", "MODEL_CARD.md", "report.html", "report.json", "signature"} <= set(
        bundle.names
    )
    assert [name for name in bundle.names if name.startswith("pictures/")] == ["pictures/1.jpg"]


def test_nothing_is_left_aside(released: Path) -> None:
    assert sorted(path.name for path in released.parent.iterdir()) == ["tiny", "tiny.nexara"]


def test_manifest_carries_measured_latency_and_the_report_s_accuracy(bundle: Bundle) -> None:
    report = msgspec.json.decode(bundle.read("report.json"))
    judged = {subject["name"]: subject["figures"] for subject in report["subjects"]}
    for artifact in bundle.manifest.artifacts:
        assert artifact.latency is not None
        assert 0 < artifact.latency.p50_ms <= artifact.latency.p99_ms
        assert artifact.accuracy is not None
        assert artifact.accuracy.accuracy.value == judged[artifact.target]["accuracy"]["value"]
    assert [target["target"] for target in report["targets"]] == list(bundle.manifest.targets())


def test_card_states_use_limits_licences_and_figures(bundle: Bundle) -> None:
    card = bundle.read("MODEL_CARD.md").decode()
    figures = msgspec.json.decode(bundle.read("report.json"))["subjects"][2]["figures"]
    for part in (
        "## Intended use",
        "## Must not be used for",
        "## Limits",
        "| clips | 30 | 30 | 20 |",
        "MIT",
        "noise drawn for tests",
    ):
        assert part in card
    assert f"| student | {100 * figures['accuracy']['value']:.1f} %" in card


def test_every_picture_of_the_card_is_in_the_bundle_and_signed(bundle: Bundle, released: Path, tmp_path: Path) -> None:
    shown = re.findall(r"!\[[^]]*\]\(([^)]*)\)", bundle.read("MODEL_CARD.md").decode())
    assert shown == [name for name in bundle.names if name.endswith(".jpg")]
    assert cv2.imdecode(np.frombuffer(bundle.read(shown[0]), np.uint8), cv2.IMREAD_UNCHANGED).shape == (24, 68)
    copy = shutil.copytree(released.with_suffix(""), tmp_path / "tiny")
    (copy / shown[0]).write_bytes(b"another picture")
    with pytest.raises(BundleIntegrityError, match=r"pictures/1\.jpg differs from what was signed"):
        open_bundle(copy, TrustStore(accept="unsigned"))


def test_golden_inputs_come_back_as_they_went_in(bundle: Bundle, release_inputs: ReleaseInputs) -> None:
    golden = bundle.golden()
    assert golden.samples.shape == (2, SAMPLES, SIZE, SIZE, 3)
    assert np.array_equal(golden.samples, release_inputs.golden.samples)
    assert np.array_equal(golden.logits, release_inputs.golden.logits)
    # One is clearly calm, the other clearly a fight.
    assert np.sign(golden.logits[:, 1] - golden.logits[:, 0]).tolist() == [-1, 1]


def too_large(inputs: ReleaseInputs) -> ReleaseInputs:
    return replace(inputs, size_limit=10_000)


def never_judged(inputs: ReleaseInputs) -> ReleaseInputs:
    return replace(inputs, report=make_report(("cpu-tflite",)))


def not_compiled(inputs: ReleaseInputs) -> ReleaseInputs:
    gone = msgspec.structs.replace(inputs.artifacts[0], file="artifacts/gone.tflite")
    return replace(inputs, artifacts=(gone, *inputs.artifacts[1:]))


def headless(inputs: ReleaseInputs) -> ReleaseInputs:
    return replace(inputs, artifacts=inputs.artifacts[:1])


def wrong_answers(inputs: ReleaseInputs) -> ReleaseInputs:
    return replace(inputs, golden=Golden(samples=inputs.golden.samples, logits=-inputs.golden.logits))


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (too_large, ReleaseError, r"at most 0\.01 MB are allowed; largest: "),
        (never_judged, ReleaseError, "was not evaluated"),
        (not_compiled, ReleaseError, r"gone\.tflite: no such file"),
        (headless, ReleaseError, "needs an encoder and a head"),
        (wrong_answers, NoRuntimeError, "self-test failed"),
    ],
)
def test_release_is_refused_and_leaves_what_was_there_when_inputs_are_wrong(
    tmp_path: Path, release_inputs: ReleaseInputs, spoil: object, error: type[NexaraError], message: str
) -> None:
    assert callable(spoil)
    before = tmp_path / "tiny"
    before.mkdir()
    (before / "older").write_text("an older bundle", encoding="utf-8")
    with pytest.raises(error, match=message):
        assemble_bundle(before, spoil(release_inputs), clock=time.perf_counter, generator=np.random.default_rng(0))
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]
    assert (before / "older").is_file()
