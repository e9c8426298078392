"""What is told and done of a desired bundle, by what is on disk."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from edge_agent.bundles.record import Record, Trial, go_back, keep, leave, put_on_trial
from edge_agent.bundles.standing import Fault, Standing, accept, find_state, is_due
from edge_agent.bundles.standing_file import StandingFile
from edge_agent.delivery.payloads import DesiredBundle, UpdateState
from tests.edge_agent.bundles.bundle_store import ISSUED

OLD, NEW, OTHER = "a" * 64, "b" * 64, "c" * 64
WANTED = DesiredBundle(id="wave-1", issued_at=ISSUED, url="https://h/b", sha256=NEW)
HEARD = accept(Standing(), WANTED)
PUT = Standing(desired=WANTED, newest=ISSUED, installed=True)
EMPTY, TRIED = Record(), put_on_trial(Record(), NEW)
KEPT, LEFT = keep(TRIED), leave(TRIED, "it drifts")
FAILED = Standing(desired=WANTED, fault=Fault(state="failed", reason="no route"))
REFUSED = Standing(desired=WANTED, fault=Fault(state="refused", reason="not signed"))


@pytest.mark.parametrize(
    ("record", "standing", "in_use", "state", "reason", "due"),
    [
        pytest.param(EMPTY, Standing(), None, "settled", "", False, id="nothing is desired"),
        pytest.param(TRIED, Standing(), NEW, "trial", "", False, id="nothing is desired and one on trial"),
        pytest.param(EMPTY, HEARD, OLD, "fetching", "", True, id="another is in use"),
        pytest.param(EMPTY, HEARD, NEW, "settled", "", False, id="that of the configuration is it"),
        pytest.param(TRIED, PUT, OLD, "trial", "next start", False, id="tested and not in use yet"),
        pytest.param(TRIED, PUT, NEW, "trial", "", False, id="on trial"),
        pytest.param(KEPT, PUT, NEW, "kept", "", False, id="kept"),
        pytest.param(KEPT, PUT, OLD, "verifying", "next start", False, id="kept and not in use yet"),
        pytest.param(LEFT, PUT, OLD, "left", "it drifts", False, id="its trial failed"),
        pytest.param(go_back(KEPT, "by hand"), PUT, OLD, "left", "by hand", False, id="gone back from"),
        pytest.param(LEFT, HEARD, OLD, "fetching", "", True, id="left for an earlier desire"),
        pytest.param(EMPTY, FAILED, OLD, "failed", "no route", True, id="could not be fetched"),
        pytest.param(EMPTY, REFUSED, OLD, "refused", "not signed", False, id="was refused"),
        pytest.param(TRIED, REFUSED, NEW, "trial", "", False, id="was refused and came otherwise"),
        pytest.param(Record(kept=OTHER), PUT, OTHER, "fetching", "", True, id="another was installed by hand"),
        pytest.param(Record(kept=NEW, trial=Trial(digest=OTHER)), PUT, OTHER, "fetching", "", True, id="another tried"),
    ],
)
def test_state_says_how_it_is_and_only_what_is_due_is_done(
    record: Record, standing: Standing, in_use: str | None, state: UpdateState, reason: str, due: bool
) -> None:
    found, why = find_state(record, standing, in_use)
    assert (found, reason in why, bool(why) == bool(reason)) == (state, True, True)
    assert is_due(record, standing, in_use) is due


def test_the_same_again_changes_nothing_and_another_forgets_what_was_of_the_first() -> None:
    assert accept(PUT, WANTED) is PUT
    later = ISSUED + timedelta(seconds=1)
    second = DesiredBundle(id="wave-2", issued_at=later, url="https://h/b", sha256=NEW, again=True)
    assert accept(REFUSED, second) == Standing(desired=second, newest=later)
    # A link to the same file may be signed anew; what signs it is kept nowhere.
    signed = DesiredBundle(id="wave-1", issued_at=ISSUED, url="https://me:secret@h/b?key=secret", sha256=NEW)
    assert accept(PUT, signed) is PUT
    assert "secret" not in repr(accept(Standing(), signed))
    # What is taken back leaves its time: an older one stays refused.
    assert accept(PUT, None) == Standing(newest=ISSUED)


@pytest.mark.parametrize("content", [b"", b"{", b'{"desired": 3}', b"\xff"], ids=repr)
def test_a_damaged_file_is_set_aside(tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    file = StandingFile(tmp_path)
    file.change(partial(accept, wanted=WANTED))
    assert file.read() == HEARD
    (tmp_path / "desired.json").write_bytes(content)
    assert file.read() == Standing()
    assert "set aside" in caplog.text


def test_a_disk_that_takes_no_writes_costs_no_update(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    assert StandingFile(tmp_path / "file").change(partial(accept, wanted=WANTED)) == HEARD
    assert "a restart forgets it" in caplog.text


def test_what_a_full_disk_does_not_take_is_known_until_it_does(tmp_path: Path) -> None:
    file = StandingFile(tmp_path)
    in_the_way = tmp_path / "desired.json.part"
    in_the_way.mkdir()
    file.change(partial(accept, wanted=WANTED))
    # Else an older desire would be taken, and nothing told of this one.
    assert file.read() == HEARD
    in_the_way.rmdir()
    assert file.change(partial(accept, wanted=WANTED)) == HEARD
    assert StandingFile(tmp_path).read() == HEARD
