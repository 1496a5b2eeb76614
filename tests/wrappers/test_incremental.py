"""Incremental learns exactly as a loop over the blocks by hand does."""

from __future__ import annotations

import pickle
from typing import Any

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from sklearn import linear_model
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.multioutput import MultiOutputClassifier
from sklearn.utils import estimator_html_repr

from streamlearn._training.block_learner import block_order
from streamlearn.blocks import align
from streamlearn.wrappers import Incremental, block_learners
from tests.containers import CHUNKS, INDEX, N_ROWS, blocks_of, dask_array, frame
from tests.wrappers.learners import (
    ALL,
    BLOCKS,
    CLASSES,
    METHODS,
    ONCE,
    Bare,
    Mean,
    W,
    X,
    Y,
    assert_same,
    by_hand,
    labels,
    wrap,
)


@pytest.mark.parametrize("kind", ["dask", "dask-unknown", "dask-columns", "dask-frame"])
@pytest.mark.parametrize("scheduler", ["sync", "threads"])
def test_fit_is_the_loop_over_blocks(learner, kind, scheduler):
    estimator, rows, target = learner
    before = pickle.dumps(estimator)
    reads: list = []
    model = Incremental(estimator, shuffle=False, **labels(estimator))
    with dask.config.set({"scheduler": scheduler, "streamlearn.segment": 3}):
        assert model.fit(wrap(rows, kind, log=reads), wrap(target, kind)) is model
    assert sorted(reads) == ONCE
    rows = frame(rows) if kind == "dask-frame" else rows
    assert_same(model.estimator_, by_hand(estimator, rows, target))
    assert pickle.dumps(estimator) == before
    assert model.estimator is estimator
    assert model.n_iter_ == 1


def test_what_a_method_answers_is_lazy_and_the_estimators(learner):
    """Blocks without rows give empty ones; several outputs have their shape."""
    estimator, rows, target = learner
    model = Incremental(estimator, shuffle=False).fit(wrap(rows), wrap(target))
    asked = [name for name in METHODS if hasattr(model, name)]
    assert asked
    assert asked == [name for name in METHODS if hasattr(model.estimator_, name)]
    for name in asked:
        want = getattr(model.estimator_, name)(rows)
        reads: list = []
        out = getattr(model, name)(wrap(rows, log=reads))
        assert isinstance(out, da.Array)
        assert reads == []
        assert out.shape == want.shape
        assert out.dtype == want.dtype
        made = blocks_of(out)
        assert sorted(reads) == ONCE
        assert [len(block) for block in made] == list(CHUNKS)
        np.testing.assert_allclose(np.concatenate(made), want, rtol=1e-9)
        np.testing.assert_array_equal(getattr(model, name)(rows), want)


def test_frames_in_frames_out(learner):
    estimator, rows, target = learner
    model = Incremental(estimator, shuffle=False, **labels(estimator))
    model.fit(wrap(rows, "dask-frame"), wrap(target, "dask-frame"))
    if hasattr(model.estimator_, "feature_names_in_"):
        assert list(model.feature_names_in_) == ["f0", "f1", "f2", "f3"]
    assert model.n_features_in_ == 4
    for name in [name for name in METHODS if hasattr(model, name)]:
        out = getattr(model, name)(wrap(rows, "dask-frame"))
        made = out.compute()
        want = getattr(model.estimator_, name)(frame(rows))
        if want.ndim == 1:  # several columns are an array, whose chunks are the partitions
            assert isinstance(out, dd.Series)
            np.testing.assert_array_equal(made.index, INDEX)
        np.testing.assert_allclose(np.asarray(made), want, rtol=1e-9)


def test_frames_with_other_columns_are_refused():
    model = Incremental(linear_model.SGDClassifier()).fit(wrap(X, "dask-frame"), wrap(Y))
    with pytest.raises(ValueError, match="Feature names unseen"):
        model.predict(wrap(X, "dask-frame").rename(columns={"f3": "g3"}))
    with pytest.raises(ValueError, match="8 features"):
        model.predict(wrap(np.hstack([X, X])))


def test_blocks_are_shuffled_anew_for_each_epoch():
    estimator = linear_model.SGDClassifier(random_state=0)
    rows, target = wrap(X), wrap(Y)
    found = set()
    for seed in range(4):
        model = Incremental(estimator, max_iter=3, random_state=seed, classes=CLASSES)
        model.fit(rows, target)
        orders = [block_order(align(X=rows), model._seed, epoch) for epoch in range(3)]
        want = by_hand(estimator, X, Y, order=[k for order in orders for k in order])
        assert_same(model.estimator_, want)
        assert_same(clone(model).fit(rows, target).estimator_, want)
        assert model.n_iter_ == 3
        found |= set(map(tuple, orders))
    assert len(found) > 4


