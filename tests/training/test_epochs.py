"""Fitting a sequential learner: epochs, held-out rows and stopping."""

from __future__ import annotations

import dask
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamlearn._training import prepare
from streamlearn._training.block_learner import BlockLearner
from streamlearn._training.epochs import Progress, train
from streamlearn._training.fit_settings import FitSettings, Learned
from streamlearn._training.stopping import NoImprovement, StallCounts
from streamlearn.blocks import align
from streamlearn.core import scores
from streamlearn.core.linear import sgd
from streamlearn.linear_model.training import Lines, mean_loss
from tests.containers import dask_array
from tests.training.test_block_learner import CHUNKS, N_FEATURES, PARAMS, fit_settings, table

FOREVER = {"max_iter": 3, "tol": -np.inf, "n_iter_no_change": 5}


def fit(
    settings: FitSettings,
    learned: Learned,
    data,
    *,
    max_iter,
    tol,
    n_iter_no_change,
    epoch=0,
    **how,
):
    held_out = settings.held_out
    rule = NoImprovement(
        settings.n_outputs,
        tol,
        n_iter_no_change,
        score=None if held_out is None else held_out.score,
        held_out="too small a share holds out",
        adaptive=getattr(settings.learner.params, "learning_rate", None) == "adaptive",
    )
    learner, progress = BlockLearner(settings, mean_loss), Progress(learned, epoch)
    return train(learner, data, progress, rule, max_iter=max_iter, **how)


def blocks(chunks=CHUNKS, **more):
    X, y = table(sum(chunks))
    return align(X=dask_array(X, chunks), y=dask_array(y, chunks), **more)


# Stopping


def waits(values, tol, patience):
    """Return after each of ``values`` which columns have waited long enough."""
    waiting, out = StallCounts.begin(len(values[0])), []
    for value in values:
        waiting, stalled = waiting.after(np.array(value, dtype=float), tol, patience)
        out.append(stalled.tolist())
    return out


def scikit_learns_rule(losses, tol, patience):
    """Return the epoch after which scikit-learn stops, from mean losses; its own loop."""
    best, stale = np.inf, 0
    for epoch, loss in enumerate(losses, start=1):
        stale = stale + 1 if tol > -np.inf and loss > best - tol else 0
        best = min(best, loss)
        if stale >= patience:
            return epoch
    return None


@given(
    losses=st.lists(st.integers(0, 6), min_size=1, max_size=12),
    tol=st.sampled_from([-np.inf, 0.0, 0.5, 1.0]),
    patience=st.integers(1, 4),
)
def test_waiting_is_scikit_learns(losses, tol, patience):
    found = [
        epoch
        for epoch, stalled in enumerate(waits([[-loss] for loss in losses], tol, patience), 1)
        if stalled[0]
    ]
    assert (found[0] if found else None) == scikit_learns_rule(losses, tol, patience)


