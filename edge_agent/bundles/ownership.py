"""Whose the files on the shelf are: whoever installs is often root, and the agent's own user goes on with them."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def give_to_owner(path: Path) -> None:
    """Have what root has made belong to whom its folder belongs to. Raises ``OSError``.

    What has another name elsewhere, or is a link, stays as it is: the folder's owner may have laid it there to be given
    a file of root's.
    """
    if os.geteuid() != 0 or path.is_symlink():
        return
    owner = path.parent.stat()
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        own = os.fstat(descriptor)
        alone = stat.S_ISDIR(own.st_mode) or (stat.S_ISREG(own.st_mode) and own.st_nlink == 1)
        if alone and (owner.st_uid, owner.st_gid) != (own.st_uid, own.st_gid):
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
    finally:
        os.close(descriptor)


def open_own(path: str, flags: int) -> int:
    """For ``open``, as its ``opener``: neither a link nor a file that has another name elsewhere is opened. Raises
    ``OSError``."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW, 0o666)
    if os.fstat(descriptor).st_nlink > 1:
        os.close(descriptor)
        raise OSError(errno.EMLINK, os.strerror(errno.EMLINK), path)
    return descriptor


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, unless they are there. Raises ``OSError``."""
    for one in reversed([one for one in (folder, *folder.parents) if not one.exists()]):
        one.mkdir(exist_ok=True)
        give_to_owner(one)
