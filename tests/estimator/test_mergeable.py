"""A statistic that only this file knows: what stages ask of it, and nothing else."""

from __future__ import annotations

import ast
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import dask.array as da
import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_union

import streamlearn
from streamlearn._arrays import cast, float_dtype, namespace
from streamlearn._estimator.mergeable import MergeableTransformer
from streamlearn.core.affine_map import AffineMap
from streamlearn.core.learner import Learner
from streamlearn.linear_model import SGDClassifier, SGDRegressor
from streamlearn.pipeline import make_pipeline
from tests.containers import dask_array

CHUNKS = (30, 0, 1, 69)
STAGES = sorted((Path(streamlearn.__file__).parent / "stages").glob("*.py"))


class Inner(NamedTuple):
    """A part of a state: what is learned need not be flat, nor be called weight or mean."""

    size: Any
    share: Any


class Sums(NamedTuple):
    """Sums of magnitudes, and what they are of."""

    inner: Inner


class Params(NamedTuple):
    wide: bool = False


def init(params, n_features, n_outputs=1, *, like):
    zeros = namespace(like).zeros(n_features, dtype=float_dtype(like))
    return Sums(Inner(zeros, zeros))


def of_block(params, X, weight=None):
    xp = namespace(X)
    w = xp.ones_like(X[:, 0]) if weight is None else weight
    seen = xp.where(xp.isnan(X), 0.0, 1.0) * w[:, None]
    size = xp.sum(xp.where(xp.isnan(X), 0.0, xp.abs(X)) * w[:, None], axis=0)
    return Sums(Inner(size, xp.sum(seen, axis=0)))


def merge(a, b):
    return Sums(Inner(*(x + y for x, y in zip(a.inner, b.inner, strict=True))))


def update(params, state, batch):
    return merge(state, of_block(params, batch.X, batch.weight)), None


def applied(params, state):
    scale = state.inner.size / state.inner.share
    return partial(twice, scale) if params.wide else AffineMap(None, scale)


def twice(scale, X):
    """Return more columns than there were: no map of each feature by itself."""
    xp = namespace(X)
    return xp.concat([cast(X, float_dtype(X)) / scale, (scale < X) * 1.0], axis=1)


def apply(params, state, X):
    return applied(params, state)(X)


def statistic(params: Params) -> Learner:
    return Learner(
        params,
        init,
        update,
        apply,
        of_block,
        merge,
        applied=applied,
        n_features=n_features,
        is_finite=is_finite,
        is_clean=is_clean,
        is_empty=is_empty,
    )


def n_features(state):
    return state.inner.size.shape[0]


def is_finite(state):
    return np.all(np.isfinite(state.inner.size))


def is_clean(state, n_rows):
    return np.all(state.inner.share == n_rows)


def is_empty(state):
    return not np.any(state.inner.share)


class ByMagnitude(MergeableTransformer):
    """Divide by the mean magnitude."""

    _allow_nan = True
    _parameter_constraints: dict = {"wide": ["boolean"]}

    def __init__(self, wide=False):
        self.wide = wide

    def fit(self, X, y=None, sample_weight=None):
        return self._learn(X, reset=True, sample_weight=sample_weight)

    def partial_fit(self, X, y=None, sample_weight=None):
        return self._learn(X, reset=self._former() is None, sample_weight=sample_weight)

    def _statistic(self):
        return statistic(Params(self.wide))

    def _publish(self):
        self.sizes_ = self._state.inner.size / self._state.inner.share

    def get_feature_names_out(self, input_features=None):
        return np.asarray([f"out{j}" for j in range(self.n_features_in_ * (1 + self.wide))], object)


RNG = np.random.default_rng(0)
X = RNG.normal(size=(100, 4)) * [1, 10, 1e-3, 1] + [0, 3, 0, 5]
Y = (X[:, 0] > 0).astype(int)


@pytest.fixture(params=[False, True], ids=["affine", "wide"])
def step(request):
    return ByMagnitude(wide=request.param)


def classifier() -> SGDClassifier:
    return SGDClassifier("log_loss", classes=[0, 1], random_state=0)


def test_alone(step):
    want = np.abs(X).mean(axis=0)
    for given in (X, dask_array(X, CHUNKS)):
        np.testing.assert_allclose(step.fit(given).sizes_, want)
        out = np.asarray(step.transform(given))
        np.testing.assert_allclose(out[:, :4], X / want)
    step.partial_fit(3 * X)
    np.testing.assert_allclose(step.sizes_, 2 * want)


