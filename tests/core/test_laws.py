"""The laws that every learner obeys: this file is the protocol's check.

To add a learner, append a `Case`. A law that a learner cannot obey is named in ``exempt`` with the
reason, ``(("test_...", "why"),)``, and skipped with it.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamlearn._arrays import asarray, namespace
from streamlearn.core import imputation, kmeans, mlp, robust
from streamlearn.core import rows as affine
from streamlearn.core.batches import cut, learn_batches
from streamlearn.core.learner import Batch, Info, Learner
from streamlearn.core.linear import huber_sums, newton, newton_sums, rowwise, sgd
from streamlearn.core.mlp import optimizers
from streamlearn.core.power_map import Origin
from streamlearn.core.statistics import (
    block_comoments,
    category_counts,
    class_comatrices,
    class_comoments,
    class_counts,
    class_medians,
    class_moments,
    comoments,
    document_frequencies,
    extremes,
    length_comoments,
    likelihood,
    moments,
    spread,
    square_comoments,
    standardize,
    target_moments,
)
from streamlearn.core.statistics.document_frequencies import Weighting
from streamlearn.decomposition import components
from tests.backends import STRICT, Backend, no_host_sync

N_FEATURES = 3


class Case(NamedTuple):
    """A learner, the data it learns from, what of its state has a meaning, and its exemptions."""

    learner: Learner
    rows: Callable[[np.random.Generator, int], dict[str, np.ndarray]]
    n_outputs: int = 1
    value: Callable[[Any], Any] = lambda state: state
    exempt: tuple[tuple[str, str], ...] = ()


def plain(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    return {"X": rng.normal(50, 3, (n, N_FEATURES))}


def gaps(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    X = rng.normal(50, 3, (n, N_FEATURES))
    X[rng.random(X.shape) < 0.3] = np.nan
    return {"X": X}


def weighted(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    return gaps(rng, n) | {"weight": rng.integers(0, 3, n) / 2}


def weighted_plain(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    return plain(rng, n) | {"weight": rng.integers(0, 3, n) / 2}


def integers(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    return {"X": rng.integers(-9, 9, (n, N_FEATURES))}


def counted(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    return {"X": rng.poisson(0.7, (n, N_FEATURES))}


def targets(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    X = rng.normal(50, 3, (n, N_FEATURES))
    return {"X": X, "target": X[:, 0] + rng.normal(size=n)}


def classes(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    return {"X": rng.normal(size=(n, N_FEATURES)), "target": rng.integers(0, 3, n)}


def categories(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    return {"X": rng.integers(0, [2, 5, 9], (n, N_FEATURES)), "target": rng.integers(0, 3, n)}


def weighted_categories(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    given = categories(rng, n)
    return {"X": given["X"] * 1.5, "target": given["target"], "weight": rng.integers(0, 3, n) / 2}


def weighted_classes(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    return classes(rng, n) | {"weight": rng.integers(0, 3, n) / 2}


def values(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    X = rng.normal(size=(n, N_FEATURES))
    return {"X": X, "target": X[:, 0] + rng.normal(size=n), "weight": rng.random(n)}


def amounts(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    return values(rng, n) | {"target": rng.poisson(1.0, n) * rng.random(n)}


def above_0(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    return values(rng, n) | {"target": rng.gamma(2.0, size=n)}


def counts(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    return values(rng, n) | {"target": rng.integers(0, 3, (n, 2)) / 1.0}


def drawn(params: mlp.Params, n_features: int, n_outputs: int, *, like: Any) -> mlp.State:
    """Return a net that learns in all of its layers: one of zeros does not."""
    zeros, rng = mlp.init(params, n_features, n_outputs, like=like), np.random.default_rng(0)
    weights, biases = (
        tuple(asarray(rng.normal(size=a.shape), like=a) for a in part) for part in zeros[:2]
    )
    return mlp.start(params, weights, biases)


NEAR_50 = ((48.0, 50.0, 50.0), (52.0, 50.0, 51.0), (50.0, 47.0, 50.0))
"""Three clusters among the rows of `plain`."""


def spreads(state: Any) -> Any:
    return sums(state.moments), state.extremes


def products(state: Any) -> Any:
    return target_moments.correlation(state, centred=True), target_moments.rows(state)


def sums(s: moments.Moments) -> tuple:
    return s.weight + s.weight_low, moments.mean(s), moments.variance(s)


def cosums(s: comoments.Comoments) -> tuple:
    return comoments.total_weight(s), comoments.mean(s), *comoments.about_mean(s)


def class_sums(s: class_moments.ClassMoments) -> tuple:
    means, variances = class_moments.mean(s.each), class_moments.variance(s.each)
    return class_moments.weights(s), means, variances, *sums(s.plain)


def medians_and_sums(s: class_medians.ClassMedians) -> tuple:
    return *class_sums(s.moments), class_medians.medians(s)


def matrices(s: class_comatrices.State) -> tuple:
    return tuple(cosums(one) for one in s)


def fourth_of_lengths(s: length_comoments.LengthComoments) -> tuple:
    unit = length_comoments.or_one(length_comoments.size(s.comoments))
    return (*cosums(s.comoments), *length_comoments.about_mean(s, unit))


def fourth(s: square_comoments.SquareComoments) -> tuple:
    return *cosums(s.comoments), square_comoments.squares(s)


def fourth_by_class(s: class_comatrices.State) -> tuple:
    return tuple(fourth(one) for one in s)


def tables(s: category_counts.CategoryCounts) -> tuple:
    return *category_counts.counts(s), category_counts.weights(s), s.least


def totals(s: class_counts.ClassCounts) -> tuple:
    return class_counts.counts(s), class_counts.weights(s), s.least


def fills(s: imputation.Imputation) -> tuple:
    return s.present, s.missing, imputation.values(imputation.Params(), s)


WIDTHS = (
    "test_nothing_is_read_back_to_the_host",
    "a table is as wide as the largest category, which someone must know",
)
NEW_CATEGORIES = ("test_state_does_not_grow", "a table is as wide as the largest category")

LEFT_OUT = (
    "test_nothing_is_read_back_to_the_host",
    "how many columns come out is known once someone has looked which are empty",
)


def skewed(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    return {"X": rng.lognormal(size=(n, N_FEATURES)) * [1, -1, 1]}


def of_one_sign(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    X = 50 * rng.lognormal(0, 0.1, (n, N_FEATURES))
    X[rng.random(X.shape) < 0.3] = np.nan
    return {"X": X, "weight": rng.integers(0, 3, n) / 2}


def at(yeo_johnson: bool, power: float, *origin: float) -> Learner:
    """Return the likelihood of one lambda for all features."""
    each = [(v,) * N_FEATURES for v in (power, *origin, 0.5)]
    return likelihood.learner(
        likelihood.Params(yeo_johnson, each[0], Origin(*each[1:-1]), each[-1])
    )


def weighted_two(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    return weighted_classes(rng, n) | {"target": rng.integers(0, 2, n)}


def sums_at(loss: str, K: int, n_classes: int = 0, class_weight: Any = None) -> Learner:
    """Return the sums at a model, and the losses of another one."""
    w = np.random.default_rng(0).normal(size=(2, K, N_FEATURES + 1)) / 2
    models = [tuple(map(tuple, model.tolist())) for model in w]
    return newton_sums.learner(newton_sums.Params(loss, 1.0, *models, n_classes, class_weight))


def huber_at(caution: float) -> Learner:
    """Return the sums of Huber's loss at a model."""
    w = np.random.default_rng(0).normal(size=(1, N_FEATURES + 1)) / 2
    return huber_sums.learner(
        huber_sums.Params(1.35, tuple(map(tuple, w.tolist())), 0.7, caution, 0.5, 2.0)
    )


