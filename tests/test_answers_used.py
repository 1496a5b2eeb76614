"""What lazy answers are for: scores, displays, files, and more columns of a frame."""

from __future__ import annotations

import warnings
from typing import Any

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from sklearn import linear_model, metrics, naive_bayes, preprocessing
from sklearn.base import BaseEstimator, ClassifierMixin, clone, is_regressor
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline as theirs
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from streamlearn.datasets import make_flights
from streamlearn.linear_model import Perceptron, SGDClassifier, SGDRegressor
from streamlearn.neural_network import MLPClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from streamlearn.wrappers import Incremental, ParallelPostFit

pytest.importorskip("pyarrow", reason="writes Parquet")

N = 200
RNG = np.random.default_rng(0)
TABLE = pd.DataFrame(
    RNG.normal(size=(N, 2)), columns=["x", "z"], index=pd.RangeIndex(N, name="row") * 2
)
NOISY = TABLE["x"] + RNG.normal(size=N)
LABELS = {
    "two": (NOISY > 0).astype(int),
    "three": pd.Series(np.digitize(NOISY, [-0.5, 0.5]), TABLE.index),
    "words": pd.Series(np.where(NOISY > 0, "yes", "no"), TABLE.index),
    "values": NOISY.abs() + 0.1,
}
MODELS: dict[str, Any] = {
    "SGDClassifier": SGDClassifier("log_loss", random_state=0),
    "Perceptron": Perceptron(random_state=0),
    "MLPClassifier": MLPClassifier(hidden_layer_sizes=(2,), max_iter=2, random_state=0),
    "Pipeline": make_pipeline(StandardScaler(), SGDClassifier("log_loss", random_state=0)),
    "Incremental": Incremental(naive_bayes.GaussianNB(), random_state=0),
    "ParallelPostFit": ParallelPostFit(linear_model.LogisticRegression()),
    "SGDRegressor": SGDRegressor(random_state=0),
    "ParallelPostFit of values": ParallelPostFit(linear_model.PoissonRegressor()),
}
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning"),
    # dask's writer calls pandas' set_index in a way that pandas 3.1 deprecates.
    pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.set_index"),
]


def lazily(part: Any) -> Any:
    return dd.from_pandas(part, npartitions=3)


def in_memory(name: str) -> bool:
    return name.startswith("ParallelPostFit")


def fitted(name: str, target: str, *given: Any) -> Any:
    rows = (TABLE, LABELS[target])
    given = given or (rows if in_memory(name) else tuple(map(lazily, rows)))
    return clone(MODELS[name]).fit(*given)


NEED_LENGTHS = {("average_precision", "three")}
"""Scorers that compare shapes, which `dask.array.Array.compute_chunk_sizes` finds out."""


@pytest.mark.filterwarnings("ignore:Clustering metrics expects discrete values")
@pytest.mark.parametrize("known", [True, False], ids=["frame", "its rows"])
@pytest.mark.parametrize("target", LABELS)
@pytest.mark.parametrize("name", MODELS)
def test_every_scorer_scores_lazily_what_it_scores_in_memory(name, target, known):
    """Frames, and their rows as an array of which dask knows no length."""
    if is_regressor(MODELS[name]) != (target == "values"):
        return
    first = name in ("SGDClassifier", "SGDRegressor", "ParallelPostFit")
    if not first and not (known and target != "words"):
        return  # which share the way of these
    memory = TABLE if known else TABLE.to_numpy()
    X, y = lazily(TABLE), lazily(LABELS[target])
    X = X if known else X.to_dask_array()
    model = fitted(name, target, *((memory, LABELS[target]) if in_memory(name) else (X, y)))
    fits = 0
    for scoring in metrics.get_scorer_names():
        if scoring.endswith(("_micro", "_weighted", "_samples")):
            continue  # one function with "macro"
        scorer = metrics.get_scorer(scoring)
        try:
            want = scorer(model, memory, LABELS[target])
        except (ValueError, AttributeError, TypeError):
            continue  # of another kind of target
        if (scoring, target) not in NEED_LENGTHS and np.isfinite(want):
            fits += 1
            with dask.config.set(scheduler="sync"):
                assert scorer(model, X, y) == pytest.approx(want, rel=1e-6), scoring
    assert fits > 5


