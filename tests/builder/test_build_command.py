from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest

from builder.build_command import main
from builder.compilation.float_model import read_float_model
from builder.errors import DataError, OutputError, RecipeError
from builder.evaluation.scoring import FloatScorer
from builder.evidence.reading import EvidenceError
from builder.result_file import write_json
from models.bundle import Bundle, open_bundle
from models.trust import TrustStore
from runtimes.detector import open_detector
from tests.builder import tiny_clips
from tests.builder.evidence.made_evidence import make_alarms, make_crossval, make_evaluation
from tests.builder.tiny_recipe import RECIPE

BUILD_TIMEOUT_S = 880
# What several threads add up depends on how they are scheduled, and tiny int8 networks do not stand every training.
ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}

EXPANDED = 96
"""Channels of the student's second block before any go."""
PASSES = """
[slimming]
keep = 0.8

[quantization_aware]
tune = { epochs = 1, batch = 32 }
views = 1
"""
ALARMS = """
[alarms]
per_hour = 2000
minutes = 0.1
fights = 1
seconds = 2
"""


class Inputs(NamedTuple):
    """What a build is given; ``arguments`` are those of the command."""

    data: Path
    recipe: Path
    out: Path
    key: Path

    @property
    def arguments(self) -> list[str]:
        given = {"--data": self.data, "--out": self.out, "--recipe": self.recipe, "--key": self.key}
        return [str(part) for pair in given.items() for part in pair]

    def command(self, home: Path, jobs: int = 1) -> subprocess.Popen[str]:
        """``nexara build`` in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "models.command_line", "build", *self.arguments, "--jobs", str(jobs)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "HOME": str(home), **ONE_THREAD},
        )

    def finished(self) -> dict[str, int]:
        """When each finished stage was, by its folder.

        A stage is finished once its folder bears its own name: the facts are in the unfinished folder a moment before.
        """
        facts = self.out.glob("work/*/stage.json")
        return {path.parent.name: path.stat().st_mtime_ns for path in facts if path.parent.suffix != ".part"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve clips of twelve cameras, and one more that is no video."""
    directory = tiny_clips.write_table(tmp_path_factory.mktemp("clips"), fights=6, calm=6, sources=12)
    with (directory / "clips.csv").open("a", encoding="utf-8") as table:
        table.write("broken.mp4,fight,camera-0\n")
    (directory / "broken.mp4").write_bytes(b"no video")
    (directory / "LICENSE").write_text("\nMIT License\n\nDo what you like.\n")
    return directory


@pytest.fixture
def inputs(data: Path, tmp_path: Path, key_folder: Path) -> Inputs:
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(RECIPE + PASSES + ALARMS)
    return Inputs(data, recipe, tmp_path / "out", key_folder / "private.pem")


