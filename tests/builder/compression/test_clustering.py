from __future__ import annotations

import numpy as np
import pytest

from builder.backbones.registry import BackboneSpec
from builder.compression.clustering import Clusterer, group_values, measure_values
from builder.compression.recovery import Recovery
from builder.recipe import Clustering, Student
from builder.training.network import Network, standardise
from builder.training.schedule import Schedule
from builder.training.student import TeacherViews
from tests.builder.tiny_training import (
    GEOMETRY,
    PREPROCESSING,
    encoded,
    half_pruned,
    make_network,
    make_training,
    silent,
)

SCHEDULE = Schedule(epochs=12, learning_rate=1e-3, weight_decay=0.0, batch=8, averaging=0.9)
PROBE = Schedule(epochs=12, learning_rate=1e-2, batch=8, averaging=0.5)
LEARNT = np.concatenate([make_training(8).views(1, view, range(8)) for view in range(3)])


@pytest.fixture(scope="module")
def whole() -> Network:
    network = make_network("tcn", blocks=3)
    standardise(network, encoded(network, make_training(8).views(0, 0, range(8))))
    return network


def cluster(network: Network, clustering: Clustering) -> tuple[Network, dict[str, tuple[float, ...]]]:
    training = make_training(8)
    student = Student(backbone=BackboneSpec(blocks=3), head="tcn", probe=PROBE, tune=SCHEDULE)
    views = TeacherViews(training, 4 * (training.labels()[None] - 0.5))
    recovery = Recovery(views, student, GEOMETRY, PREPROCESSING, silent)
    return Clusterer(recovery, clustering, LEARNT).cluster(network)


@pytest.mark.slow
@pytest.mark.parametrize("schedule", [None, SCHEDULE])
def test_no_kernel_has_more_values_than_asked(whole: Network, schedule: Schedule | None) -> None:
    clustered, losses = cluster(whole, Clustering(values=8, tune=schedule))
    found = measure_values(clustered.encoder)
    assert set(found) == {
        "block0_project_conv", "block1_expand_conv", "block1_project_conv", "block2_expand_conv", "block2_project_conv",
    }  # fmt: skip
    assert all(2 <= values <= 8 for values in found.values())
    assert list(losses) == ([] if schedule is None else ["tune"])
    for name in ("stem_conv", "block1_depth_conv"):
        before, after = (one.encoder.get_layer(name).get_weights()[0] for one in (whole, clustered))
        assert len(np.unique(after)) == len(np.unique(before))


@pytest.mark.slow
def test_shared_values_learn_on(whole: Network) -> None:
    wanted = encoded(whole, LEARNT)
    strayed = [
        float(np.mean((encoded(cluster(whole, Clustering(values=8, tune=one))[0], LEARNT) - wanted) ** 2))
        for one in (None, SCHEDULE)
    ]
    assert strayed[1] < 0.6 * strayed[0]


@pytest.mark.slow
def test_the_more_values_the_less_it_strays_and_the_whole_student_stays_as_it_was(whole: Network) -> None:
    wanted, weights = encoded(whole, LEARNT), whole.encoder.get_weights()
    few, many = (
        float(np.mean((encoded(cluster(whole, Clustering(values=values))[0], LEARNT) - wanted) ** 2))
        for values in (4, 64)
    )
    assert many < 0.05 * few
    for old, new in zip(weights, whole.encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.slow
def test_what_was_pruned_stays_zero(whole: Network) -> None:
    pruned, small = half_pruned(whole, "block1_expand_conv")
    clustered, _ = cluster(pruned, Clustering(values=4, tune=SCHEDULE))
    np.testing.assert_array_equal(clustered.encoder.get_layer("block1_expand_conv").get_weights()[0] == 0, small)


@pytest.mark.slow
def test_the_head_is_learnt_anew_when_it_is_asked(whole: Network) -> None:
    clustered, losses = cluster(whole, Clustering(values=16, probe=PROBE))
    assert [len(losses[name]) for name in losses] == [PROBE.epochs]
    training = make_training()
    logits = np.asarray(clustered.whole(training.views(9, 0, range(8)), training=False))
    assert (logits.argmax(axis=1) == training.labels().argmax(axis=1)).all()


@pytest.mark.slow
def test_a_head_that_is_learnt_anew_is_the_same_each_time(whole: Network) -> None:
    first, second = (cluster(whole, Clustering(values=16, probe=PROBE))[0].head.get_weights() for _ in range(2))
    for old, new in zip(first, second, strict=True):
        np.testing.assert_allclose(old, new, rtol=1e-4, atol=1e-5)


def test_weights_share_the_values_that_they_gather_around() -> None:
    rng = np.random.default_rng(1)
    centres = np.array([-1.0, -0.2, 0.1, 0.9])
    numbers = rng.integers(0, 4, 1000)
    weights = (centres[numbers] + 0.01 * rng.normal(size=1000)).astype(np.float32)
    np.testing.assert_array_equal(group_values(weights, 4), numbers)


@pytest.mark.parametrize(("weights", "groups"), [([], 0), ([0.5], 1), ([0.5, 0.5, 0.5], 1), ([0.1, 0.9], 2)])
def test_there_are_no_more_groups_than_weights_that_differ(weights: list[float], groups: int) -> None:
    found = group_values(np.array(weights, np.float32), 8)
    assert len(found) == len(weights)
    assert len(set(found.tolist())) == groups
