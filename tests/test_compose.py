"""Tables to a model: columns of a frame, each by its own transformer, then a learner."""

from __future__ import annotations

import pickle
from typing import Any

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn import compose as theirs
from sklearn import preprocessing
from sklearn.base import clone
from sklearn.compose import make_column_selector
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline as plain_pipeline

from streamlearn import compose, stages
from streamlearn.impute import SimpleImputer
from streamlearn.linear_model import Ridge, SGDClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import (
    DatetimeEncoder,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    StandardScaler,
)

pa = pytest.importorskip("pyarrow")

RNG = np.random.default_rng(0)
N = 240
TABLE = pd.DataFrame(
    {
        "x": RNG.normal(5, 2, N),
        "z": RNG.normal(size=N) * 100,
        "color": RNG.choice(["red", "green", "blue", None], N),
        "kind": pd.Categorical(RNG.choice(list("abcd"), N)),
        "count": RNG.integers(0, 4, N),
    },
    index=np.arange(N)[::-1],
)
Y = pd.Series((TABLE["x"] + (TABLE["color"] == "red") > 5.5) * 1, name="y")
NUMBERS, KINDS = ["x", "z"], ["color", "kind"]
CHUNKS = (100, 0, 41, 99)

reads: list[tuple[str, ...]] = []


def load(i: int, columns: list[str] | None = None) -> pd.DataFrame:
    """Read a partition, and note which columns of it."""
    start = sum(CHUNKS[:i])
    part = TABLE.assign(y=Y).iloc[start : start + CHUNKS[i]]
    part = part if columns is None else part[columns]
    reads.append(tuple(part.columns))
    return part


def lazy() -> dd.DataFrame:
    """Return the table as partitions, one of which is empty, that are read by their columns."""
    dask_frame = dd.from_map(load, range(len(CHUNKS)), meta=TABLE.assign(y=Y).iloc[:0])
    reads.clear()
    return dask_frame


def columns(encoder: Any = None, **how: Any) -> compose.ColumnTransformer:
    encoder = OneHotEncoder(handle_unknown="ignore") if encoder is None else encoder
    return compose.make_column_transformer((StandardScaler(), NUMBERS), (encoder, KINDS), **how)


def dense(x: Any) -> np.ndarray:
    x = x.compute() if dask.is_dask_collection(x) else x
    return x.toarray() if hasattr(x, "toarray") else np.asarray(x, dtype=float)


TABLES = {
    "sparse": lambda c: c.make_column_transformer(
        (preprocessing.StandardScaler(), NUMBERS),
        (preprocessing.OneHotEncoder(), KINDS),
        sparse_threshold=1.0,
    ),
    "dense": lambda c: c.make_column_transformer(
        (preprocessing.OneHotEncoder(sparse_output=False), KINDS),
        (preprocessing.StandardScaler(), NUMBERS),
    ),
    "the rest passes": lambda c: c.make_column_transformer(
        (preprocessing.OneHotEncoder(), KINDS), remainder="passthrough"
    ),
    "the rest learns": lambda c: c.make_column_transformer(
        (preprocessing.OneHotEncoder(), KINDS),
        ("drop", ["count"]),
        remainder=preprocessing.MinMaxScaler(),
    ),
    "weights": lambda c: c.ColumnTransformer(
        [
            ("n", preprocessing.StandardScaler(), NUMBERS),
            ("k", preprocessing.OneHotEncoder(), KINDS),
        ],
        transformer_weights={"k": 3.0},
    ),
    "selectors": lambda c: c.make_column_transformer(
        (preprocessing.StandardScaler(), make_column_selector(dtype_include="number")),
        (preprocessing.OneHotEncoder(), make_column_selector("color|kind")),
    ),
    "a pipeline": lambda c: c.make_column_transformer(
        (plain_pipeline(preprocessing.StandardScaler(), preprocessing.MinMaxScaler()), NUMBERS),
        (plain_pipeline(preprocessing.OneHotEncoder()), KINDS),
    ),
    "places and slices": lambda c: c.make_column_transformer(
        (preprocessing.StandardScaler(), slice(0, 2)), (preprocessing.OneHotEncoder(), [2, 3])
    ),
    "no columns": lambda c: c.make_column_transformer(
        (preprocessing.StandardScaler(), NUMBERS), (preprocessing.OneHotEncoder(), [])
    ),
}
KNOWN = {
    "StandardScaler": StandardScaler,
    "MinMaxScaler": MinMaxScaler,
    "OneHotEncoder": OneHotEncoder,
}


