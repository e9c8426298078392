from __future__ import annotations

from pathlib import Path

import pytest

from tests.fleet.kit.small_kit import Workshop


@pytest.fixture
def workshop(tmp_path: Path, tiny_bundle_directory: Path, key_folder: Path) -> Workshop:
    """Makes kits of small wheels."""
    return Workshop(tmp_path, tiny_bundle_directory, key_folder / "public.pem")
