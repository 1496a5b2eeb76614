"""What lazy answers are: dask knows the kind, the dtypes, the columns and the index that come."""

from __future__ import annotations

from typing import Any

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from sklearn import cluster, linear_model, naive_bayes, preprocessing
from sklearn.base import clone, is_classifier, is_clusterer
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator

from streamlearn import cluster as our_cluster
from streamlearn import feature_selection
from streamlearn import preprocessing as our_preprocessing
from streamlearn._thirdparty.tags import LAZY
from streamlearn.linear_model import (
    PassiveAggressiveClassifier,
    Perceptron,
    SGDClassifier,
    SGDRegressor,
)
from streamlearn.neural_network import MLPClassifier, MLPRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from streamlearn.wrappers import Incremental, ParallelPostFit

N = 60
RNG = np.random.default_rng(0)
ROWS = RNG.integers(-9, 9, size=(N, 3)) + RNG.integers(0, 2, size=(N, 1))
CODES = np.digitize(ROWS[:, 0], [-3, 3])
TEXT = np.array(["no", "perhaps", "yes"], dtype=object)[CODES]
INDEX = pd.date_range("2020-01-01", periods=N, freq="h", name="when")

ESTIMATORS: dict[str, Any] = {
    "StandardScaler": StandardScaler(),
    "SGDClassifier": SGDClassifier("log_loss", random_state=0),
    "Perceptron": Perceptron(random_state=0),
    "PassiveAggressiveClassifier": PassiveAggressiveClassifier(random_state=0),
    "SGDRegressor": SGDRegressor(random_state=0),
    "MLPClassifier": MLPClassifier(hidden_layer_sizes=(2,), max_iter=1, random_state=0),
    "MLPRegressor": MLPRegressor(hidden_layer_sizes=(2,), max_iter=1, random_state=0),
    "MiniBatchKMeans": our_cluster.MiniBatchKMeans(2, random_state=0),
    "KMeans": our_cluster.KMeans(2, random_state=0),
    "Pipeline": make_pipeline(StandardScaler(), SGDClassifier("log_loss", random_state=0)),
    "Pipeline of others": make_pipeline(
        preprocessing.MinMaxScaler(), linear_model.SGDClassifier("log_loss", random_state=0)
    ),
    "Incremental": Incremental(naive_bayes.GaussianNB(), random_state=0),
    "ParallelPostFit": ParallelPostFit(linear_model.LogisticRegression()),
    "ParallelPostFit of values": ParallelPostFit(linear_model.Ridge()),
    "ParallelPostFit of features": ParallelPostFit(PCA(2)),
    "ParallelPostFit of clusters": ParallelPostFit(cluster.KMeans(2, n_init=1, random_state=0)),
}
MISSES = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def array(rows: np.ndarray, *, known: bool = True) -> da.Array:
    lazy = da.from_array(rows, chunks=(25, *rows.shape[1:]))
    if known:
        return lazy
    lengths = (np.nan,) * lazy.numblocks[0]
    return lazy.map_blocks(np.array, dtype=rows.dtype, chunks=(lengths, *lazy.chunks[1:]))


def frame(columns: Any) -> Any:
    columns = columns if hasattr(columns, "iloc") else pd.Series(columns)
    return dd.from_pandas(columns.set_axis(INDEX), npartitions=3)


def named(dtype: Any) -> pd.DataFrame:
    return pd.DataFrame(ROWS, columns=list("abc")).astype(dtype)


CONTAINERS: dict[str, Any] = {
    **{f"array {d}": array(ROWS.astype(d)) for d in ("f8", "f4", "f2", ">f8", ">f4", "i8", ">i4")},
    "array bool": array(ROWS > 0),
    "array unknown f4": array(ROWS.astype("f4"), known=False),
    "array object": array(ROWS.astype(object)),
    **{f"frame {d}": named(d) for d in ("f8", "f4", "i2", "bool", "Int64", "Float32", ">f4")},
    "frame mixed": named({"a": "f4", "b": "i8", "c": "Int8"}),
}
LABELS: dict[str, np.ndarray] = {
    "int64": CODES,
    "int8": CODES.astype("i1"),
    ">i8": CODES.astype(">i8"),
    "bool": CODES > 0,
    "text": TEXT,
    "<U7": TEXT.astype("U"),
    "float": CODES.astype(float),
}