@pytest.mark.parametrize("name", ["SGDClassifier", "Perceptron", "Pipeline", "ParallelPostFit"])
def test_displays_take_frames(name):
    pytest.importorskip("matplotlib", reason="draws").use("agg")
    pyplot = pytest.importorskip("matplotlib.pyplot")
    model, X, y = fitted(name, "two"), lazily(TABLE), lazily(LABELS["two"])
    for display in (
        metrics.RocCurveDisplay,
        metrics.PrecisionRecallDisplay,
        metrics.DetCurveDisplay,
        metrics.ConfusionMatrixDisplay,
    ):
        display.from_estimator(model, X, y)
    roc = metrics.RocCurveDisplay.from_estimator(model, X, y)
    want = metrics.RocCurveDisplay.from_estimator(model, TABLE, LABELS["two"])
    assert roc.roc_auc == pytest.approx(want.roc_auc)
    pyplot.close("all")


PROBABLE = [name for name in MODELS if hasattr(MODELS[name], "predict_proba")]


@pytest.mark.parametrize("target", ["two", "three", "words"])
@pytest.mark.parametrize("name", PROBABLE)
def test_predictions_go_to_files_and_beside_the_frame(name, target, tmp_path):
    model, X = fitted(name, target), lazily(TABLE)
    labels, proba = model.predict(X), model.predict_proba(X)
    want = TABLE.assign(label=np.asarray(model.predict(TABLE)), p=model.predict_proba(TABLE)[:, -1])
    both = X.assign(label=labels, p=proba[:, -1])
    assert both.divisions == X.divisions
    labels.to_frame("label").to_parquet(tmp_path / "labels")
    both.to_parquet(tmp_path / "both")
    proba.to_dask_dataframe(columns=[f"p{c}" for c in model.classes_]).to_parquet(tmp_path / "p")
    columns = [f"p{c}" for c in model.classes_]
    indexed = proba.to_dask_dataframe(columns=columns, index=X.index)
    assert indexed.divisions == X.divisions
    indexed.to_parquet(tmp_path / "indexed")
    got = pd.read_parquet(tmp_path / "both")
    pd.testing.assert_frame_equal(got, want, check_dtype=False)
    one = pd.read_parquet(tmp_path / "labels")
    assert list(one.index) == list(TABLE.index)
    assert list(one["label"]) == list(want["label"])
    for folder in ("p", "indexed"):
        np.testing.assert_allclose(pd.read_parquet(tmp_path / folder).iloc[:, -1], want["p"])
    assert list(pd.read_parquet(tmp_path / "indexed").index) == list(TABLE.index)
    both.to_csv(tmp_path / "*.csv")
    assert len(list(tmp_path.glob("*.csv"))) == 3


@pytest.mark.filterwarnings("ignore:Dask currently has limited support")
@pytest.mark.parametrize("target", ["two", "words"])
def test_predictions_about_an_array_go_to_files(target, tmp_path):
    X, y = lazily(TABLE).to_dask_array(), lazily(LABELS[target]).to_dask_array()
    model = SGDClassifier("log_loss", random_state=0).fit(X, y)
    model.predict(X).to_dask_dataframe(columns=["late"]).to_parquet(tmp_path / "labels")
    got = pd.read_parquet(tmp_path / "labels")["late"]
    assert list(got) == list(model.predict(TABLE.to_numpy()))
    da.to_npy_stack(tmp_path / "proba", model.predict_proba(X), axis=0)
    stack = np.concatenate([np.load(tmp_path / "proba" / f"{i}.npy") for i in range(3)])
    np.testing.assert_allclose(stack, model.predict_proba(TABLE.to_numpy()))


