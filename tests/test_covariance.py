"""Covariances and their shrinkage, against scikit-learn and float128."""

import pickle
from itertools import pairwise

import array_api_strict
import dask.array as da
import numpy as np
import pandas as pd
import pytest
from scipy import linalg
from sklearn import covariance as theirs

from streamlearn import covariance, to_namespace
from streamlearn.covariance import OAS, EmpiricalCovariance, LedoitWolf, ShrunkCovariance
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from tests.containers import dask_array, dask_frame

RNG = np.random.default_rng(0)
N, D, CHUNKS = 200, 4, (60, 0, 1, 99, 40)
X = RNG.standard_t(6, (N, D)) @ RNG.normal(size=(D, D)) + [0, 3, -2, 1]
GIVEN = [
    (name, given)
    for name in covariance.__all__
    for given in ({}, {"assume_centered": True}, {"store_precision": False})
]
GIVEN += [("ShrunkCovariance", {"shrinkage": s}) for s in (0, 0.7, 1)]
GIVEN += [("LedoitWolf", {"block_size": 2})]


def both(name, given):
    return tuple(getattr(place, name)(**given) for place in (covariance, theirs))


def assert_same(got, want, rtol=1e-9, least=1e-300):
    for name in ("location_", "covariance_", "precision_", "shrinkage_"):
        a, b = getattr(got, name, None), getattr(want, name, None)
        assert (a is None) == (b is None)
        if b is not None:
            scale = max(float(np.max(np.abs(b))), least)
            np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * scale, err_msg=name)


@pytest.mark.parametrize(("name", "given"), GIVEN)
@pytest.mark.parametrize(
    "rows",
    [X, X[:, :1], X[:3], X * 1e3 + 1e3],
    ids=["200 rows", "1 feature", "3 rows", "far from zero"],
)
def test_results_are_scikit_learns(name, given, rows):
    got, want = both(name, given)
    assert_same(got.fit(rows), want.fit(rows))
    if len(rows) == 3:
        return  # of fewer rows than features the inverse is that of rounding
    np.testing.assert_allclose(got.get_precision(), want.get_precision(), rtol=1e-9)
    np.testing.assert_allclose(
        got.mahalanobis(X[:, : got.n_features_in_]),
        want.mahalanobis(X[:, : got.n_features_in_]),
        rtol=1e-8,
    )
    np.testing.assert_allclose(got.score(rows), want.score(rows), rtol=1e-9)
    for how in ({}, {"norm": "spectral"}, {"scaling": False}, {"squared": False}):
        other = np.eye(got.n_features_in_)
        a, b = (each.error_norm(other, **how) for each in (got, want))
        np.testing.assert_allclose(a, b, rtol=1e-9)


@pytest.mark.parametrize("name", covariance.__all__)
def test_every_source_of_blocks_and_rows_that_come_later(name):
    want = getattr(theirs, name)().fit(X)
    parts = [X[i:j] for i, j in pairwise(np.cumsum([0, *CHUNKS]))]
    sources = {
        "frame": pd.DataFrame(X, columns=list("abcd")),
        "dask": dask_array(X, CHUNKS),
        "dask frame": dask_frame(X, CHUNKS),
        "source": lambda: iter(parts),
    }
    for kind, given in sources.items():
        model = getattr(covariance, name)().fit(given)
        assert_same(model, want)
        if kind.startswith("dask"):
            assert abs(model.score(given) - want.score(X)) < 1e-9
            lazy = model.mahalanobis(given)
            np.testing.assert_allclose(lazy.compute(), want.mahalanobis(X), rtol=1e-8)
    later, halves = getattr(covariance, name)(), [parts[0], np.concatenate(parts[1:])]
    for part in parts:
        if len(part):
            later.partial_fit(part)
    assert_same(later, want)
    a, b = (getattr(covariance, name)().fit(half) for half in halves)
    assert_same(a.merge(b), want)


def wide(rows, about_zero):
    """Return the covariance and Ledoit and Wolf's shrinkage of rows, in float128."""
    rows = rows.astype(np.longdouble)
    rows = rows - (0 if about_zero else rows.sum(axis=0) / len(rows))
    n, d = rows.shape
    found = rows.T @ rows / n
    mean = np.trace(found) / d
    away = np.sum((found - mean * np.eye(d)) ** 2)
    spread = sum(np.sum((np.outer(row, row) - found) ** 2) for row in rows) / n**2
    share = min(spread, away) / away
    return (1 - share) * found + share * mean * np.eye(d), share


