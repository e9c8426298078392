"""Whose the files on the shelf are: whoever installs is often root, and the agent's own user goes on with them."""

from __future__ import annotations

import os
from pathlib import Path


def give_to_owner(path: Path) -> None:
    """Have what root has made belong to whom its folder belongs to. Raises ``OSError``."""
    if os.geteuid() == 0:
        owner, own = path.parent.stat(), path.lstat()
        if (owner.st_uid, owner.st_gid) != (own.st_uid, own.st_gid):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, unless they are there. Raises ``OSError``."""
    for one in reversed([one for one in (folder, *folder.parents) if not one.exists()]):
        one.mkdir(exist_ok=True)
        give_to_owner(one)