def test_columns_wait_on_their_own():
    values = [(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (2.0, 5.0), (2.0, 5.0)]
    assert waits(values, 0.1, 2) == [
        [False] * 2,
        [False] * 2,
        [False, True],
        [False] * 2,
        [True, False],
    ]


def test_a_score_of_too_few_rows_says_nothing():
    values = [[np.nan], [1.0], [np.nan], [0.5], [0.5]]
    assert waits(values, 0.1, 2) == [[False], [False], [False], [False], [True]]


# Whole fits


@pytest.mark.parametrize("segment", [1, 2, 64])
@pytest.mark.parametrize("window", [1, 3])
@pytest.mark.parametrize("shuffle", [None, "batches", "rows"])
def test_engine_settings_change_no_bit(segment, window, shuffle):
    settings = fit_settings(shuffle=shuffle)
    want = fit(settings, Learned(), blocks(), **FOREVER)
    with dask.config.set({"streamlearn.segment": segment, "streamlearn.window": window}):
        got = fit(settings, Learned(), blocks(), **FOREVER)
    np.testing.assert_array_equal(got.learned.state.coef, want.learned.state.coef)
    assert got.losses == want.losses
    assert got.learned.rows == 3 * sum(CHUNKS)
    assert got.n_iter == 3
    assert not got.stopped
    assert len(got.losses) == 3 * sum(n > 0 for n in CHUNKS)


def test_a_later_epoch_is_told_apart():
    """Two fits of an epoch each, the second numbered 1, are one fit of two."""
    settings = fit_settings()
    both = fit(settings, Learned(), blocks(), **FOREVER | {"max_iter": 2})
    one = FOREVER | {"max_iter": 1}
    first = fit(settings, Learned(), blocks(), **one)
    second = fit(settings, first.learned, blocks(), epoch=1, **one)
    np.testing.assert_array_equal(second.learned.state.coef, both.learned.state.coef)
    assert first.losses + second.losses == both.losses


def test_where_a_fit_starts_is_not_changed():
    settings = fit_settings()
    start = fit(settings, Learned(), blocks(), **FOREVER).learned
    before = [np.array(a) for a in start.state]
    fit(settings, start, blocks(), epoch=3, **FOREVER)
    for a, b in zip(start.state, before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_stopped_columns_stand_still_and_move_again_after_the_fit(monkeypatch):
    """The first column's loss stalls from the start, the second's does not."""
    X = np.stack([np.ones(40), np.linspace(-1, 1, 40), np.zeros(40)], axis=1)
    y = np.stack([np.tile([-1.0, 1.0], 20), 3 * X[:, 1]], axis=1)
    params = sgd.Params(
        loss="squared_error", kind="values", learning_rate="constant", eta0=0.1, penalty=None
    )
    settings = fit_settings(sgd.learner(params), n_outputs=2, classes=None, shuffle=None)
    monkeypatch.setattr(prepare, "read_values", lambda y, *_: y)

    def run(max_iter):
        rule = {"max_iter": max_iter, "tol": 1e-2, "n_iter_no_change": 2}
        return fit(settings, Learned(), align(X=X, y=y), **rule)

    short, long = run(4), run(30)
    np.testing.assert_array_equal(short.learned.state.coef[0], long.learned.state.coef[0])
    assert np.any(short.learned.state.coef[1] != long.learned.state.coef[1])
    np.testing.assert_array_equal(short.learned.state.active, [1.0, 1.0])
    assert long.stopped
    assert not short.stopped


def test_adaptive_steps_are_cut_by_five_and_then_stop():
    params = PARAMS._replace(learning_rate="adaptive", eta0=4e-6)
    outcome = fit(
        fit_settings(sgd.learner(params), shuffle=None),
        Learned(),
        blocks(),
        max_iter=50,
        tol=1.0,
        n_iter_no_change=2,
    )
    np.testing.assert_allclose(outcome.learned.state.eta, [4e-6 / 5])
    assert outcome.stopped
    assert outcome.n_iter == 5  # 1 sets the mark, 2 and 3 cut, 4 and 5 stop


@pytest.mark.parametrize("chunks", [(0,), (0, 0)])
def test_no_rows_is_an_error(chunks):
    with pytest.raises(ValueError, match=r"0 sample.*SomeEstimator"):
        fit(fit_settings(), Learned(), blocks(chunks), **FOREVER)
    started = fit(fit_settings(), Learned(), blocks(), **FOREVER).learned
    with pytest.raises(ValueError, match="0 sample"):
        fit(fit_settings(), started, blocks(chunks), **FOREVER)


def test_weights_of_some_blocks_may_be_zero_but_not_of_all():
    weight = np.zeros(sum(CHUNKS))
    with pytest.raises(ValueError, match="at least one non-zero"):
        fit(fit_settings(weighted=True), Learned(), blocks(sample_weight=weight), **FOREVER)
    weight[-1] = 1.0
    fitted = fit(fit_settings(weighted=True), Learned(), blocks(sample_weight=weight), **FOREVER)
    assert np.count_nonzero(fitted.losses) == 3


def test_divergence_names_epoch_and_block():
    params = sgd.Params(
        loss="squared_error", kind="values", learning_rate="constant", eta0=1e200, penalty=None
    )
    settings = fit_settings(sgd.learner(params), classes=None, shuffle=None)
    with pytest.raises(ValueError, match=r"epoch #1, in block [02]\. Scaling"):
        fit(settings, Learned(), blocks(), **FOREVER)


def test_the_held_out_score_is_that_of_held_out_rows():
    """A table without a rule: held-out rows know it, rows that were learned from do not."""
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(60, N_FEATURES)), rng.integers(0, 2, 60)
    seen = []

    def noted(target, predicted, weight=None):
        seen.append((len(target), float(np.mean(target == predicted))))
        return scores.correct(target, predicted, weight)

    settings = fit_settings(held_out=0.25, metric=scores.ACCURACY._replace(of_block=noted))
    with dask.config.set(scheduler="sync"):
        fit(
            settings,
            Learned(),
            align(X=dask_array(X, (40, 20)), y=dask_array(y, (40, 20))),
            **FOREVER | {"max_iter": 2},
        )
    assert sorted(n for n, _ in seen) == [5, 5, 10, 10]


def test_lines_are_printed_at_segment_ends(capsys):
    with dask.config.set({"streamlearn.segment": 2}):
        fit(
            fit_settings(shuffle=None),
            Learned(),
            blocks(),
            watched_by=[Lines(lambda state: (state.coef, state.intercept))],
            **FOREVER | {"max_iter": 1},
        )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "-- Epoch 1"
    assert [line.partition(",")[0].split()[0] for line in lines[1:]] == ["Norm:", "Total"] * 2
    assert "T: 20," in lines[1]
    assert "T: 60," in lines[3]
