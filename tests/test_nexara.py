"""The script at the root, in a clone of its own whose path has a space, with a bare environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# What the script may use besides Python.
TOOLS = ("sh", "cat", "cksum", "date", "dirname", "grep", "paste", "readlink", "rm", "sort", "tail", "tr")
STARTED = '#!/bin/sh\nprintf "%s|" "$(basename "$0")" "$PWD" "$HOME" "$@"\nexit 7\n'


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "a clone"
    folder.mkdir()
    for name in ("nexara", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A PATH with the few programs of any system and no Python."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in TOOLS:
        (folder / name).symlink_to(shutil.which(name) or f"/bin/{name}")
    return folder


def start(script: Path, tools: Path, *arguments: str, home: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [script, *arguments],
        cwd="/",
        env={"PATH": str(tools), "HOME": home},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


def add_program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def pretend_installed(clone: Path, extras: str) -> None:
    """A .venv as the script leaves it, with programs that tell how they were started."""
    for name in ("python", "nexara", "nexara-edge"):
        add_program(clone / ".venv" / "bin" / name, STARTED)
    key = subprocess.run(
        ["sh", "-c", '{ cat pyproject.toml; printf "%s" "$1"; } | cksum | tr " " -', "sh", str(clone.resolve())],
        cwd=clone,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    (clone / ".venv" / "nexara-installed").write_text(f"{key} {extras}\n")


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ([], 2, "usage: ./nexara COMMAND"),
        (["--help"], 0, "usage: ./nexara COMMAND"),
        (["dance"], 2, "nexara: unknown command 'dance'"),
        (["demo"], 2, "Python 3.10, 3.11 or 3.12 is needed (found: none)"),
    ],
)
def test_script_says_what_is_wrong_when_it_cannot_start(
    clone: Path, tools: Path, arguments: list[str], code: int, text: str
) -> None:
    ended = start(clone / "nexara", tools, *arguments)
    assert ended.returncode == code
    assert text in ended.stdout + ended.stderr
    assert not (clone / ".venv").exists()


def test_script_names_the_version_found_when_it_is_not_supported(clone: Path, tools: Path) -> None:
    add_program(tools / "python3", "#!/bin/sh\necho 3.14\n")
    ended = start(clone / "nexara", tools, "demo")
    assert ended.returncode == 2
    assert "(found: python3 is 3.14;)" in ended.stderr


def test_script_says_what_to_install_when_python_lacks_ensurepip(clone: Path, tools: Path, tmp_path: Path) -> None:
    add_program(tmp_path / "without" / "ensurepip.py", "raise ImportError('Debian ships it apart')\n")
    add_program(tools / "python3.11", f'#!/bin/sh\nPYTHONPATH="{tmp_path / "without"}" exec "{sys.executable}" "$@"\n')
    ended = start(clone / "nexara", tools, "demo")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert ended.returncode == 2
    assert f"apt-get install python{version}-venv" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "extras", "started"),
    [
        (["demo", "--seed", "3 4"], "core demo onnx tflite", ["nexara", "demo", "--seed", "3 4"]),
        (["evaluate"], "core builder demo dev onnx tflite", ["nexara", "evaluate"]),
        (["show", "x"], "core", ["nexara", "show", "x"]),
        (["build"], "core builder", ["nexara", "build"]),
        (["fleet", "list"], "core fleet", ["nexara", "fleet", "list"]),
        (["kit", "x"], "core fleet", ["nexara", "kit", "x"]),
        (["edge", "check"], "core onnx tflite top", ["nexara-edge", "check"]),
    ],
)
def test_command_starts_at_once_where_the_caller_stands_when_all_is_installed(
    clone: Path, tools: Path, arguments: list[str], extras: str, started: list[str]
) -> None:
    pretend_installed(clone, extras)
    (tools / "basename").symlink_to(shutil.which("basename") or "/bin/basename")
    ended = start(clone / "nexara", tools, *arguments, home="/nowhere")
    program, *rest = started
    assert ended.stdout.split("|")[:-1] == [program, "/", "/nowhere", *rest]
    assert ended.returncode == 7
    assert ended.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "passed"),
    [
        ([], ["--numprocesses", "4", "--dist", "loadfile", "--no-loadscope-reorder"]),
        (["tests/models", "-k", "a or b"], ["tests/models", "-k", "a or b"]),
    ],
)
def test_all_tests_run_in_two_processes_and_those_asked_for_in_one(
    clone: Path, tools: Path, arguments: list[str], passed: list[str]
) -> None:
    pretend_installed(clone, "core builder demo dev kit onnx tflite")
    for name in ("python", "lint-imports"):
        add_program(clone / ".venv" / "bin" / name, '#!/bin/sh\nprintf "%s|" "$@"\necho\n')
    ended = start(clone / "nexara", tools, "test", *arguments)
    assert ended.returncode == 0
    assert ended.stdout.splitlines()[-1].split("|")[:-1] == ["-m", "pytest", *passed]


def test_script_finds_its_clone_when_started_through_a_link(clone: Path, tools: Path, tmp_path: Path) -> None:
    pretend_installed(clone, "core")
    (tools / "basename").symlink_to(shutil.which("basename") or "/bin/basename")
    (tmp_path / "bin").mkdir()
    link = tmp_path / "bin" / "nexara"
    link.symlink_to(os.path.relpath(clone / "nexara", link.parent))
    ended = start(link, tools, "show")
    assert ended.stdout.split("|")[0] == "nexara"


@pytest.mark.parametrize("change", ["pyproject", "extras"])
def test_script_does_not_trust_an_installation_that_no_longer_fits(clone: Path, tools: Path, change: str) -> None:
    """It goes on to look for a Python to install with, of which there is none here."""
    pretend_installed(clone, "core" if change == "extras" else "core demo onnx tflite")
    add_program(clone / ".venv" / "bin" / "python", "#!/bin/sh\nexit 1\n")
    if change == "pyproject":
        with (clone / "pyproject.toml").open("a") as file:
            file.write("\n# changed\n")
    ended = start(clone / "nexara", tools, "demo")
    assert ended.returncode == 2
    assert "Python 3.10, 3.11 or 3.12 is needed" in ended.stderr
