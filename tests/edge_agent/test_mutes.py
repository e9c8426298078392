from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from edge_agent.mutes import Mutes
from edge_agent.state_file import StateError, StateFile

NOW = datetime(2026, 3, 1, 22, 14, tzinfo=timezone.utc)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def open_mutes(folder: Path) -> Mutes:
    return Mutes(3600, StateFile(folder / "mutes.json"))


def test_mute_ends_by_itself_and_is_kept_over_a_restart(tmp_path: Path) -> None:
    open_mutes(tmp_path).mute(("yard",), NOW, 60)
    mutes = open_mutes(tmp_path)
    assert (mutes.until("yard", later(59)), mutes.until("yard", later(60))) == (later(60), None)
    assert mutes.until("door", NOW) is None


def test_new_mute_takes_the_place_of_the_old_and_0_ends_it(tmp_path: Path) -> None:
    mutes = open_mutes(tmp_path)
    mutes.mute(("yard", "door"), NOW, 600)
    mutes.mute(("yard",), NOW, 30)
    mutes.mute(("door",), NOW, 0)
    assert (mutes.until("yard", NOW), mutes.until("door", NOW)) == (later(30), None)
    assert open_mutes(tmp_path).until("door", NOW) is None


def test_mute_lasts_no_longer_than_allowed_when_the_clock_was_set_back(tmp_path: Path) -> None:
    mutes = open_mutes(tmp_path)
    mutes.mute(("yard",), later(86_400), 60)
    assert mutes.until("yard", NOW) is None


@pytest.mark.parametrize("content", [b"{", b'{"yard": 3}', b'{"yard": "2026-03-01T22:14:00"}', b"\xff"])
def test_nothing_is_muted_by_a_file_that_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mutes.json").write_bytes(content)
    assert open_mutes(tmp_path).until("yard", NOW) is None


def test_nothing_changes_when_it_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / "mutes.json.part").mkdir()
    mutes = open_mutes(tmp_path)
    with pytest.raises(StateError, match=r"mutes\.json"):
        mutes.mute(("yard",), NOW, 60)
    assert mutes.until("yard", NOW) is None
