"""TargetEncoder as a step: a learner after it gets each row encoded by what other rows say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import compose as theirs
from sklearn import preprocessing
from sklearn.base import BaseEstimator, clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline as plain_pipeline
from sklearn.pipeline import make_union

from streamlearn.blocks import from_blocks
from streamlearn.cluster import MiniBatchKMeans
from streamlearn.compose import make_column_transformer
from streamlearn.impute import SimpleImputer
from streamlearn.linear_model import SGDClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder
from tests.preprocessing.tables import cuts, dense, in_blocks, in_parts, of_polars, table

pytestmark = pytest.mark.filterwarnings("ignore:All rows are loaded")

CV = KFold(3, shuffle=True, random_state=0)
X = table(missing=np.nan)
Y = pd.Series((X["n"] + 5 * np.random.default_rng(0).normal(size=len(X)) > 7).astype(int))
TEXT = ["t", "n"]


def encoder() -> TargetEncoder:
    return TargetEncoder(cv=CV)


class Recorder(BaseEstimator):
    """A learner that keeps the rows that it gets."""

    def partial_fit(self, X: Any, y: Any = None, classes: Any = None) -> Recorder:
        rows = dense(X)
        self.rows_ = np.concatenate([getattr(self, "rows_", rows[:0]), rows])
        return self

    def fit(self, X: Any, y: Any) -> Recorder:
        self.rows_ = dense(X)
        return self

    def predict(self, X: Any) -> np.ndarray:
        return dense(X)[:, 0]


CONTAINERS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "dask frame": in_parts,
    "dask array": lambda X: in_blocks(X.to_numpy(object)),
    "pandas": lambda X: X,
    "polars": of_polars,
}


def of_branches(make: Callable = make_column_transformer, **how: Any) -> Any:
    imputer = SimpleImputer(strategy="most_frequent")
    return make(
        (encoder(), [0, 1]),
        (SimpleImputer(), [2]),
        (plain_pipeline(imputer, encoder(), StandardScaler()), [0]),
        **how,
    )


def in_frames(step: Any) -> Any:
    return step.set_output(transform="pandas")


PLACES: dict[str, Callable[[], Any]] = {
    "alone": encoder,
    "pipeline": lambda: plain_pipeline(encoder(), StandardScaler()),
    "branches": of_branches,
    "scikit-learn's branches": lambda: of_branches(theirs.make_column_transformer),
    "branches of sparse rows": lambda: make_column_transformer(
        (encoder(), [0, 1]), (OneHotEncoder(), [2]), sparse_threshold=1.0
    ),
    "branches of frames": lambda: in_frames(of_branches()),
    "union": lambda: make_union(encoder(), TargetEncoder(smooth=0.0, cv=CV)),
}


FLOWING = {
    "pipeline": [0, 1, 2],
    "branches": [2, 3],
    "scikit-learn's branches": [2, 3],
    "branches of frames": [2, 3],
}


def known_rows(place: str, container: str) -> np.ndarray:
    """Return what is expected: the rows of `fit_transform`, step by step."""
    make = CONTAINERS["pandas" if container == "polars" else container]
    lazy = container.startswith("dask")
    y = (in_parts(Y) if container == "dask frame" else in_blocks(Y.to_numpy())) if lazy else Y

    def of(columns: list[int], step: Any = None, rows: pd.DataFrame = X) -> np.ndarray:
        part = make(rows.iloc[:, columns])
        return dense((encoder() if step is None else step).fit_transform(part, y))

    if place == "alone":
        return of([0, 1, 2])
    if place == "pipeline":
        return preprocessing.StandardScaler().fit_transform(of([0, 1, 2]))
    if place == "union":
        return np.hstack([of([0, 1, 2]), of([0, 1, 2], TargetEncoder(smooth=0.0, cv=CV))])
    if "sparse" in place:
        rest = preprocessing.OneHotEncoder(sparse_output=False).fit_transform(X[["f"]])
        return np.hstack([of([0, 1]), rest])
    last = preprocessing.StandardScaler().fit_transform(of([0], rows=X.fillna({"t": "b"})))
    return np.hstack([of([0, 1]), dense(SimpleImputer().fit_transform(X[["f"]])), last])


def given(container: str) -> tuple[Any, Any]:
    y = {"dask frame": in_parts(Y), "dask array": in_blocks(Y.to_numpy())}.get(container, Y)
    return CONTAINERS[container](X), y


@pytest.mark.parametrize("schedule", ["one-pass", "per-step"])
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("place", PLACES)
def test_a_learner_gets_rows_that_do_not_know_their_own_targets(place, container, schedule):
    want = known_rows(place, container)
    rows, y = given(container)
    pipe = make_pipeline(PLACES[place](), Recorder(), schedule=schedule).fit(rows, y)
    found = pipe[-1].rows_
    if schedule == "one-pass" and container.startswith("dask"):
        # What scalers and imputers make is not yet known while blocks flow.
        found, want = (np.delete(a, FLOWING.get(place, []), axis=1) for a in (found, want))
    np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-12)
    both = pipe.predict(rows), pipe[:-1].transform(rows)
    np.testing.assert_allclose(*(np.asarray(dense(x)).reshape(len(X), -1)[:, 0] for x in both))
    assert not want.shape[1] or not np.allclose(dense(both[0]), want[:, 0])


@pytest.mark.parametrize("schedule", ["one-pass", "per-step"])
@pytest.mark.parametrize("container", ["dask frame", "pandas"])
@pytest.mark.parametrize("place", PLACES)
def test_rows_of_fit_that_come_out_do_not_know_their_own_targets(place, container, schedule):
    rows, y = given(container)
    pipe = make_pipeline(PLACES[place](), schedule=schedule)
    out = pipe.fit_transform(rows, y)
    np.testing.assert_allclose(dense(out), known_rows(place, container), rtol=1e-9, atol=1e-12)
    others = pipe.transform(rows)
    assert type(out) is type(others)
    assert not np.allclose(dense(others), dense(out))
    if hasattr(others, "columns"):
        assert list(out.columns) == list(others.columns)
    if place == "branches" and container == "dask frame":
        made = of_branches().fit_transform(rows, y)
        np.testing.assert_array_equal(dense(made), dense(out))


@pytest.mark.parametrize("stops", [False, True])
@pytest.mark.parametrize("place", ["alone", "branches", "branches of frames"])
def test_in_all_epochs_and_held_out_rows(place, stops):
    rows, y = in_parts(X), in_parts(Y)
    how: dict[str, Any] = {"max_iter": 3, "tol": None, "random_state": 0, "shuffle": False}
    how |= {"learning_rate": "constant", "eta0": 1e-3, "early_stopping": stops}
    step = make_column_transformer((encoder(), [0, 1])) if "branches" in place else encoder()
    step = in_frames(step) if "frames" in place else step
    pipe = make_pipeline(step, SGDClassifier(**how)).fit(rows, y)
    built = dense(encoder().fit_transform(in_parts(X[TEXT] if "branches" in place else X), y))
    alone = SGDClassifier(**how).fit(in_blocks(built), in_blocks(Y.to_numpy()))
    np.testing.assert_allclose(pipe[-1].coef_, alone.coef_, rtol=1e-9)
    assert pipe[-1].n_iter_ == alone.n_iter_


def test_clusters_of_rows_of_fit():
    rows, y = in_parts(X), in_parts(Y)
    clusters = MiniBatchKMeans(2, random_state=0)
    pipe = make_pipeline(encoder(), clusters, schedule="one-pass")
    found = pipe.fit_predict(rows, y)
    want = clusters.predict(dense(encoder().fit_transform(rows, y)))
    np.testing.assert_array_equal(dense(found), want)
    pipe = make_pipeline(encoder(), Recorder(), schedule="one-pass")
    pipe.fit(rows, y)
    np.testing.assert_allclose(pipe[-1].rows_, dense(encoder().fit_transform(rows, y)))


def test_partial_fit_encodes_further_rows_by_what_the_first_say():
    first, rest = cuts()[0], slice(25, None)
    pipe = make_pipeline(make_column_transformer((encoder(), [0, 1])), Recorder())
    pipe.partial_fit(X.iloc[first], Y.iloc[first])
    known = encoder()
    want = known.fit_transform(X[TEXT].iloc[first], Y.iloc[first])
    np.testing.assert_allclose(pipe[-1].rows_, want)
    pipe.partial_fit(X.iloc[rest], Y.iloc[rest])
    np.testing.assert_allclose(pipe[-1].rows_[25:], known.transform(X[TEXT].iloc[rest]))


@pytest.mark.parametrize("schedule", ["one-pass", "per-step"])
def test_behind_other_steps(schedule):
    """In branches of branches, and behind a step that has encoded rows by those of other folds."""
    rows, y = in_parts(X), in_parts(Y)
    inner = make_column_transformer((encoder(), [0]), (SimpleImputer(), [1]))
    first = make_column_transformer((inner, [0, 2]), (encoder(), [1]))
    encoded = first.fit_transform(rows, y)
    want = [dense(encoder().fit_transform(in_parts(X[[name]]), y)) for name in "tn"]
    np.testing.assert_allclose(dense(encoded)[:, [0, 2]], np.hstack(want), rtol=1e-9)
    behind = make_column_transformer((encoder(), [2]), remainder="passthrough")
    pipe = make_pipeline(first, behind, Recorder(), schedule=schedule).fit(rows, y)
    known = pd.DataFrame(dense(encoded))
    last = dense(encoder().fit_transform(in_parts(known[[2]].astype(float)), y))
    want = np.hstack([last, dense(encoded)[:, :2]])
    np.testing.assert_allclose(pipe[-1].rows_, want, rtol=1e-9)


def test_a_frozen_one():
    rows, y = in_parts(X), in_parts(Y)
    last = SGDClassifier(random_state=0)
    frozen = FrozenEstimator(encoder().fit(rows, y))
    pipe = make_pipeline(frozen, StandardScaler(), last, schedule="one-pass").fit(rows, y)
    assert pipe.score(rows, y) > 0.8


@pytest.mark.parametrize("schedule", ["one-pass", "per-step"])
def test_errors_about_scikit_learns_name_ours(schedule):
    pipe = make_pipeline(preprocessing.TargetEncoder(), Recorder(), schedule=schedule)
    with pytest.raises((TypeError, NotImplementedError), match=r"streamlearn\.preprocessing"):
        pipe.fit(in_parts(X), in_parts(Y))


def test_no_target():
    with pytest.raises(ValueError, match="requires y to be passed"):
        make_pipeline(encoder(), StandardScaler(), schedule="one-pass").fit(in_parts(X))


@pytest.mark.parametrize("place", ["alone", "branches", "branches of frames"])
def test_streams_of_blocks(place):
    """Blocks that no dask collection holds are encoded by their numbers, too."""
    filled = X.fillna({"f": 0.0})
    parts = [(filled.iloc[at], Y.iloc[at]) for at in cuts() if at.stop > at.start]
    sizes = tuple(len(rows) for rows, _ in parts)
    step = make_column_transformer((encoder(), [0, 1]), (SimpleImputer(), [2]))
    step = in_frames(step) if "frames" in place else step if "branches" in place else encoder()
    want = dense(clone(step).fit_transform(in_parts(filled, sizes), in_parts(Y, sizes)))
    out = clone(step).fit_transform(*from_blocks(parts))
    np.testing.assert_allclose(np.asarray(out), want)
    pipe = make_pipeline(step, Recorder()).fit(*from_blocks(parts))
    np.testing.assert_allclose(pipe[-1].rows_, want)
    framed = encoder().set_output(transform="pandas").fit_transform(*from_blocks(parts))
    assert all(x.index.equals(rows.index) for x, (rows, _) in zip(framed, parts, strict=True))