def kill_after(process: subprocess.Popen[str], inputs: Inputs, stage: str) -> None:
    """Kill the build as soon as a stage is finished."""
    deadline = time.monotonic() + BUILD_TIMEOUT_S
    while not any(name.startswith(stage) for name in inputs.finished()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.mark.slow
@pytest.mark.timeout(BUILD_TIMEOUT_S + 20)
def test_a_killed_build_goes_on_where_it_stopped_and_ends_in_a_bundle_that_runs(
    inputs: Inputs, tmp_path: Path, trust: TrustStore, capsys: pytest.CaptureFixture[str]
) -> None:
    kill_after(inputs.command(tmp_path), inputs, "fold0-member1-")
    before = inputs.finished()
    assert not any(name.startswith("fold0-teacher-") for name in before)

    going_on = inputs.command(tmp_path, jobs=2)
    told, errors = going_on.communicate()
    assert going_on.returncode == 0, errors
    assert "✓ fold0-member1: there already" in told
    assert "up to 2 side by side" in told
    assert "▸ fold0-member2" in told
    whole = inputs.finished()
    assert {name: whole[name] for name in before} == before
    assert not list(inputs.out.rglob("*.part"))

    packed = inputs.out / "tiny-1.2.3.nexara"
    given = write_evidence(tmp_path, inputs, open_bundle(packed, trust).manifest.fingerprint())
    capsys.readouterr()
    assert main([*inputs.arguments, *given]) == 0
    told = capsys.readouterr().out
    assert inputs.finished() == whole
    assert [line for line in told.splitlines() if line.startswith("▸")] == ["▸ curate: hashing 13 clips"]

    assert f"bundle  {packed} (" in told
    for path in (packed, packed.with_suffix("")):
        bundle = open_bundle(path, trust)
        assert bundle.signature.state == "trusted"
    # Opening a target runs it on the golden inputs and refuses one that answers otherwise.
    for target in bundle.manifest.targets():
        open_detector(bundle, target=target).close()
    assert len(bundle.manifest.targets()) == 4
    assert "report.html" in bundle.names
    report = msgspec.json.decode(bundle.read("report.json"))
    require_data(report)
    require_alarms(report, bundle)
    assert [one["evidence"] for one in report["evidence"]] == ["cross-validation", "false-alarms"]
    assert "Not measured: another data set; clips degraded" in bundle.read("MODEL_CARD.md").decode()
    require_kept_model(packed.with_suffix(".model"), bundle)


def write_evidence(directory: Path, inputs: Inputs, own: str) -> tuple[str, ...]:
    """Options that give evidence of the bundle with this fingerprint; what was found of another build is refused."""
    folds, alarms = directory / "folds.json", directory / "alarms.json"
    given = ("--evidence", str(folds), "--evidence", str(alarms))
    write_json(folds, make_crossval(version="1.2.3"))
    write_json(alarms, make_alarms(bundle="tiny 1.2.3"))
    with pytest.raises(EvidenceError, match=f"another build of tiny 1.2.3 .* this one is {own[:12]}"):
        main([*inputs.arguments, *given])
    write_json(alarms, make_alarms(bundle="tiny 1.2.3", fingerprint=own))
    return given


def require_data(report: dict[str, Any]) -> None:
    """The report tells of all that was judged, and of the clips, the broken one among them."""
    assert [subject["name"] for subject in report["subjects"]][:4] == ["member-1", "member-2", "ensemble", "student"]
    (summary,) = report["data"]
    assert (summary["fights"], summary["calm"], summary["sources"]) == (6, 6, 12)
    assert summary["licence"] == "MIT License"
    assert [skipped["clip"] for skipped in summary["skipped"]] == ["broken.mp4"]
    assert "1 clip(s) could not be decoded" in str(report["notes"])


def require_kept_model(directory: Path, bundle: Bundle) -> None:
    """The float model is kept, as narrow as it was made: it says of golden inputs what the float student said."""
    model = read_float_model(directory)
    assert model.network.encoder.get_layer("block1_expand_conv").filters < EXPANDED
    facts = model.facts
    assert (facts.calibration, facts.lineage) == (bundle.manifest.calibration, bundle.manifest.lineage)
    assert {clip.source for clip in model.held_out} <= set(facts.lineage.held_out_sources)
    scorer = FloatScorer(model.network.encoder, model.network.head, facts.preprocessing)
    golden = bundle.golden()
    embeddings = np.stack([scorer.encode(window) for window in golden.samples])
    np.testing.assert_allclose(scorer.logits(embeddings), golden.logits, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(model.golden.samples, golden.samples)


def require_alarms(report: dict[str, Any], bundle: Bundle) -> None:
    """The report tells of calibration and of the budget, and its thresholds are the manifest's."""
    alarms = report["alarms"]
    assert (alarms["streams"], alarms["fight_clips"], alarms["calm_clips"]) == (3, 2, 2)
    assert alarms["thresholds"] == msgspec.to_builtins(bundle.manifest.calibration.thresholds)
    assert [way["method"] for way in report["calibration"]["methods"]] == ["none", "platt", "temperature"]
    assert "to keep surely to 2000.0 false alarms an hour" in bundle.read("MODEL_CARD.md").decode()


@pytest.mark.slow
def test_one_line_and_exit_code_2_when_the_input_is_bad(inputs: Inputs, tmp_path: Path) -> None:
    process = inputs._replace(data=tiny_clips.write_tree(tmp_path / "calm", fights=0, calm=2)).command(tmp_path)
    told = process.communicate(timeout=BUILD_TIMEOUT_S)[1].splitlines()
    assert process.returncode == 2
    assert told[-1].startswith("nexara: ")
    assert told[-1].endswith("no clips labelled fight among 2; both classes are needed")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[gate]", "[gate]\nspeed = 1"), r"unknown field `speed`.*full and quick show every key"),
        (("judged = 1", "judged = 2"), r"judge 1 fold or all 3"),
    ],
)
def test_one_clear_error_when_the_recipe_is_wrong(inputs: Inputs, change: tuple[str, str], message: str) -> None:
    inputs.recipe.write_text(RECIPE.replace(*change))
    with pytest.raises(RecipeError, match=message):
        main(inputs.arguments)
    assert not inputs.out.exists()


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (make_alarms(bundle="tiny 0.9.9"), r"e\.json: `.*` measured tiny 0\.9\.9, and tiny 1\.2\.3 is built"),
        (make_evaluation(version="1.2.3", degraded=False), r"e\.json: not what `nexara evaluate --degraded"),
    ],
    ids=["another bundle", "not degraded"],
)
def test_one_clear_error_before_anything_is_done_when_evidence_is_none(
    inputs: Inputs, tmp_path: Path, found: msgspec.Struct, message: str
) -> None:
    write_json(tmp_path / "good.json", make_crossval(version="1.2.3"))
    write_json(tmp_path / "e.json", found)
    given = ["--evidence", str(tmp_path / "good.json"), str(tmp_path / "e.json")]
    with pytest.raises(EvidenceError, match=message):
        main([*inputs.arguments, *given])
    assert not inputs.out.exists()