ON_THE_HOST = (
    "test_nothing_is_read_back_to_the_host",
    "the directions of the sums are found on the host",
)
PRODUCTS = (
    "test_applied_is_apply_with_the_state_at_hand",
    "BLAS rounds the product of a few rows in another way than that of many",
)

SWEEPS_ARE_WATCHED = (
    "test_nothing_is_read_back_to_the_host",
    "row by row, a group of sweeps is over when one more changes nothing, and someone must look",
)

CASES = {
    "moments": Case(standardize.learner(), plain, value=sums),
    "moments-NaN": Case(standardize.learner(with_mean=False), gaps, value=sums),
    "moments-weights": Case(standardize.learner(with_std=False), weighted, value=sums),
    "moments-integers": Case(standardize.learner(), integers, value=sums),
    "comoments": Case(block_comoments.learner(), plain, value=cosums),
    "comoments-weights": Case(block_comoments.learner(), weighted_plain, value=cosums),
    "comoments-target": Case(block_comoments.learner(targets=True), values, value=cosums),
    "comoments-targets": Case(block_comoments.learner(targets=True), counts, 2, value=cosums),
    "comoments-classes": Case(class_comoments.learner(3), classes, 3, value=cosums),
    "comoments-integers": Case(block_comoments.learner(), integers, value=cosums),
    "components": Case(
        components.learner(components.ComponentSettings(2, whiten=True)),
        plain,
        value=cosums,
        exempt=(ON_THE_HOST, PRODUCTS),
    ),
    "components-about-zero": Case(
        components.learner(components.ComponentSettings(2, centred=False)),
        integers,
        value=cosums,
        exempt=(ON_THE_HOST, PRODUCTS),
    ),
    "moments-classes": Case(class_moments.learner(3), classes, value=class_sums),
    "medians-classes": Case(class_medians.learner(3), classes, value=medians_and_sums),
    "medians-classes-weights": Case(
        class_medians.learner(4), weighted_classes, value=medians_and_sums
    ),
    "moments-classes-weights": Case(class_moments.learner(4), weighted_classes, value=class_sums),
    "counts-classes": Case(class_counts.learner(3), classes, value=totals),
    "counts-classes-weights": Case(class_counts.learner(4, 0.5), weighted_classes, value=totals),
    "comatrices": Case(class_comatrices.learner(3), classes, value=matrices),
    "comatrices-weights": Case(class_comatrices.learner(4), weighted_classes, value=matrices),
    "comatrices-squares": Case(
        class_comatrices.learner(3, square_comoments.learner()), classes, value=fourth_by_class
    ),
    "comoments-lengths": Case(length_comoments.learner(), plain, value=fourth_of_lengths),
    "comoments-lengths-weights": Case(
        length_comoments.learner(), weighted_plain, value=fourth_of_lengths
    ),
    "comoments-squares": Case(square_comoments.learner(), plain, value=fourth),
    "comoments-squares-weights": Case(square_comoments.learner(), weighted_plain, value=fourth),
    "comoments-squares-integers": Case(square_comoments.learner(), integers, value=fourth),
    "categories": Case(
        category_counts.learner(3), categories, value=tables, exempt=(WIDTHS, NEW_CATEGORIES)
    ),
    "categories-weights": Case(
        category_counts.learner(4),
        weighted_categories,
        value=tables,
        exempt=(WIDTHS, NEW_CATEGORIES),
    ),
    "spread": Case(spread.learner(), plain, value=spreads),
    "spread-NaN": Case(spread.learner(), gaps, value=spreads),
    "target-moments": Case(target_moments.learner(), targets, value=products),
    "documents": Case(document_frequencies.learner(Weighting()), counted),
    "documents-NaN": Case(document_frequencies.learner(Weighting(None, sublinear=True)), gaps),
    "extremes": Case(extremes.learner(extremes.Range()), plain),
    "extremes-NaN": Case(extremes.learner(extremes.Range(-1.0, 2.0, clip=True)), gaps),
    "extremes-weights": Case(extremes.learner(extremes.Magnitude()), weighted),
    "extremes-integers": Case(extremes.learner(extremes.Magnitude(clip=True)), integers),
    "quantiles-weights": Case(robust.learner(robust.Robust(size=48)), weighted),
    "imputation-mean": Case(
        imputation.learner(imputation.Params(keep_empty=True)), gaps, value=fills
    ),
    "imputation-integers": Case(
        imputation.learner(imputation.Params("median", missing=-3, size=32)),
        integers,
        value=fills,
        exempt=(LEFT_OUT,),
    ),
    "power-yeo-johnson": Case(at(True, 0.3, 0.0, 1.0, 1.0, 0.0), skewed),
    "power-yeo-johnson-far": Case(at(True, 2.0, 20.0, 21.0, 1.0, 1.0), of_one_sign),
    "power-box-cox": Case(at(False, -0.5, 0.0, 50.0, 0.0, 0.0), of_one_sign),
    "power-box-cox-far": Case(at(False, 0.0, 20.0, 20.0, 1.0, 0.0), of_one_sign),
    "linear-hinge": Case(sgd.learner(sgd.Params()), classes, n_outputs=3),
    "linear-averaged-l1": Case(
        sgd.learner(sgd.Params(loss="log_loss", penalty="l1", average=1)), classes, 3
    ),
    "linear-squared": Case(
        sgd.learner(sgd.Params(loss="squared_error", kind="values", learning_rate="invscaling")),
        values,
    ),
    "kmeans": Case(kmeans.learner(kmeans.Params(NEAR_50)), weighted_plain, n_outputs=3),
    "newton-log": Case(newton.learner(sgd.Params(loss="log_loss")), classes, n_outputs=3),
    "newton-sums-log": Case(
        sums_at("log_loss", 1, 2, (2.0, 0.5)), weighted_two, exempt=(PRODUCTS,)
    ),
    "newton-sums-multinomial": Case(
        sums_at("multinomial", 3, 3), weighted_classes, exempt=(PRODUCTS,)
    ),
    "huber-sums": Case(huber_at(0.0), values, exempt=(PRODUCTS,)),
    "huber-sums-caution": Case(huber_at(0.5), values, exempt=(PRODUCTS,)),
    "newton-sums-poisson": Case(sums_at("poisson", 1), amounts, exempt=(PRODUCTS,)),
    "newton-elasticnet": Case(
        newton.learner(sgd.Params(loss="huber", kind="values", penalty="elasticnet")), values
    ),
    "newton-tweedie": Case(
        newton.learner(sgd.Params(loss="tweedie", kind="values", epsilon=1.5)), amounts
    ),
    "newton-poisson": Case(
        newton.learner(sgd.Params(loss="poisson", kind="values", penalty="l1")), amounts
    ),
    "newton-gamma": Case(newton.learner(sgd.Params(loss="gamma", kind="values")), above_0),
    "newton-quantile": Case(
        newton.learner(sgd.Params(loss="quantile", kind="values", epsilon=0.9)), values
    ),
    "linear-poisson": Case(
        sgd.learner(sgd.Params(loss="poisson", kind="values", learning_rate="invscaling")), amounts
    ),
    "rowwise-hinge": Case(
        rowwise.learner(sgd.Params(average=1)), classes, 3, exempt=(SWEEPS_ARE_WATCHED,)
    ),
    "rowwise-pa": Case(
        rowwise.learner(
            sgd.Params(loss="epsilon_insensitive", kind="values", penalty=None, learning_rate="pa2")
        ),
        values,
        exempt=(SWEEPS_ARE_WATCHED,),
    ),
    "rowwise-elasticnet": Case(
        rowwise.learner(sgd.Params(loss="log_loss", penalty="elasticnet", average=1)), classes
    ),
    "mlp-adam": Case(
        mlp.learner(mlp.Params(hidden=(4,), output="softmax"))._replace(init=drawn), classes, 3
    ),
    "mlp-sgd": Case(
        mlp.learner(
            mlp.Params(hidden=(4, 2), activation="tanh", output="exp", optimizer=optimizers.sgd())
        )._replace(init=drawn),
        counts,
        2,
    ),
}

