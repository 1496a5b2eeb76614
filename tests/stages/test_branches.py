"""FeatureUnion and ColumnTransformer in one pass: as scikit-learn's own fit on all rows."""

from __future__ import annotations

import pickle
from typing import Any

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from sklearn import pipeline as theirs
from sklearn import preprocessing
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import SGDClassifier as TheirSGD
from sklearn.pipeline import FeatureUnion, make_union

from streamlearn import preprocessing as ours
from streamlearn.linear_model import SGDClassifier
from streamlearn.pipeline import make_pipeline
from tests.blocks import tracking
from tests.containers import CHUNKS, INDEX, N_ROWS, dask_array, dask_frame, frame, rows_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(N_ROWS, 4)) * [1, 2, 0.5, 1] + [0, 3, -1, 0]
Y = np.digitize(X[:, 0] + 0.3 * RNG.normal(size=N_ROWS), [-0.7, 0.6])
BLOCKS = [rows for rows in rows_of(CHUNKS) if rows.stop > rows.start]
ONCE = list(range(len(CHUNKS)))

MinMax = preprocessing.MinMaxScaler
AB, CD = ["f0", "f1"], ["f2", "f3"]

UNIONS = {
    "two": lambda S: FeatureUnion([("a", S()), ("b", MinMax())]),
    "passthrough, drop and weights": lambda S: FeatureUnion(
        [("a", S()), ("b", "passthrough"), ("c", "drop")], transformer_weights={"a": 2.0}
    ),
    "a union": lambda S: FeatureUnion(
        [("u", make_union(S(), MinMax())), ("b", S(with_mean=False))]
    ),
    "a pipeline": lambda S: FeatureUnion(
        [("p", theirs.make_pipeline(preprocessing.Normalizer(), S())), ("m", MinMax())]
    ),
}
COLUMNS = {
    "names": lambda S: ColumnTransformer([("a", S(), AB), ("b", MinMax(), ["f2"])]),
    "the rest passes": lambda S: ColumnTransformer([("a", S(), AB)], remainder="passthrough"),
    "the rest learns": lambda S: ColumnTransformer(
        [("a", S(), AB), ("d", "drop", ["f3"])], remainder=MinMax()
    ),
    "selector": lambda S: ColumnTransformer(
        [("a", S(), make_column_selector("f[01]")), ("p", "passthrough", ["f3"])],
        remainder=S(),
        verbose_feature_names_out=False,
    ),
    "none selected": lambda S: ColumnTransformer(
        [("a", S(), AB), ("e", S(), [])], transformer_weights={"a": 3.0}
    ),
    "a pipeline": lambda S: ColumnTransformer(
        [("a", theirs.Pipeline([("s", S()), ("f", "passthrough")]), AB), ("n", MinMax(), CD)]
    ),
    "ours in a pipeline": lambda S: ColumnTransformer(
        [("a", make_pipeline(S()), AB), ("n", theirs.make_pipeline(MinMax()), CD)]
    ),
    "a union": lambda S: ColumnTransformer(
        [("a", FeatureUnion([("s", S()), ("m", MinMax())]), AB)], remainder="passthrough"
    ),
    "nothing": lambda S: ColumnTransformer([("p", theirs.Pipeline([("a", "passthrough")]), AB)]),
}
TABLES = {**{f"union of {k}": v for k, v in UNIONS.items()}, **COLUMNS}


@pytest.fixture(params=TABLES)
def make(request):
    return TABLES[request.param]


def learner(**how: Any) -> SGDClassifier:
    return SGDClassifier("log_loss", classes=[0, 1, 2], random_state=0, **how)


def test_what_is_learned_is_scikit_learns(make):
    """First in the pipeline, over a frame in several blocks, in one read."""
    known = make(preprocessing.StandardScaler).fit(frame(X))
    want, names = known.transform(frame(X)), list(known.get_feature_names_out())
    reads: list = []
    given = make(ours.StandardScaler)
    pipe = make_pipeline(given).fit(dask_frame(X, log=reads))
    assert sorted(reads) == ONCE
    assert pipe[0] is given
    assert list(given.get_feature_names_out()) == names
    assert given.n_features_in_ == 4
    np.testing.assert_allclose(pipe.transform(frame(X)), want, atol=1e-10)
    reads.clear()
    out = pipe.transform(dask_frame(X, log=reads))
    assert reads == []
    assert isinstance(out, dd.DataFrame)
    assert list(out.columns) == names
    made = out.compute()
    assert sorted(reads) == ONCE
    np.testing.assert_array_equal(made.index, INDEX)
    np.testing.assert_allclose(made.to_numpy(), want, atol=1e-10)