def ours(step: Any) -> Any:
    """Return a transformer of scikit-learn, and all inside, as ours of the same name."""
    if isinstance(step, str) or step is None:
        return step
    if hasattr(step, "transformers"):
        step.transformers = [(name, ours(inner), c) for name, inner, c in step.transformers]
        step.remainder = ours(step.remainder)
        return step
    if hasattr(step, "steps"):
        step.steps = [(name, ours(inner)) for name, inner in step.steps]
        return step
    return KNOWN[type(step).__name__](**step.get_params())


@pytest.mark.parametrize("kind", [compose, theirs], ids=["ours", "scikit-learn's"])
@pytest.mark.parametrize("name", TABLES)
def test_over_blocks_it_makes_what_scikit_learn_makes_in_memory(name, kind):
    want = TABLES[name](theirs).fit(TABLE)
    transformer, frame = ours(TABLES[name](kind)), lazy()[list(TABLE.columns)]
    if kind is theirs:
        transformer = make_pipeline(transformer, schedule="per-step")
    transformer.fit(frame)
    rows = want.transform(TABLE)
    for made in (transformer.transform(TABLE), transformer.transform(frame)):
        np.testing.assert_allclose(dense(made), dense(rows), rtol=1e-12, atol=1e-12)
    names = transformer.get_feature_names_out()
    np.testing.assert_array_equal(names, want.get_feature_names_out())


@pytest.mark.parametrize("kind", [compose, theirs], ids=["ours", "scikit-learn's"])
@pytest.mark.parametrize("schedule", ["one-pass", "per-step"])
@pytest.mark.parametrize("name", TABLES)
def test_a_learner_after_it_learns_and_answers_lazily(name, schedule, kind):
    frame = lazy()
    X, y = frame[list(TABLE.columns)], frame["y"]
    last = SGDClassifier(loss="log_loss", random_state=0, classes=[0, 1])
    pipe = make_pipeline(ours(TABLES[name](kind)), last, schedule=schedule).fit(X, y)
    out = pipe.predict(X).compute()
    np.testing.assert_array_equal(out, pipe.predict(TABLE))
    np.testing.assert_array_equal(out.index, TABLE.index)
    assert pipe.score(X, y) == pipe.score(TABLE, Y) > (0.8 if name != "no columns" else 0.7)
    assert pipe[-1].n_features_in_ == len(pipe[:-1].get_feature_names_out())


IN_MEMORY = {
    "pandas": lambda table: table,
    "pandas with objects": lambda table: table.astype({"color": object, "kind": object}),
    "pandas of pyarrow": lambda table: table.convert_dtypes(dtype_backend="pyarrow"),
    "polars": lambda table: pl.from_pandas(table),
    "pyarrow": lambda table: pa.Table.from_pandas(table, preserve_index=False),
}


@pytest.mark.parametrize("schedule", ["one-pass", "per-step"])
@pytest.mark.parametrize("container", IN_MEMORY)
def test_tables_in_memory_of_every_library(container, schedule):
    rows = IN_MEMORY[container](TABLE)
    last = SGDClassifier(random_state=0)
    pipe = make_pipeline(columns(), last, schedule=schedule).fit(rows, Y)
    np.testing.assert_array_equal(pipe.predict(rows), pipe.predict(IN_MEMORY["pandas"](TABLE)))
    assert pipe.score(rows, Y) > 0.8
    assert pipe[-1].coef_.shape[1] == 2 + 4 + 4