HARD = {
    "offset": lambda z: z + 1e7,
    "drift": lambda z: z + np.linspace(0, 1e4, len(z))[:, None],
    "jump": lambda z: z + 1e8 * (np.arange(len(z)) // 14 % 2)[:, None],
    "scales": lambda z: z * [1e-8, 1, 1e3, 1e5] + [0, 1e8, 7, -1e9],
    "huge": lambda z: z * 1e150,
    "tiny": lambda z: z * 1e-150,
}


@pytest.mark.parametrize("kind", HARD)
@pytest.mark.parametrize("about_zero", [False, True])
def test_the_shrinkage_is_exact_at_any_offset_scale_and_cut(kind, about_zero):
    rows = HARD[kind](RNG.gamma(2.0, size=(60, D)))
    found, share = wide(rows, about_zero)
    for cut in (60, 7, 1):
        model = LedoitWolf(assume_centered=about_zero, store_precision=False)
        model.fit(da.from_array(rows, chunks=(cut, D)) if cut < 60 else rows)
        # float128 holds 11 digits of deviations at an offset of 1e8
        assert abs(float((model.shrinkage_ - share) / share)) < 1e-9
        size = np.abs(found).max()
        assert float(np.abs(model.covariance_ - found).max() / size) < 1e-10


@pytest.mark.parametrize("estimator", [OAS, LedoitWolf])
@pytest.mark.parametrize("about_zero", [False, True])
def test_the_shrinkage_does_not_depend_on_the_unit(estimator, about_zero):
    want = estimator(assume_centered=about_zero).fit(X).shrinkage_
    assert 0 < want < 1
    for unit in (1e-150, 1e-90, 1e80, 1e150):
        model = estimator(assume_centered=about_zero, store_precision=False).fit(X * unit)
        assert abs(model.shrinkage_ - want) < 1e-12 * want, unit


def test_no_inverse_is_computed_before_it_is_read(monkeypatch):
    n_inverses, pinvh = 0, linalg.pinvh

    def counted(*args, **given):
        nonlocal n_inverses
        n_inverses += 1
        return pinvh(*args, **given)

    monkeypatch.setattr(linalg, "pinvh", counted)
    model = EmpiricalCovariance()
    assert not hasattr(model, "precision_")
    for part in (X[:50], X[50:120], X[120:150]):
        model.partial_fit(part)
    model = model.merge(EmpiricalCovariance().fit(X[150:]))
    assert n_inverses == 0
    copies = [pickle.loads(pickle.dumps(model)), to_namespace(model, "array_api_strict"), model]
    want = theirs.EmpiricalCovariance().fit(X)
    for each in copies:
        n_inverses = 0
        each.mahalanobis(each.location_[None, :])
        each.score(each.location_[None, :])
        np.testing.assert_allclose(np.asarray(each.precision_), want.precision_, rtol=1e-9)
        assert n_inverses <= 1  # copies may share it
    model.partial_fit(X[:9])  # other rows have another inverse
    assert not np.allclose(model.precision_, want.precision_, rtol=1e-9)
    assert model.set_params(store_precision=False).fit(X).precision_ is None


def test_rows_that_are_refused_cost_no_inverse(monkeypatch):
    def computed(*args, **given):
        raise AssertionError("the inverse was computed")

    model = EmpiricalCovariance().fit(X)
    other = array_api_strict.asarray(X)
    monkeypatch.setattr(linalg, "pinvh", computed)
    for method in (model.mahalanobis, model.score):
        for bad in (X[:, 1:], X * np.nan, da.from_array(X[:, 1:], chunks=7), other):
            with pytest.raises(ValueError, match=r"features|NaN|namespace"):
                method(bad)
        with pytest.raises(AssertionError, match="computed"):
            method(X)


@pytest.mark.parametrize("name", covariance.__all__)
def test_behind_a_scaler(name):
    log: list = []
    pipe = make_pipeline(StandardScaler(), getattr(covariance, name)())
    pipe.fit(dask_array(X, CHUNKS, log=log))
    assert len(log) == len(CHUNKS) * (2 if name == "LedoitWolf" else 1)
    assert_same(pipe[-1], getattr(theirs, name)().fit((X - X.mean(0)) / X.std(0)), least=1)


def test_float32_is_summed_in_float64():
    single = (X + 1e3).astype(np.float32)
    got, want = (LedoitWolf().fit(single), theirs.LedoitWolf().fit(single.astype(np.float64)))
    assert got.covariance_.dtype == got.precision_.dtype == np.float32
    assert abs(got.shrinkage_ - want.shrinkage_) < 1e-9
    np.testing.assert_allclose(got.mahalanobis(single), want.mahalanobis(single), rtol=1e-3)


def test_what_cannot_be_inverted_and_what_is_not_a_covariance():
    same = np.ones((5, 2))
    assert EmpiricalCovariance().fit(same).score(same) == -np.inf
    with pytest.raises(ValueError, match="covariance_ has"):
        OAS().fit(X).error_norm(np.eye(2))
    with pytest.raises(NotImplementedError, match="give one of these two"):
        OAS().fit(X).error_norm(np.eye(D), norm="max")
    with pytest.raises(ValueError, match="StandardScaler"):
        ShrunkCovariance().fit(X * 1e200)
    with pytest.warns(UserWarning, match="Only one sample"):
        EmpiricalCovariance().fit(X[:1])
