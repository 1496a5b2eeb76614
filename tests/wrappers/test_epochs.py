"""Several epochs of Incremental: when they end, by what is held out, and what they print."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
from scipy import sparse
from sklearn import linear_model, metrics, naive_bayes
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning

from streamlearn.metrics import r2_score
from streamlearn.wrappers import Incremental
from tests.containers import N_ROWS, dask_array, frame, rows_of
from tests.wrappers.learners import CLASSES, FAR, Bare, X, Y, assert_same, wrap


def one_by_one() -> Any:
    """Let blocks be loaded in the order that they are learned from."""
    return dask.config.set({"scheduler": "sync", "streamlearn.window": 1})


def held_out(reads: list, epochs: int) -> set[int]:
    """Return the blocks that were read last in every epoch, which reads each block once."""
    per_epoch = np.reshape(reads, (epochs, -1))
    assert all(sorted(epoch) == sorted(per_epoch[0]) for epoch in per_epoch)
    return {epoch[-1] for epoch in per_epoch}


@pytest.mark.parametrize("scoring", [None, "accuracy", "neg_log_loss", "f1_macro"])
def test_epochs_end_when_a_held_out_score_has_not_improved(scoring):
    """By hand: the same blocks, the same scores, the estimator of the best epoch."""
    chunks = (20,) * 10
    estimator = linear_model.SGDClassifier(loss="log_loss", alpha=0.01, random_state=3)
    reads: list = []
    model = Incremental(
        estimator,
        scoring=scoring,
        classes=CLASSES,
        max_iter=50,
        tol=0.01,
        patience=3,
        random_state=0,
    )
    with one_by_one():
        model.fit(dask_array(X, chunks, log=reads), dask_array(Y, chunks))
    assert 4 <= model.n_iter_ < 50
    (held,) = held_out(reads, model.n_iter_)
    at = rows_of(chunks)
    want, learned, scores = clone(estimator), {}, []
    score = metrics.check_scoring(want, scoring)
    for n in range(model.n_iter_):
        for k in reads[n * 10 : n * 10 + 9]:
            want.partial_fit(X[at[k]], Y[at[k]], classes=CLASSES)
        scores.append(score(want, X[at[held]], Y[at[held]]))
        learned[n] = deepcopy(want)
    np.testing.assert_allclose(model.validation_scores_, scores)
    assert model.best_validation_score_ == pytest.approx(max(scores))
    assert_same(model.estimator_, learned[int(np.argmax(scores))])
    best = np.maximum.accumulate(scores)
    assert all(value < best[-4] + 0.01 for value in scores[-3:])


@pytest.mark.parametrize("scoring", [None, "r2", metrics.make_scorer(r2_score)], ids=str)
def test_r2_of_what_is_held_out_is_that_of_all_its_rows(scoring):
    """Sorted targets: the mean of the blocks' own R2 would be far below zero."""
    target = np.sort(FAR[:, 0])
    rows, chunks = target[:, None], (10,) * 20
    reads: list = []
    model = Incremental(
        linear_model.SGDRegressor(random_state=0),
        scoring=scoring,
        max_iter=2,
        patience=2,
        tol=None,
        validation_fraction=0.45,
        random_state=0,
    )
    scaled = (rows - rows.mean()) / rows.std()
    with one_by_one():
        model.fit(dask_array(scaled, chunks, log=reads), dask_array(scaled[:, 0], chunks))
    at = np.concatenate([np.arange(N_ROWS)[rows_of(chunks)[k]] for k in reads[-9:]])
    want = metrics.r2_score(scaled[at, 0], model.predict(scaled[at]))
    assert want > 0.5
    assert model.best_validation_score_ == pytest.approx(want)


def test_a_made_scorer_keeps_its_sign():
    scoring = metrics.make_scorer(metrics.r2_score, greater_is_better=False)
    chunks, target = (20,) * 10, X[:, 0]
    reads: list = []
    model = Incremental(
        linear_model.SGDRegressor(random_state=0),
        scoring=scoring,
        patience=1,
        tol=None,
        random_state=0,
    )
    with one_by_one():
        model.fit(dask_array(X, chunks, log=reads), dask_array(target, chunks))
    at = rows_of(chunks)[reads[-1]]
    want = -metrics.r2_score(target[at], model.predict(X[at]))
    assert model.best_validation_score_ == pytest.approx(want)


def test_a_block_that_is_held_out_may_lack_a_class():
    """Sorted rows: each block has one class or two of three."""
    at, chunks = np.argsort(Y), (20,) * 10
    model = Incremental(
        naive_bayes.GaussianNB(), scoring="neg_log_loss", patience=1, tol=None, random_state=0
    )
    reads: list = []
    with one_by_one():
        model.fit(dask_array(FAR[at], chunks, log=reads), dask_array(Y[at], chunks))
    held = rows_of(chunks)[reads[-1]]
    proba = model.predict_proba(FAR[at][held])
    assert len(set(Y[at][held])) < 3
    want = -metrics.log_loss(Y[at][held], proba, labels=CLASSES)
    assert model.best_validation_score_ == pytest.approx(want)


