from __future__ import annotations

import numpy as np

from builder.data.degradation.overlay import burn_in


def test_a_name_and_a_clock_are_written_and_the_clock_runs() -> None:
    grey = np.full((225, 400), 128, np.uint8)
    told = np.stack(list(burn_in([grey] * 51, 25.0, np.random.default_rng(0))))
    assert (grey == 128).all()
    changed = told != 128
    # Only the corners: the name below to the left, the clock above to the right.
    assert changed[:, 200:, :120].any()
    assert changed[:, :40, 280:].any()
    assert not changed[:, 50:190].any()
    assert (told[0] == told[24]).all()
    assert (told[24] != told[25]).any()
    assert (told[25] == told[49]).all()
    assert not (told[24] != told[25])[200:].any()
