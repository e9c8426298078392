from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from builder.backbones.registry import BackboneSpec
from builder.compression.pruning import Pruner, PruningError, measure_sparsity
from builder.compression.recovery import Recovery
from builder.heads import HeadName
from builder.recipe import Pruning, Student
from builder.training.fit import Schedule
from builder.training.network import Network, load_weights, save_weights, standardise
from builder.training.student import TeacherViews
from tests.builder.tiny_training import GEOMETRY, PREPROCESSING, encoded, make_network, make_training, silent

pytestmark = pytest.mark.slow


def prune(
    head: HeadName,
    sparsity: float,
    epochs: int,
    network: Network | None = None,
    learning_rate: float = 1e-3,
    hint: float = 0.0,
    probe: Schedule | None = None,
) -> Network:
    """What pruning makes of a student."""
    schedule = Schedule(epochs=epochs, learning_rate=learning_rate, weight_decay=0.0, batch=4, averaging=0.9)
    training, network = make_training(8), network or make_network(head)
    standardise(network, encoded(network, training.views(0, 0, range(8))))
    views = TeacherViews(training, 4 * (training.labels()[None] - 0.5))
    student = Student(backbone=BackboneSpec(blocks=2), head=head, probe=schedule, tune=schedule)
    pruning = Pruning(sparsity=sparsity, hint=hint, tune=schedule, probe=probe)
    recovery = Recovery(views, student, GEOMETRY, PREPROCESSING, silent)
    pruned, losses = Pruner(recovery, pruning).prune(network, network)
    assert {name: len(run) for name, run in losses.items()} == {
        "prune": epochs,
        **({} if probe is None else {"probe": probe.epochs}),
    }
    return pruned


@pytest.fixture(scope="module")
def pruned() -> Network:
    return prune("tcn", 0.75, 2)


def test_each_kernel_is_as_sparse_as_asked_once_the_weights_are_averaged(pruned: Network) -> None:
    found = measure_sparsity(pruned)
    kernels = {"block0_project_conv", "block1_expand_conv", "block1_project_conv", "project", "time1", "time2"}
    assert set(found) == kernels
    assert all(share == pytest.approx(0.75, abs=0.02) for share in found.values())


def test_what_is_small_and_counts_stays_whole(pruned: Network) -> None:
    kept = [pruned.encoder.get_layer(name) for name in ("stem_conv", "block0_depth_conv", "block1_depth_conv")]
    for layer in (*kept, pruned.head.get_layer("logits")):
        # ImageNet's own weights have a few zeros.
        assert (layer.get_weights()[0] != 0).mean() > 0.9, layer.name


def test_the_recurrent_heads_dense_layers_are_pruned_and_its_cells_are_not() -> None:
    pruned = prune("bilstm", 0.5, 1)
    assert {"attention_hidden", "dense256", "dense128", "dense64"} <= set(measure_sparsity(pruned))
    assert all((weight != 0).mean() > 0.95 for weight in pruned.head.get_layer("bilstm").get_weights()[:2])


def test_the_pruned_network_judges_the_same_once_it_is_saved_and_read(pruned: Network, tmp_path: Path) -> None:
    windows = make_training(4).views(1, 0, range(4))
    logits = np.asarray(pruned.whole(windows, training=False))
    fresh = make_network("tcn", seed=7)
    names = [layer.name for layer in fresh.encoder.layers]
    save_weights(pruned, tmp_path)
    load_weights(fresh, tmp_path)
    np.testing.assert_allclose(fresh.whole(windows, training=False), logits, rtol=1e-5, atol=1e-5)
    assert measure_sparsity(fresh) == measure_sparsity(pruned)
    assert [layer.name for layer in pruned.encoder.layers] == names


def test_pruning_fails_when_a_layer_is_not_as_sparse_as_asked() -> None:
    network = make_network()
    dead = network.encoder.get_layer("block1_project_conv")
    dead.set_weights([np.zeros_like(weight) for weight in dead.get_weights()])
    with pytest.raises(PruningError, match=r"sparsity 0\.50 was asked, found block1_project_conv 1\.00; prune for"):
        prune("tcn", 0.5, 1, network, learning_rate=0.0)


def test_embeddings_stay_nearer_to_those_of_the_whole_network_when_they_are_hinted_at() -> None:
    windows = make_training().views(3, 0, range(8))
    whole = make_network("tcn")
    standardise(whole, encoded(whole, make_training(8).views(0, 0, range(8))))
    wanted = encoded(whole, windows)
    free, hinted = (
        float(np.mean((encoded(prune("tcn", 0.5, 12, hint=hint), windows) - wanted) ** 2)) for hint in (0.0, 10.0)
    )
    assert hinted < 0.8 * free


def test_the_head_is_as_sparse_and_judges_right_when_it_is_learnt_anew() -> None:
    probe = Schedule(epochs=12, learning_rate=1e-2, batch=8, averaging=0.5)
    pruned = prune("tcn", 0.5, 2, probe=probe)
    assert all(share == pytest.approx(0.5, abs=0.02) for share in measure_sparsity(pruned).values())
    training = make_training()
    logits = np.asarray(pruned.whole(training.views(9, 0, range(8)), training=False))
    assert (logits.argmax(axis=1) == training.labels().argmax(axis=1)).all()
