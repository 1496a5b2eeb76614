"""What comes in with more than its numbers: masks, coordinates, gradients, NA, other libraries."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import dask
import dask.array as da
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from sklearn.base import clone, is_classifier

from streamlearn import metrics
from streamlearn._arrays.plain import gaps, known_or_raise, plain
from streamlearn.linear_model import SGDRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from streamlearn.stages import learns_nothing
from streamlearn.wrappers import Incremental
from tests.bad_input_cases import ANSWER, ESTIMATORS, has, of_numbers, table
from tests.containers import blocks_of, dask_array

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


def masked(x: np.ndarray) -> np.ma.MaskedArray:
    """Return rows of which nothing is masked, as netCDF4 hands them out."""
    return np.ma.masked_array(x, mask=np.zeros(x.shape, dtype=bool))


def with_gradients(x: np.ndarray) -> Any:
    torch = pytest.importorskip("torch")
    made = torch.as_tensor(np.array(x))
    return made.requires_grad_() if made.is_floating_point() else made


def labelled(x: Any) -> Any:
    return pytest.importorskip("xarray").DataArray(x, dims=("row", "feature")[: x.ndim])


def rows_and_answers(name: str, make: Callable[[np.ndarray], Any]) -> tuple[Any, list]:
    """Return an estimator that has learned from what ``make`` makes of rows, and its answers."""
    rows, estimator = table(labels=is_classifier(ESTIMATORS[name])), clone(ESTIMATORS[name])
    X, y, weight = (make(x) for x in rows)
    more = {"classes": [0, 1, 2]} if is_classifier(estimator) else {}
    with dask.config.set(scheduler="sync"):
        estimator.fit(X, y)
        if hasattr(estimator, "partial_fit"):
            estimator.partial_fit(X, y, **more)
        answers = [getattr(estimator, m)(X) for m in ANSWER if has(estimator, m)]
        if hasattr(estimator, "score"):
            answers.append(estimator.score(X, y))
        if name == "SGDClassifier":
            answers.append(metrics.log_loss(y, estimator.predict_proba(X), sample_weight=weight))
        if name == "SGDRegressor":
            answers.append(metrics.r2_score(y, estimator.predict(X), sample_weight=weight))
    answers = [blocks_of(a) if dask.is_dask_collection(a) else (a,) for a in answers]
    blocks = [block for each in answers for block in each]
    return estimator, [b.toarray() if sparse.issparse(b) else b for b in blocks]


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("lazy", [False, True], ids=["in memory", "blocks"])
@pytest.mark.parametrize("make", [masked, labelled])
def test_a_mask_of_nothing_and_coordinates_change_no_answer(name, lazy, make):
    if lazy:
        known = rows_and_answers(name, dask_array)[1]
        if make is labelled:
            found = rows_and_answers(name, lambda x: labelled(dask_array(x)))[1]
        else:
            found = rows_and_answers(name, lambda x: dask_array(x, make=make))[1]
    else:
        known, found = (rows_and_answers(name, m)[1] for m in (np.array, make))
    for a, b in zip(found, known, strict=True):
        np.testing.assert_array_equal(a, b)
        assert not isinstance(a, np.ma.MaskedArray)


@pytest.mark.parametrize("name", [n for n in ESTIMATORS if n != "Incremental"])
@pytest.mark.parametrize("lazy", [False, True], ids=["in memory", "blocks"])
def test_gradients_are_left_behind(name, lazy):
    """Features that a network made: no model keeps the graph of all batches alive."""
    torch = pytest.importorskip("torch")

    def arrays_of(value: Any) -> list:
        if isinstance(value, dict):
            return [a for x in value.values() for a in arrays_of(x)]
        if isinstance(value, tuple | list):
            return [a for x in value for a in arrays_of(x)]
        return [value] if torch.is_tensor(value) else []

    def make(x: np.ndarray) -> Any:
        return dask_array(x, make=with_gradients) if lazy else with_gradients(x)

    estimator, answers = rows_and_answers(name, make)
    estimators = [e for _, e in estimator.steps] if hasattr(estimator, "steps") else [estimator]
    estimators += [e.best_estimator_ for e in estimators if hasattr(e, "best_estimator_")]
    held = [a for e in estimators for a in arrays_of(vars(e))]
    assert held or not of_numbers(estimator) or learns_nothing(estimator)
    assert not any(a.requires_grad for a in [*held, *arrays_of(list(answers))])
    copy.deepcopy(estimator)


# Masks


@pytest.mark.parametrize("lazy", [False, True], ids=["in memory", "blocks"])
@pytest.mark.parametrize("columns", [(), (1, 2)], ids=["whole rows", "columns apart"])
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_what_is_masked_counts_as_nan(data, lazy, columns):
    x = data.draw(
        hnp.arrays(
            st.sampled_from([np.int64, np.float32, np.float64]),
            (12, 3),
            elements=st.integers(-9, 9),
        )
    )
    mask = data.draw(hnp.arrays(bool, (12, 3)))
    hidden = np.ma.masked_array(np.where(mask, 100, x), mask)
    shown = np.where(mask, np.nan, x.astype(float))
    if lazy:
        X = dask_array(hidden, (5, 0, 7), make=lambda rows: rows.copy(), columns=columns)
    else:
        X = hidden
    # A column without any value has no mean: scikit-learn's scaler warns of it.
    found, known = (StandardScaler().fit(rows) for rows in (X, shown))
    np.testing.assert_allclose(found.mean_, known.mean_, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(found.n_samples_seen_, known.n_samples_seen_)
    made = found.transform(X)
    made = np.concatenate(blocks_of(made)) if lazy else made
    np.testing.assert_array_equal(np.isnan(made), mask | np.isnan(known.mean_))


@pytest.mark.parametrize("name", ["SGDClassifier", "SGDRegressor"])
@pytest.mark.parametrize("part", ["X", "y", "sample_weight"])
@pytest.mark.parametrize("lazy", [False, True], ids=["in memory", "blocks"])
def test_what_is_masked_is_refused_where_nothing_may_be_missing(name, part, lazy):
    rows = table(labels=is_classifier(ESTIMATORS[name]))._asdict()
    rows[part] = np.ma.masked_array(rows[part], np.zeros(rows[part].shape, dtype=bool))
    rows[part][-1] = np.ma.masked
    given = {k: dask_array(x, make=np.ma.array) if lazy else x for k, x in rows.items()}
    with pytest.raises(ValueError, match=r"contains NaN"):
        clone(ESTIMATORS[name]).fit(**given)
    filled = {k: np.ma.filled(x, 1) for k, x in rows.items()}
    clone(ESTIMATORS[name]).fit(**filled)


def test_views_and_runs_of_pyarrow_are_decoded():
    """pyarrow takes no rows of them, and each block is cut into its first rows at least."""
    table = pa.table(
        {
            "text": pa.array(["a", "b", "a"], pa.string_view()),
            "bytes": pa.array([b"a", b"b", b"a"], pa.binary_view()),
            "runs": pa.RunEndEncodedArray.from_arrays([2, 3], [1, 2]),
        }
    )
    for rows in (table, table.to_batches()[0]):
        assert plain(rows).iloc[1:].to_numpy().tolist() == [["b", b"b", 1], ["a", b"a", 2]]


def test_masked_text_and_dates():
    text = plain(np.ma.masked_equal(np.asarray(["a", "b"]), "b"))
    assert text.tolist()[0] == "a"
    assert gaps(text).tolist() == [False, True]
    days = plain(np.ma.masked_array(np.arange(2).astype("datetime64[D]"), [False, True]))
    assert np.isnat(days).tolist() == [False, True]


def test_an_estimator_that_is_not_ours_is_shown_no_number_under_a_mask():
    x = np.ma.masked_equal([[1.0], [-9999.0], [3.0], [-9999.0]], -9999.0)
    scaler = Incremental(sklearn.preprocessing.StandardScaler())
    scaler.fit(dask_array(x, (2, 2), make=np.ma.array))
    np.testing.assert_array_equal(scaler.mean_, [2.0])


# NA


@settings(max_examples=15, deadline=None)
@given(hnp.arrays(object, (6, 2), elements=st.sampled_from([1.0, 2, None, np.nan, pd.NA])))
def test_na_none_and_nan_among_numbers_are_one(x):
    shown = np.asarray([[np.nan if pd.isna(v) else v for v in row] for row in x], dtype=float)
    for X in (x, dask_array(x, (2, 0, 4)), dask_array(x, (2, 4), columns=(1, 1))):
        found, known = (StandardScaler().fit(rows) for rows in (X, shown))
        np.testing.assert_allclose(found.mean_, known.mean_, rtol=1e-12)
        np.testing.assert_array_equal(found.n_samples_seen_, known.n_samples_seen_)


def test_an_array_of_a_nullable_frame():
    frame = pd.DataFrame({"a": pd.array([1, None, 3], dtype="Int64"), "b": [1.0, 2.0, 3.0]})
    X = dask.dataframe.from_pandas(frame, npartitions=2).to_dask_array()
    np.testing.assert_array_equal(StandardScaler().fit(X).mean_, [2.0, 2.0])


# Other libraries


def sparse_of_torch(x: np.ndarray, layout: str) -> Any:
    torch = pytest.importorskip("torch")
    return getattr(torch.as_tensor(x), f"to_sparse{layout}")()


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")
@pytest.mark.parametrize("layout", ["", "_csr"])
@pytest.mark.parametrize("name", ["SGDClassifier", "StandardScaler"])
def test_sparse_rows_of_torch_are_refused_and_the_advice_works(name, layout):
    import scipy

    rows = table(labels=True)
    good = clone(ESTIMATORS[name]).fit(rows.X, rows.y)
    X = sparse_of_torch(rows.X, layout)
    lazy = dask_array(rows.X, make=lambda x: sparse_of_torch(x, layout))
    for given_rows in (X, lazy):
        for call in (
            lambda given_rows=given_rows: clone(good).fit(given_rows, rows.y),
            lambda given_rows=given_rows: getattr(
                good, "predict" if hasattr(good, "predict") else "transform"
            )(given_rows),
        ):
            with pytest.raises(TypeError, match=r"X is a sparse array of .*torch") as raised:
                dask.compute(call())
    text = str(raised.value)
    advice = text[text.index("give ") + 5 : text.index(", or of a dask array ")]
    made = eval(advice, {"X": X, "scipy": scipy})
    np.testing.assert_array_equal(made.toarray(), rows.X)
    advice = text[text.index("or of a dask array ") + 19 : -1]
    made = eval(advice, {"X": lazy, "scipy": scipy})
    np.testing.assert_array_equal(np.concatenate([b.toarray() for b in blocks_of(made)]), rows.X)


def test_a_dataset_is_refused_and_the_advice_works():
    xarray = pytest.importorskip("xarray")
    rows = table(labels=True)
    X = labelled(rows.X)
    given_rows = {
        "xarray": X.to_dataset("feature"),
        "xarray over dask": X.chunk({"row": 50}).to_dataset("feature"),
    }
    scaler = StandardScaler().fit(rows.X)
    assert xarray
    learn = make_pipeline(StandardScaler(), SGDRegressor(), schedule="one-pass").fit
    for held in given_rows.values():
        for call in (
            StandardScaler().fit,
            scaler.transform,
            lambda X: learn(X, rows.y),
            lambda X: learn(rows.X, X),
            lambda X: SGDRegressor().fit(rows.X, X),
            lambda X: Incremental(SGDRegressor()).fit(X, rows.y),
        ):
            with pytest.raises(TypeError, match=r"[Xy] is a \w+ of .*, which holds no") as raised:
                call(held)
        advice = str(raised.value).partition("holds no rows. ")[2].partition(" ")[0]
        advice = re.sub("^y", "X", advice)
        made = eval(advice, {"X": held})
        np.testing.assert_allclose(StandardScaler().fit(made).mean_, scaler.mean_, rtol=1e-12)


@pytest.mark.parametrize("part", ["y", "sample_weight"])
def test_a_target_or_weights_that_are_sparse_are_refused_and_the_advice_works(part):
    rows = {name: with_gradients(x).detach() for name, x in table(labels=False)._asdict().items()}
    model = clone(ESTIMATORS["SGDRegressor"])
    known = clone(model).fit(**rows)
    bad = {**rows, part: rows[part].to_sparse()}
    with pytest.raises(TypeError, match=f"{part} is a sparse array of another lib") as raised:
        model.fit(**bad)
    advice = re.search(r"Use '(.*)'", str(raised.value))[1]
    found = model.fit(**{**bad, part: eval(f"x{advice}", {"x": bad[part]})})
    np.testing.assert_array_equal(found.coef_, known.coef_)


def test_what_is_plain_comes_back_as_it_is(backend):
    for x in (np.ones(3), backend.asarray(np.ones(3)), pd.DataFrame({"a": [1]}), [1, 2], None):
        assert plain(x) is x
        known_or_raise(x)


def test_a_memory_map_is_an_array(tmp_path):
    np.save(tmp_path / "x.npy", np.ones(3))
    assert type(plain(np.load(tmp_path / "x.npy", mmap_mode="r"))) is np.ndarray


def test_no_label_is_a_dask_object():
    assert plain(da.ones(3)).compute().tolist() == [1, 1, 1]