def test_a_length_that_is_asked_for_is_counted_once():
    reads: list = []

    def read(part: pd.DataFrame) -> pd.DataFrame:
        reads.append(len(part))
        return part

    model = fitted("SGDClassifier", "two")
    X = lazily(TABLE).map_partitions(read, meta=TABLE.iloc[:0])
    proba = model.predict_proba(X)
    part = proba[:, 1]
    assert reads == []
    with dask.config.set(scheduler="sync"):
        assert len(proba) == len(proba) == N
        assert sum(reads) == N
        assert len(part) == N
    assert proba.shape == (N, 2)


# Estimators that cannot be asked about a made-up row


MIXED = pd.DataFrame({"a": TABLE["x"].to_numpy(), "c": RNG.choice(["u", "v"], N)})
TARGETS = {
    "text": np.where(MIXED["a"] > 0, "yes", "no"),
    "int8": (MIXED["a"] > 0).to_numpy().astype("i1"),
    "values": MIXED["a"].to_numpy(),
    "two values": MIXED[["a", "a"]].to_numpy(),
}


@pytest.mark.parametrize("encoder", [OneHotEncoder(), OrdinalEncoder()])
@pytest.mark.parametrize("target", TARGETS)
def test_what_is_fitted_tells_the_answers_of_what_cannot_be_asked(target, encoder):
    y = TARGETS[target]
    classes = target in ("text", "int8")
    last = linear_model.LogisticRegression() if classes else linear_model.Ridge()
    pipe = theirs(
        make_column_transformer((encoder, ["c"]), (preprocessing.StandardScaler(), ["a"])), last
    ).fit(MIXED, y)
    X, model = lazily(MIXED), ParallelPostFit(pipe)
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        if not hasattr(pipe, method):
            continue
        out, want = getattr(model, method)(X), getattr(pipe, method)(MIXED)
        made = out.compute()
        assert (out.ndim, made.ndim) == (want.ndim, want.ndim)
        assert out.dtype == made.dtype
        if want.dtype.kind in "OU":
            assert list(made) == list(want)
        else:
            assert made.dtype == want.dtype
            np.testing.assert_allclose(made, want)
    if target != "two values":
        assert model.score(X, lazily(pd.Series(y))) == pytest.approx(pipe.score(MIXED, y))


class Several(ClassifierMixin, BaseEstimator):
    """Answers about several rows at a time, and does not say of which classes."""

    def fit(self, X: Any, y: Any) -> Several:
        self.cut_ = np.mean(X)
        return self

    def predict(self, X: Any) -> Any:
        if len(X) < 2:
            raise RuntimeError("not of one")
        return (np.asarray(X)[:, 0] > self.cut_).astype("i1")


@pytest.mark.parametrize("scoring", [None, "accuracy"])
def test_a_score_asks_with_the_metas_that_are_given(scoring):
    given = Several().fit(TABLE, LABELS["two"])
    X, y = lazily(TABLE), lazily(LABELS["two"])
    with pytest.raises(ValueError, match="was called on a row of ones"):
        ParallelPostFit(given, scoring=scoring).score(X, y)
    model = ParallelPostFit(given, scoring=scoring, predict_meta=np.empty(0, "i1"))
    assert model.score(X, y) == pytest.approx(given.score(TABLE, LABELS["two"]))


# What set_output asks for, in one pass


STEPS: dict[str, Any] = {
    "ours": lambda: [StandardScaler()],
    "theirs": lambda: [preprocessing.MaxAbsScaler()],
    "two": lambda: [StandardScaler(), preprocessing.MaxAbsScaler(), StandardScaler()],
    "by column": lambda: [
        make_column_transformer((StandardScaler(), ["x"]), remainder="passthrough")
    ],
}
LAST = {"ours": SGDClassifier, "theirs": linear_model.SGDClassifier}


