"""A round is one Newton step by the sums of its parts, however it is divided.

Damping differs a little: rows of a round are counted about its first centre.
"""

from __future__ import annotations

from functools import reduce
from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse

from streamlearn.core.learner import Batch
from streamlearn.core.linear import curvature, newton, newton_rounds
from streamlearn.core.linear.losses import LOSSES, MARGIN_LOSSES
from streamlearn.core.linear.newton_schedule import due
from streamlearn.core.linear.sgd import Params
from tests.backends import STRICT, no_host_sync
from tests.core.linear.loss_names import OF_A_COLUMN, number

BEFORE, ROWS, D = 4_000, 3_000, 6


def table(kind, n, K):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(n, D)) @ rng.normal(size=(D, D)) + 30.0
    p = (X - 30) @ rng.normal(size=(D, K)) + rng.normal(size=(n, K))
    if kind == "values":
        return X, p
    return X, (p[:, 0] > 0).astype(int) if K == 1 else np.argmax(p, axis=1)


def begun(params, X, y, weight, K):
    state = newton.init(params, D, K, like=X)
    for at in range(0, BEFORE, 500):
        rows = slice(at, at + 500)
        batch = Batch(X[rows, ...], y[rows, ...], None if weight is None else weight[rows, ...], at)
        state, _ = newton.update(params, state, batch)
    return state


def in_parts(params, state, X, y, weight, ends):
    view = newton_rounds.view(params, state)
    return [
        newton_rounds.of_batch(
            params,
            view,
            Batch(X[a:b, ...], y[a:b, ...], None if weight is None else weight[a:b, ...], BEFORE),
        )
        for a, b in pairwise(ends)
    ]


def leaves(x):
    if isinstance(x, tuple | list):
        return [leaf for part in x for leaf in leaves(part)]
    return [] if x is None else [x]


SMOOTH = [
    name for name in OF_A_COLUMN if not LOSSES[name].nonsmooth and LOSSES[name].slope is not None
]


@pytest.mark.parametrize("K", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("penalty", ["l2", "l1", None])
@pytest.mark.parametrize("loss", SMOOTH)
def test_a_round_ends_where_a_batch_of_its_rows_does(loss, penalty, weighted, K, monkeypatch):
    kind = "classes" if loss in MARGIN_LOSSES else "values"
    params = Params(loss=loss, kind=kind, penalty=penalty, alpha=1e-3, epsilon=number(loss))
    X, y = table(kind, BEFORE + ROWS, K)
    y = np.exp(y) if LOSSES[loss].log_link else y
    weight = np.random.default_rng(1).uniform(0, 2, len(X)) if weighted else None
    state = begun(params, X, y, weight, K)
    w = None if weight is None else weight[BEFORE:]
    assert due(BEFORE, ROWS, D, kinked=False)[:3] == (True, True, ROWS)
    # a batch inverts H after it has fed it, and a round before
    monkeypatch.setattr(newton, "due", lambda *_: (True, False, ROWS, ROWS))
    state = newton_rounds.renewed(params, state, BEFORE)
    one, info = newton.update(params, state, Batch(X[BEFORE:], y[BEFORE:], w, BEFORE))
    parts = in_parts(params, state, X[BEFORE:], y[BEFORE:], w, [0, 100, 1700, ROWS])
    sums = reduce(newton_rounds.merge, (sums for sums, _ in parts))
    many = newton_rounds.step(params, state, sums, BEFORE)
    for name in ("weights", "mean", "centre", "inverse", "mean_h", "recent_h"):
        a, b = getattr(many, name), getattr(one, name)
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-4 * np.abs(b).max(), err_msg=name)
    for a, *b in zip(info, *(report for _, report in parts), strict=True):
        np.testing.assert_allclose(sum(b), a, rtol=1e-12)


@pytest.mark.parametrize("loss", sorted(set(OF_A_COLUMN) - {"perceptron"}))  # it has no rounds
def test_sums_merge_in_any_order(loss):
    kind = "classes" if loss in MARGIN_LOSSES else "values"
    params = Params(loss=loss, kind=kind, epsilon=number(loss))
    X, y = table(kind, BEFORE + ROWS, 1)
    y = np.exp(y) if LOSSES[loss].log_link else y
    state = begun(params, X, y, None, 1)
    a, b, c = (
        s for s, _ in in_parts(params, state, X[BEFORE:], y[BEFORE:], None, [0, 90, 900, ROWS])
    )
    merge = newton_rounds.merge
    one, other = merge(merge(a, b), c), merge(merge(c, b), a)
    assert one.rows == other.rows == ROWS
    summed = (
        leaves(sums._replace(values=0.0, curvature=curvature.settled(sums.curvature)))
        for sums in (one, other)
    )
    for p, q in zip(*summed, strict=True):
        np.testing.assert_allclose(p, q, rtol=1e-9, atol=1e-9)
    steps = [newton_rounds.step(params, state, sums, BEFORE).mean for sums in (one, other)]
    np.testing.assert_allclose(*steps, rtol=1e-7)