MERGEABLE = {name: case for name, case in CASES.items() if case.learner.merge is not None}

UNBUILT = {name: case for name, case in CASES.items() if case.learner.affine}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return pick(request, CASES)


@pytest.fixture(params=MERGEABLE)
def mergeable(request: pytest.FixtureRequest) -> Case:
    return pick(request, MERGEABLE)


@pytest.fixture(params=UNBUILT)
def unbuilt(request: pytest.FixtureRequest) -> Case:
    return pick(request, UNBUILT)


def pick(request: pytest.FixtureRequest, cases: dict[str, Case]) -> Case:
    chosen = cases[request.param]
    if reason := dict(chosen.exempt).get(request.function.__name__):
        pytest.skip(reason)
    return chosen


def batch_of(case: Case, backend: Backend, n: int = 24, seed: int = 0) -> Batch:
    rows = case.rows(np.random.default_rng(seed), n)
    return Batch(**{name: backend.asarray(values) for name, values in rows.items()})


def start(case: Case, batch: Batch) -> Any:
    learner = case.learner
    return learner.init(learner.params, N_FEATURES, case.n_outputs, like=batch.X)


def fit(case: Case, batch: Batch, batch_size: int = 8, state: Any = None, seen: int = 0) -> Any:
    state = start(case, batch) if state is None else state
    parts = cut(batch.X, batch.target, batch.weight, seen=seen, batch_size=batch_size)
    return learn_or_update(case.learner, state, parts)