@pytest.mark.parametrize("last", LAST)
@pytest.mark.parametrize("wanted", ["default", "pandas", "polars"])
@pytest.mark.parametrize("given", ["frame", "array"])
@pytest.mark.parametrize("steps", STEPS)
def test_one_pass_gives_steps_what_set_output_asks_for(steps, given, wanted, last):
    if given == "array" and steps == "by column":
        return
    if wanted == "polars":
        pytest.importorskip("polars", reason="wants its frames")
    pipe = make_pipeline(*STEPS[steps](), LAST[last](random_state=0)).set_output(transform=wanted)
    X, y, memory = lazily(TABLE), lazily(LABELS["two"]), TABLE
    if given == "array":
        memory = TABLE.to_numpy()
        y = y.to_dask_array(lengths=True)
        X = da.from_array(memory, chunks=(y.chunks[0], 2))
    pipe.fit(X, y)
    out = pipe.predict(X)
    np.testing.assert_array_equal(np.asarray(out.compute()), pipe.predict(memory))
    assert pipe.score(X, y) == pytest.approx(pipe.score(memory, LABELS["two"]))
    lazy, want = pipe[:-1].transform(X), pipe[:-1].transform(memory)
    framed = given == "frame" or wanted != "default"
    assert isinstance(lazy, dd.DataFrame if framed else da.Array)
    made = lazy.compute()
    np.testing.assert_allclose(np.asarray(made), np.asarray(want))
    if framed:
        assert list(lazy.dtypes) == list(made.dtypes)
        assert list(made.columns) == list(getattr(want, "columns", made.columns))
    if given == "frame":
        np.testing.assert_array_equal(made.index, TABLE.index)


def test_steps_see_frames_of_the_library_that_is_asked_for():
    """In fit and in predict."""
    polars = pytest.importorskip("polars", reason="wants its frames")

    def more(rows: Any) -> Any:
        return rows.with_columns((polars.col("x") * 2).alias("w"))

    steps = [StandardScaler(), preprocessing.FunctionTransformer(more)]
    pipe = make_pipeline(*steps, SGDClassifier(random_state=0)).set_output(transform="polars")
    X, y = lazily(TABLE), lazily(LABELS["two"])
    assert pipe.fit(X, y).score(X, y) > 0.5
    assert list(pipe[:-1].transform(X).compute().columns) == ["x", "z", "w"]


# dask's writer calls pandas' set_index in a way that pandas 3.1 deprecates.
@pytest.mark.filterwarnings("ignore:(?s).*The inplace keyword in DataFrame")
def test_scores_of_many_small_files_have_a_chunk_for_each_partition(tmp_path):
    """dask joins the reads of small files if few of their columns are read."""
    make_flights(2_000, npartitions=10).to_parquet(tmp_path / "flights")
    df = dd.read_parquet(tmp_path / "flights")
    X = df[["dep_delay", "distance"]]
    model = SGDClassifier("log_loss", classes=[0, 1], random_state=0).fit(X, df["late"])
    proba = model.predict_proba(X)
    assert X.values.numblocks[0] < proba.numblocks[0] == 10
    beside = df.assign(p=proba[:, 1]).compute()
    np.testing.assert_array_equal(beside["p"], model.predict_proba(X.compute())[:, 1])
    framed = proba.to_dask_dataframe(columns=["no", "yes"], index=df.index).compute()
    np.testing.assert_array_equal(framed["yes"], beside["p"])


@pytest.mark.filterwarnings("ignore:More of the data:UserWarning")  # what dask shuffles in memory
def test_results_of_a_shuffled_frame_warn_where_they_are_computed_apart():
    """dask shuffles rows in another order each time: the labels would be those of other rows."""
    df = lazily(TABLE.assign(k=np.arange(N) % 7, late=LABELS["two"])).shuffle("k")
    X, y = df[["x", "z"]], df["late"]
    model = SGDClassifier("log_loss", random_state=0).fit(X, y)
    with pytest.warns(UserWarning, match="Persist the frame first"):
        metrics.log_loss(y, model.predict_proba(X))
    kept = df.persist()
    X, y = kept[["x", "z"]], kept["late"]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        got = metrics.log_loss(y, model.predict_proba(X))
    rows = kept.compute()
    assert got == pytest.approx(
        metrics.log_loss(rows["late"], model.predict_proba(rows[["x", "z"]]))
    )
