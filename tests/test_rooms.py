"""House rules that no linter holds: the rooms stay small, named for nouns, and light on a device."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("models", "runtimes", "edge_agent", "builder", "scenes", "fleet")
ON_DEVICE = ("models", "runtimes", "edge_agent", "scenes", "fleet")
HEAVY = {"tensorflow", "tf_keras", "keras", "torch", "ai_edge_litert", "tflite_runtime", "onnxruntime", "tensorrt"}
VAGUE = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "managers", "lib", "stuff"}
MOST_LINES = 400
MOST_FUNCTION_LINES = 40
# Each pattern's brackets keep this file from holding what it forbids.
FORBIDDEN = re.compile(r"pyp[i]\.org|python[h]osted|(?<![\w.-])/wor[k]/(?:main|shared|cache|wt|venv)\b")


def tracked_files(suffix: str = "") -> list[Path]:
    """Files that git knows, and new ones that it does not ignore."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip(f"{ROOT} is not a git checkout")
    names = [name for name in listed.stdout.decode().split("\0") if name.endswith(suffix)]
    return [path for name in names if name and (path := ROOT / name).is_file()]


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Every function of a file with its length in lines, decorators and signature included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def modules(room: str) -> list[str]:
    files = [path for path in sorted((ROOT / room).rglob("*.py")) if path.stem != "__main__"]
    return [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in files]


def test_files_are_short() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in tracked_files(".py")}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def test_functions_are_short() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {name} has {lines} lines"
        for path in tracked_files(".py")
        for name, lines in functions(path)
        if lines > MOST_FUNCTION_LINES
    ]
    assert long == []


def test_modules_are_named_for_what_they_hold() -> None:
    names = {part for path in tracked_files(".py") for part in path.relative_to(ROOT).with_suffix("").parts}
    assert names & VAGUE == set()


@pytest.mark.parametrize("room", ROOMS)
def test_room_says_what_it_is_for_when_it_is_opened(room: str) -> None:
    docstring = importlib.import_module(room).__doc__ or ""
    assert len(docstring.split()) >= 20


def test_every_room_is_built_and_checked() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert packages == set(ROOMS)
    assert all(f'"{room}*"' in text for room in ROOMS)


def test_files_name_no_registry_and_no_workplace() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in tracked_files()
        if (match := FORBIDDEN.search(path.read_bytes().decode(errors="replace")))
    ]
    assert found == []


@pytest.mark.parametrize("room", ON_DEVICE)
def test_engines_stay_unloaded_when_every_module_of_a_room_is_imported(room: str) -> None:
    program = (
        "import importlib, json, sys\n"
        f"for name in {modules(room)!r}: importlib.import_module(name)\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert set(json.loads(loaded.stdout)) & HEAVY == set()