def test_a_learner_reads_each_block_once_and_the_encoder_its_columns_beforehand():
    frame = lazy()
    X, y = frame[list(TABLE.columns)], frame["y"]
    make_pipeline(columns(), SGDClassifier(random_state=0, classes=[0, 1])).fit(X, y)
    scout = reads[: len(CHUNKS)]
    assert {frozenset(found) for found in scout} == {frozenset(KINDS)}
    assert len(reads) == 2 * len(CHUNKS)


@pytest.mark.parametrize("kind", [compose, theirs], ids=["ours", "scikit-learn's"])
def test_branches_are_fitted_beforehand_in_one_read_of_their_columns(kind, capsys):
    fill = SimpleImputer(strategy="most_frequent")
    step = kind.make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["color"]),
        (plain_pipeline(fill, OrdinalEncoder()), ["kind"]),
        (QuantileTransformer(n_quantiles=9), ["x"]),
        (KBinsDiscretizer(3, encode="onehot-dense", quantile_method="linear"), ["x", "z"]),
        (StandardScaler(), ["count"]),
    )
    frame = lazy()
    last = SGDClassifier(random_state=0, classes=[0, 1])
    pipe = make_pipeline(step, last, verbose=True).fit(frame[list(TABLE.columns)], frame["y"])
    first, second = reads[: len(CHUNKS)], reads[len(CHUNKS) : 2 * len(CHUNKS)]
    assert {frozenset(found) for found in first} == {frozenset(["color", "kind", "x", "z"])}
    assert {frozenset(found) for found in second} == {frozenset(["kind"])}
    assert len(reads) == 3 * len(CHUNKS)
    assert "; 2 passes over" in capsys.readouterr().out
    for _, inner, columns in pipe[0].transformers_[:4]:
        alone = clone(inner).fit(TABLE[columns])
        np.testing.assert_array_equal(
            dense(inner.transform(TABLE[columns])), dense(alone.transform(TABLE[columns]))
        )
        first = getattr(inner, "steps", [("", inner)])[0][1]
        assert list(first.feature_names_in_) == columns


def test_given_categories_need_no_pass_beforehand():
    given = [["blue", "green", "red", np.nan], list("abcd")]
    frame = lazy()
    X, y = frame[list(TABLE.columns)], frame["y"]
    encoder = OneHotEncoder(categories=given)
    pipe = make_pipeline(columns(encoder), SGDClassifier(random_state=0, classes=[0, 1])).fit(X, y)
    assert len(reads) == len(CHUNKS)
    found = pipe[0].named_transformers_["onehotencoder"].categories_
    assert [len(categories) for categories in found] == [4, 4]


def test_verbose_says_what_was_read_beforehand(capsys):
    frame = lazy()
    X, y = frame[list(TABLE.columns)], frame["y"]
    last = SGDClassifier(random_state=0, classes=[0, 1])
    make_pipeline(columns(), last).set_params(verbose=True).fit(X, y)
    printed = capsys.readouterr().out
    assert "fitted beforehand, on their columns alone: OneHotEncoder; 1 passes over" in printed


def test_partial_fit_keeps_the_categories_of_its_first_rows():
    frame = lazy()
    X, y = frame[list(TABLE.columns)], frame["y"]
    pipe = make_pipeline(columns(), SGDClassifier(random_state=0))
    half = TABLE.iloc[:100].assign(color="red")
    pipe.partial_fit(half, Y.iloc[:100], classes=[0, 1])
    width = pipe[-1].coef_.shape[1]
    pipe.partial_fit(X, y)
    assert pipe[-1].coef_.shape[1] == width == 2 + 1 + 4
    assert pipe[-1].t_ == 1 + 100 + N