@pytest.mark.parametrize("D", [2, 7, 40])
def test_pending_rows_are_few_and_sum_to_the_product_of_all_rows(D):
    rng = np.random.default_rng(0)
    parts = [(rng.normal(size=(k, D)), rng.uniform(size=(k, 2))) for k in (3, 0, 17, 1, 60, 2, 5)]
    nothing = curvature.of_sums(None, np.zeros((2, D)), np.zeros((2, D)), np.zeros(()))
    sums = reduce(curvature.both, (curvature.with_rows(nothing, *part) for part in parts))
    assert curvature.PENDING * len(sums.pending) < D
    Z, h = (np.concatenate(part) for part in zip(*parts, strict=True))
    np.testing.assert_allclose(
        curvature.settled(sums).hessian,
        np.einsum("ik,ip,iq->kpq", h, Z, Z),
        rtol=1e-12,
        atol=1e-12,
    )


@pytest.mark.parametrize("loss", ["log_loss", "hinge", "squared_error"])
def test_rounds_stay_in_the_library_and_on_the_device_of_the_rows(loss, backend):
    kind = "values" if loss == "squared_error" else "classes"
    params = Params(loss=loss, kind=kind)
    X, y = (backend.asarray(a) for a in table(kind, BEFORE + ROWS, 1))
    state = begun(params, X, y, None, 1)
    X, y = X[BEFORE:, ...], y[BEFORE:, ...]
    parts = in_parts(params, state, X, y, None, [0, 1000, ROWS])
    sums = newton_rounds.merge(*(sums for sums, _ in parts))
    after = newton_rounds.step(params, newton_rounds.renewed(params, state, BEFORE), sums, BEFORE)
    for before, now in zip(leaves(state), leaves(after), strict=True):
        backend.check(now)
        assert now.dtype == before.dtype
        assert now.shape == before.shape


@pytest.mark.parametrize("backend", STRICT, indirect=True)
def test_a_round_reads_nothing_back_to_the_host(backend):
    params = Params(loss="log_loss", kind="classes")
    X, y = (backend.asarray(a) for a in table("classes", BEFORE + ROWS, 1))
    state = begun(params, X, y, None, 1)
    with no_host_sync():
        parts = in_parts(params, state, X[BEFORE:, ...], y[BEFORE:, ...], None, [0, 1000, ROWS])
        sums = newton_rounds.merge(*(sums for sums, _ in parts))
        newton_rounds.step(params, newton_rounds.renewed(params, state, BEFORE), sums, BEFORE)


def test_sparse_rows_are_summed_as_dense_ones():
    params = Params(loss="log_loss", kind="classes")
    X, y = table("classes", BEFORE + ROWS, 1)
    state = begun(params, X, y, None, 1)
    found = [
        newton_rounds.step(
            params,
            state,
            in_parts(params, state, rows, y[BEFORE:], None, [0, ROWS])[0][0],
            BEFORE,
        ).mean
        for rows in (X[BEFORE:], sparse.csr_array(X[BEFORE:]))
    ]
    np.testing.assert_allclose(*found, rtol=1e-9)


def test_a_step_that_increased_the_loss_is_taken_back_by_a_round():
    params = Params(loss="log_loss", kind="classes")
    X, y = table("classes", BEFORE + ROWS, 1)
    state = begun(params, X, y, None, 1)
    thrown = state._replace(weights=-30 * state.weights)
    thrown = thrown._replace(
        mean=thrown.weights, trust=state.trust._replace(former=state.weights, centre=state.centre)
    )
    ((sums, _),) = in_parts(params, thrown, X[BEFORE:], y[BEFORE:], None, [0, ROWS])
    after = newton_rounds.step(params, thrown, sums, BEFORE)
    assert float(after.trust.back[0]) == float(state.trust.back[0]) + 1.0
    np.testing.assert_allclose(after.weights[:, :-1], state.weights[:, :-1], rtol=1e-9)


@pytest.mark.parametrize("loss", ["log_loss", "hinge"])
def test_the_sample_of_a_batch_shrinks_as_rows_are_seen_but_never_below_a_least_size(loss):
    params = Params(loss=loss)
    least = newton_rounds.FEWEST_NEAR_KINKS if loss == "hinge" else newton_rounds.FEWEST
    sizes = [
        newton_rounds.sampled(params, None, 50_000, seen) for seen in (10**5, 10**6, 10**7, 10**9)
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == least
    assert newton_rounds.sampled(params, None, least, 10**9) == 0  # all rows
