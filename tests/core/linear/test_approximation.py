"""The approximation of the objective that refinement minimizes."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from streamlearn.core.linear import approximation, joint_loss
from streamlearn.core.linear.approximation import ObjectiveAround, Sample, Samples
from streamlearn.core.linear.curvature import products, unknown, weighted_sizes, with_matrix
from streamlearn.core.linear.damped_curvature import Damped, largest_ratio
from streamlearn.core.linear.losses import LOSSES
from streamlearn.core.linear.sgd import Params

N, ALPHA = 400, 1e-3
PENALTIES = ("l2", "l1")
SMOOTH = ("log_loss", "modified_huber", "poisson", "multinomial")


def rows(loss, seed=0, levels=12):
    """Rows with an off-centre feature and rare levels, at models that are not the optimum."""
    rng = np.random.default_rng(seed)
    level = np.minimum(rng.zipf(1.5, N), levels) - 1
    Z = np.c_[rng.normal(3, 1, N), np.eye(levels)[level], np.ones(N)]
    K = 3 if loss == "multinomial" else 2
    w = rng.normal(size=(K, Z.shape[1]))
    if loss == "poisson":
        w *= 0.2
        y = rng.poisson(np.exp(Z @ w.T)).astype(float)
    elif loss == "multinomial":
        y = 2.0 * np.eye(K)[rng.integers(0, K, N)] - 1
    else:
        y = np.where(rng.random((N, K)) < 0.5, 1.0, -1.0)
    return w, Sample(Z, y, rng.random((N, 1)) / N + np.zeros_like(y))


def derivatives(params, all_rows, w):
    loss, (Z, y, a) = LOSSES[params.loss], all_rows
    p = Z @ w.T
    h = a * approximation.curvature(params, p, y)
    return (a * loss.gradient(p, y, 0.0)).T @ Z, products(Z, h, joint=loss.joint)


def around(params, all_rows, w):
    g, H = derivatives(params, all_rows, w)
    sizes = [s + 0.0 * w for s in weighted_sizes(all_rows.Z, None, None)]
    known = unknown(H.shape, like=w)
    known = known._replace(absolute=sizes[0], square=sizes[1], rows=np.asarray(float(N)))
    l2, l1 = (np.full(w.shape, ALPHA * (params.penalty == p)) for p in PENALTIES)
    return ObjectiveAround(w, g, with_matrix(known, H), l2, l1, np.zeros(w.shape[1]))


def few_of(all_rows, at, each):
    return Sample(all_rows.Z[at], all_rows.y[at], each * all_rows.weight[at])


def problem(loss, penalty, seed=0):
    """Return an approximation by 60 of 400 rows, and what it is made of."""
    params = Params(loss=loss, penalty=penalty, alpha=ALPHA)
    w, all_rows = rows(loss, seed)
    exact, drawn = few_of(all_rows, slice(0, 10), 1.0), few_of(all_rows, slice(10, 60), 390 / 50)
    at = around(params, all_rows, w)
    samples = Samples.at(params, at, exact, drawn)
    return params, all_rows, at, samples, samples.with_part(np.ones(len(w)))


@pytest.mark.parametrize("loss", SMOOTH)
def test_gradient_and_curvature_at_w_are_those_of_all_rows(loss):
    params, all_rows, at, *_, approximated = problem(loss, "l2")
    for found, want in zip(
        approximated.derivatives(at.weights),
        derivatives(params, all_rows, at.weights),
        strict=True,
    ):
        np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("loss", SMOOTH)
def test_the_gradient_is_the_slope_of_the_value(loss):
    _, _, at, *_, approximated = problem(loss, "l2")
    rng = np.random.default_rng(1)
    v, s = (at.weights + 0.1 * rng.normal(size=at.weights.shape) for _ in range(2))
    s = 1e-5 * (s - at.weights)
    g, _ = approximated.derivatives(v)
    slope = np.sum((g + at.ridge * v) * s, axis=1)
    slope = joint_loss.total(slope) if LOSSES[loss].joint else slope
    change = approximated.value(v + s) - approximated.value(v - s)
    np.testing.assert_allclose(change / 2, slope, rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("loss", SMOOTH)
def test_without_concavity_the_rest_has_hardly_any_negative_curvature(loss, seed):
    params, _, at, samples, _ = problem(loss, "l1", seed)
    part, exact, drawn = samples.without_concavity(), samples.exact, samples.drawn
    assert np.all((part > 0.0) & (part <= 1.0))
    H, H_exact = at.curvature.hessian, derivatives(params, exact, at.weights)[1]
    room = (1.0 + approximation.ROOM) * H - H_exact
    rest = room - derivatives(params, drawn._replace(weight=part * drawn.weight), at.weights)[1]
    if LOSSES[loss].joint:
        rest, room = joint_loss.as_matrix(rest)[None], joint_loss.as_matrix(room)[None]
    for k in range(len(rest)):
        assert np.linalg.eigvalsh(rest[k])[0] > -1e-9 * np.trace(room[k])


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("loss", SMOOTH)
def test_the_minimum_is_no_higher_than_any_point_around_it(loss, penalty):
    _, _, _, samples, _ = problem(loss, penalty)
    approximated = samples.with_part(samples.without_concavity())
    v = approximation.minimum(approximated)
    assert np.all(approximated.decrease(v) > 0.0)
    rng = np.random.default_rng(2)
    for size in (1e-3, 1e-1, 10.0):
        u = v + size * rng.normal(size=v.shape)
        assert np.all(approximated.value(u) >= approximated.value(v) * (1 - 1e-7))


def test_curvature_is_more_than_the_second_derivative_only_where_the_loss_is_nearly_linear():
    p, y = np.linspace(-30, 30, 601)[:, None], np.ones((601, 1))
    h = approximation.curvature(Params(loss="log_loss"), p, y)
    slope = LOSSES["log_loss"].slope(p, y, 0.0)
    likely = p > np.log(0.04 / 0.96)
    np.testing.assert_array_equal(h[likely], slope[likely])
    assert np.all(h[p < -5] > 2.0 * slope[p < -5])
    step = np.abs(LOSSES["log_loss"].gradient(p, y, 0.0)) / h
    assert step.max() < 61


@pytest.mark.parametrize("shape", [(2, 5, 5), (2, 2, 5, 5)])
def test_the_largest_ratio_is_the_largest_generalized_eigenvalue(shape):
    rng = np.random.default_rng(0)
    K, D = shape[0], shape[-1]
    size = K * D if len(shape) == 4 else D
    found = []
    for _ in range(2):
        A = rng.normal(size=(1 if len(shape) == 4 else K, size, size))
        found.append(A @ np.swapaxes(A, 1, 2))
    (H, M), scale = found, 10.0 ** rng.uniform(-3, 3, size=(K, D))
    largest = [scipy.linalg.eigh(h, m, eigvals_only=True)[-1] for h, m in zip(H, M, strict=True)]

    def shaped(A):
        return joint_loss.in_blocks(A[0], K) if len(shape) == 4 else A

    # H is of rows in units 1 / scale, and the damped matrix says so
    units = scale[:, None, :, None] * scale[None, :, None, :]
    units = units if len(shape) == 4 else scale[:, :, None] * scale[:, None, :]
    got = largest_ratio(shaped(H) / units, Damped(shaped(M), scale))
    np.testing.assert_allclose(got, np.full(K, largest), rtol=1e-9)