def test_blocks_of_arrays_are_selected_by_place():
    Z = da.from_array(TABLE[[*NUMBERS, "count"]].to_numpy(), chunks=(70, 3))
    for kind in (compose, theirs):
        step = kind.make_column_transformer(
            (StandardScaler(), [0, 1]), (OneHotEncoder(), lambda X: [X.shape[1] - 1])
        )
        pipe = make_pipeline(step, SGDClassifier(random_state=0, classes=[0, 1]))
        y = da.from_array(Y.to_numpy(), chunks=70)
        pipe.fit(Z, y)
        assert pipe[-1].coef_.shape[1] == 2 + 4
        np.testing.assert_array_equal(pipe.predict(Z).compute(), pipe.predict(Z.compute()))


def test_a_fitted_pipeline_pickles_and_learns_on():
    frame = lazy()
    X, y = frame[list(TABLE.columns)], frame["y"]
    pipe = make_pipeline(columns(), SGDClassifier(random_state=0, classes=[0, 1])).fit(X, y)
    again = pickle.loads(pickle.dumps(pipe))
    np.testing.assert_array_equal(again.predict(TABLE), pipe.predict(TABLE))
    assert again.partial_fit(X, y)[-1].t_ == 1 + 2 * N


def test_unknown_categories_are_named_with_what_to_do():
    frame = lazy()
    X, y = frame[list(TABLE.columns)], frame["y"]
    last = SGDClassifier(random_state=0, classes=[0, 1])
    pipe = make_pipeline(columns(OneHotEncoder()), last).fit(X, y)
    other = TABLE.assign(color="mauve")
    with pytest.raises(ValueError, match=r"\['mauve'\] in column 'color'.*handle_unknown"):
        pipe.predict(other)
    with pytest.raises(ValueError, match=r"\['mauve'\] in column 'color'"):
        pipe.predict(dd.from_pandas(other, npartitions=2, sort=False)).compute()


def test_steps_that_cannot_are_told_which_of_ours_can():
    frame = lazy()
    X, y = frame[list(TABLE.columns)], frame["y"]
    step = theirs.make_column_transformer((preprocessing.OneHotEncoder(), KINDS))
    last = SGDClassifier(random_state=0, classes=[0, 1])
    advice = r"streamlearn\.preprocessing has OneHotEncoder that can"
    with pytest.raises(TypeError, match=advice):
        make_pipeline(step, last).fit(X, y)
    with pytest.raises(TypeError, match=advice):
        compose.make_column_transformer((preprocessing.OneHotEncoder(), KINDS)).fit(X)
    for module, names in stages.OURS.items():
        package = __import__(f"streamlearn.{module}", fromlist=list(names))
        assert set(names) <= set(package.__all__)


def test_one_that_is_not_fitted_says_so_before_a_block_is_asked_for():
    with pytest.raises(NotFittedError, match="not fitted yet"):
        columns().transform(lazy()[list(TABLE.columns)])


def test_a_failed_fit_leaves_it_as_it_was():
    transformer = columns()
    frame = lazy()[list(TABLE.columns)]
    transformer.fit(frame)
    before = dict(vars(transformer))
    wrong = frame.assign(x=frame["x"] * np.inf)
    with pytest.raises(ValueError, match="infinity"):
        transformer.fit(wrong)
    assert vars(transformer) == before
    assert not hasattr(clone(transformer), "transformers_")


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize("method", ["fit", "fit_transform"])
def test_a_failed_fit_in_memory_leaves_it_as_it_was(method, fitted):
    X = np.random.default_rng(0).normal(size=(40, 2))
    columns = compose.make_column_transformer((StandardScaler(), [0]), (MinMaxScaler(), [1]))
    columns = columns.fit(X) if fitted else columns
    before = vars(columns).copy()
    for bad in (np.where(X.mean() < X, np.inf, X), X[:, :0]):
        with pytest.raises(ValueError, match=r"infinity|features"):
            getattr(columns, method)(bad)
        assert vars(columns).keys() == before.keys()
        assert all(vars(columns)[name] is before[name] for name in before)


