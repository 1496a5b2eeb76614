"""Steps that are fitted before a pipeline's learner sees a row."""

from __future__ import annotations

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from sklearn import preprocessing as theirs
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import make_union

from streamlearn import preprocessing as ours
from streamlearn.compose import make_column_transformer
from streamlearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from streamlearn.impute import SimpleImputer
from streamlearn.linear_model import SGDClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import (
    Binarizer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
)
from tests.preprocessing.tables import alike

X = np.exp(np.random.default_rng(0).normal(size=(600, 3)))
Y = (X[:, 0] > 1).astype(int)
LEARNER = SGDClassifier("log_loss", classes=[0, 1], random_state=0)
SCALER, MAP = StandardScaler(), QuantileTransformer(n_quantiles=9)
STEPS = {
    "components": PCA(0.9, whiten=True),
    "components after a scaler": make_pipeline(SCALER, IncrementalPCA(2)),
    "singular vectors": TruncatedSVD(2),
    "quantiles": MAP,
    "bins": KBinsDiscretizer(),
    "splines": SplineTransformer(),
    "powers": PowerTransformer(),
    "a union": make_union(SCALER, KBinsDiscretizer()),
    "a pipeline in a union": make_union(make_pipeline(SCALER, MAP), Binarizer()),
    "after a scaler": make_pipeline(MinMaxScaler(), MAP),
    "after a step of scikit-learn": make_pipeline(theirs.FunctionTransformer(np.log), MAP),
    "a union after a scaler": make_pipeline(SCALER, make_union(MAP, Binarizer())),
    "after a union": make_pipeline(make_union(SCALER, Binarizer()), MAP),
    "columns in columns": make_column_transformer(
        (make_pipeline(make_column_transformer((SCALER, [1])), MAP), [1, 0]),
        remainder="passthrough",
    ),
}


def blocks() -> tuple[da.Array, da.Array]:
    return da.from_array(X, chunks=(100, 3)), da.from_array(Y, chunks=100)


def transformed(pipe: BaseEstimator) -> np.ndarray:
    out = pipe[:-1].transform(X)
    return out.toarray() if hasattr(out, "toarray") else np.asarray(out)


@pytest.mark.parametrize("name", STEPS)
def test_a_map_that_changes_with_the_rows_is_that_of_all_rows(name):
    """One pass and a fit step by step end at the same transformation, and at as good a model."""
    one = make_pipeline(clone(STEPS[name]), clone(LEARNER)).fit(*blocks())
    each = make_pipeline(clone(STEPS[name]), clone(LEARNER), schedule="per-step").fit(*blocks())
    np.testing.assert_allclose(transformed(one), transformed(each), rtol=1e-12, atol=1e-12)
    assert one.score(X, Y) == pytest.approx(each.score(X, Y), abs=0.01)


@pytest.mark.parametrize("streamed", [False, True])
def test_branches_behind_a_step_share_a_read_and_learn_no_names(streamed):
    columns = make_column_transformer((MAP, [0]), (KBinsDiscretizer(), [2, 1]))
    step = make_pipeline(SCALER, clone(columns), clone(LEARNER))
    table = pd.DataFrame(X, columns=list("abc")).assign(y=Y)
    frame = dd.from_pandas(table, npartitions=6)
    if streamed:
        begun = []

        def source():
            begun.append(1)
            parts = (table.iloc[start : start + 100] for start in range(0, 600, 100))
            return ((part[list("abc")], part["y"]) for part in parts)

        step.fit(source)
    else:
        step.fit(frame[list("abc")], frame["y"])
    want = make_pipeline(SCALER, clone(columns)).fit(X)
    for found, known in zip(step[1].transformers_, want[1].transformers_, strict=True):
        assert not hasattr(found[1], "feature_names_in_")
        for name in ("quantiles_", "bin_edges_"):
            if hasattr(known[1], name):
                np.testing.assert_allclose(
                    np.hstack(getattr(found[1], name)), np.hstack(getattr(known[1], name))
                )
    if streamed:
        assert len(begun) == 3


