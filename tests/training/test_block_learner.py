"""Learning from a block: draws, held-out rows, and what a block's task does."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from streamlearn._training.block_learner import BlockLearner, learn_block
from streamlearn._training.fit_settings import First, FitSettings, HeldOut, Learned, Shuffle, Target
from streamlearn._training.prepare import PreparedBlock
from streamlearn._validation.reader import Reader
from streamlearn.blocks import Block
from streamlearn.core import scores
from streamlearn.core.learner import Learner
from streamlearn.core.linear import links, newton, sgd
from streamlearn.linear_model.training import mean_loss
from tests.backends import STRICT, no_host_sync

N_FEATURES = 3
CHUNKS = (20, 0, 30, 10)
PARAMS = sgd.Params(loss="log_loss", learning_rate="constant", eta0=0.1)


def fit_settings(learner: Learner | None = None, **how) -> FitSettings:
    shuffle = Shuffle(how.pop("shuffle", "rows"), how.pop("seed", 0))
    share, metric = how.pop("held_out", 0.0), how.pop("metric", scores.ACCURACY)
    return FitSettings(
        **{
            "learner": learner or sgd.learner(PARAMS),
            "n_outputs": 1,
            "reader": Reader("SomeEstimator", N_FEATURES),
            "target": Target(how.pop("classes", np.array([0, 1]))),
            "batch_size": 4,
            "shuffle": shuffle,
            "held_out": HeldOut(metric, links.codes, share) if share else None,
            "first": First(0, how.pop("seen", 0)),
            **how,
        }
    )


def prepare(settings: FitSettings, epoch: int, number: int, parts: tuple) -> PreparedBlock:
    given = dict(zip(("X", "y", "sample_weight"), parts, strict=False))
    return BlockLearner(settings, mean_loss).prepare(epoch, Block(number, given))


def table(n: int = sum(CHUNKS)) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, N_FEATURES))
    return X, (X[:, 0] + 0.5 * rng.normal(size=n) > 0).astype(int)


def bits(ready: PreparedBlock) -> list:
    held = () if ready.held_out is None else ready.held_out[:2]
    parts = (ready.X, ready.target, ready.draws.order, ready.draws.rows, *held)
    return [None if a is None else np.asarray(a).tobytes() for a in parts]


# A block's own task


@pytest.mark.parametrize("shuffle", [None, "batches", "rows"])
def test_draws_depend_on_seed_epoch_and_block_alone(shuffle):
    parts, how = table(), {"shuffle": shuffle, "held_out": 0.2}
    first = bits(prepare(fit_settings(**how), 0, 5, parts))
    np.random.seed(3)  # noqa: NPY002
    assert bits(prepare(fit_settings(**how), 0, 5, parts)) == first
    others = [
        prepare(fit_settings(**how, seed=1), 0, 5, parts),
        prepare(fit_settings(**how), 1, 5, parts),
        prepare(fit_settings(**how), 0, 6, parts),
    ]
    drawn = {None: slice(0, 0), "batches": slice(2, 3), "rows": slice(3, 4)}[shuffle]
    for other in others:
        assert shuffle is None or bits(other)[drawn] != first[drawn]


def test_rows_are_held_out_once_and_for_all_epochs():
    X, y = table()
    first = prepare(fit_settings(held_out=0.2), 0, 5, (X, y))
    again = prepare(fit_settings(held_out=0.2), 1, 5, (X, y))
    assert first.held_out.X.shape[0] == 12
    np.testing.assert_array_equal(first.held_out.X, again.held_out.X)
    np.testing.assert_array_equal(first.X, again.X)
    both = np.concatenate([first.X, first.held_out.X])
    np.testing.assert_array_equal(np.sort(both, axis=0), np.sort(X, axis=0))
    other = prepare(fit_settings(held_out=0.2), 0, 6, (X, y))
    assert np.any(other.held_out.X != first.held_out.X)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_block_is_never_held_out_whole(n):
    ready = prepare(fit_settings(held_out=0.99), 0, 0, table(n))
    assert ready.X.shape[0] == 1
    assert ready.held_out.X.shape[0] == n - 1


def test_targets_and_weights_stand_beside_x(backend):
    X, y = table(12)
    parts = (backend.asarray(X), y, np.ones(12).tolist())
    ready = prepare(fit_settings(held_out=0.25), 0, 0, parts)
    for a in (ready.X, ready.target, ready.weight, ready.draws.rows, *ready.held_out[:3]):
        backend.check(a)
    values = prepare(fit_settings(classes=None), 0, 0, parts)
    backend.check(values.target, backend.widest)


@pytest.mark.parametrize("shuffle", [None, "batches", "rows"])
@pytest.mark.parametrize("batch_size", [1, 4, 7, 100, None])
def test_there_is_a_draw_for_every_batch(shuffle, batch_size):
    """Also where batches grow: none is smaller than the smallest, but the last."""
    for n in (1, 7, 8, 64, 65, 1000):
        settings = fit_settings(shuffle=shuffle, batch_size=batch_size)
        ready = prepare(settings, 0, 0, table(n))
        learned, report = learn_block(settings, Learned(), ready)
        assert learned.rows == n
        assert report.sums.weight == n


def test_settings_of_a_fit_and_what_they_make_pickle():
    settings = fit_settings(held_out=0.2)
    ready = prepare(settings, 0, 0, table())
    learned, _ = learn_block(settings, Learned(), ready)
    settings, ready, learned = pickle.loads(pickle.dumps((settings, ready, learned)))
    again, _ = learn_block(settings, Learned(), ready)
    np.testing.assert_array_equal(again.state.coef, learned.state.coef)


@pytest.mark.parametrize("backend", [name for name in STRICT if name != "strictest"], indirect=True)
def test_learning_from_a_block_reads_nothing_back(backend):
    X, y = table(12)
    settings = fit_settings(held_out=0.25)
    ready = prepare(settings, 0, 0, (backend.asarray(X), y))
    with no_host_sync():
        learned, _ = learn_block(settings, Learned(), ready)
        learn_block(settings, learned, ready)


def test_learning_changes_neither_state_nor_block(backend):
    X, y = table(12)
    settings = fit_settings()
    ready = prepare(settings, 0, 0, (backend.asarray(X), backend.asarray(y)))
    before, _ = learn_block(settings, Learned(), ready)
    kept = [backend.to_numpy(a) for a in (*before.state[:4], ready.X, ready.target)]
    learn_block(settings, before, ready)
    now = [backend.to_numpy(a) for a in (*before.state[:4], ready.X, ready.target)]
    for a, b in zip(kept, now, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_state_of_another_place_is_refused(backend):
    import array_api_strict

    X, y = table(12)
    there = array_api_strict.Device("device2")
    settings = fit_settings()
    foreign = array_api_strict.asarray(X, device=there)
    other = prepare(settings, 0, 0, (foreign, y))
    learned, _ = learn_block(settings, Learned(), other)
    ready = prepare(settings, 0, 0, (backend.asarray(X), y))
    with pytest.raises(ValueError, match=r"SomeEstimator.partial_fit\(\) must use the same"):
        learn_block(settings, learned, ready)


@pytest.mark.parametrize(("n", "seen", "run"), [(4095, 0, 1), (65_536, 0, 16), (10**5, 10**6, 512)])
def test_rows_are_permuted_in_runs_of_which_a_batch_holds_many(n, seen, run):
    X, y = table(n)
    learner = newton.learner(PARAMS)
    for batch_size, want in ((None, run), (4, 1)):
        settings = fit_settings(learner=learner, batch_size=batch_size, seen=seen)
        ready = prepare(settings, 0, 0, (X, y))
        assert ready.draws.run == want
        np.testing.assert_array_equal(np.sort(ready.draws.rows), np.arange(n // want))


def test_later_epochs_permute_longer_runs():
    X, y = table(65_536)
    settings = fit_settings(learner=newton.learner(PARAMS), batch_size=None)
    assert [prepare(settings, epoch, 0, (X, y)).draws.run for epoch in (0, 1, 3)] == [16, 32, 64]


def test_runs_are_shorter_where_batches_are_small():
    X, y = table(65_536)
    small = newton.learner(PARAMS)._replace(largest=lambda X, K, seen: 256)
    assert prepare(fit_settings(learner=small, batch_size=None), 0, 0, (X, y)).draws.run == 4


def test_a_shuffled_block_is_learned_from_whatever_its_rows_are_gathered_by():
    """Runs that are gathered slice by slice, in a batch of several slices, leave no row out."""
    X, y = table(3 * 65_536 + 7)
    settings = fit_settings(learner=newton.learner(PARAMS), batch_size=None, seen=10**7)
    learned = Learned(None, 10**7)
    ready = prepare(settings, 0, 0, (X, y))
    assert ready.draws.run > 1
    learned, report = learn_block(settings, learned, ready)
    assert report.rows == len(X)
    assert float(report.sums.weight[0]) == len(X)
    np.testing.assert_allclose(learned.state.centre, X.mean(axis=0), atol=0.02)