@pytest.mark.parametrize("name", COLUMNS)
def test_fitted_attributes_of_a_column_transformer(name):
    known = COLUMNS[name](preprocessing.StandardScaler).fit(frame(X))
    given = COLUMNS[name](ours.StandardScaler)
    before = list(given.transformers)
    make_pipeline(given).fit(dask_frame(X))
    assert given.transformers == before
    assert [(n, c) for n, _, c in given.transformers_] == [
        (n, c) for n, _, c in known.transformers_
    ]
    assert given.output_indices_ == known.output_indices_
    assert list(given.feature_names_in_) == list(known.feature_names_in_)
    assert given.named_transformers_.keys() == known.named_transformers_.keys()
    for inner in (t for _, t, _ in before if hasattr(t, "mean_")):
        pytest.fail(f"{inner} was fitted, where scikit-learn fits a clone")


@pytest.mark.parametrize("name", UNIONS)
def test_steps_of_a_union_are_fitted_in_place(name):
    given = UNIONS[name](ours.StandardScaler)
    inner = dict(given.transformer_list)
    make_pipeline(given).fit(dask_array(X))
    for at, step in given.transformer_list:
        assert step is inner[at] or inner[at] == "passthrough"
        assert step == "drop" or hasattr(step, "n_features_in_")


def test_partial_fit_goes_on(make):
    whole = make_pipeline(make(ours.StandardScaler)).fit(dask_frame(X))
    want = whole.transform(frame(X))
    pipe = make_pipeline(make(ours.StandardScaler))
    for at in BLOCKS:
        pipe.partial_fit(frame(X)[at])
    np.testing.assert_allclose(pipe.transform(frame(X)), want, atol=1e-10)
    start = BLOCKS[1].stop
    pipe = make_pipeline(make(ours.StandardScaler)).fit(dask_frame(X[:start], CHUNKS[:3]))
    pipe = pickle.loads(pickle.dumps(pipe))
    pipe.partial_fit(dask_frame(X[start:], CHUNKS[3:]))
    np.testing.assert_allclose(pipe.transform(frame(X)), want, atol=1e-10)
    np.testing.assert_allclose(pipe.fit(frame(X)).transform(frame(X)), want, atol=1e-10)


@pytest.mark.parametrize("name", UNIONS)
def test_in_the_middle_they_learn_from_what_comes_before(name):
    """Of one block, so that statistics are final."""
    before = FrozenEstimator(preprocessing.MaxAbsScaler().fit(X))
    for make in (UNIONS[name], lambda S: ColumnTransformer([("a", S(), [1, 0]), ("b", S(), [2])])):
        pipe = make_pipeline(before, make(ours.StandardScaler)).fit(dask_array(X, (N_ROWS,)))
        known = theirs.make_pipeline(before, make(preprocessing.StandardScaler)).fit(X)
        out = pipe.transform(dask_array(X))
        assert isinstance(out, da.Array)
        np.testing.assert_allclose(out.compute(), known.transform(X), atol=1e-10)


@pytest.mark.parametrize("max_iter", [1, 3])
@pytest.mark.parametrize("after", [(), (ours.StandardScaler(),)], ids=["", "then a scaler"])
def test_a_learner_after_them(make, max_iter, after):
    """As over rows that are transformed beforehand, where statistics are final."""
    how = {"max_iter": max_iter, "tol": None}
    given = [make(ours.StandardScaler), *map(clone, after)]
    pipe = make_pipeline(*given, learner(**how))
    pipe.fit(dask_frame(X, (N_ROWS,)), dask_frame(Y, (N_ROWS,)))
    rows = np.asarray(pipe[:-1].transform(frame(X)))
    alone = learner(**how).fit(dask_array(rows, (N_ROWS,)), dask_array(Y, (N_ROWS,)))
    np.testing.assert_allclose(pipe[-1].coef_, alone.coef_, rtol=1e-6, atol=1e-8)
    reads: list = []
    pipe.fit(dask_frame(X, log=reads), dask_frame(Y))
    assert sorted(reads) == sorted(max_iter * ONCE)
    reads.clear()
    out = pipe.predict(dask_frame(X, log=reads))
    assert reads == []
    np.testing.assert_array_equal(out.compute().to_numpy(), pipe.predict(frame(X)))
    assert sorted(reads) == ONCE
    score = pipe.score(dask_frame(X), dask_frame(Y))
    assert score == pytest.approx(pipe.score(frame(X), Y))
    count = pipe[-1].t_
    assert pipe.partial_fit(dask_frame(X), dask_frame(Y))[-1].t_ == count + N_ROWS