def learn_or_update(learner: Learner, state: Any, parts: Iterator[Batch]) -> Any:
    if learner.merge is None:
        return learn_batches(learner, state, parts)[0]
    for part in parts:
        state, _ = learner.update(learner.params, state, part)
    return state


def of_block(learner: Learner, batch: Batch) -> Any:
    assert learner.of_block is not None
    target = (batch.target,) if learner.supervised else ()
    return learner.of_block(learner.params, batch.X, batch.weight, *target)


def piece(batch: Batch, start: int, stop: int) -> Batch:
    return Batch(*(a if a is None else a[start:stop, ...] for a in batch[:3]))


def leaves(state: Any) -> list[Any]:
    """Return the arrays of nested tuples, in order."""
    if isinstance(state, tuple):
        return [leaf for part in state for leaf in leaves(part)]
    return [] if state is None else [state]


def bits(backend: Backend, state: Any) -> list[tuple]:
    """Return what tells two states apart, but for the sign of a zero."""
    arrays = [backend.to_numpy(leaf) for leaf in leaves(state)]
    return [(a.dtype.name, a.shape, (a + 0).tobytes()) for a in arrays]


def assert_close(backend: Backend, got: Any, expected: Any) -> None:
    for a, b in zip(leaves(got), leaves(expected), strict=True):
        a, b = backend.to_numpy(a), backend.to_numpy(b)
        np.testing.assert_allclose(a, b, rtol=1e3 * backend.eps, atol=1e2 * backend.eps)


