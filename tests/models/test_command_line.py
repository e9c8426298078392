from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from models.command_line import GROUP, find_commands, main, run

COMMANDS = '''
"""Commands of the tests."""
from models.errors import NexaraError

def good(argv):
    """Say what was given.

    More that help leaves out.
    """
    print(argv)
    return len(argv)

def fails(argv):
    raise NexaraError("the file is not there; give another")

def interrupted(argv):
    raise KeyboardInterrupt

def heavy(argv):
    import a_heavy_library_that_is_not_there

def defect(argv):
    raise ZeroDivisionError
'''
NAMES = ("good", "fails", "interrupted", "heavy", "defect")


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, EntryPoint]:
    (tmp_path / "commands_of_tests.py").write_text(COMMANDS)
    (tmp_path / "command_that_does_not_import.py").write_text("import a_heavy_library_that_is_not_there\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = {name: EntryPoint(name, f"commands_of_tests:{name}", GROUP) for name in NAMES}
    return {**found, "absent": EntryPoint("absent", "command_that_does_not_import:main", GROUP)}


@pytest.mark.parametrize(
    ("arguments", "code", "out", "err"),
    [
        (["good"], 0, "[]\n", ""),
        (["good", "--flag", "x"], 2, "['--flag', 'x']\n", ""),
        (["fails"], 2, "", "nexara: the file is not there; give another\n"),
        (["interrupted"], 130, "", ""),
        (["nope"], 2, "", "nexara: no command 'nope'; allowed are good, fails, interrupted, heavy, defect, absent\n"),
    ],
)
def test_run_gives_the_exit_code_when_a_command_ends(
    commands: dict[str, EntryPoint],
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    out: str,
    err: str,
) -> None:
    assert run(arguments, commands) == code
    assert capsys.readouterr() == (out, err)


@pytest.mark.parametrize("name", ["heavy", "absent"])
def test_run_names_the_missing_package_in_one_line_when_it_cannot_be_imported(
    commands: dict[str, EntryPoint], capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert run([name], commands) == 2
    streams = capsys.readouterr()
    assert streams.err.count("\n") == 1
    assert "a_heavy_library_that_is_not_there" in streams.err


@pytest.mark.parametrize(("room", "extra"), [("builder", "builder"), ("edge_agent", "demo")])
def test_run_names_the_extra_when_one_of_our_rooms_lacks_its_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], room: str, extra: str
) -> None:
    package = tmp_path / "rooms"
    package.mkdir()
    (package / "needy.py").write_text("import a_heavy_library_that_is_not_there\n")
    monkeypatch.setattr(f"{room}.__path__", [str(package)])
    assert run(["job"], {"job": EntryPoint("job", f"{room}.needy:main", GROUP)}) == 2
    assert f"pip install 'nexaravision[{extra}]'" in capsys.readouterr().err


def test_run_shows_a_defect_as_one_when_it_is_ours(commands: dict[str, EntryPoint]) -> None:
    with pytest.raises(ZeroDivisionError):
        run(["defect"], commands)


@pytest.mark.parametrize(("arguments", "code"), [([], 2), (["--help"], 0), (["-h"], 0), (["help"], 0)])
def test_run_lists_the_commands_when_asked_for_help(
    commands: dict[str, EntryPoint], capsys: pytest.CaptureFixture[str], arguments: list[str], code: int
) -> None:
    assert run(arguments, commands) == code
    out = capsys.readouterr().out
    assert "  good         Say what was given.\n" in out
    assert "More that help leaves out" not in out
    assert "  absent       not available: " in out


def test_find_commands_prefers_the_installed_one_when_names_meet() -> None:
    installed = [EntryPoint("show", "other:show", GROUP), EntryPoint("extra", "other:main", GROUP)]
    found = find_commands(installed)
    assert list(found) == [
        "ablate",
        "bench",
        "build",
        "compile",
        "crossval",
        "curate",
        "demo",
        "evaluate",
        "extra",
        "fleet",
        "keygen",
        "kit",
        "mine",
        "scenes",
        "sensitivity",
        "show",
        "sign",
        "thresholds",
        "verify",
    ]
    assert found["show"].value == "other:show"


def test_main_lists_ours_when_it_runs_from_a_checkout(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "Print a bundle's manifest for a person." in capsys.readouterr().out
