from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge_agent.bundles.ownership import give_to_owner, make_folder

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give what it made to others")
AGENT = 4242


def folder_of_the_agent(folder: Path) -> Path:
    shelf = folder / "shelf"
    shelf.mkdir()
    os.chown(shelf, AGENT, AGENT)
    return shelf


def test_what_root_makes_goes_to_the_folders_owner(tmp_path: Path) -> None:
    shelf = folder_of_the_agent(tmp_path)
    make_folder(shelf / "a" / "b")
    (shelf / "a" / "lock").touch()
    give_to_owner(shelf / "a" / "lock")
    assert {path.stat().st_uid for path in shelf.rglob("*")} == {AGENT}


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_file_of_roots_that_was_laid_there_stays_roots(tmp_path: Path, link: object) -> None:
    shelf, secret = folder_of_the_agent(tmp_path), tmp_path / "shadow"
    secret.touch()
    assert callable(link)
    link(secret, shelf / "lock")
    give_to_owner(shelf / "lock")
    assert secret.stat().st_uid == 0