@pytest.mark.parametrize("given", [dask_array(W), W, list(W), pd.Series(W)], ids=type)
def test_weights_are_cut_to_blocks(given):
    estimator = linear_model.SGDClassifier(random_state=0)
    model = Incremental(estimator, shuffle=False).fit(wrap(X), wrap(Y), sample_weight=given)
    assert_same(model.estimator_, by_hand(estimator, X, Y, sample_weight=W))


def test_what_has_a_value_a_row_is_cut_and_what_has_not_is_passed_on():
    model = Incremental(Mean(), shuffle=False)
    for offset in (np.arange(N_ROWS), dask_array(np.arange(N_ROWS)), list(range(N_ROWS))):
        model.fit(wrap(X), wrap(Y), offset=offset, gain=[1.0, 2.0, 3.0])
        for (x, y, offset_k, gain), at in zip(model.calls_, BLOCKS, strict=True):
            np.testing.assert_array_equal(x, X[at])
            np.testing.assert_array_equal(y, Y[at])
            np.testing.assert_array_equal(offset_k, np.arange(N_ROWS)[at])
            assert gain == [1.0, 2.0, 3.0]
    with pytest.raises(ValueError, match=r"chunks of X have unknown lengths.*sample_weight"):
        Incremental(linear_model.SGDClassifier()).fit(
            wrap(X, "dask-unknown"), wrap(Y, "dask-unknown"), sample_weight=W
        )


def test_no_y_reaches_partial_fit_as_none():
    model = Incremental(Mean(), shuffle=False)
    for rows in (X, wrap(X)):
        assert all(y is None for _, y, *_ in model.fit(rows).calls_)
    with pytest.raises(ValueError, match="requires y to be passed"):
        Incremental(linear_model.SGDClassifier()).fit(wrap(X))


@pytest.mark.parametrize("given", [Y, list(Y), pd.Series(Y)], ids=type)
def test_y_in_memory_beside_a_collection(given):
    estimator = linear_model.SGDClassifier(random_state=0)
    model = Incremental(estimator, shuffle=False).fit(wrap(X), given)
    assert_same(model.estimator_, by_hand(estimator, X, Y))
    with pytest.raises(TypeError, match="X is in memory"):
        model.fit(X, wrap(Y))


def test_labels_are_found_in_one_pass_over_y_or_given():
    """Sorted rows: the first block has one class of three."""
    at = np.argsort(Y)
    rows, target = wrap(X[at]), Y[at]
    assert len(set(target[ALL[0]])) < 3
    estimator = linear_model.SGDClassifier(random_state=0)
    want = by_hand(estimator, X[at], target)
    for how, passes in (({}, 2), ({"classes": CLASSES}, 1)):
        reads: list = []
        model = Incremental(estimator, shuffle=False)
        model.fit(rows, wrap(target, log=reads), **how)
        assert sorted(reads) == sorted(passes * ONCE)
        assert_same(model.estimator_, want)
        model.set_params(**how).fit(rows, wrap(target))
        assert_same(model.estimator_, want)


def test_labels_of_several_outputs_are_asked_for():
    several = np.column_stack([Y, Y > 0])
    estimator = MultiOutputClassifier(linear_model.SGDClassifier(random_state=0))
    model = Incremental(estimator, shuffle=False)
    with pytest.raises(ValueError, match="y has 2 columns"):
        model.fit(wrap(X), wrap(several))
    model.fit(wrap(X), wrap(several), classes=[CLASSES, [0, 1]])
    out = model.predict(wrap(X))
    assert out.shape == (N_ROWS, 2)
    np.testing.assert_array_equal(out.compute(), model.estimator_.predict(X))


class Counts:
    """Wants labels if it can have them, and has no tags to say so."""

    def partial_fit(self, X, y, classes=None):
        self.given = classes

    def predict(self, X):
        return np.zeros(len(X))


def test_labels_are_offered_to_what_has_no_tags():
    model = Incremental(Counts()).fit(wrap(X), wrap(Y))
    np.testing.assert_array_equal(model.estimator_.given, CLASSES)
    assert Incremental(Counts()).partial_fit(wrap(X), wrap(Y)).estimator_.given is None


