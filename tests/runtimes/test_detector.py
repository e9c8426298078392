from __future__ import annotations

import numpy as np
import pytest

from models.bundle import Bundle
from runtimes.detector import open_detector
from runtimes.pair import TOLERANCE, probability
from tests.tiny_bundle import EMBEDDING, SAMPLES, SIZE, TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_judge_answers_as_the_float_student_when_any_target_is_used(tiny: Bundle, target: str) -> None:
    golden = tiny.golden()
    detector = open_detector(tiny, target=target)
    embeddings = detector.encode(golden.samples.reshape(-1, SIZE, SIZE, 3)).reshape(-1, SAMPLES, EMBEDDING)
    found = detector.judge(embeddings)
    wanted = probability(golden.logits, 1.5)
    assert np.ptp(wanted) > 0.5
    assert np.abs(found - wanted).max() <= TOLERANCE["int8" if "int8" in target else "float32"]
    assert found.dtype == np.float32
    detector.close()
