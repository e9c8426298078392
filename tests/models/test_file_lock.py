from __future__ import annotations

import threading
from pathlib import Path

from models.file_lock import take_lock, wait_for_lock


def test_one_has_it_until_its_file_is_closed(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as first, (tmp_path / "lock").open("w") as second:
        assert take_lock(first.fileno())
        assert take_lock(first.fileno())
        assert not take_lock(second.fileno())
        assert not wait_for_lock(second.fileno(), patience_s=0.05)
        first.close()
        assert wait_for_lock(second.fileno(), patience_s=0)


def test_who_waits_has_it_once_it_is_free(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as first, (tmp_path / "lock").open("w") as second:
        assert take_lock(first.fileno())
        closing = threading.Timer(0.1, first.close)
        closing.start()
        assert wait_for_lock(second.fileno(), patience_s=60)
        closing.join()
