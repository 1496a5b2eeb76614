"""Partitions as filters leave them: some have no rows, or hardly any, wherever they stand."""

from __future__ import annotations

from typing import Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import issparse
from sklearn import linear_model as theirs
from sklearn import preprocessing
from sklearn.base import clone, is_classifier

from streamlearn import metrics
from streamlearn.cluster import KMeans
from streamlearn.linear_model import SGDClassifier, SGDRegressor
from streamlearn.mixture import GaussianMixture
from streamlearn.model_selection import HyperbandSearchCV, SuccessiveHalvingSearchCV
from streamlearn.model_selection.base_search import BaseSearch
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from streamlearn.wrappers import Incremental, ParallelPostFit
from tests.bad_input_cases import ANSWER, ESTIMATORS, good, has, table
from tests.containers import N_ROWS, blocks_of, dask_array, dask_frame

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

FULL = (70, 21, 109)
CHUNKS = {
    "first": (0, 70, 21, 109),
    "first two": (0, 0, 70, 21, 109),
    "middle": (70, 0, 21, 109),
    "last": (70, 21, 109, 0),
    "every other": (0, 70, 0, 21, 0, 109, 0),
}
LEARNERS = {
    **{name: model for name, model in ESTIMATORS.items() if name != "MiniBatchKMeans"},
    "KMeans": KMeans(3, init="k-means++", random_state=0),  # of a sample, which is all rows
    "GaussianMixture": GaussianMixture(2, init_params="k-means++", random_state=0),
    "Incremental of another": Incremental(theirs.SGDClassifier(random_state=0), shuffle=False),
    "Pipeline of others": make_pipeline(
        preprocessing.MaxAbsScaler(),
        preprocessing.StandardScaler(),
        SGDClassifier(loss="log_loss", random_state=0),
    ),
}
KINDS = {
    "array": dask_array,
    "unknown lengths": lambda x, chunks: dask_array(x, chunks, known=False),
    "columns apart": lambda x, chunks: dask_array(
        x, chunks, columns=(1, x.shape[1] - 1) if x.ndim == 2 else ()
    ),
    "frame": dask_frame,
}


def in_order(model: Any) -> Any:
    """Return a copy that takes blocks as they come: draws depend on their number."""
    params = {name: False for name in model.get_params() if name.rpartition("__")[2] == "shuffle"}
    return clone(model).set_params(**params)


def numbers(model: Any) -> list[np.ndarray]:
    """Return all that a model learned, of its steps too."""
    steps = [step for _, step in model.steps] if hasattr(model, "steps") else [model]
    names = ("mean_", "var_", "n_samples_seen_", "coef_", "intercept_", "coefs_", "t_")
    found = [getattr(step, name) for step in steps for name in names if hasattr(step, name)]
    return [
        np.asarray(x) for value in found for x in (value if isinstance(value, list) else [value])
    ]


