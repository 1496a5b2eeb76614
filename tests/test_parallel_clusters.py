"""``n_parallel`` of `MiniBatchKMeans`: reassigned clusters, stopping rules and verbose lines."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

from streamlearn.cluster import MiniBatchKMeans
from streamlearn.cluster.local_steps import merge
from streamlearn.cluster.steps import MiniBatchState
from streamlearn.core import kmeans
from streamlearn.core.learner import LocalState

DRAWS = np.random.default_rng(0)
X = np.concatenate([DRAWS.normal(size=(400, 2)) + c for c in ([0, 0], [9, 0], [0, 9], [9, 9])])
DRAWS.shuffle(X)
BLOCKS = da.from_array(X, chunks=(50, 2))


def state(centers, counts, **how):
    clusters = kmeans.State(np.asarray(centers, float)[:, None], np.asarray(counts, float))
    how = {"moved": np.zeros(len(counts), dtype=bool), **how}
    return MiniBatchState(clusters, {"of": how.pop("of", "")}, 10, **how)


def test_a_reassigned_cluster_stays_where_the_first_local_state_has_moved_it():
    before = LocalState(state([0, 1, 2, 3], [10, 10, 10, 10], steps=5), 40)
    # a moves cluster 1, b moves clusters 1 and 2, and both have rows in cluster 0.
    first = state([0.5, 50, 2, 3], [20, 7, 11, 10], moved=np.asarray([0, 1, 0, 0]) > 0, steps=7)
    second = state([1, 60, 70, 3], [20, 8, 9, 10], moved=np.asarray([0, 1, 1, 0]) > 0, steps=8)
    merged = merge(None, before, LocalState(first, 60), LocalState(second, 70))
    np.testing.assert_allclose(merged.clusters.centers[:, 0], [(10 + 20) / 30, 50, 70, 3])
    assert merged.clusters.counts.tolist() == [30, 7, 9, 10]
    assert merged.moved.tolist() == [False, True, True, False]
    assert merged.steps == 5 + 2 + 3


def test_the_draws_and_the_wait_are_those_of_the_first_local_state():
    before = LocalState(state([0, 9], [1, 1], waited=5), 2)
    a = state([0, 9], [2, 2], of="a", waited=15, empty=False, twins=False)
    b = state([0, 9], [2, 2], of="b", waited=0, empty=True, twins=True)
    merged = merge(None, before, LocalState(a, 4), LocalState(b, 4))
    assert (merged.draws, merged.waited) == ({"of": "a"}, 15)
    assert (merged.empty, merged.twins) == (False, True)
    assert not merged.moved.any()


@pytest.mark.parametrize("n_parallel", [2, 8])
def test_clusters_without_rows_are_reassigned_and_found(n_parallel):
    far = np.asarray([[0.0, 0.0], [9.0, 0.0], [500.0, 0.0], [600.0, 0.0]])
    model = MiniBatchKMeans(
        4, init=far, n_init=1, max_iter=20, random_state=0, n_parallel=n_parallel
    ).fit(BLOCKS)
    assert np.abs(model.cluster_centers_).max() < 20
    stays = MiniBatchKMeans(
        4, init=far, n_init=1, reassignment_ratio=0, random_state=0, n_parallel=n_parallel
    ).fit(BLOCKS)
    np.testing.assert_array_equal(stays.cluster_centers_[2:], far[2:])


@pytest.mark.parametrize("n_parallel", [1, 4, 16])
def test_clusters_are_as_good_side_by_side(n_parallel):
    model = MiniBatchKMeans(4, max_iter=5, random_state=0, n_parallel=n_parallel).fit(BLOCKS)
    assert -model.score(X) < 1.1 * 2 * len(X)


def test_a_round_is_one_batch_for_the_stopping_rule(capsys):
    model = MiniBatchKMeans(
        4, max_iter=50, max_no_improvement=3, random_state=0, n_parallel=8, verbose=1
    ).fit(BLOCKS)
    printed = [line for line in capsys.readouterr().out.splitlines() if " step " in line]
    n = BLOCKS.npartitions
    steps = [int(line.split("step ")[1].split("/")[0]) for line in printed if "batch inert" in line]
    assert steps == list(range(8, 8 * len(steps) + 1, 8))
    assert "Converged (lack of improvement in inertia)" in printed[-1]
    assert model.n_iter_ < 50
    # The rule begins in the second epoch. When it has stopped, no further block is learned from.
    assert model.n_steps_ == n + steps[-1]


def test_small_changes_of_the_merged_centres_stop():
    model = MiniBatchKMeans(
        4, max_iter=50, max_no_improvement=None, tol=1e-4, random_state=0, n_parallel=8
    ).fit(BLOCKS)
    assert 1 < model.n_iter_ < 50
