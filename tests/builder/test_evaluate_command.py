from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from builder.errors import DataError
from builder.evaluate_command import main
from builder.evaluation.bundle import Evaluation
from models.errors import BundleError, NexaraError
from tests.builder import tiny_clips

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six clips of three cameras, and two files that are no video."""
    directory = tiny_clips.write_table(tmp_path_factory.mktemp("clips"), fights=3, calm=3, sources=3)
    with (directory / "clips.csv").open("a", encoding="utf-8") as table:
        table.write("broken.mp4,fight,camera-0\nempty.mp4,noFight,camera-1\n")
    (directory / "broken.mp4").write_bytes(b"no video")
    (directory / "empty.mp4").write_bytes(b"")
    return directory


def run(bundle: Path, clips: Path, *options: str) -> int:
    return main(["--bundle", str(bundle), "--data", str(clips), *options])


def test_every_target_is_figured_and_broken_clips_are_named(
    released: Path, clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(released, clips, "--json", str(tmp_path / "out.json")) == 0
    told = capsys.readouterr().out
    evaluation = msgspec.json.decode((tmp_path / "out.json").read_bytes(), type=Evaluation)
    assert [target.target for target in evaluation.targets] == [
        "cpu-tflite-int8",
        "cpu-tflite",
        "cpu-onnx",
        "cpu-onnx-int8",
    ]
    for target in evaluation.targets:
        assert target.target in told
        # Bright is what this network was made to call a fight.
        assert (target.figures.clips, target.figures.sources, target.figures.accuracy.value) == (6, 3, 1.0)
        assert target.reference == "cpu-tflite"
        assert target.sample_ms > 0
    assert {skipped.clip for skipped in evaluation.skipped} == {"broken.mp4", "empty.mp4"}
    assert "2 clip(s) skipped" in told
    assert "broken.mp4" in told
    int8, float_, onnx, _ = (target.deviation for target in evaluation.targets)
    assert float_ == 0
    assert onnx == pytest.approx(0, abs=1e-4)
    assert int8 != 0


def test_one_target_is_figured_when_asked(released: Path, clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(released, clips, "--target", "cpu-tflite-int8", "--threads", "2") == 0
    told = capsys.readouterr().out
    assert "cpu-onnx" not in told
    assert "deviation: n/a, no float target was evaluated" in told


def test_degraded_copies_are_figured_beside_the_clips_themselves(
    released: Path, clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--target", "cpu-tflite-int8", "--degraded", "--seed", "3", "--tta", "zoom,flip")
    assert run(released, clips, *asked, "--json", str(tmp_path / "out.json")) == 0
    told = capsys.readouterr().out
    evaluation = msgspec.json.decode((tmp_path / "out.json").read_bytes(), type=Evaluation)
    degraded = evaluation.degraded
    assert degraded is not None
    assert (degraded.seed, tuple(degraded.changes)) == (3, ("cpu-tflite-int8",))
    ((clean,), (copied,)) = evaluation.targets, degraded.targets
    assert [score.clip for score in clean.scores] == [score.clip for score in copied.scores]
    assert [score.margin for score in clean.scores] != [score.margin for score in copied.scores]
    change = degraded.changes["cpu-tflite-int8"]
    assert change.accuracy.value == pytest.approx(copied.figures.accuracy.value - clean.figures.accuracy.value)
    for line in ("cpu-tflite-int8, degraded  ", "degraded (seed 3) less clean", "with flip, zoom less without"):
        assert line in told
    for target in (clean, copied):
        averaged = target.averaged
        assert averaged is not None
        assert (averaged.views, averaged.encoder_runs) == (("flip", "zoom"), 3.0)
        assert averaged.clip_ms > target.clip_ms
        assert len(averaged.scores) == 6
    mirrored = clean.averaged
    assert mirrored is not None
    assert [score.margin for score in mirrored.scores] != [score.margin for score in clean.scores]


def test_nothing_is_told_of_what_was_not_asked(released: Path, clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(released, clips, "--target", "cpu-tflite-int8") == 0
    told = capsys.readouterr().out
    assert "degraded" not in told
    assert "less without" not in told


def test_only_held_out_sources_are_judged_when_asked(
    released: Path, clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--target", "cpu-tflite-int8", "--json", str(tmp_path / "out.json"))
    assert run(released, clips, *asked) == 0
    everything = msgspec.json.decode((tmp_path / "out.json").read_bytes(), type=Evaluation)
    capsys.readouterr()
    assert run(released, clips, *asked, "--held-out") == 0
    held_out = msgspec.json.decode((tmp_path / "out.json").read_bytes(), type=Evaluation)
    assert (everything.held_out, held_out.held_out) == (False, True)
    told = capsys.readouterr().out
    assert "2 clips (1 fights, 1 calm) of 1 sources" in told
    assert "1 clip(s) skipped" in told
    tiny_clips.write_tree(tmp_path, fights=1, calm=1)
    with pytest.raises(DataError, match=r"no clip is of a source that .* held out \(camera-0\)"):
        run(released, tmp_path, "--held-out")


def test_one_class_gives_what_it_can_and_says_what_it_cannot(
    released: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_clips.write_tree(tmp_path, fights=0, calm=3)
    assert run(released, tmp_path, "--target", "cpu-onnx") == 0
    told = capsys.readouterr().out
    assert "auc: n/a, no clip here is a fight" in told
    assert "sources are unknown" in told


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--target", "coral"), "no encoder for target 'coral'"),
        (("--json", "/nowhere/at/all.json"), "cannot be written"),
        (("--data", "/nowhere/at/all"), "no such folder"),
    ],
)
def test_one_clear_error_when_an_option_is_wrong(
    released: Path, clips: Path, options: tuple[str, ...], message: str
) -> None:
    with pytest.raises(NexaraError, match=message):
        run(released, clips, *options)


@pytest.mark.parametrize(
    "options",
    [
        ("--threads", "0"),
        ("--threshold", "1.5"),
        ("--threads", "two"),
        ("--threshold", "half"),
        ("--tta", "turn"),
        ("--tta", "flip,flip"),
        ("--seed", "-1"),
    ],
)
def test_usage_error_when_a_number_is_out_of_range(
    released: Path, clips: Path, options: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        run(released, clips, *options)
    assert caught.value.code == 2
    assert f"argument {options[0]}: {options[1]!r} found, a" in capsys.readouterr().err


def test_report_file_is_refused_before_any_clip_is_judged(
    released: Path, clips: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(NexaraError, match="cannot be written"):
        run(released, clips, "--json", "/nowhere/at/all.json")
    assert not capsys.readouterr().out


def test_bundle_is_refused_when_one_byte_changed(released: Path, clips: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(released.with_suffix(""), tmp_path / "copy"))
    victim = next((copy / "artifacts").iterdir())
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    with pytest.raises(BundleError, match=victim.name):
        run(copy, clips)


def test_error_names_the_clips_when_none_can_be_read(released: Path, tmp_path: Path) -> None:
    (tmp_path / "fight").mkdir()
    (tmp_path / "fight" / "broken.mp4").write_bytes(b"no video")
    with pytest.raises(NexaraError, match="1 skipped"):
        run(released, tmp_path)


def test_no_training_framework_is_imported(released: Path, clips: Path) -> None:
    code = (
        "import sys; from builder.evaluate_command import main; "
        f"main(['--bundle', {str(released)!r}, '--data', {str(clips)!r}]); "
        "heavy = {'tensorflow', 'tf_keras', 'keras', 'torch', 'matplotlib', 'onnx', 'rich'} & set(sys.modules); "
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