def test_partial_fit_leaves_what_is_known_as_it_is():
    pipe = make_pipeline(clone(STEPS["a pipeline in a union"]), clone(LEARNER))
    pipe.partial_fit(X[:200], Y[:200])
    before = pipe[0].transformer_list[0][1][-1].quantiles_
    pipe.partial_fit(10 * X[200:], Y[200:])
    np.testing.assert_array_equal(pipe[0].transformer_list[0][1][-1].quantiles_, before)


read = []


def noted(part: pd.DataFrame) -> pd.DataFrame:
    if part.index.size and part.index[0] >= 0:
        read.append(set(part.columns))
    return part


def table() -> tuple[dd.DataFrame, dd.Series]:
    """Return columns with known categories, of which "e" has no row, and of text."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "c": pd.Categorical(rng.choice(list("abcd"), 600), categories=list("edcba")),
            "t": rng.choice(list("xyz"), 600),
            "n": X[:, 0],
            "y": Y,
        }
    )
    lazy = dd.from_pandas(frame, npartitions=6).map_partitions(noted)
    read.clear()
    return lazy[["c", "t", "n"]], lazy["y"]


@pytest.mark.parametrize("encoder", [OneHotEncoder(), OrdinalEncoder()])
def test_given_categories_need_no_rows(encoder):
    frame, y = table()
    listed = [*frame["c"].cat.categories, np.nan]
    columns = make_column_transformer(
        (clone(encoder).set_params(categories=[listed]), ["c"]),
        (clone(encoder).set_params(categories=[list("xyz")]), ["t"]),
        (SCALER, ["n"]),
    )
    pipe = make_pipeline(columns, clone(LEARNER)).fit(frame, y)
    assert len(read) == 6
    known, text = (pipe[0].transformers_[i][1].categories_[0] for i in range(2))
    assert known.tolist()[:-1] == list("edcba")
    assert text.tolist() == list("xyz")
    assert pipe.score(frame, y) > 0.9


@pytest.mark.parametrize("encoder", ["OneHotEncoder", "OrdinalEncoder"])
@pytest.mark.parametrize("neighbour", ["c", "t"])
@pytest.mark.parametrize("missing", [False, True])
def test_a_categorical_dtype_changes_no_category(encoder, neighbour, missing):
    """A category without rows has no column, and missing values are one, as in scikit-learn."""
    frame, y = table()
    if missing:
        frame["c"] = frame["c"].where(frame["n"] < 3)
    columns = list(dict.fromkeys(["c", neighbour]))
    known = getattr(theirs, encoder)().fit(frame[columns].compute())
    step = make_column_transformer((getattr(ours, encoder)(), columns), (SCALER, ["n"]))
    pipe = make_pipeline(make_pipeline(step, SimpleImputer()), clone(LEARNER)).fit(frame, y)
    found = pipe[0][0].transformers_[0][1]
    assert found.get_feature_names_out().tolist() == known.get_feature_names_out().tolist()
    for a, b in zip(found.categories_, known.categories_, strict=True):
        assert alike(a, b)


@pytest.mark.parametrize("more", [{"min_frequency": 2}, {"max_categories": 3}])
def test_counts_of_categories_need_rows(more):
    encoder = OneHotEncoder(handle_unknown="infrequent_if_exist", **more)
    columns = make_column_transformer((encoder, ["c"]), (SCALER, ["n"]))
    frame, y = table()
    make_pipeline(columns, clone(LEARNER)).fit(frame, y)
    assert len(read) == 12


def test_an_encoder_behind_an_imputer_learns_what_the_imputer_made():
    filled = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
    columns = make_column_transformer((filled, ["c"]), (SCALER, ["n"]))
    frame, y = table()
    frame["c"] = frame["c"].where(frame["n"] < 3)
    pipe = make_pipeline(columns, clone(LEARNER)).fit(frame, y)
    assert pipe[0].transformers_[0][1][-1].categories_[0].tolist() == list("abcd")
    assert pipe[-1].coef_.shape == (1, 5)