def test_set_output_leaves_the_results_lazy():
    columns = compose.make_column_transformer((StandardScaler(), NUMBERS))
    columns.set_output(transform="pandas").fit(lazy())
    made = columns.transform(lazy())
    assert isinstance(made, dd.DataFrame)
    pd.testing.assert_frame_equal(made.compute(), columns.transform(TABLE))


def test_another_library_s_step_in_a_branch_gets_a_block_at_a_time():
    lengths = set[int]()

    def noted(X: pd.DataFrame) -> pd.DataFrame:
        lengths.add(len(X))
        return abs(X)

    branch = make_pipeline(preprocessing.FunctionTransformer(noted), StandardScaler())
    columns = compose.make_column_transformer((branch, NUMBERS)).fit(lazy())
    assert max(lengths) == max(CHUNKS)
    wanted = StandardScaler().fit(abs(TABLE[NUMBERS])).transform(abs(TABLE[NUMBERS]))
    np.testing.assert_allclose(columns.transform(TABLE), wanted, rtol=1e-12, atol=1e-12)


EVERY_KIND = TABLE.assign(
    word=pd.Series(RNG.choice(["u", "v"], N), dtype=object).set_axis(TABLE.index),
    whole=pd.Series(RNG.choice([1, 2, None], N), dtype="Int64").set_axis(TABLE.index),
    day=pd.to_datetime("2026-01-01") + pd.to_timedelta(TABLE["count"], "D"),
    late=TABLE["x"] > 5,
)


def in_parts(table: pd.DataFrame) -> dd.DataFrame:
    """Return a dask DataFrame whose dtypes are those of the table."""
    ends = np.cumsum([0, *CHUNKS])
    with dask.config.set({"dataframe.convert-string": False}):
        made = dd.from_map(
            lambda i: table.iloc[ends[i] : ends[i + 1]], range(len(CHUNKS)), meta=table.iloc[:0]
        )
        return made.optimize(fuse=False)


@pytest.mark.parametrize("kind", [compose, theirs], ids=["ours", "scikit-learn's"])
@pytest.mark.parametrize("schedule", ["one-pass", "per-step"])
@pytest.mark.parametrize("dtypes", ["as they are", "arrow"])
def test_functions_choose_columns_by_the_dtypes_of_the_blocks(dtypes, schedule, kind):
    table = EVERY_KIND.drop(columns="color")
    table = table if dtypes == "as they are" else table.convert_dtypes(dtype_backend="pyarrow")
    chosen = make_column_selector(dtype_include=[object, "category"])
    rest = make_column_selector(dtype_include="number", pattern="x|z")
    encode = OneHotEncoder(sparse_output=False)
    step = kind.make_column_transformer((encode, chosen), (StandardScaler(), rest))
    frame, y = in_parts(table), in_parts(Y.to_frame())["y"]
    last = SGDClassifier(random_state=0, classes=[0, 1])
    with dask.config.set({"dataframe.convert-string": False}):
        pipe = make_pipeline(step, last, schedule=schedule).fit(frame, y)
        found = list(pipe[0].named_transformers_["onehotencoder"].feature_names_in_)
        assert found == chosen(table) == (["kind", "word"] if dtypes == "as they are" else ["kind"])
        np.testing.assert_array_equal(pipe.predict(frame).compute(), pipe.predict(table))


@pytest.mark.parametrize("kind", [compose, theirs], ids=["ours", "scikit-learn's"])
def test_tables_of_pyarrow_in_memory_pass_through(kind):
    table = pa.Table.from_pandas(EVERY_KIND, preserve_index=False)
    step = kind.make_column_transformer(
        (StandardScaler(), lambda X: [name for name in X.columns if name == "z"]),
        ("passthrough", ["x", "count", "late"]),
    )
    step = step if kind is compose else make_pipeline(step)
    want = StandardScaler().fit_transform(TABLE[["z"]])
    want = np.hstack([want, EVERY_KIND[["x", "count", "late"]].to_numpy(float)])
    np.testing.assert_allclose(dense(step.fit_transform(table)).astype(float), want)
    np.testing.assert_allclose(dense(step.transform(table)).astype(float), want)


