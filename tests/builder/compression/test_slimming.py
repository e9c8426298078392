from __future__ import annotations

import numpy as np
import pytest

from builder.backbones.registry import BackboneSpec
from builder.compression.bottlenecks import encoder_cost
from builder.compression.pruning import Pruner, measure_sparsity
from builder.compression.recovery import Recovery
from builder.compression.slimming import Slimmer
from builder.recipe import Pruning, Slimming, Student
from builder.training.fit import Schedule
from builder.training.network import Network, standardise
from builder.training.student import TeacherViews
from tests.builder.tiny_training import GEOMETRY, PREPROCESSING, encoded, make_network, make_training, silent

pytestmark = pytest.mark.slow
TUNE = Schedule(epochs=12, learning_rate=1e-3, weight_decay=0.0, batch=4, averaging=0.9)
LEARNT = np.concatenate([make_training(8).views(1, view, range(8)) for view in range(3)])
PROBE = Schedule(epochs=12, learning_rate=1e-2, batch=8, averaging=0.5)


@pytest.fixture(scope="module")
def whole() -> Network:
    network = make_network("tcn", blocks=3)
    standardise(network, encoded(network, make_training(8).views(0, 0, range(8))))
    return network


@pytest.fixture(scope="module")
def recovery() -> Recovery:
    training = make_training(8)
    student = Student(backbone=BackboneSpec(blocks=3), head="tcn", probe=PROBE, tune=TUNE)
    views = TeacherViews(training, 4 * (training.labels()[None] - 0.5))
    return Recovery(views, student, GEOMETRY, PREPROCESSING, silent)


def slim(recovery: Recovery, whole: Network, slimming: Slimming) -> tuple[Network, dict[str, tuple[float, ...]]]:
    return Slimmer(recovery, slimming, LEARNT).slim(whole, whole)


def test_nothing_is_trained_that_is_not_asked_for(recovery: Recovery, whole: Network) -> None:
    slimmed, losses = slim(recovery, whole, Slimming(keep=0.6))
    assert losses == {}
    assert slimmed.head is whole.head
    assert encoder_cost(slimmed.encoder) <= 0.6 * encoder_cost(whole.encoder)


def test_embeddings_come_nearer_to_those_of_the_whole_student_by_tuning(recovery: Recovery, whole: Network) -> None:
    wanted = encoded(whole, LEARNT)
    schedule = Schedule(epochs=12, learning_rate=1e-3, weight_decay=0.0, batch=8, averaging=0.9)
    (left, _), (tuned, losses) = (slim(recovery, whole, Slimming(keep=0.5, tune=one)) for one in (None, schedule))
    assert [len(losses[name]) for name in losses] == [schedule.epochs]
    assert losses["tune"][-1] < 0.7 * losses["tune"][0]
    strayed = [float(np.mean((encoded(one, LEARNT) - wanted) ** 2)) for one in (left, tuned)]
    assert strayed[1] < 0.7 * strayed[0]
    assert tuned.head is whole.head


def test_the_head_learns_anew_what_the_narrow_encoder_tells(recovery: Recovery, whole: Network) -> None:
    slimmed, losses = slim(recovery, whole, Slimming(keep=0.6, probe=PROBE))
    assert [len(losses[name]) for name in losses] == [PROBE.epochs]
    assert slimmed.head is not whole.head
    training = make_training()
    logits = np.asarray(slimmed.whole(training.views(9, 0, range(8)), training=False))
    assert (logits.argmax(axis=1) == training.labels().argmax(axis=1)).all()


def test_a_slim_student_is_pruned_as_narrow_as_it_is(recovery: Recovery, whole: Network) -> None:
    slimmed, _ = slim(recovery, whole, Slimming(keep=0.6))
    widths = slimmed.encoder.get_layer("block1_expand_conv").filters
    pruned, _ = Pruner(recovery, Pruning(sparsity=0.5, hint=1.0, tune=TUNE)).prune(slimmed, whole)
    assert pruned.encoder.get_layer("block1_expand_conv").filters == widths < 96
    assert measure_sparsity(pruned)["block1_expand_conv"] == pytest.approx(0.5, abs=0.02)
