"""Searches over data that are odd: empty partitions, unknown divisions, few rows, random states."""

from __future__ import annotations

import pickle
import warnings

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning

from streamlearn.blocks import from_blocks
from streamlearn.diagnostics import FitRecorder
from streamlearn.linear_model import SGDClassifier
from streamlearn.model_selection import StreamSearchCV, SuccessiveHalvingSearchCV
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler

rng = np.random.default_rng(0)
TABLE = pd.DataFrame(rng.normal(size=(160, 3)), columns=["a", "b", "c"])
LABELS = pd.Series(np.where(TABLE.a + rng.normal(size=160) > 0, "late", "on time"), name="y")
WEIGHT = pd.Series(rng.uniform(0.5, 2.0, 160), name="w")
MODEL = SGDClassifier("log_loss", random_state=0, classes=["late", "on time"])
COSTS = [{"late": 1.0, "on time": cost} for cost in (0.5, 2.0, 9.0)]
GRID = [{"alpha": [1e-4, 1.0]}, {"class_weight": COSTS}]


def cut(table, lengths):
    """Return a frame of partitions with these numbers of rows and unknown divisions."""
    ends = np.cumsum(lengths)
    parts = [table.iloc[end - n : end] for n, end in zip(lengths, ends, strict=True)]
    return dd.from_map(lambda part: part, parts, meta=table.iloc[:0])


def scores(search, *data, **params):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        search.fit(*data, **params)
    return search.cv_results_["mean_test_score"]


@settings(max_examples=5, deadline=None)
@given(st.lists(st.sampled_from([0, 0, 1, 7, 30]), min_size=1, max_size=6), st.booleans())
def test_partitions_without_rows_change_no_score(lengths, weighted):
    lengths = [20, *lengths, 25]
    data = [cut(x, lengths) for x in (TABLE, LABELS, WEIGHT)]
    full = [cut(x, [n for n in lengths if n]) for x in (TABLE, LABELS, WEIGHT)]
    found = []
    for X, y, w in (data, full):
        search = StreamSearchCV(MODEL, GRID, scoring="neg_log_loss", shuffle=False)
        found.append(scores(search, X, y, **({"sample_weight": w} if weighted else {})))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-9)
    assert np.isfinite(found[0]).all()


@pytest.mark.parametrize("cv", ["progressive", 2])
def test_each_candidate_has_the_score_that_it_has_alone(cv):
    X, y, w = (cut(x, [40, 0, 1, 59, 60]) for x in (TABLE, LABELS, WEIGHT))
    how = {"scoring": "neg_log_loss", "random_state": 0, "cv": cv}
    pipe = make_pipeline(StandardScaler(), MODEL)
    grid = [{f"sgdclassifier__{k}": v for k, v in one.items()} for one in GRID]
    together = scores(StreamSearchCV(pipe, grid, **how), X, y, sgdclassifier__sample_weight=w)
    alone = [
        scores(StreamSearchCV(pipe, {name: [value]}, **how), X, y, sgdclassifier__sample_weight=w)[
            0
        ]
        for one in grid
        for name, values in one.items()
        for value in values
    ]
    np.testing.assert_allclose(together, alone, rtol=1e-9)


@pytest.mark.parametrize("lengths", [[80, 0, 80], [0, 80, 0, 80]])
def test_folds_without_rows_are_named(lengths):
    X, y = cut(TABLE, lengths), cut(LABELS, lengths)
    with pytest.raises(ValueError, match=r"Fold \d has no rows with a weight"):
        StreamSearchCV(MODEL, GRID, cv=2).fit(X, y)


@pytest.mark.parametrize("cls", [StreamSearchCV, SuccessiveHalvingSearchCV])
def test_one_block_with_rows_is_too_few(cls):
    one = from_blocks([(TABLE, LABELS), (TABLE[:0], LABELS[:0])])
    for data in ((cut(TABLE, [160]), cut(LABELS, [160])), one):
        with pytest.raises(ValueError, match=r"one block|number of blocks"):
            cls(MODEL, GRID).fit(*data)


def test_a_fitted_search_is_copied_fitted_again_and_recorded():
    X, y = cut(TABLE, [40] * 4), cut(LABELS, [40] * 4)
    recorder = FitRecorder()
    search = StreamSearchCV(MODEL, GRID, random_state=0).set_callbacks(recorder).fit(X, y)
    assert len(recorder.frame()) == 4
    want = search.predict(TABLE)
    for other in (
        pickle.loads(pickle.dumps(search)),
        clone(search).fit(X, y),
        clone(search).fit(X[["a", "b"]], y).fit(X, y),
    ):
        np.testing.assert_array_equal(other.predict(TABLE), want)
        assert other.best_params_ == search.best_params_
    assert search.best_estimator_.n_features_in_ == 3


def test_a_generator_gives_what_its_seed_gives_and_is_drawn_from():
    X, y = cut(TABLE, [40] * 4), cut(LABELS, [40] * 4)
    models = [clone(MODEL).set_params(random_state=np.random.RandomState(1)) for _ in range(2)]
    found = [
        scores(StreamSearchCV(model, GRID, random_state=np.random.RandomState(3)), X, y)
        for model in models
    ]
    np.testing.assert_array_equal(found[0], found[1])
    generator = np.random.RandomState(3)
    StreamSearchCV(MODEL, GRID, random_state=generator).fit(X, y)
    assert generator.randint(2**31) != np.random.RandomState(3).randint(2**31)


def test_class_weights_that_cannot_be_end_their_candidates_only():
    X, y = cut(TABLE, [40] * 4), cut(LABELS, [40] * 4)
    bad = [*COSTS, {"never": 2.0}, "balanced"]
    search = StreamSearchCV(MODEL, {"class_weight": bad}, scoring="neg_log_loss", shuffle=False)
    with pytest.warns(FitFailedWarning, match="2 of 5 candidates"):
        search.fit(X, y)
    found = search.cv_results_["mean_test_score"]
    assert np.isnan(found).tolist() == [False, False, False, True, True]
    search.set_params(parameters={"class_weight": COSTS}).fit(X, y)
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], found[:3], rtol=1e-9)