@pytest.mark.parametrize("schedule", ["one-pass", "per-step"])
def test_what_passes_through_may_be_of_any_kind_in_frames(schedule):
    columns = compose.make_column_transformer(
        (StandardScaler(), ["z"]), ("passthrough", ["whole", "day", "late"])
    )
    want = clone(columns).set_output(transform="pandas").fit(EVERY_KIND).transform(EVERY_KIND)
    pipe = make_pipeline(columns, schedule=schedule).set_output(transform="pandas")
    made = pipe.fit(in_parts(EVERY_KIND)).transform(in_parts(EVERY_KIND))
    assert made.dtypes.equals(want.dtypes)
    pd.testing.assert_frame_equal(made.compute(), want)


def test_booleans_that_pass_through_are_numbers_of_a_lazy_frame():
    columns = compose.make_column_transformer(
        (OneHotEncoder(sparse_output=False), ["color"]), ("passthrough", ["x", "late"])
    )
    made = columns.fit(in_parts(EVERY_KIND)).transform(in_parts(EVERY_KIND))
    assert set(made.dtypes) == set(made.compute().dtypes) == {np.dtype(float)}
    np.testing.assert_array_equal(dense(made), dense(columns.transform(EVERY_KIND)))


SMALL = {
    "one-hot": OneHotEncoder(sparse_output=False, dtype="int8", handle_unknown="error"),
    "ordinal": OrdinalEncoder(dtype="int16"),
    "behind an imputer": plain_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(sparse_output=False, dtype="int8")
    ),
    "of another library": preprocessing.OneHotEncoder(
        sparse_output=False, dtype="int8", categories=[["blue", "green", "red"], list("abcd")]
    ),
}


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("nested", [False, True])
def test_frames_keep_the_dtype_of_each_column(name, nested):
    """Categories that dask's made-up rows do not have change no dtype."""
    table = TABLE.dropna().astype({"z": "float32", "color": "string[pyarrow]"})
    step = compose.make_column_transformer(
        (StandardScaler(), ["x"]), (clone(SMALL[name]), KINDS), ("passthrough", ["z", "count"])
    )
    if nested:
        step = make_pipeline(compose.make_column_transformer((step, list(table))), "passthrough")
    step.set_output(transform="pandas")
    want = step.fit(table).transform(table)
    made = step.fit(in_parts(table)).transform(in_parts(table))
    assert made.dtypes.equals(want.dtypes)
    assert made.compute().dtypes.equals(want.dtypes)
    assert {np.dtype("float32"), np.dtype("int64")} < set(want.dtypes)


@pytest.mark.parametrize("output", ["default", "pandas"])
@pytest.mark.parametrize("cut", [lambda x: x, in_parts], ids=["in memory", "lazy"])
def test_a_learner_after_no_columns_says_so(cut, output):
    step = compose.make_column_transformer(("drop", ["z"])).set_output(transform=output)
    pipe = make_pipeline(step, SGDClassifier(classes=[0, 1]), schedule="one-pass")
    y = cut(Y.to_frame())["y"]
    with pytest.raises(ValueError, match=r"Found array with 0 feature\(s\)"):
        pipe.fit(cut(EVERY_KIND), y)


@pytest.mark.parametrize("learner", [SGDClassifier(classes=[False, True]), Ridge()])
def test_what_is_missing_behind_it_is_named_as_its_column(learner):
    table = pd.DataFrame({"size": np.arange(100.0), "built": pd.date_range("2020", periods=100)})
    table.loc[70, "built"] = None
    X = dd.from_pandas(table, npartitions=5)
    columns = compose.make_column_transformer(
        (StandardScaler(), ["size"]), (DatetimeEncoder(), ["built"])
    )
    with pytest.raises(ValueError, match="NaN in block 3, column 'datetimeencoder__built_year'"):
        make_pipeline(columns, learner).fit(X, X["size"] > 50)