def wrapped(kind: str) -> Any:
    given = CONTAINERS[kind]
    if not isinstance(given, pd.DataFrame):
        return given
    return frame(given)


def target(estimator: Any, X: Any, labels: np.ndarray = CODES) -> Any:
    if is_clusterer(estimator):
        return None
    y = labels if is_classifier(estimator) else ROWS[:, 0] - 0.5
    if isinstance(X, da.Array):
        return array(y, known=not np.isnan(X.shape[0]))
    return frame(y)


def answers(estimator: Any, X: Any) -> dict[str, Any]:
    methods = [m for m in LAZY if m not in ("inverse_transform", "score_samples")]
    found = {m: getattr(estimator, m)(X) for m in methods if hasattr(estimator, m)}
    assert found
    return found


def fitted(estimator: Any, X: Any, y: Any) -> Any:
    estimator = clone(estimator)
    inner = getattr(estimator, "estimator", None)
    if isinstance(estimator, ParallelPostFit) and not isinstance(estimator, Incremental):
        X, y = dask.compute(X, y)  # what learns in memory alone
    elif isinstance(inner, naive_bayes.GaussianNB):
        X = X.astype(float)
    return estimator.fit(X, y)


def check(out: Any, X: Any) -> Any:
    """Fail if what dask says of an answer is not what comes; return what comes."""
    made = out.compute(scheduler="sync")
    assert out.ndim == made.ndim
    if isinstance(out, da.Array):
        assert type(made) is np.ndarray
        assert out.dtype == made.dtype
        assert all(block.compute().dtype == made.dtype for block in out.blocks)
        assert out.shape[1:] == made.shape[1:]
        return made
    assert isinstance(X, dd.DataFrame)
    assert type(out._meta) is type(made)
    assert out._meta.index.dtype == made.index.dtype == X._meta.index.dtype
    assert out._meta.index.name == made.index.name == X._meta.index.name
    assert out.divisions == X.divisions
    if made.ndim == 2:
        assert list(out.columns) == list(made.columns)
        for said, dtype in zip(out.dtypes, made.dtypes, strict=True):
            loose = str(said) == "category" and not dd.utils.has_known_categories(
                pd.Series(dtype=said)
            )
            assert str(said) == str(dtype) if loose else said == dtype
    else:
        assert out.dtype == made.dtype
        assert out.name == made.name
    return made


@MISSES
@pytest.mark.filterwarnings("ignore:X has feature names")
@pytest.mark.parametrize("kind", CONTAINERS)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_dask_says_of_answers_what_comes(name, kind):
    estimator, X = ESTIMATORS[name], wrapped(kind)
    if name == "ParallelPostFit of clusters" and kind == "frame >f4":
        return  # which scikit-learn's k-means does not take in memory
    model = fitted(estimator, X, target(estimator, X))
    for method, out in answers(model, X).items():
        made = check(out, X)
        assert len(made) == N
        features = method == "transform" or made.ndim == 1
        framed = isinstance(X, dd.DataFrame) and features
        assert isinstance(out, dd.DataFrame | dd.Series if framed else da.Array)


@MISSES
@pytest.mark.parametrize("given", [array, frame])
@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("name", [n for n, e in ESTIMATORS.items() if is_classifier(e)])
def test_dask_says_of_labels_what_comes(name, labels, given):
    """Text in a frame has the dtype that a column of text has there."""
    X = given(ROWS.astype(float)) if given is array else frame(named(float))
    model = fitted(ESTIMATORS[name], X, target(ESTIMATORS[name], X, LABELS[labels]))
    out = model.predict(X)
    made = check(out, X)
    assert set(np.asarray(made)) <= set(LABELS[labels])
    if given is frame and labels in ("text", "<U7"):
        assert out.dtype == frame(TEXT).dtype