@pytest.mark.parametrize(("fights", "calm", "missing"), [(2, 0, "noFight"), (0, 2, "fight")])
def test_one_clear_error_when_a_class_is_missing(
    inputs: Inputs, tmp_path: Path, fights: int, calm: int, missing: str
) -> None:
    one = tiny_clips.write_tree(tmp_path / "one", fights=fights, calm=calm)
    with pytest.raises(DataError, match=f"no clips labelled {missing} among 2; both classes are needed"):
        main(inputs._replace(data=one).arguments)


def test_one_clear_error_when_no_clip_of_a_class_can_be_decoded(inputs: Inputs, tmp_path: Path) -> None:
    data = tiny_clips.write_tree(tmp_path / "half", fights=0, calm=2)
    (data / "fight").mkdir()
    (data / "fight" / "broken.mp4").write_bytes(b"no video")
    with pytest.raises(DataError, match="no clips labelled fight among 2"):
        main(inputs._replace(data=data).arguments)


def test_one_clear_error_when_there_are_fewer_sources_than_folds(inputs: Inputs, tmp_path: Path) -> None:
    data = tiny_clips.write_table(tmp_path / "few", fights=2, calm=2, sources=2)
    with pytest.raises(DataError, match=r"2 source\(s\) cannot fill 3 folds"):
        main(inputs._replace(data=data).arguments)


def test_one_clear_error_when_the_folder_for_the_bundle_is_a_file(inputs: Inputs, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file/work: cannot be written: Not a directory; give --out"):
        main(inputs._replace(out=tmp_path / "file").arguments)


def test_unknown_sources_are_warned_of(inputs: Inputs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tiny_clips.write_tree(tmp_path / "tree", fights=1, calm=1)
    with pytest.raises(DataError, match="cannot fill"):
        main(inputs._replace(data=data).arguments)
    assert "warning: sources are unknown" in capsys.readouterr().out
