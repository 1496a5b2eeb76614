"""Rows that are never built: their products are those of built rows, to rounding."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from streamlearn._arrays import default_int, reads_are_free
from streamlearn.core import rows as affine
from streamlearn.core.affine_map import AffineMap
from streamlearn.core.rows import Affine
from streamlearn.core.statistics.standardize import Params, applied, of_block

M, D, K = 40, 5, 3
CENTRES = {"no centre": None, "centre": [0.0, 1.0, -20.0, 3.0, 0.5]}
SCALES = {"no scale": None, "scale": [1.0, 0.1, 30.0, 2.0, 1e-3]}
DTYPES = ("float32", "float64")


def built(X, centre, scale):
    """Return the rows as NumPy, in the widest float."""
    X = np.asarray(X, dtype=np.longdouble)
    X = X if centre is None else X - np.asarray(centre, dtype=np.longdouble)
    return X if scale is None else X / np.asarray(scale, dtype=np.longdouble)


@pytest.fixture(params=DTYPES)
def dtype(request, backend):
    if request.param not in backend.float_dtypes:
        pytest.skip(f"{backend.name} has no {request.param}")
    return request.param


@pytest.fixture(params=[(c, s) for c in CENTRES for s in SCALES], ids="-".join)
def parts(request):
    centre, scale = request.param
    return CENTRES[centre], SCALES[scale]


@pytest.fixture
def rows(backend, dtype, parts):
    """An `Affine`, and the rows that it stands for, at the dtype's own values."""
    centre, scale = (None if p is None else np.array(p, dtype=dtype) for p in parts)
    X = np.random.default_rng(0).normal(3, 2, (M, D)).astype(dtype)
    there = [None if a is None else backend.asarray(a, dtype) for a in (X, centre, scale)]
    return Affine(*there), built(X, centre, scale)


def close(backend, got, want, dtype):
    backend.check(got, dtype)
    size = np.abs(want).max()
    tolerance = 200 * np.finfo(dtype).eps * float(size)
    np.testing.assert_allclose(backend.to_numpy(got), want.astype(float), rtol=0, atol=tolerance)


def test_scores_are_those_of_built_rows(backend, rows, dtype):
    made, want = rows
    rng = np.random.default_rng(1)
    W, b = (rng.normal(size=shape).astype(dtype) for shape in ((K, D), (K,)))
    got = affine.linear_predictor(made, *(backend.asarray(a, dtype) for a in (W, b)))
    close(backend, got, want @ W.T.astype(np.longdouble) + b, dtype)


def test_weighted_sums_are_those_of_built_rows(backend, rows, dtype):
    made, want = rows
    G = np.random.default_rng(2).normal(size=(M, K)).astype(dtype)
    got = affine.weighted_sums(backend.asarray(G, dtype), made)
    close(backend, got, G.T.astype(np.longdouble) @ want, dtype)


def test_picked_rows_are_built(backend, rows, dtype):
    made, want = rows
    assert made.shape == want.shape
    for at in (slice(None), slice(3, 3), slice(5, 20, 3)):
        got = affine.pick(made, at)
        backend.check(got, dtype)
        np.testing.assert_allclose(
            backend.to_numpy(got), want[at].astype(float), rtol=8 * np.finfo(dtype).eps, atol=1e-30
        )


def test_plain_rows_are_taken_as_they_are(backend):
    X = backend.asarray(np.arange(6.0).reshape(3, 2))
    W, b = backend.asarray([[1.0, 2.0]]), backend.asarray([10.0])
    np.testing.assert_array_equal(
        backend.to_numpy(affine.linear_predictor(X, W, b)), [[12.0], [18.0], [24.0]]
    )
    G = backend.asarray([[1.0], [0.0], [1.0]])
    np.testing.assert_array_equal(backend.to_numpy(affine.weighted_sums(G, X)), [[4.0, 6.0]])
    np.testing.assert_array_equal(
        backend.to_numpy(affine.pick(X, slice(1, None))), [[2.0, 3.0], [4.0, 5.0]]
    )


def test_cast_changes_every_part_and_nothing_that_fits(backend, parts):
    wide, narrow = backend.widest, "float32"
    X = backend.asarray(np.ones((2, D)), wide)
    made = Affine(X, *(None if p is None else backend.asarray(np.array(p), wide) for p in parts))
    for given in (made, X):
        kept = affine.cast(given, backend.dtype(wide))
        out = affine.cast(given, backend.dtype(narrow))
        assert type(out) is type(given)
        for before, same, after in zip(
            *(rows if isinstance(rows, Affine) else (rows,) for rows in (given, kept, out)),
            strict=True,
        ):
            assert same is before
            if before is None:
                assert after is None
            else:
                backend.check(after, narrow)


def standardize(backend, dtype, offset, scale=1.0):
    """Return the function of a table whose means are ``offset`` of its deviations away from 0."""
    mean, std = (backend.asarray(np.full(D, v), dtype) for v in (offset * scale, scale))
    return AffineMap(mean, std)


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e6])
def test_rows_far_from_zero_are_built(backend, dtype, scale):
    """By how many deviations the means are away decides, and nothing is built without need."""
    like = backend.asarray(np.ones((2, D)), dtype)
    near, far = (3.0, 5.0) if dtype == "float32" else (4000.0, 4200.0)
    free = reads_are_free(like)
    assert (standardize(backend, dtype, near, scale).unbuilt(like) is not None) == free
    assert (standardize(backend, dtype, -near, scale).unbuilt(like) is not None) == free
    assert standardize(backend, dtype, far, scale).unbuilt(like) is None
    assert standardize(backend, dtype, -far, scale).unbuilt(like) is None
    one = backend.asarray([far, *[0.0] * (D - 1)], dtype)
    assert AffineMap(one, None).unbuilt(like) is None
    scale = backend.asarray([far, *[1.0] * (D - 1)], dtype)
    assert (AffineMap(None, scale).unbuilt(like) is not None) == free


def test_integers_are_built(backend):
    like = backend.xp.ones((2, D), dtype=default_int(backend.asarray([1.0])))
    like = backend.xp.asarray(like, device=backend.device)
    assert standardize(backend, backend.widest, 0.0).unbuilt(like) is None


@pytest.mark.parametrize("offset", [0.0, 3.0, -3.5])
def test_what_a_scaler_leaves_unbuilt_is_what_it_builds(backend, dtype, offset):
    X = np.random.default_rng(0).normal(offset, 1, (500, D)).astype(dtype)
    X = backend.asarray(X, dtype)
    function = applied(Params(), of_block(Params(), X))
    make = function.unbuilt(X)
    if not reads_are_free(X):
        assert make is None
        return
    made = pickle.loads(pickle.dumps(make))(X)
    want = backend.to_numpy(function(X))
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(
        backend.to_numpy(affine.pick(made, slice(None))), want, rtol=0, atol=20 * eps
    )
    W, b = backend.asarray(np.ones((1, D)), dtype), backend.asarray([0.0], dtype)
    got = backend.to_numpy(affine.linear_predictor(made, W, b))
    np.testing.assert_allclose(got[:, 0], want.sum(axis=1), rtol=0, atol=200 * eps)