@MISSES
@pytest.mark.filterwarnings("ignore:X has feature names")
@pytest.mark.parametrize("rows", ["f8", "f4"])
@pytest.mark.parametrize("model", ["f8", "f4"])
def test_a_model_of_one_float_and_rows_of_another(model, rows):
    X, y = array(ROWS.astype(model)), array(CODES)
    for name in ("SGDClassifier", "SGDRegressor", "MLPClassifier", "MiniBatchKMeans", "Pipeline"):
        learned = fitted(ESTIMATORS[name], X, y)
        for kind in ("array", "frame"):
            for out in answers(learned, wrapped(f"{kind} {rows}")).values():
                check(out, wrapped(f"{kind} {rows}"))


# Features: each column has its own dtype


def engineered(df: pd.DataFrame) -> pd.DataFrame:
    return df.assign(
        text=np.where(df["a"] > 0, "up", "down"),
        kind=pd.Categorical(np.where(df["a"] > 0, "u", "d"), categories=["d", "u"]),
        loose=pd.Series(np.where(df["b"] > 0, "x", "y"), index=df.index).astype("category"),
        maybe=df["b"].astype("Int64"),
        flag=df["c"] > 0,
        day=pd.Timestamp("2020-01-01") + pd.to_timedelta(df["a"].astype("int64"), unit="D"),
        far=pd.Timestamp("2020-01-01", tz="Europe/Berlin"),
        single=df["c"].astype("float32"),
    )


COLUMNS = ["text", "kind", "loose", "maybe", "flag", "day", "far", "single"]


def encoders() -> dict[str, Any]:
    some = engineered(named(float))
    number = preprocessing.FunctionTransformer(lambda day: day.astype("int64").astype(float) / 1e15)
    return {
        column: FrozenEstimator(
            make_column_transformer(
                (number if column in ("day", "far") else preprocessing.OneHotEncoder(), [column]),
                ("passthrough", ["a", "b"]),
            ).fit(some)
        )
        for column in COLUMNS
    }


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("last", ["SGDClassifier", "Incremental"])
def test_a_step_may_make_columns_of_any_dtype(column, last):
    """What one pass learns from it also answers about."""
    steps = [preprocessing.FunctionTransformer(engineered), encoders()[column]]
    steps = [*steps, preprocessing.MaxAbsScaler()] if last == "SGDClassifier" else steps
    X, y = frame(named(float)), frame(CODES)
    learner = (
        ESTIMATORS[last] if last == "SGDClassifier" else linear_model.SGDClassifier("log_loss")
    )
    pipe = make_pipeline(*steps, clone(learner)).fit(X, y)
    memory = X.compute()
    np.testing.assert_array_equal(pipe.predict(X).compute(), pipe.predict(memory))
    np.testing.assert_allclose(pipe.predict_proba(X).compute(), pipe.predict_proba(memory))
    assert pipe.score(X, y) == pytest.approx(pipe.score(memory, CODES))


def by_column() -> Any:
    return make_column_transformer(
        (preprocessing.MinMaxScaler(), ["a"]),
        remainder="passthrough",
        verbose_feature_names_out=False,
    )


