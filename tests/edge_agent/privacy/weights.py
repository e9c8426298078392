"""Third-party weights, which the project does not commit."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[4] / "shared"
FASTEST_DET = SHARED / "weights" / "FastestDet.onnx"

needs_weights = pytest.mark.skipif(not FASTEST_DET.is_file(), reason=f"no weights at {FASTEST_DET}")
