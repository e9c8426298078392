"""A small disk of a test's own, that can be full and that can break."""

from __future__ import annotations

import os
import resource
import subprocess
from contextlib import suppress
from pathlib import Path

FULL_BYTES = 65_536


class Disk:
    """An ext4 file system in a file, mounted for the test. Who may not mount has a folder in its place, and a limit on
    the size of files instead of what fills or breaks the disk: the kernel then refuses each write, too."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "disk"
        self.path.mkdir()
        self._image = folder / "disk.img"
        self.mounted = os.geteuid() == 0 and self._make()
        self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        self._filler = self.path / "filler"

    def fill(self) -> None:
        """Leave no room for another byte."""
        if not self.mounted:
            self._limit()
            return
        with self._filler.open("wb", buffering=0) as file:
            for size in (FULL_BYTES, 1024, 1):
                with suppress(OSError):
                    while file.write(bytes(size)):
                        pass

    def free(self) -> None:
        """Make room again."""
        self._unlimit()
        self._filler.unlink(missing_ok=True)

    def break_(self) -> None:
        """Have it refuse every write from now on, also to files that are open, as the kernel does when it finds a file
        system damaged."""
        if self.mounted:
            subprocess.run(["mount", "-o", "remount,abort", str(self.path)], check=True, capture_output=True)
        else:
            self._limit()

    def mend(self) -> None:
        """As a reboot does; nothing may be open on it."""
        if self.mounted:
            subprocess.run(["umount", str(self.path)], check=True, capture_output=True)
            subprocess.run(["fsck.ext4", "-p", str(self._image)], check=False, capture_output=True)
            self._mount()
        else:
            self._unlimit()

    def close(self) -> None:
        self._unlimit()
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.path)], check=True, capture_output=True)

    def _make(self) -> bool:
        with self._image.open("wb") as file:
            file.truncate(12_000_000)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(self._image)], check=True, capture_output=True)
        return self._mount()

    def _mount(self) -> bool:
        command = ["mount", "-o", "loop", str(self._image), str(self.path)]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0

    def _limit(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, self._limits[1]))

    def _unlimit(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)