@pytest.mark.parametrize("given", ["frame", "array", "array unknown f4"])
@pytest.mark.parametrize(
    "transformer",
    [preprocessing.FunctionTransformer(engineered), by_column().set_output(transform="pandas")],
    ids=["function", "by column"],
)
def test_columns_keep_their_dtypes(transformer, given):
    if given == "frame":
        X = frame(named({"a": "f8", "b": "i8", "c": "bool"}))
        want = clone(transformer).fit_transform(X.compute())
        model = ParallelPostFit(clone(transformer).fit(X.compute()))
    else:
        X = wrapped(given if "unknown" in given else "array f4")
        framed = preprocessing.FunctionTransformer(pd.DataFrame, kw_args={"columns": list("abc")})
        memory = X.compute()
        model = make_pipeline(framed, clone(transformer)).fit(memory)
        want = model.transform(memory)
    out = model.transform(X)
    made = out.compute(scheduler="sync")
    assert isinstance(out, dd.DataFrame)
    assert list(made.dtypes.astype(str)) == list(want.dtypes.astype(str))
    assert list(out.dtypes.astype(str)) == list(made.dtypes.astype(str))
    pd.testing.assert_frame_equal(
        made.reset_index(drop=True), want.reset_index(drop=True), check_categorical=False
    )
    if given == "frame":
        check(out, X)
    elif "unknown" not in given:
        assert list(made.index) == list(range(N))
        assert out.divisions == (0, 25, 50, N - 1)
    if "loose" in want:  # nobody knows its categories before they are made
        assert not out["loose"].cat.known


# Encoders: what they undo


BACK: dict[str, Any] = {
    "one-hot": our_preprocessing.OneHotEncoder(),
    "one-hot, dense": our_preprocessing.OneHotEncoder(sparse_output=False),
    "one-hot, first dropped": our_preprocessing.OneHotEncoder(drop="first"),
    "one-hot, unknown": our_preprocessing.OneHotEncoder(handle_unknown="ignore"),
    "one-hot, infrequent": our_preprocessing.OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=3
    ),
    "ordinal": our_preprocessing.OrdinalEncoder(),
    "ordinal, unknown": our_preprocessing.OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, max_categories=3
    ),
    "scaler": StandardScaler(),
    "bins": our_preprocessing.KBinsDiscretizer(2, quantile_method="averaged_inverted_cdf"),
    "selected": feature_selection.VarianceThreshold(),
}
TABLES: dict[str, pd.DataFrame] = {
    "numbers": named({"a": "f8", "b": "i8", "c": "i4"}),
    "text": pd.DataFrame({"t": np.where(ROWS[:, 0] > 5, None, TEXT), "n": ROWS[:, 1]}),
    "booleans": pd.DataFrame({"t": TEXT, "flag": ROWS[:, 1] > 0, "day": INDEX.floor("D")}),
}


@pytest.mark.parametrize("kind", ["frame", "array"])
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", BACK)
def test_what_is_undone_is_lazy_and_dask_says_what_comes(name, table, kind):
    if table != "numbers" and name in ("scaler", "bins", "selected"):
        return
    dtype = object if table != "numbers" else None
    wrap = frame if kind == "frame" else lambda rows: array(rows.to_numpy(dtype))
    rows = TABLES[table]
    held_out = rows.assign(t="never") if "unknown" in name and "t" in rows else rows
    X, Z = wrap(rows), wrap(held_out)
    model = clone(BACK[name]).fit(X)
    out = model.inverse_transform(model.transform(Z))
    want = model.inverse_transform(model.transform(Z.compute()))
    assert isinstance(out, dd.DataFrame if kind == "frame" else da.Array)
    made = check(out, X)
    if kind == "frame":
        assert list(out.columns) == list(rows)
    made, want = (pd.DataFrame(np.asarray(x, dtype=object)) for x in (made, want))
    same = (made == want) | (made.isna() & want.isna())
    assert same.to_numpy().all()


@pytest.mark.filterwarnings("ignore:You are comparing a array_api_strict dtype:UserWarning")
def test_a_prediction_for_an_array_whose_meta_is_of_another_library():
    strict = pytest.importorskip("array_api_strict")
    rows = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
    meta = strict.empty((0, 3), dtype=strict.float32)
    X = da.from_delayed(dask.delayed(strict.asarray)(rows), (20, 3), meta=meta)
    assert not isinstance(X.dtype, np.dtype)
    model = SGDClassifier(random_state=0).fit(strict.asarray(rows), strict.asarray(rows[:, 0] > 0))
    assert model.predict(X).dtype == bool
