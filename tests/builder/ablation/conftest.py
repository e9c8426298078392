from __future__ import annotations

from tests.builder.pipeline.conftest import prepared, tiny_data

__all__ = ["prepared", "tiny_data"]
