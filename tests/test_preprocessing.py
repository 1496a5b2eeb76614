"""StandardScaler: as scikit-learn's, and right where that is not."""

from __future__ import annotations

import math
from fractions import Fraction

import dask
import hypothesis
import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import assume, example
from hypothesis import strategies as st
from sklearn import preprocessing as theirs
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import InvalidParameterError

from streamlearn._arrays import to_numpy
from streamlearn.preprocessing import StandardScaler
from tests.containers import blocks_of, dask_array

FITTED = ("mean_", "var_", "scale_", "n_samples_seen_", "n_features_in_")
CHUNKS = (30, 0, 1, 69)


def rows(seed=0, missing=False, n=100):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5)) * [1, 1e-3, 1e3, 1, 1] + [0, 1, 50, -5, 0]
    X[:, 3] = -5.0
    X[:, 4] = rng.integers(0, 2, n)
    if missing:
        X[1:][rng.random((n - 1, 5)) < 0.2] = np.nan
    return X


def same(ours, known):
    for name in FITTED:
        got, want = getattr(ours, name), getattr(known, name)
        if want is None:
            assert got is None, name
        else:
            np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12, err_msg=name)
            assert np.shape(got) == np.shape(want), name


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("with_mean", [False, True])
@pytest.mark.parametrize("with_std", [False, True])
def test_as_scikit_learn(with_mean, with_std, missing, lazy):
    X, how = rows(missing=missing), {"with_mean": with_mean, "with_std": with_std}
    given = dask_array(X, CHUNKS) if lazy else X
    known, ours = theirs.StandardScaler(**how).fit(X), StandardScaler(**how).fit(given)
    same(ours, known)
    out = ours.transform(given)
    out = out.compute() if lazy else out
    np.testing.assert_allclose(out, known.transform(X), rtol=1e-9, atol=1e-9)
    back = ours.inverse_transform(dask_array(out, CHUNKS) if lazy else out)
    back = back.compute() if lazy else back
    np.testing.assert_allclose(back, known.inverse_transform(out), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(back, X, rtol=1e-9, atol=1e-9)
    again = ours.fit_transform(given)
    np.testing.assert_array_equal(again.compute() if lazy else again, out)


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("missing", [False, True])
def test_weights_as_scikit_learn(missing, lazy):
    X = rows(missing=missing)
    X[:, 3] = X[:, 0] ** 2  # of a constant with weights scikit-learn's variance is negative
    w = np.random.default_rng(1).uniform(0.1, 2, 100)
    known = theirs.StandardScaler().fit(X, sample_weight=w)
    given = (dask_array(X, CHUNKS), dask_array(w, CHUNKS)) if lazy else (X, w)
    same(StandardScaler().fit(given[0], sample_weight=given[1]), known)
    same(StandardScaler().fit(given[0], sample_weight=w.tolist()), known)


def test_weights_are_repetitions():
    X, times = rows(), np.random.default_rng(1).integers(0, 4, 100)
    a = StandardScaler().fit(X, sample_weight=times)
    b = StandardScaler().fit(np.repeat(X, times, axis=0))
    for name in ("mean_", "var_", "scale_", "n_samples_seen_"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-12)


WEIGHTS = st.one_of(
    st.floats(0.5, 2),
    st.floats(-2, -0.5),
    st.just(0.0),
    st.sampled_from([1e-12, -1e-12, 1e-300, 1e12]),
)


@hypothesis.given(
    st.lists(st.lists(WEIGHTS, min_size=1, max_size=8), min_size=1, max_size=8),
    st.sampled_from([1e-300, 1e-30, 1.0, 1e100, 1e300]),
    st.integers(0, 9),
)
@example([[-1.0, 1.0], [2.0, 3.0, -1.0], [-1.0, -2.0]], 1.0, 0)
@example([[-1.0, -1.0], [-2.0]], 1e-300, 0)
def test_any_weights_in_any_blocks_are_those_of_scikit_learn_in_memory(weights, unit, seed):
    """Also where a block's add up to nothing, and where most are negative."""
    weight, chunks = np.concatenate(weights), tuple(map(len, weights))
    X = np.random.default_rng(seed).normal(1, 1, (len(weight), 2))
    total, heavy = weight.sum(), np.abs(weight).sum()
    assume(abs(total) > 0.2 * heavy)
    mean = (weight @ X) / total
    var = weight @ (X - mean) ** 2 / total
    assume(np.all(var > 1e-3 * (np.abs(weight) @ (X - mean) ** 2) / heavy))
    known = theirs.StandardScaler().fit(X, sample_weight=weight)
    lazy, w = dask_array(X * unit, chunks), dask_array(weight, chunks)
    pieces = StandardScaler()
    if all(abs(sum(part)) > 0 for part in weights):
        for part, by in zip(np.split(X * unit, np.cumsum(chunks)[:-1]), weights, strict=True):
            pieces.partial_fit(part, sample_weight=by)
    for ours in (
        StandardScaler().fit(X * unit, sample_weight=weight),
        StandardScaler().fit(lazy, sample_weight=w),
        *([pieces] if hasattr(pieces, "mean_") else []),
    ):
        np.testing.assert_allclose(ours.mean_ / unit, known.mean_, rtol=1e-9, atol=1e-9)
        constant = known.scale_ == 1.0
        want = np.where(constant, 1.0 / unit, known.scale_)
        np.testing.assert_allclose(ours.scale_ / unit, want, rtol=1e-9)
        np.testing.assert_allclose(ours.n_samples_seen_, known.n_samples_seen_, rtol=1e-12)


def test_weights_that_add_up_to_nothing_are_an_error():
    weight = np.tile([1.0, -1.0], 50)
    for X in (rows(), dask_array(rows(), CHUNKS)):
        with pytest.raises(ValueError, match="must not add up to 0"):
            StandardScaler().fit(X, sample_weight=weight)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("lazy", [False, True])
def test_rows_in_any_unit_are_scaled_and_come_back(lazy, dtype):
    info = np.finfo(dtype)
    for unit in (info.tiny, info.max**-0.75, info.max**-0.5, info.max**0.5, info.max / 256):
        X = (rows()[:, [0, 2]] * [unit, 1]).astype(dtype)
        given = dask_array(X, CHUNKS) if lazy else X
        known = theirs.StandardScaler().fit(X.astype(float) / [float(unit), 1])
        ours = StandardScaler().fit(given)
        out = np.asarray(ours.transform(given))
        eps = 100 * info.eps if unit != info.tiny else 0.01
        np.testing.assert_allclose(ours.scale_ / [float(unit), 1], known.scale_, rtol=1e-9)
        want = known.transform(X.astype(float) / [float(unit), 1])
        np.testing.assert_allclose(out, want, rtol=eps, atol=eps)
        back = ours.inverse_transform(dask_array(out, CHUNKS) if lazy else out)
        np.testing.assert_allclose(
            np.asarray(back) / X.std(axis=0, dtype=np.longdouble),
            X / X.std(axis=0, dtype=np.longdouble),
            rtol=eps,
            atol=eps,
        )


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("pieces", [(100,), (1, 99), (10,) * 10, (50, 3, 47)], ids=str)
def test_partial_fit_of_pieces_is_fit(pieces, missing):
    X = rows(missing=missing)
    whole, known, ours = StandardScaler().fit(X), theirs.StandardScaler(), StandardScaler()
    start = 0
    for i, n in enumerate(pieces):
        piece = X[start : start + n]
        known.partial_fit(piece)
        ours.partial_fit(dask_array(piece, (n,)) if i % 2 else piece)
        start += n
        same(ours, known)
    for name in ("mean_", "var_", "scale_"):
        np.testing.assert_allclose(
            getattr(ours, name), getattr(whole, name), rtol=1e-12, atol=1e-15
        )


def test_weights_may_come_later():
    X, w = rows(), np.full(100, 0.5)
    ours = StandardScaler().partial_fit(X).partial_fit(X, sample_weight=w)
    assert ours.n_samples_seen_ == 150.0
    np.testing.assert_allclose(ours.mean_, X.mean(axis=0), rtol=1e-10, atol=1e-12)
    assert ours.fit(X).n_samples_seen_.dtype == np.int64


def exact(column):
    """Mean and variance without rounding, of the numbers that are there."""
    numbers = [Fraction(float(x)) for x in column if not math.isnan(x)]
    mean = sum(numbers) / len(numbers)
    return float(mean), float(sum((x - mean) ** 2 for x in numbers) / len(numbers))


def test_against_exact_arithmetic(backend):
    rng = np.random.default_rng(2)
    columns = [
        1e8 + rng.normal(size=90),
        1e-12 * rng.normal(size=90),
        np.where(rng.random(90) < 0.3, np.nan, rng.normal(size=90)),
        np.full(90, 3.0),
        rng.integers(-5, 5, 90).astype(float),
    ]
    for dtype in backend.float_dtypes:
        X = np.stack(columns, axis=1).astype(dtype)
        want = [exact(column) for column in X.T]
        parts = (60, 0, 30)
        for given in (backend.asarray(X), dask_array(X, parts, make=backend.asarray)):
            scaler = StandardScaler().fit(given)
            eps = 64 * np.finfo(backend.widest).eps
            backend.check(scaler.mean_, backend.widest)
            np.testing.assert_allclose(to_numpy(scaler.mean_), [m for m, _ in want], rtol=eps)
            np.testing.assert_allclose(
                to_numpy(scaler.var_), [v for _, v in want], rtol=1e3 * eps, atol=1e-300
            )
            assert to_numpy(scaler.scale_)[3] == 1.0
            counts = (~np.isnan(X)).sum(axis=0)
            np.testing.assert_array_equal(scaler.n_samples_seen_, counts)


def test_float32_rows_stay_float32_and_are_summed_in_float64():
    X = (1e4 + rows()[:, :1]).astype(np.float32)
    scaler = StandardScaler().fit(X)
    assert scaler.mean_.dtype == scaler.var_.dtype == scaler.scale_.dtype == np.float64
    np.testing.assert_allclose(scaler.var_, [exact(X[:, 0])[1]], rtol=1e-12)
    for out in (scaler.transform(X), scaler.inverse_transform(X)):
        assert out.dtype == np.float32
    lazy = scaler.transform(dask_array(X, (100,)))
    assert lazy.dtype == lazy.compute().dtype == np.float32
    assert scaler.transform(X.astype(int)).dtype == np.float64


def test_rows_far_from_zero_are_scaled_right():
    """Where scikit-learn gives inf and NaN."""
    X = np.full((5, 1), 1e307)
    scaler = StandardScaler().fit(X)
    assert scaler.mean_ == [1e307]
    assert scaler.var_ == [0.0]
    assert scaler.scale_ == [1.0]
    np.testing.assert_array_equal(scaler.transform(X), np.zeros((5, 1)))


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, 1e-7, 1e9, -3.3e100])
@pytest.mark.parametrize("n", [1, 3, 1000])
def test_constant_features_get_scale_one(value, n):
    X = np.full((n, 2), value)
    for given in (X, dask_array(X, (n - n // 2, n // 2))):
        scaler = StandardScaler().fit(given)
        np.testing.assert_array_equal(scaler.scale_, [1.0, 1.0])
        np.testing.assert_array_equal(scaler.transform(X), np.zeros((n, 2)))


def test_nearly_constant_features_get_scale_one_as_scikit_learns():
    spread = np.linspace(-1, 1, 1001)[:, None]
    widths = 10.0 ** np.arange(-20, 0)
    X = 1e5 + spread * widths
    ours, known = StandardScaler().fit(X), theirs.StandardScaler().fit(X)
    np.testing.assert_array_equal(ours.scale_ == 1, known.scale_ == 1)
    assert np.any(ours.scale_ == 1)
    assert np.any(ours.scale_ != 1)


def test_a_feature_that_is_never_there():
    X = rows()
    X[:, 1] = np.nan
    scaler, known = StandardScaler().fit(X), theirs.StandardScaler()
    with pytest.warns(RuntimeWarning):
        known.fit(X)
    assert np.isnan(scaler.mean_[1])
    assert np.isnan(known.mean_[1])
    np.testing.assert_array_equal(scaler.n_samples_seen_, known.n_samples_seen_)
    assert np.all(np.isnan(scaler.transform(X)[:, 1]))


def test_nothing_asked_for_changes_nothing():
    X = rows()
    scaler = StandardScaler(with_mean=False, with_std=False).fit(X)
    np.testing.assert_array_equal(scaler.transform(X), X)
    np.testing.assert_array_equal(scaler.inverse_transform(X), X)
    assert scaler.mean_ is scaler.var_ is scaler.scale_ is None


def test_input_is_never_written():
    for copy in (True, False):
        X = rows()
        before = X.copy()
        scaler = StandardScaler(copy=copy).fit(X)
        scaler.transform(X)
        scaler.inverse_transform(X)
        np.testing.assert_array_equal(X, before)


def test_inverse_transform_takes_what_transform_gave():
    """An array where fit took a frame, without a warning of names; a lazy frame keeps its names."""
    frame = pd.DataFrame(rows(), columns=list("abcde"))
    scaler = StandardScaler().fit(frame)
    np.testing.assert_allclose(scaler.inverse_transform(scaler.transform(frame)), frame)
    with pytest.raises(ValueError, match="4 features"):
        scaler.inverse_transform(rows()[:, :4])
    dd = pytest.importorskip("dask.dataframe")
    lazy = dd.from_pandas(frame, npartitions=3)
    back = scaler.inverse_transform(scaler.transform(lazy))
    assert list(back.columns) == list("abcde")
    pd.testing.assert_frame_equal(back.compute(), frame)


def test_names_of_features():
    scaler = StandardScaler().fit(rows())
    assert list(scaler.get_feature_names_out()) == ["x0", "x1", "x2", "x3", "x4"]
    assert list(scaler.get_feature_names_out(list("abcde"))) == list("abcde")
    assert not hasattr(scaler, "feature_names_in_")
    scaler.fit(pd.DataFrame(rows(), columns=list("abcde")))
    assert list(scaler.get_feature_names_out()) == list("abcde")
    scaler.fit(rows())
    assert not hasattr(scaler, "feature_names_in_")


def test_fit_reads_once_and_on_any_scheduler_gives_the_same_bits():
    reads: list = []
    X, found = rows(n=1000), set()
    for settings in (
        {"scheduler": "sync"},
        {"scheduler": "threads", "num_workers": 2},
        {"scheduler": "threads", "num_workers": 8},
    ):
        reads.clear()
        with dask.config.set(settings):
            scaler = StandardScaler().fit(dask_array(X, (50,) * 20, log=reads))
        assert sorted(reads) == list(range(20))
        found.add(scaler.mean_.tobytes() + scaler.scale_.tobytes())
    assert len(found) == 1


def test_transformed_blocks_are_those_of_memory():
    X = rows()
    scaler = StandardScaler().fit(X)
    parts = blocks_of(scaler.transform(dask_array(X, CHUNKS)))
    assert [len(part) for part in parts] == list(CHUNKS)
    np.testing.assert_array_equal(np.concatenate(parts), scaler.transform(X))


def test_errors():
    X = rows()
    for name in ("copy", "with_mean", "with_std"):
        with pytest.raises(InvalidParameterError, match=name):
            StandardScaler(**{name: "yes"}).fit(X)
    with pytest.raises(NotFittedError):
        StandardScaler().transform(dask_array(X, CHUNKS))
    with pytest.raises(NotFittedError):
        StandardScaler().inverse_transform(X)
    for wrong, says in ((np.inf, "infinity in block 3"), (-np.inf, "infinity in block 3")):
        bad = X.copy()
        bad[-1, 0] = wrong
        with pytest.raises(ValueError, match=says):
            StandardScaler().fit(dask_array(bad, CHUNKS))
        with pytest.raises(ValueError, match="infinity"):
            blocks_of(StandardScaler().fit(X).transform(dask_array(bad, CHUNKS)))
    for wrap in (lambda a: a, lambda a: dask_array(a, CHUNKS)):
        with pytest.raises(ValueError, match="at least one non-zero"):
            StandardScaler().fit(wrap(X), sample_weight=wrap(np.zeros(100)))
        every = StandardScaler().fit(wrap(X), sample_weight=2.0)  # one number for all rows
        np.testing.assert_allclose(every.var_, StandardScaler().fit(X).var_)
    with pytest.raises(ValueError, match="0 sample"):
        StandardScaler().fit(dask_array(X[:0], (0,)))


@pytest.mark.parametrize("copy", [True, False, None])
def test_copy_is_taken_and_has_no_effect(copy):
    X = np.arange(8.0).reshape(4, 2)
    kept = X.copy()
    scaler = StandardScaler(copy=False).fit(X)
    Z = scaler.transform(X, copy=copy)
    np.testing.assert_allclose(scaler.inverse_transform(Z.copy(), copy=copy), kept)
    np.testing.assert_array_equal(X, kept)
    with sklearn.config_context(enable_metadata_routing=True):
        assert scaler.set_transform_request(copy=True).set_inverse_transform_request(copy=True)