def test_in_one_pass_as_alone(step):
    reads: list = []
    pipe = make_pipeline(step, classifier())
    pipe.fit(dask_array(X, CHUNKS, log=reads), dask_array(Y, CHUNKS))
    assert sorted(reads) == [0, 1, 2, 3]
    alone = ByMagnitude(step.wide).fit(X)
    np.testing.assert_allclose(step.sizes_, alone.sizes_)
    assert pipe[-1].coef_.shape == (1, 8 if step.wide else 4)
    np.testing.assert_array_equal(pipe.predict(dask_array(X, CHUNKS)).compute(), pipe.predict(X))
    assert pipe.score(X, Y) > 0.8
    one = make_pipeline(ByMagnitude(step.wide), classifier())
    one.fit(dask_array(X, (100,)), dask_array(Y, (100,)))
    last = classifier().fit(dask_array(alone.transform(X), (100,)), dask_array(Y, (100,)))
    np.testing.assert_allclose(one[-1].coef_, last.coef_, rtol=1e-7)


def test_after_another_step_and_in_branches(step):
    """With one block, so that statistics are final."""
    for outer in (
        make_union(step, "passthrough"),
        ColumnTransformer([("a", step, [0, 2]), ("b", ByMagnitude(), [1])]),
    ):
        pipe = make_pipeline(ByMagnitude(), outer, classifier())
        pipe.fit(dask_array(X, (100,)), dask_array(Y, (100,)))
        scaled = X / np.abs(X).mean(axis=0)
        np.testing.assert_allclose(pipe[0].transform(X), scaled)
        out = pipe[:-1].transform(X)
        assert out.shape[1] == pipe[-1].coef_.shape[1]
        np.testing.assert_allclose(out[:, 0], scaled[:, 0])
        assert pipe.score(X, Y) > 0.8


def test_weights(step):
    w = RNG.integers(0, 3, 100) / 2
    want = np.average(np.abs(X), axis=0, weights=w)
    np.testing.assert_allclose(step.fit(X, sample_weight=w).sizes_, want)
    pipe = make_pipeline(step, classifier())
    how = {"bymagnitude__sample_weight": dask_array(w, CHUNKS)}
    pipe.fit(dask_array(X, CHUNKS), dask_array(Y, CHUNKS), **how)
    np.testing.assert_allclose(step.sizes_, want)
    nothing = {"bymagnitude__sample_weight": dask_array(0 * w, CHUNKS)}
    with pytest.raises(ValueError, match="at least one non-zero"):
        pipe.fit(dask_array(X, CHUNKS), dask_array(Y, CHUNKS), **nothing)
    with pytest.raises(ValueError, match="at least one non-zero"):
        step.fit(X, sample_weight=0 * w)


def test_errors(step):
    for wrong, says in ((np.inf, "infinity in block 3"), (np.nan, "contains NaN")):
        bad = X.copy()
        bad[-1, 0] = wrong
        with pytest.raises(ValueError, match=says):
            make_pipeline(step, classifier()).fit(dask_array(bad, CHUNKS), dask_array(Y, CHUNKS))
    with pytest.raises(ValueError, match="infinity in block 3"):
        step.fit(dask_array(np.where(np.arange(100)[:, None] == 99, np.inf, X), CHUNKS))
    pipe = make_pipeline(step, classifier()).partial_fit(X, Y)
    with pytest.raises(ValueError, match="3 features, but ByMagnitude is expecting 4"):
        pipe.partial_fit(X[:, :3], Y)
    with pytest.raises(TypeError, match="dense data is required"):
        step.fit(sp.csr_array(X))
    with pytest.raises(ValueError, match="0 sample"):
        step.fit(dask_array(X[:0], (0,)))


def test_nan_is_refused_where_it_is_not_allowed():
    class Strict(ByMagnitude):
        _allow_nan = False

    bad = np.where(np.arange(100)[:, None] == 99, np.nan, X)
    for given in (bad, dask_array(bad, CHUNKS)):
        with pytest.raises(ValueError, match="contains NaN"):
            Strict().fit(given)
    with pytest.raises(ValueError, match="contains NaN in block 3"):
        make_pipeline(Strict()).fit(dask_array(bad, CHUNKS))


def test_a_learner_goes_on_where_the_scale_moves():
    Z = np.sort(np.random.default_rng(0).uniform(0.1, 5, (20_000, 2)), axis=0)
    y = Z @ [2.0, -1.0] + 1
    pipe = make_pipeline(ByMagnitude(), SGDRegressor(alpha=0, shuffle=False))
    pipe.fit(da.from_array(Z, chunks=(500, 2)), da.from_array(y, chunks=500))
    assert pipe.score(Z, y) > 0.999


def fields_of_states(source: str) -> list[str]:
    """Return what is read from the ``state`` of anything: ``part.state.mean``."""
    return [
        ast.unparse(node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Attribute)
        and node.value.attr == "state"
    ]


@pytest.mark.parametrize("path", STAGES, ids=lambda path: path.name)
def test_stages_read_no_field_of_a_statistic(path):
    assert fields_of_states(path.read_text()) == []
    assert fields_of_states("part.state.mean.shape") == ["part.state.mean"]
