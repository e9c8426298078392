from __future__ import annotations

import os
from pathlib import Path

import pytest

from builder.stages import FACTS, LOCKS, StageStore
from builder.work_limit import IN_USE, limited_work

KILO = 1000


def stage(work: Path, name: str, *, days_old: int = 0) -> Path:
    """A stage of a little more than a thousand bytes, last used so many days ago."""

    def fill(directory: Path) -> None:
        (directory / "out").write_bytes(bytes(KILO))

    done = StageStore(work, lambda *_: None).run(name, 0, fill)
    if days_old:
        used = done.directory.stat().st_mtime - days_old * 86_400
        os.utime(done.directory, (used, used))
    return done.directory


def left(work: Path) -> list[str]:
    return sorted(path.name.rsplit("-", 1)[0] for path in work.iterdir() if path.name != LOCKS)


def test_stages_used_longest_ago_go_first_and_no_more_than_must(tmp_path: Path) -> None:
    for days, name in ((3, "third"), (9, "ninth"), (6, "sixth"), (1, "first")):
        stage(tmp_path, name, days_old=days)
    warnings: list[str] = []
    with limited_work(tmp_path, 2 * KILO + 500, warnings.append):
        assert left(tmp_path) == ["first", "ninth", "sixth", "third"]
    assert left(tmp_path) == ["first", "third"]
    assert warnings == []


def test_what_the_run_used_stays_and_it_is_told_that_it_is_too_much(tmp_path: Path) -> None:
    found = stage(tmp_path, "found", days_old=9)
    stage(tmp_path, "stale", days_old=1)
    warnings: list[str] = []
    with limited_work(tmp_path, KILO, warnings.append):
        assert stage(tmp_path, "found") == found
        stage(tmp_path, "made")
    assert left(tmp_path) == ["found", "made"]
    assert len(warnings) == 1
    assert "--work-limit" in warnings[0]


def test_a_run_that_fails_leaves_no_more_than_the_limit_either(tmp_path: Path) -> None:
    stage(tmp_path, "old", days_old=2)
    (tmp_path / "half.part").mkdir()
    with pytest.raises(KeyboardInterrupt), limited_work(tmp_path, 0, lambda _: None):
        raise KeyboardInterrupt
    assert left(tmp_path) == []


def test_nothing_goes_while_another_run_is_at_work_there(tmp_path: Path) -> None:
    stage(tmp_path, "old", days_old=2)
    (tmp_path / "running.part").mkdir()
    with limited_work(tmp_path, 0, lambda _: None):
        with limited_work(tmp_path, 0, lambda _: None):
            pass
        assert left(tmp_path) == ["old", "running.part"]
    assert left(tmp_path) == []


def test_a_folder_that_was_never_used_is_made_and_holds_nothing(tmp_path: Path) -> None:
    with limited_work(tmp_path / "work", 0, lambda _: None):
        pass
    assert [path.name for path in (tmp_path / "work").rglob("*")] == [LOCKS, IN_USE]


def test_a_stage_whose_deletion_was_interrupted_is_no_finished_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = stage(tmp_path, "old", days_old=2)
    monkeypatch.setattr("builder.work_limit.shutil.rmtree", lambda *_, **__: None)
    with limited_work(tmp_path, 0, lambda _: None):
        pass
    assert not (directory / FACTS).exists()