# Only array-api-strict lets a test forbid it; the code is the same everywhere.
on_strict = pytest.mark.parametrize("backend", list(STRICT), indirect=True)


def test_merge_with_nothing_is_identity(mergeable, backend):
    batch = batch_of(mergeable, backend)
    empty, state = start(mergeable, batch), fit(mergeable, batch)
    merge = mergeable.learner.merge
    assert bits(backend, merge(empty, state)) == bits(backend, state)
    assert bits(backend, merge(state, empty)) == bits(backend, state)
    assert bits(backend, merge(empty, empty)) == bits(backend, empty)


def test_no_rows_make_the_empty_state(mergeable, backend):
    batch = batch_of(mergeable, backend)
    none = piece(batch, 0, 0)
    state = of_block(mergeable.learner, none)
    assert bits(backend, state) == bits(backend, start(mergeable, batch))


@settings(max_examples=10)
@given(
    seed=st.integers(0, 2**32 - 1),
    borders=st.lists(st.integers(0, 40), max_size=6),
)
def test_merge_in_any_order_and_grouping(mergeable, backend, seed, borders):
    batch = batch_of(mergeable, backend, n=40, seed=seed)
    learner = mergeable.learner
    edges = [0, *sorted(borders), 40]
    states = []
    for a, b in pairwise(edges):
        part = piece(batch, a, b)
        states.append(of_block(learner, part))
    rng = np.random.default_rng(seed)
    while len(states) > 1:
        i, j = rng.choice(len(states), 2, replace=False)
        merged = learner.merge(states[i], states[j])
        states = [s for k, s in enumerate(states) if k not in (i, j)] + [merged]
    whole = of_block(learner, batch)
    assert_close(backend, mergeable.value(states[0]), mergeable.value(whole))


def test_two_updates_are_one_where_batches_line_up(case, backend):
    batch = batch_of(case, backend)
    first = fit(case, piece(batch, 0, 16))
    second = fit(case, piece(batch, 16, 24), state=first, seen=16)
    assert bits(backend, second) == bits(backend, fit(case, batch))


def test_update_is_merge_of_the_batch(mergeable, backend):
    batch, learner = batch_of(mergeable, backend), mergeable.learner
    state = fit(mergeable, piece(batch, 0, 10))
    rest = piece(batch, 10, 24)
    block = of_block(learner, rest)
    updated, _ = learner.update(learner.params, state, rest)
    assert bits(backend, updated) == bits(backend, learner.merge(state, block))


def test_inputs_are_untouched(case, backend):
    batch, learner = batch_of(case, backend), case.learner
    state = fit(case, batch)
    before = bits(backend, (batch[:3], state))
    learner.update(learner.params, state, batch)
    learner.apply(learner.params, state, batch.X)
    if learner.merge is not None:
        learner.merge(state, of_block(learner, batch))
    assert bits(backend, (batch[:3], state)) == before