def joined(blocks: list[Any]) -> np.ndarray:
    """Return all rows in one array, dense."""
    return np.concatenate([b.toarray() if issparse(b) else np.asarray(b) for b in blocks])


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("kind", KINDS)
def test_blocks_without_rows_change_nothing(name, kind):
    if name == "HyperbandSearchCV" and kind in ("unknown lengths", "frame"):
        pytest.skip("the number of partitions says how many candidates there are")
    model, make = in_order(LEARNERS[name]), KINDS[kind]
    rows = good(model)
    more = {"classes": [0, 1, 2]} if is_classifier(model) else {}
    X, y, w = (make(x, FULL) for x in rows)
    fitted = clone(model).fit(X, y)
    further = hasattr(model, "partial_fit")
    learned = clone(model).partial_fit(X, y, **more) if further else fitted
    for chunks in CHUNKS.values():
        Z, z, v = (make(x, chunks) for x in rows)
        for found, known in (
            (clone(model).fit(Z, z), fitted),
            (clone(model).partial_fit(Z, z, **more) if further else learned, learned),
        ):
            for a, b in zip(numbers(found), numbers(known), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
        for method in ANSWER:
            if has(fitted, method):
                blocks = blocks_of(getattr(fitted, method)(Z))
                assert tuple(b.shape[0] for b in blocks) == chunks
                blocks = [b if issparse(b) else np.asarray(b) for b in blocks]
                assert len({(*b.shape[1:], b.dtype) for b in blocks}) == 1
                want = blocks_of(getattr(fitted, method)(X))
                np.testing.assert_array_equal(joined(blocks), joined(want))
        if hasattr(fitted, "score"):
            assert fitted.score(Z, z) == pytest.approx(fitted.score(X, y), rel=1e-12)
        if name == "SGDClassifier":
            p = fitted.predict_proba(Z)
            known = metrics.log_loss(y, fitted.predict_proba(X), sample_weight=w)
            assert metrics.log_loss(z, p, sample_weight=v) == pytest.approx(known)


@pytest.mark.parametrize("search", [HyperbandSearchCV, SuccessiveHalvingSearchCV])
def test_candidates_drop_out_after_blocks_that_have_rows(search):
    X, y, _ = table(labels=True)
    drawn = {"alpha": np.logspace(-5, 0, 9).tolist()}
    model = search(
        SGDClassifier(random_state=0), drawn, confidence=0.5, shuffle=False, random_state=0
    )
    full, empty = (N_ROWS // 10,) * 10, (0, N_ROWS // 10, 0) * 10
    known, found = (
        clone(model).fit(dask_array(X, c), dask_array(y, c)).cv_results_ for c in (full, empty)
    )
    assert len({*known["n_blocks"]}) > 1
    assert found["n_blocks"].tolist() == known["n_blocks"].tolist()
    assert found["params"] == known["params"]


@pytest.mark.parametrize(
    "name", [name for name, x in LEARNERS.items() if not isinstance(x, BaseSearch)]
)
@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("kind", ["array", "unknown lengths", "frame"])
def test_all_rows_may_be_in_one_block(name, at, kind):
    model, make = in_order(LEARNERS[name]), KINDS[kind]
    rows = good(model)
    chunks = tuple(N_ROWS if i == at else 0 for i in range(3))
    X, y = (make(x, chunks) for x in rows[:2])
    known = clone(model).fit(*(make(x, (N_ROWS,)) for x in rows[:2]))
    found = clone(model).fit(X, y)
    for a, b in zip(numbers(found), numbers(known), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "name", [name for name, x in LEARNERS.items() if isinstance(x, BaseSearch)]
)
@pytest.mark.parametrize("kind", ["array", "unknown lengths", "frame"])
def test_a_search_needs_two_blocks_with_rows(name, kind):
    model, make = in_order(LEARNERS[name]), KINDS[kind]
    X, y, _ = (make(x, (0, N_ROWS, 0)) for x in good(model))
    with pytest.raises(ValueError, match="The data are one block"):
        model.fit(X, y)


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("n", [1, 2])
def test_a_first_block_of_hardly_any_rows(name, n):
    """Rows of one class, without any spread: what is learned later makes up for it."""
    model = in_order(LEARNERS[name])
    X, y, _ = table(labels=is_classifier(model))
    order = np.argsort(y, kind="stable")
    order = np.concatenate([order[:n], np.random.default_rng(0).permutation(order[n:])])
    X, y = (X - X.mean(axis=0))[order] / X.std(axis=0), y[order]
    long, short = ((n, 99, 101 - n), (100, 100))
    found, known = (clone(model).fit(dask_array(X, c), dask_array(y, c)) for c in (long, short))
    assert all(np.isfinite(a).all() for a in numbers(found))
    if hasattr(model, "score"):
        assert found.score(X, y) > known.score(X, y) - 0.1


# Held out


@pytest.mark.parametrize("kind", ["unknown lengths", "frame"])
@pytest.mark.parametrize("seed", range(5))
def test_no_empty_block_is_held_out(kind, seed):
    """With 30 of 40 blocks empty, most draws of one in ten hold nothing but such out."""
    chunks = tuple(20 if i % 4 == 0 else 0 for i in range(40))
    X, y, _ = table(labels=True)
    model = Incremental(
        theirs.SGDClassifier(random_state=0), patience=3, max_iter=3, random_state=seed
    )
    model.fit(KINDS[kind](X, chunks), KINDS[kind](y, chunks))
    assert len(model.validation_scores_) >= 1
    assert np.isfinite(model.validation_scores_).all()


@pytest.mark.parametrize("known", [False, True])
def test_one_block_with_rows_cannot_be_held_out(known):
    X, y, _ = table(labels=True)
    chunks = (0, N_ROWS, 0)
    model = Incremental(theirs.SGDClassifier(random_state=0), patience=3, random_state=0)
    with pytest.raises(ValueError, match="patience needs blocks that can be held out"):
        model.fit(dask_array(X, chunks, known=known), dask_array(y, chunks, known=known))


def test_a_filtered_frame_learns_predicts_and_scores():
    """Real partitions of a filter: the first ones have no rows left."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(400, 2)), columns=["a", "b"])
    frame["y"] = (frame.a > 0).astype(int)
    frame["day"] = np.arange(400) // 40
    late = dd.from_pandas(frame, npartitions=10)
    late = late[late.day >= 3]
    X, y = late[["a", "b"]], late["y"]
    for model in (
        SGDClassifier(random_state=0),
        make_pipeline(StandardScaler(), SGDClassifier(random_state=0)),
        Incremental(theirs.SGDClassifier(random_state=0), patience=2, max_iter=4, random_state=0),
    ):
        fitted = model.fit(X, y)
        assert fitted.score(X, y) > 0.9
        assert len(fitted.predict(X).compute()) == 280
    some = ParallelPostFit(theirs.LogisticRegression().fit(frame[["a", "b"]], frame.y))
    assert some.predict_proba(X).compute().shape == (280, 2)
    stops = SGDRegressor(early_stopping=True, random_state=0, max_iter=3)
    assert np.isfinite(stops.fit(X, y).coef_).all()