def test_labels_may_be_strings():
    names = np.array(["low", "mid", "top"])[Y]
    model = Incremental(linear_model.SGDClassifier(random_state=0), random_state=0)
    model.fit(wrap(X), wrap(names))
    assert list(model.classes_) == ["low", "mid", "top"]
    out = model.predict(wrap(X)).compute()
    np.testing.assert_array_equal(out, model.predict(X))
    assert model.score(wrap(X), wrap(names)) == pytest.approx(np.mean(out == names))


def test_blocks_that_do_not_line_up_name_both_chunkings():
    late = (109, 0, 21, 70)
    model = Incremental(linear_model.SGDClassifier(), classes=CLASSES)
    with pytest.raises(ValueError, match=r"(?s)\(70, 0, 21, 109\).*\(109, 0, 21, 70\)"):
        model.fit(wrap(X), dask_array(Y, late))
    with pytest.raises(ValueError, match=r"X has row chunks .*, sample_weight has \(109"):
        model.fit(wrap(X), wrap(Y), sample_weight=dask_array(W, late))
    with pytest.raises(ValueError, match="0 sample"):
        model.fit(dask_array(X[:0], (0, 0)), dask_array(Y[:0], (0, 0)))
    assert not hasattr(model, "estimator_")


def test_partial_fit_goes_on_where_it_was(learner):
    estimator, rows, target = learner
    model = Incremental(estimator, shuffle=False)
    for at in BLOCKS:
        y_k = None if target is None else target[at]
        assert model.partial_fit(rows[at], y_k, **labels(estimator)) is model
    want = by_hand(estimator, rows, target)
    assert_same(model.estimator_, want)
    first = model.estimator_
    model.partial_fit(wrap(rows), wrap(target))
    assert_same(model.estimator_, by_hand(want, rows, target))
    assert_same(first, want)
    assert_same(model.fit(wrap(rows), wrap(target)).estimator_, want)


def test_partial_fit_wants_the_labels_in_its_first_call():
    model = Incremental(linear_model.SGDClassifier(random_state=0))
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(wrap(X), wrap(Y))
    model.partial_fit(wrap(X), wrap(Y), classes=[*CLASSES, 3])
    assert model.coef_.shape == (4, 4)
    assert clone(model).set_params(classes=CLASSES).partial_fit(X, Y).coef_.shape == (3, 4)
    with pytest.raises(ValueError, match="patience should be None"):
        model.set_params(patience=2).partial_fit(X, Y)


@pytest.mark.parametrize("n", [1, 3])
def test_in_memory_is_one_block(learner, n):
    estimator, rows, target = learner
    model = Incremental(estimator, max_iter=n).fit(rows, target)
    want = clone(estimator)
    for _ in range(n):
        want.partial_fit(rows, target, **labels(estimator))
    assert_same(model.estimator_, want)
    assert model.n_iter_ == n


def test_a_task_that_runs_twice_does_not_train_twice(monkeypatch, learner):
    estimator, rows, target = learner
    plain = block_learners.partially_fitted

    def twice(*args: Any) -> Any:
        plain(*args)
        return plain(*args)

    monkeypatch.setattr(block_learners, "partially_fitted", twice)
    model = Incremental(estimator, shuffle=False).fit(wrap(rows), wrap(target))
    assert_same(model.estimator_, by_hand(estimator, rows, target))


@pytest.mark.parametrize("scheduler", ["sync", "threads"])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_an_error_names_the_block_and_changes_nothing(scheduler, method):
    model = Incremental(Mean(), shuffle=False).fit(wrap(X))
    model.set_params(estimator__breaks=2)
    before = dict(vars(model))
    if method == "partial_fit":
        model.estimator_.breaks = 5
    with dask.config.set(scheduler=scheduler), pytest.raises(KeyError, match="broken") as caught:
        getattr(model, method)(wrap(X))
    assert caught.value.__notes__ == ["In block 3, when it was learned from."]
    assert vars(model) == before
    assert len(model.calls_) == 3


def test_an_estimator_that_has_only_what_it_must():
    given = Bare()
    model = Incremental(given, shuffle=False)
    with pytest.raises(NotFittedError):
        model.predict(wrap(X))
    model.fit(wrap(X), wrap(Y))
    assert given.rows == 0
    out = model.predict(wrap(X))
    np.testing.assert_array_equal(out.compute(), np.full(N_ROWS, N_ROWS))
    assert not hasattr(model, "score")
    assert not hasattr(model, "transform")
    assert "Bare" in estimator_html_repr(model)
    assert clone(model).fit(X, Y).estimator_.rows == N_ROWS
    with pytest.raises(ValueError, match="'estimator' parameter of Incremental"):
        Incremental(PCA()).fit(X)