def test_namespace_device_and_dtype_are_kept(case, backend):
    for dtype in backend.float_dtypes:
        rows = case.rows(np.random.default_rng(0), 24)
        batch = Batch(
            **{
                name: backend.asarray(a, dtype if a.dtype.kind == "f" else None)
                for name, a in rows.items()
            }
        )
        empty, learner = start(case, batch), case.learner
        state, info = learner.update(learner.params, empty, batch)
        for before, after in zip(leaves(empty), leaves(state), strict=True):
            backend.check(after)
            assert after.dtype == before.dtype
        assert info is None or isinstance(info, Info)
        for leaf in leaves(info):
            backend.check(leaf)
        out = learner.apply(learner.params, state, batch.X)
        backend.check(out, dtype if rows["X"].dtype.kind == "f" else backend.widest)
        assert out.shape[0] == 24


def test_applied_is_apply_with_the_state_at_hand(mergeable, backend):
    learner, batch = mergeable.learner, batch_of(mergeable, backend)
    state = fit(mergeable, batch)
    function = learner.applied(learner.params, state)
    want = learner.apply(learner.params, state, batch.X)
    assert bits(backend, function(batch.X)) == bits(backend, want)
    assert bits(backend, function(batch.X[:5, ...])) == bits(backend, want[:5, ...])


def test_rows_that_are_not_built_teach_what_built_ones_do(unbuilt, backend):
    case, learner, batch = unbuilt, unbuilt.learner, batch_of(unbuilt, backend)
    xp, d = namespace(batch.X), N_FEATURES
    centre, scale = (
        backend.asarray(v) for v in (np.linspace(-1.0, 2.0, d), np.linspace(0.5, 3.0, d))
    )
    rows = affine.Affine(batch.X, centre, scale)
    built = affine.pick(rows, slice(None))
    assert xp.all(xp.abs(built - (batch.X - centre) / scale) <= 8 * backend.eps)
    states = []
    for X in (rows, built):
        state, info = start(case, batch._replace(X=built)), None
        for seen in (0, 24):
            state, info = learner.update(learner.params, state, batch._replace(X=X, seen=seen))
        states.append((state, info))
    for a, b in zip(leaves(states[0]), leaves(states[1]), strict=True):
        a, b = backend.to_numpy(a), backend.to_numpy(b)
        np.testing.assert_allclose(a, b, rtol=1e5 * backend.eps, atol=1e4 * backend.eps)


def test_learner_and_state_pickle(case, backend):
    batch = batch_of(case, backend)
    state = fit(case, batch)
    learner, copy = pickle.loads(pickle.dumps((case.learner, state)))
    assert learner == case.learner
    assert bits(backend, copy) == bits(backend, state)
    a, _ = learner.update(learner.params, copy, batch)
    b, _ = learner.update(learner.params, state, batch)
    assert bits(backend, a) == bits(backend, b)


def test_state_does_not_grow(case, backend):
    batch = batch_of(case, backend)
    shapes = [leaf.shape for leaf in leaves(start(case, batch))]
    state = fit(case, batch, batch_size=3)
    assert [leaf.shape for leaf in leaves(state)] == shapes
    state = fit(case, batch, batch_size=24, state=state, seen=24)
    assert [leaf.shape for leaf in leaves(state)] == shapes


@on_strict
def test_nothing_is_read_back_to_the_host(case, backend):
    batch, learner = batch_of(case, backend), case.learner
    with no_host_sync():
        state = fit(case, batch)
        learner.apply(learner.params, state, batch.X)
        if learner.merge is not None:
            learner.merge(state, of_block(learner, batch))


@on_strict
def test_reading_back_would_be_noticed(backend):
    def update(params, state, batch):
        return (state, None) if batch.X[0, 0] > 0 else (None, None)

    leaky = Case(standardize.learner()._replace(update=update), plain)
    batch = batch_of(leaky, backend)
    with no_host_sync(), pytest.raises(AssertionError, match="__bool__"):
        fit(leaky, batch)


def test_the_same_bits_again(case, backend):
    batch, learner = batch_of(case, backend), case.learner
    state = fit(case, piece(batch, 0, 8))
    once, _ = learner.update(learner.params, state, piece(batch, 8, 24))
    again, _ = learner.update(learner.params, state, piece(batch, 8, 24))
    assert bits(backend, once) == bits(backend, again)
