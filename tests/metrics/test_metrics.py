"""Metrics over blocks: scikit-learn's values, one read, and no blocks that are concatenated."""

from __future__ import annotations

import tracemalloc

import dask
import dask.array as da
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as theirs
from sklearn.exceptions import UndefinedMetricWarning

from streamlearn import metrics
from tests.backends import open_backend
from tests.containers import (
    CASES,
    CHUNKS,
    N_ROWS,
    Container,
    dask_array,
    dask_frame,
    frame,
)

rng = np.random.default_rng(0)
LABELS = rng.integers(0, 3, N_ROWS)
GUESSES = np.where(rng.random(N_ROWS) < 0.3, rng.integers(0, 3, N_ROWS), LABELS)
P = rng.dirichlet([1, 1, 1], N_ROWS)
VALUES = rng.normal(size=N_ROWS) + 3
FORECASTS = VALUES + 0.5 * rng.normal(size=N_ROWS)
WEIGHTS = rng.integers(0, 4, N_ROWS) / 2

CASES_OF = {
    "accuracy_score": (LABELS, GUESSES, {}),
    "log_loss": (LABELS, P, {}),
    "mean_squared_error": (VALUES, FORECASTS, {}),
    "mean_absolute_error": (VALUES, FORECASTS, {}),
    "r2_score": (VALUES, FORECASTS, {}),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", CASES_OF)
@pytest.mark.parametrize(("backend", "kind"), CASES, indirect=["backend"])
def test_scikit_learns_values_in_any_container(name, weighted, backend, kind):
    y, predicted, how = CASES_OF[name]
    wrap = Container(kind, backend).wrap
    weight = {"sample_weight": WEIGHTS} if weighted else {}
    want = getattr(theirs, name)(y, predicted, **weight)
    if weighted:
        weight = {"sample_weight": wrap(WEIGHTS)}
    got = getattr(metrics, name)(wrap(y), wrap(predicted), **how, **weight)
    assert type(got) is float
    assert got == pytest.approx(want, rel=100 * backend.eps)


@pytest.mark.parametrize("name", ["mean_squared_error", "mean_absolute_error", "r2_score"])
@pytest.mark.parametrize("lazy", [False, True])
def test_several_outputs(name, lazy):
    y = np.stack([VALUES, LABELS, VALUES**2], axis=1)
    predicted = y + np.stack([FORECASTS - VALUES] * 3, axis=1)
    wrap = dask_array if lazy else np.asarray
    for multioutput in ("uniform_average", "raw_values"):
        for weight in (None, WEIGHTS):
            how = {"multioutput": multioutput}
            want = getattr(theirs, name)(y, predicted, sample_weight=weight, **how)
            weight = weight if weight is None else wrap(weight)
            got = getattr(metrics, name)(wrap(y), wrap(predicted), sample_weight=weight, **how)
            np.testing.assert_allclose(got, want, rtol=1e-11)


@pytest.mark.parametrize(("backend", "kind"), CASES, indirect=["backend"])
def test_a_row_of_several_labels_is_right_where_all_are(backend, kind):
    y = np.eye(3, dtype=int)[LABELS]
    predicted = np.stack([GUESSES == 0, GUESSES > 0, GUESSES == 2], axis=1).astype(int)
    want = theirs.accuracy_score(y, predicted, sample_weight=WEIGHTS)
    assert 0.2 < want < 0.8
    wrap = Container(kind, backend).wrap
    got = metrics.accuracy_score(wrap(y), wrap(predicted), sample_weight=wrap(WEIGHTS))
    assert got == pytest.approx(want, rel=100 * backend.eps)


@pytest.mark.parametrize("name", CASES_OF)
def test_any_mixture_of_containers(name):
    """What is in memory is cut like the collection, whichever of the two that is."""
    y, predicted, how = CASES_OF[name]
    want = getattr(theirs, name)(y, predicted, sample_weight=WEIGHTS)
    for a, b, w in [
        (dask_array(y), predicted, WEIGHTS),
        (y, dask_array(predicted), WEIGHTS.tolist()),
        (y.tolist(), dask_array(predicted), dask_array(WEIGHTS)),
        (y, predicted, dask_array(WEIGHTS)),
        (y.tolist(), predicted.tolist(), WEIGHTS.tolist()),
        (frame(y), frame(predicted), frame(WEIGHTS)),
        (dask_frame(y), dask_frame(predicted), dask_frame(WEIGHTS)),
        (dask_array(y[:, None]), predicted, WEIGHTS),
    ]:
        got = getattr(metrics, name)(a, b, sample_weight=w, **how)
        assert got == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize("name", CASES_OF)
def test_predictions_beside_a_target_of_numpy(name, backend):
    y, predicted, how = CASES_OF[name]
    want = getattr(theirs, name)(y, predicted, sample_weight=WEIGHTS)
    there = backend.asarray(predicted)
    got = getattr(metrics, name)(y, there, sample_weight=WEIGHTS, **how)
    assert got == pytest.approx(want, rel=100 * backend.eps)
    blocks = dask_array(predicted, make=backend.asarray)
    got = getattr(metrics, name)(y, blocks, sample_weight=WEIGHTS, **how)
    assert got == pytest.approx(want, rel=100 * backend.eps)


def test_labels_compare_as_numbers(backend):
    """Not by casting one dtype to the other, where 256 is 0."""
    score = metrics.accuracy_score
    small = backend.asarray(np.array([0, 1], dtype=np.uint8))
    assert score(np.array([256, 1]), small) == 0.5
    assert score(backend.asarray([256, 1]), small) == 0.5
    assert score(backend.asarray([0.0, 256.0]), small) == 0.5
    assert score(np.array([0.0, 256.0]), backend.asarray([0, 1])) == 0.5
    assert score(backend.asarray([False, True]), small) == 1.0
    assert score(backend.asarray([0, 1]), np.array([0, 1])) == 1.0


def test_labels_of_text():
    names = np.array(["no", "yes", "maybe"])
    for wrap in (np.asarray, dask_array, frame, dask_frame, list):
        got = metrics.accuracy_score(wrap(names[LABELS]), wrap(names[GUESSES]))
        assert got == pytest.approx(theirs.accuracy_score(LABELS, GUESSES))
    order = np.argsort(names)
    want = theirs.log_loss(LABELS, P)
    for wrap in (np.asarray, dask_array):
        got = metrics.log_loss(wrap(names[LABELS]), wrap(P[:, order]))
        assert got == pytest.approx(want, rel=1e-12)
    with open_backend("strict") as strict, pytest.raises(ValueError, match="of the same type"):
        metrics.accuracy_score(names[LABELS], strict.asarray(GUESSES))


def test_log_loss_of_two_classes_in_one_column():
    y, p = LABELS > 0, P[:, 0]
    want = theirs.log_loss(y, p)
    for one in (p, p[:, None], dask_array(p), dask_array(p[:, None])):
        assert metrics.log_loss(y, one) == pytest.approx(want, rel=1e-12)
    assert metrics.log_loss(y, np.stack([1 - p, p], 1)) == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_log_loss_clips_as_scikit_learn_does(dtype):
    y, p = [0, 1, 1], np.array([[1, 0], [1, 0], [0, 1]], dtype=dtype)
    assert metrics.log_loss(y, p) == pytest.approx(theirs.log_loss(y, p), rel=1e-6)
    assert metrics.log_loss(y, p.astype(int)) == pytest.approx(theirs.log_loss(y, p.astype(int)))


def test_log_loss_of_classes_that_do_not_occur():
    y = np.where(LABELS == 2, 0, LABELS)
    want = theirs.log_loss(y, P, labels=[0, 1, 2])
    with pytest.warns(UserWarning, match=r"not sorted.*those of \[0, 1, 2\]") as warned:
        got = metrics.log_loss(dask_array(y), dask_array(P), labels=[2, 0, 1])
    assert got == pytest.approx(want)
    assert [w.filename for w in warned] == [__file__]
    with pytest.raises(ValueError, match=r"3 columns and there are 2 classes.*labels"):
        metrics.log_loss(dask_array(y), dask_array(P))
    with pytest.raises(ValueError, match=r"Block \d of y_true contains labels"):
        metrics.log_loss(dask_array(LABELS), dask_array(P[:, :2]), labels=[0, 1])
    with pytest.raises(ValueError, match=r"^y_true contains labels"):
        metrics.log_loss(LABELS, P[:, :2], labels=[0, 1])


def test_r2_of_a_constant_and_of_one_row():
    constant = np.full(4, 2.0)
    assert metrics.r2_score(constant, constant) == theirs.r2_score(constant, constant) == 1.0
    assert metrics.r2_score(constant, constant + 1) == theirs.r2_score(constant, constant + 1) == 0
    with pytest.warns(UndefinedMetricWarning, match="less than two samples"):
        assert np.isnan(metrics.r2_score([1.0], [1.0]))


def test_r2_far_from_zero():
    y, chunks = 1e8 + VALUES, (50, 50, 100)
    predicted = y + 0.1 * (FORECASTS - VALUES)
    want = theirs.r2_score(VALUES, VALUES + (predicted - y))
    got = metrics.r2_score(dask_array(y, chunks), dask_array(predicted, chunks))
    assert got == pytest.approx(want, rel=1e-6)


@pytest.mark.parametrize("name", CASES_OF)
def test_without_a_target_there_is_no_score(name):
    with pytest.raises(ValueError, match="target y, which is None"):
        getattr(metrics, name)(None, CASES_OF[name][1])


@pytest.mark.parametrize("name", CASES_OF)
def test_one_read_of_each_and_predictions_on_the_way(name):
    y, predicted, how = CASES_OF[name]
    reads_y: list = []
    reads_p: list = []
    target, source = dask_array(y, log=reads_y), dask_array(predicted, log=reads_p)
    lazy = source.map_blocks(np.copy)
    with dask.config.set(scheduler="sync"):
        getattr(metrics, name)(target, lazy, **how)
        assert sorted(reads_y) == sorted(reads_p) == list(range(len(CHUNKS)))


@pytest.mark.parametrize("name", CASES_OF)
def test_memory_is_that_of_a_few_blocks(name):
    """Of 40 blocks of 1 MB never more than some at a time, whatever there is in all."""
    n, rows = 40, 1 << 17
    width = 2 if name == "log_loss" else 1
    X = da.random.default_rng(0).random((n * rows, 1), chunks=(rows, 1))
    y, predicted = (X[:, 0] > 0.5).astype(float), X[:, 0]
    if name == "accuracy_score":
        predicted = (predicted > 0.4).astype(float)
    if width == 2:
        both = lambda x: np.concatenate([1 - x, x], axis=1)  # noqa: E731
        predicted = da.map_blocks(both, X, chunks=(X.chunks[0], (2,)))
    how = {"labels": [0, 1]} if width == 2 else {}
    with dask.config.set({"scheduler": "sync", "streamlearn.window": 2}):
        getattr(metrics, name)(y[:rows], predicted[:rows], **how)
        tracemalloc.start()
        try:
            getattr(metrics, name)(y, predicted, **how)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 20e6


@pytest.mark.parametrize("name", CASES_OF)
def test_what_does_not_fit_together_is_refused(name):
    y, predicted, how = CASES_OF[name]
    score = getattr(metrics, name)
    late = (CHUNKS[2], CHUNKS[1], CHUNKS[0], CHUNKS[3])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        score(y[:-1], predicted, **how)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        score(y[:-1], dask_array(predicted), **how)
    with pytest.raises(ValueError, match="do not line up"):
        score(dask_array(y), dask_array(predicted, late), **how)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        score(y, predicted, sample_weight=WEIGHTS[1:], **how)
    with pytest.raises(ValueError, match="no rows"):
        score(dask_array(y[:0], (0,)), dask_array(predicted[:0], (0,)), **how)
    with pytest.raises(ValueError, match="Input sample_weight contains NaN"):
        score(y, predicted, sample_weight=np.full(N_ROWS, np.nan), **how)
    with pytest.raises(ValueError, match="at least one non-zero"):
        score(y, predicted, sample_weight=np.zeros(N_ROWS), **how)
    if name != "accuracy_score":
        wrong = predicted.copy()
        wrong[-1] = np.nan
        with pytest.raises(ValueError, match=r"y_\w+ contains NaN in block 3"):
            score(dask_array(y), dask_array(wrong), **how)
        with pytest.raises(ValueError, match=r"y_\w+ contains NaN( in column 0)?\. Drop such"):
            score(y, wrong, **how)
    else:
        with pytest.raises(ValueError, match=r"y_pred should be a 1d array.*\(200, 3\)"):
            score(y, P)


# What is given is checked as scikit-learn checks it

NAMES = np.array(["a", "b", "c"])[LABELS]
GUESSED = np.array(["a", "b", "c"])[GUESSES]
SEVERAL = np.eye(3, dtype=int)
OUTPUTS = np.stack([VALUES, LABELS, VALUES**2], axis=1)
GUESSED_OUTPUTS = OUTPUTS + rng.normal(size=OUTPUTS.shape)


def spoiled(x, value):
    out = x.astype(object if value is None else np.result_type(x, type(value)))
    out[100] = value
    return out


LABELS_GIVEN = {
    "integers": (LABELS, GUESSES),
    "floats": (1.0 * LABELS, GUESSES),
    "text": (NAMES, GUESSED),
    "objects": (NAMES.astype(object), GUESSED),
    "a column": (LABELS[:, None], GUESSES),
    "several labels": (SEVERAL[LABELS], SEVERAL[GUESSES]),
    "text and numbers": (NAMES, GUESSES),
    "numbers and text": (LABELS, GUESSED),
    "objects of text and numbers": (NAMES.astype(object), GUESSES),
    "flags and text": (LABELS > 0, GUESSED),
    "bytes": (NAMES.astype("S"), GUESSED),
    "bytes on both sides": (NAMES.astype("S"), GUESSED.astype("S")),
    "objects that are bytes": (NAMES.astype("S").astype(object), GUESSED),
    "continuous": (LABELS, GUESSES + 0.5),
    "continuous on both sides": (VALUES, VALUES),
    "scores": (LABELS, P),
    "NaN": (spoiled(1.0 * LABELS, np.nan), GUESSES),
    "NaN predicted": (LABELS, spoiled(1.0 * GUESSES, np.nan)),
    "numbers of several labels": (OUTPUTS, OUTPUTS),
    "classes of several outputs": (np.stack([LABELS] * 2, 1), np.stack([GUESSES] * 2, 1)),
    "other columns": (SEVERAL[LABELS], np.eye(4, dtype=int)[GUESSES]),
    "complex": (LABELS + 1j, GUESSES),
    "other rows": (LABELS, GUESSES[1:]),
}
PROBABILITIES_GIVEN = {
    "probabilities": (LABELS, P, {}),
    "text": (NAMES, P, {}),
    "rounded": (LABELS, P.astype("float32"), {}),
    "one column": (LABELS > 0, P[:, :1], {}),
    "scores of two": (LABELS > 0, VALUES - 3, {}),
    "above 1": (LABELS, P + 1, {}),
    "below 0": (LABELS, P - 0.5, {}),
    "NaN": (LABELS, spoiled(P, np.nan), {}),
    "too few columns": (LABELS, P[:, :2], {}),
    "too few labels": (LABELS, P[:, :2], {"labels": [0, 1]}),
    "other labels": (LABELS, P, {"labels": ["a", "b", "c"]}),
    "one class": (0 * LABELS, P[:, 0], {}),
    "one class, two listed": (0 * LABELS, P[:, 0], {"labels": [0, 1]}),
    "NaN labels": (spoiled(1.0 * LABELS, np.nan), P, {}),
    "continuous": (VALUES, P, {}),
    "bytes": (NAMES.astype("S"), P, {}),
    "text for numbers": (LABELS, NAMES, {}),
}
VALUES_GIVEN = {
    "values": (VALUES, FORECASTS),
    "a column": (VALUES[:, None], FORECASTS),
    "flags": (VALUES > 3, FORECASTS),
    "text that spells numbers": (VALUES.astype(str), FORECASTS),
    "text": (NAMES, FORECASTS),
    "NaN": (spoiled(VALUES, np.nan), FORECASTS),
    "infinity": (VALUES, spoiled(FORECASTS, np.inf)),
    "None": (spoiled(VALUES, None), FORECASTS),
    "complex": (VALUES + 1j, FORECASTS),
    "other columns": (OUTPUTS, OUTPUTS[:, :2]),
    "one for several": (OUTPUTS, VALUES),
    "three dimensions": (OUTPUTS.reshape(100, 2, 3), OUTPUTS.reshape(100, 2, 3)),
    "other rows": (VALUES[1:], FORECASTS),
}
OVER_OUTPUTS = {
    "weights": [0.2, 0.3, 0.5],
    "negative weights": [-0.2, 0.3, 0.5],
    "raw_values": "raw_values",
    "variance_weighted": "variance_weighted",
    "None": None,
    "two weights": [0.5, 0.5],
    "no weight": [0, 0, 0],
    "NaN": [0.5, np.nan, 0.5],
    "a number": 3,
    "another word": "mean",
}
WEIGHTS_GIVEN = {
    "some": WEIGHTS,
    "negative": WEIGHTS - 0.4,
    "zero": 0 * WEIGHTS,
    "NaN": spoiled(WEIGHTS, np.nan),
    "infinity": spoiled(WEIGHTS, np.inf),
    "two columns": np.stack([WEIGHTS] * 2, 1),
    "other rows": WEIGHTS[1:],
}
VARIANCE = {"multioutput": "variance_weighted"}
REGRESSION = ("mean_squared_error", "mean_absolute_error", "r2_score")
CALLS = [
    *(("accuracy_score", what, a, b, {}) for what, (a, b) in LABELS_GIVEN.items()),
    *(("log_loss", what, a, b, how) for what, (a, b, how) in PROBABILITIES_GIVEN.items()),
    *((m, what, a, b, {}) for m in REGRESSION for what, (a, b) in VALUES_GIVEN.items()),
    *(
        (m, f"outputs: {what}", OUTPUTS, GUESSED_OUTPUTS, {"multioutput": how})
        for m in REGRESSION
        for what, how in OVER_OUTPUTS.items()
    ),
    *((m, "weights for one", VALUES, FORECASTS, {"multioutput": [1.0]}) for m in REGRESSION),
    *(
        ("r2_score", what, y, y + np.where(LABELS, 0.1, -0.1)[:, None] * unit, VARIANCE)
        for what, y, unit in (
            ("constant", 0 * OUTPUTS, 1.0),
            ("some constant", OUTPUTS * [1, 0, 1], 1.0),
            ("large", 1e140 * OUTPUTS, 1e140),
            ("small", 1e-140 * OUTPUTS, 1e-140),
        )
    ),
    *(
        (m, f"sample_weight: {what}", a, b, {"sample_weight": w})
        for m, (a, b, _) in CASES_OF.items()
        for what, w in WEIGHTS_GIVEN.items()
    ),
]


def outcome(score, y, predicted, how):
    try:
        return score(y, predicted, **how)
    except Exception as error:
        return error


def cut(x):
    return dask_array(x, (len(x) - 130, 0, 21, 109)) if isinstance(x, np.ndarray) else x


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(
    ("name", "y", "predicted", "how"),
    [pytest.param(m, y, p, how, id=f"{m}-{what}") for m, what, y, p, how in CALLS],
)
@pytest.mark.filterwarnings("ignore:`y_pred` was renamed:FutureWarning")
def test_it_is_scikit_learns_value_or_an_error_of_its_type(name, y, predicted, how, lazy):
    want = outcome(getattr(theirs, name), y, predicted, how)
    if lazy:
        y, predicted, how = cut(y), cut(predicted), {key: cut(x) for key, x in how.items()}
    got = outcome(getattr(metrics, name), y, predicted, how)
    if not isinstance(want, Exception):
        np.testing.assert_allclose(got, want, rtol=1e-6)
    else:
        kind = (
            TypeError
            if isinstance(want, TypeError) and not isinstance(want, ValueError)
            else (ValueError, ZeroDivisionError)
        )
        assert isinstance(got, kind), (want, got)


@pytest.mark.parametrize("wrap", [np.asarray, dask_array])
def test_rows_of_probabilities_that_do_not_sum_to_one_warn_once(wrap):
    with pytest.warns(UserWarning, match="do not sum to 1. Give the prob") as warned:
        got = metrics.log_loss(wrap(LABELS), wrap(P / 2), labels=[0, 1, 2])
    assert [warning.filename for warning in warned] == [__file__]
    with pytest.warns(UserWarning, match="do not sum to one"):
        assert got == pytest.approx(theirs.log_loss(LABELS, P / 2))


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
@pytest.mark.parametrize("side", [0, 1])
def test_missing_labels_are_named_with_their_block(missing, side):
    """scikit-learn's own error is about a comparison of types."""
    pair = [NAMES.astype(object), GUESSED.astype(object)]
    pair[side][100] = missing
    name = ("y_true", "y_pred")[side]
    with pytest.raises(ValueError, match=f"^{name} contains NaN or None.* Drop such rows"):
        metrics.accuracy_score(*pair)
    with pytest.raises(ValueError, match=f"Block 3 of {name} contains NaN or None"):
        metrics.accuracy_score(*map(dask_array, pair))
