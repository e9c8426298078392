from __future__ import annotations

import pytest

from edge_agent.camera_policies import CameraPolicies
from edge_agent.policy_book import PolicyBook
from models.manifest import Thresholds

OLD, NEW = (CameraPolicies(Thresholds(wake=0.1, alert=alert, clear=0.1)) for alert in (0.5, 0.9))


def test_apply_changes_the_cameras_named_and_no_other() -> None:
    book = PolicyBook({"yard": OLD, "door": OLD})
    before = book.pages
    book.apply({"door": NEW, "attic": NEW})
    assert (book.of("yard"), book.of("door")) == (OLD, NEW)
    assert dict(before) == {"yard": OLD, "door": OLD}


def test_apply_passes_over_cameras_that_nobody_watches() -> None:
    book = PolicyBook({"yard": OLD})
    book.apply({"attic": NEW})
    with pytest.raises(KeyError):
        book.of("attic")


def test_book_keeps_its_pages_when_what_it_was_made_of_changes() -> None:
    policies = {"yard": OLD}
    book = PolicyBook(policies)
    policies["yard"] = NEW
    assert book.of("yard") == OLD