def test_weights_count_in_what_is_held_out():
    chunks = (20,) * 10
    weight = np.where(np.arange(N_ROWS) % 2, 1.0, 0.0)
    for scoring in (None, "accuracy"):
        reads: list = []
        model = Incremental(
            linear_model.SGDClassifier(random_state=0),
            scoring=scoring,
            classes=CLASSES,
            patience=1,
            tol=None,
            random_state=1,
        )
        with one_by_one():
            model.fit(dask_array(X, chunks, log=reads), dask_array(Y, chunks), sample_weight=weight)
        at = rows_of(chunks)[reads[-1]]
        want = model.estimator_.score(X[at], Y[at], sample_weight=weight[at])
        assert want != model.estimator_.score(X[at], Y[at])
        assert model.validation_scores_ == [pytest.approx(want)]


def test_rows_are_held_out_in_memory(backend):
    """Of arrays of every library, of frames and of sparse rows."""
    how = {"patience": 1, "tol": None, "random_state": 0, "validation_fraction": 0.25}
    seen = Incremental(Seen(), **how).fit(X, Y).estimator_.rows_
    assert len(seen) == N_ROWS - 50
    kinds = [backend.asarray, frame, sparse.csr_array, sparse.coo_array, list]
    for make in kinds:
        again = Incremental(Seen(), **how).fit(make(X), Y).estimator_.rows_
        np.testing.assert_allclose(again, seen, rtol=1e-6)
    with pytest.raises(ValueError, match="n_samples = 1 leaves none"):
        Incremental(Seen(), **how).fit(X[:1], Y[:1])


class Seen(BaseEstimator):
    """Remembers the rows it has seen, whatever they are kept in."""

    def partial_fit(self, X, y):
        X = X.toarray() if sparse.issparse(X) else X
        X = X._array if hasattr(X, "_array") else X
        self.rows_ = np.asarray(X)
        return self

    def score(self, X, y):
        return 1.0


def test_no_patience_without_something_to_score_by():
    with pytest.raises(ValueError, match="share one source"):
        Incremental(linear_model.SGDClassifier(), patience=1).fit(
            da.from_array(X, chunks=(N_ROWS, 4)), Y
        )
    nan = Incremental(
        linear_model.SGDRegressor(), scoring=lambda *_: np.nan, patience=1, random_state=0
    )
    with pytest.raises(ValueError, match="no score"):
        nan.fit(wrap(X), wrap(X[:, 0]))
    with pytest.warns(ConvergenceWarning):
        Incremental(linear_model.SGDClassifier(), patience=9, max_iter=2).fit(wrap(X), wrap(Y))
    with pytest.raises(ValueError, match="patience needs a score, and Bare has none"):
        Incremental(Bare(), patience=1).fit(wrap(X), wrap(Y))


def test_some_blocks_are_always_learned_from():
    """However much is to be held out."""
    chunks, learned = (20,) * 10, set()
    for seed in range(3):
        model = Incremental(
            Seen(), patience=1, tol=None, validation_fraction=0.999, random_state=seed
        ).fit(dask_array(X, chunks), dask_array(Y, chunks))
        learned.add(model.rows_.tobytes())
    assert len(learned) > 1
    assert learned <= {X[rows].tobytes() for rows in rows_of(chunks)}


def test_verbose_prints_how_far_each_epoch_is(capsys):
    model = Incremental(linear_model.SGDClassifier(), max_iter=2, verbose=1, classes=CLASSES)
    model.fit(dask_array(X, (40,) * 5), dask_array(Y, (40,) * 5))
    printed = [line.split(" rows")[0] for line in capsys.readouterr().out.splitlines()]
    blocks = [f"[Incremental] epoch: {k} of 5 blocks, {40 * k}" for k in (1, 2, 3, 4, 5)]
    one, two = ((f"-- Epoch {i}", *blocks, f"-- Epoch {i}: 200") for i in (1, 2))
    assert printed == [*one, *two]
    model.set_params(max_iter=1, patience=1, tol=None, random_state=0)
    model.fit(dask_array(X, (40,) * 5), dask_array(Y, (40,) * 5))
    said = capsys.readouterr().out
    assert "4 of 4 blocks, 160 rows" in said
    assert f"validation score {model.validation_scores_[0]:f}" in said
    model.set_params(verbose=0).fit(X, Y)
    assert capsys.readouterr().out == ""
