from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from benchmarks.outcome import ResultFileError, machine_line, run, write_json
from models.errors import NexaraError
from runtimes.bench.table import table_lines


class Figures(msgspec.Struct, frozen=True):
    value: float


def interrupted(_: list[str]) -> int:
    raise KeyboardInterrupt


def refused(_: list[str]) -> int:
    raise NexaraError("clips: no such folder")


@pytest.mark.parametrize(("main", "code"), [(lambda _: 0, 0), (refused, 2), (interrupted, 130)])
def test_exit_code_tells_how_it_ended(main: object, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(main)  # type: ignore[arg-type]
    assert ended.value.code == code
    assert capsys.readouterr().err == ("clips: no such folder\n" if code == 2 else "")


def test_figures_are_written_where_asked(tmp_path: Path) -> None:
    write_json(None, Figures(1))
    write_json(tmp_path / "out.json", Figures(0.5))
    assert msgspec.json.decode((tmp_path / "out.json").read_bytes(), type=Figures) == Figures(0.5)
    with pytest.raises(ResultFileError, match="choose another file"):
        write_json(tmp_path / "absent" / "out.json", Figures(1))


def test_machine_is_named() -> None:
    assert machine_line().startswith("machine: ")


def test_table_is_markdown_with_columns_in_line() -> None:
    assert list(table_lines(("a", "long"), [("1", "2"), ("three", "")])) == [
        "| a     | long |",
        "|-------|------|",
        "| 1     | 2    |",
        "| three |      |",
    ]