def test_columns_of_text_numbers_and_categories():
    df = pd.DataFrame(
        {
            "a": X[:, 0],
            "b": X[:, 1],
            "text": [f"w{i % 5} z" for i in range(N_ROWS)],
            "kind": pd.Categorical(list("abcd") * (N_ROWS // 4)),
        }
    )
    one_hot = preprocessing.OneHotEncoder(sparse_output=False).fit(df[["kind"]])
    each = [
        ("n", ours.StandardScaler(), ["a", "b"]),
        ("t", HashingVectorizer(n_features=16), "text"),
        ("k", FrozenEstimator(one_hot), ["kind"]),
    ]
    pipe = make_pipeline(ColumnTransformer(each, sparse_threshold=0), learner())
    data = (dd.from_pandas(part, npartitions=4, sort=False) for part in (df, pd.Series(Y)))
    ddf, y = data
    pipe.fit(ddf, y)
    assert pipe[-1].coef_.shape == (3, 22)
    np.testing.assert_array_equal(pipe.predict(ddf).compute(), pipe.predict(df))
    assert pipe.score(ddf, y) > 0.7


@pytest.mark.parametrize("after", [(), (preprocessing.MaxAbsScaler(),)], ids=["", "then another"])
@pytest.mark.parametrize("last", [learner(), TheirSGD(random_state=0)], ids=["ours", "theirs"])
def test_categories_of_text_can_be_asked_about(after, last):
    """Of none of them does dask's sample of a frame hold one."""
    df = pd.DataFrame({"a": X[:, 0], "kind": np.array(["red", "green", "blue"])[Y]})
    each = [
        ("n", ours.StandardScaler(), ["a"]),
        ("k", FrozenEstimator(preprocessing.OneHotEncoder().fit(df[["kind"]])), ["kind"]),
    ]
    pipe = make_pipeline(ColumnTransformer(each), *map(clone, after), clone(last))
    rows, y = (dd.from_pandas(part, npartitions=4, sort=False) for part in (df, pd.Series(Y)))
    pipe.fit(rows, y)
    for method in ("predict", "decision_function"):
        out = np.asarray(getattr(pipe, method)(rows).compute())
        np.testing.assert_allclose(out, getattr(pipe, method)(df), rtol=1e-9)
    assert pipe.score(rows, y) == 1.0
    if not after:
        with pytest.raises(ValueError, match=r"^columns are missing: {'kind'}$"):
            pipe.predict(rows[["a"]])


def test_columns_may_be_where_scikit_learn_lets_them_be():
    """In another order, among others, or left out where nothing wants them."""
    df = pd.DataFrame(
        {
            "kind": np.array(["red", "green", "blue"])[Y],
            "a": X[:, 0] * 1e-3 + 1e8,
            "b": X[:, 1],
            "unused": 1.0,
        }
    )
    kinds = FrozenEstimator(preprocessing.OneHotEncoder().fit(df[["kind"]]))
    each = [("k", kinds, ["kind"]), ("n", ours.StandardScaler(), ["a", "b"])]
    pipe = make_pipeline(ColumnTransformer(each), learner())

    def lazily(part):
        return dd.from_pandas(part, npartitions=4, sort=False)

    pipe.fit(lazily(df), lazily(pd.Series(Y)))
    for given in (
        df[["b", "unused", "kind", "a"]],
        df.assign(more="text"),
        df.assign(more=1)[["more", "b", "kind", "unused", "a"]],
        df[["a", "kind", "b"]],
    ):
        for method in ("predict", "decision_function"):
            out = np.asarray(getattr(pipe, method)(lazily(given)).compute())
            np.testing.assert_allclose(out, getattr(pipe, method)(given), rtol=1e-9)
        assert pipe.score(lazily(given), lazily(pd.Series(Y))) == pipe.score(given, Y)
    for left_out in (["a"], ["kind"], ["b", "kind"]):
        given = df.drop(columns=left_out)
        with pytest.raises(ValueError, match="columns are missing") as theirs_too:
            pipe.predict(given)
        with pytest.raises(ValueError, match="columns are missing") as raised:
            pipe.predict(lazily(given))
        assert set(str(raised.value)) == set(str(theirs_too.value))


def test_what_an_encoder_says_of_other_columns_is_raised_as_it_is():
    df = pd.DataFrame({"kind": np.array(["red", "green", "blue"])[Y], "half": Y > 0})
    pipe = make_pipeline(FrozenEstimator(preprocessing.OneHotEncoder().fit(df)), learner())
    rows = dd.from_pandas(df, npartitions=4, sort=False)
    pipe.fit(rows, dd.from_pandas(pd.Series(Y), npartitions=4, sort=False))
    with pytest.raises(ValueError, match=r"^The feature names should match"):
        pipe.predict(rows[["half", "kind"]])


def test_sparse_rows_of_a_frame_are_blocks_of_an_array():
    df = pd.DataFrame({"kind": np.array(["red", "green", "blue"])[Y]})
    pipe = make_pipeline(FrozenEstimator(preprocessing.OneHotEncoder().fit(df)))
    rows = dd.from_pandas(df, npartitions=4, sort=False)
    out = pipe.fit(rows).transform(rows)
    assert isinstance(out, da.Array)
    np.testing.assert_array_equal(out.compute().toarray(), pipe.transform(df).toarray())


def test_inner_output_settings_hold():
    """Columns by name out of one column transformer into the next."""
    first = ColumnTransformer(
        [("s", ours.StandardScaler(), AB)], remainder="passthrough", verbose_feature_names_out=False
    )
    second = ColumnTransformer([("m", MinMax(), ["f1", "f3"])], remainder="drop")
    pipe = make_pipeline(first, second, learner(max_iter=2, tol=None))
    pipe.set_output(transform="pandas").fit(dask_frame(X), dask_frame(Y))
    assert list(pipe[-1].feature_names_in_) == ["m__f1", "m__f3"]
    np.testing.assert_array_equal(
        pipe.predict(dask_frame(X)).compute().to_numpy(), pipe.predict(frame(X))
    )


def test_a_broken_branch_leaves_all_as_it_was():
    rows = X.copy()
    rows[-1, 0] = np.inf
    union = make_union(ours.StandardScaler(), MinMax())
    pipe = make_pipeline(ours.StandardScaler(with_mean=False), union)
    with pytest.raises(ValueError, match="infinity"):
        pipe.fit(dask_array(rows))
    for step in (pipe[0], *(inner for _, inner in union.transformer_list)):
        assert not hasattr(step, "n_features_in_")
    with pytest.raises(ValueError, match=r"infinity in block 3"):
        make_pipeline(union).fit(dask_array(rows))


def test_a_branch_of_several_steps_learns_from_columns_of_a_frame():
    """Of one block, so that statistics are final."""

    def make(S: Any) -> ColumnTransformer:
        each = [("a", theirs.make_pipeline(S(), MinMax(), S(with_std=False)), AB)]
        return ColumnTransformer(each, remainder=theirs.make_pipeline(MinMax(), S()))

    want = make(preprocessing.StandardScaler).fit(frame(X)).transform(frame(X))
    for rows in (dask_frame(X, (N_ROWS,)), frame(X)):
        pipe = make_pipeline(make(ours.StandardScaler), schedule="one-pass").fit(rows)
        np.testing.assert_allclose(pipe.transform(frame(X)), want, atol=1e-10)
        out = pipe.transform(dask_frame(X)).compute()
        np.testing.assert_allclose(out.to_numpy(), want, atol=1e-10)


@pytest.mark.parametrize("window", [2, 5])
def test_no_block_outlives_its_step(window):
    """What a branch needs to know of rows in the end is no view of their block."""
    for inner in (ours.StandardScaler(), MinMax()):
        for step in (make_union(inner, "passthrough"), ColumnTransformer([("a", inner, [0, 1])])):
            rows = tracking.plain(20)
            y = da.from_array(np.arange(100) % 2, chunks=5)
            last = SGDClassifier(classes=[0, 1], random_state=0)
            tracking.drain()
            settings = {"scheduler": "threads", "num_workers": 4, "streamlearn.window": window}
            with dask.config.set(settings):
                make_pipeline(clone(step), last).fit(rows, y)
            assert tracking.peak(tracking.drain()) <= window + 1
