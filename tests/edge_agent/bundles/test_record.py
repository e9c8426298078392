from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.bundles.errors import RefusedBundleError
from edge_agent.bundles.record import MOST_BOOTS, Record, current, go_back, keep, leave, put_on_trial, start

OLD, NEW = "0" * 64, "f" * 64


def test_a_bundle_is_on_trial_until_it_is_kept() -> None:
    record = put_on_trial(Record(kept=OLD), NEW)
    assert (current(record), record.digests) == (NEW, {OLD, NEW})
    record = keep(start(record))
    assert (current(record), record.before, record.trial) == (NEW, OLD, None)


def test_the_fourth_start_without_being_kept_has_the_bundle_of_before() -> None:
    record = put_on_trial(Record(kept=OLD), NEW)
    for boot in range(MOST_BOOTS):
        record = start(record)
        assert current(record) == NEW
        assert record.trial is not None
        assert record.trial.boots == boot + 1
    record = start(record)
    assert current(record) == OLD
    assert record.left[-1].digest == NEW
    assert "3 starts" in record.left[-1].reason


def test_what_was_left_is_refused_unless_asked_for_again() -> None:
    record = leave(put_on_trial(Record(), NEW), "nothing was judged")
    assert current(record) is None
    with pytest.raises(RefusedBundleError, match="nothing was judged"):
        put_on_trial(record, NEW)
    again = put_on_trial(record, NEW, again=True)
    assert (current(again), again.left) == (NEW, ())


def test_one_goes_back_from_the_trial_first_and_at_last_to_the_configured_one() -> None:
    record = keep(put_on_trial(keep(put_on_trial(Record(), OLD)), NEW))
    record = put_on_trial(record, "a" * 64)
    seen = []
    for _ in range(5):
        seen.append(current(record))
        record = go_back(record, "by hand")
    assert seen == ["a" * 64, NEW, OLD, None, None]


def test_installing_what_is_in_use_ends_another_trial() -> None:
    record = put_on_trial(put_on_trial(Record(kept=OLD), NEW), OLD)
    assert (current(record), record.trial) == (OLD, None)


@given(
    st.lists(
        st.tuples(st.sampled_from(["trial", "start", "keep", "leave", "back"]), st.sampled_from("abc")), max_size=40
    )
)
def test_whatever_happens_what_is_used_is_among_what_is_kept_on_disk(steps: list[tuple[str, str]]) -> None:
    record = Record()
    for step, letter in steps:
        if step == "trial":
            record = put_on_trial(record, letter * 64, again=True)
        else:
            change = {
                "start": start,
                "keep": keep,
                "leave": lambda one: leave(one, "x"),
                "back": lambda one: go_back(one, "x"),
            }
            record = change[step](record)
        used = current(record)
        assert used is None or used in record.digests
        assert record.trial is None or record.trial.boots <= MOST_BOOTS
        assert len(record.left) <= 20
