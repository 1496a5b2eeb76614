"""Least squares from co-moments, on the host in float64.

The normal equations lose twice the digits that a decomposition of the rows would lose: they have
the square of its condition number. So the equations are solved for columns of equal length, which
makes units irrelevant. If the condition number asks for it, all rows are read once more, as
``z = T'(x - m)`` with a T that makes the z nearly orthonormal [1]_. The co-moments of z lose
nothing, and with them ``R = root(Z'Z) inv(T)`` is the triangular factor of X up to a rotation, as
accurate as from a QR decomposition of all rows. Everything else is then solved with R.

References
----------
.. [1] T. Fukaya, R. Kannan, Y. Nakatsukasa, Y. Yamamoto and Y. Yanagisawa, "Shifted Cholesky QR for
   computing the QR factorization of ill-conditioned matrices", SIAM J. Sci. Comput. 42(1), 2020.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import linalg
from scipy.optimize import nnls

from streamlearn._arrays import Array, asarray, by_columns, cast, dense, is_sparse, to_numpy
from streamlearn._estimator.unit_lengths import EPS, at_unit_length
from streamlearn.core.statistics import comoments
from streamlearn.core.statistics.comoments import Comoments

RIDGE_TOL = float(np.sqrt(EPS)) / 10
"""The share of the largest singular value up to which `Ridge` without a penalty leaves directions
out."""

LIMIT = 1e6
"""The condition number of the normal equations up to which they are accurate enough: they then lose
six of sixteen digits at most."""


class Problem(NamedTuple):
    """What least squares must know of the rows.

    Attributes
    ----------
    xx, xy, yy : ndarrays of shape (d, d), (d, t) and (t,)
        Sums about the means, or about zero without an intercept, in units of ``unit``.
    mean : ndarray of shape (d + t,)
        The means, or 0 without an intercept.
    unit : ndarray of shape (d + t,)
    weight : float
        The sum of the weights of the rows.
    root : tuple or None
        ``(R, q)``: ``R'R`` is ``xx``, and ``R'q`` is ``xy``, both to all digits. They come from a
        second read.
    """

    xx: np.ndarray
    xy: np.ndarray
    yy: np.ndarray
    mean: np.ndarray
    unit: np.ndarray
    weight: float
    root: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def d(self) -> int:
        """The number of features."""
        return self.xx.shape[0]


class Solution(NamedTuple):
    """A solution of least squares.

    Attributes
    ----------
    coef : ndarray of shape (t, d)
    condition : float
        The condition number of the features in units of their deviations, with the penalty, after
        directions without a share in the rank were left out.
    rank : int
        The number of directions of the features that count.
    accurate : bool
        Whether all digits can be trusted that a decomposition of the rows would give.
    """

    coef: np.ndarray
    condition: float
    rank: int
    accurate: bool


class Whitened(NamedTuple):
    """The function of rows ``(x - mean) @ transform``, computed in the dtype of ``transform``."""

    mean: Array
    transform: Array

    def __call__(self, X: Array) -> Array:
        """Return the transformed rows. Sparse rows become dense."""
        X = cast(dense(X) if is_sparse(X) else X, self.transform.dtype)
        return by_columns(X, ("subtract", self.mean)) @ self.transform


def problem_of(state: Comoments, *, fit_intercept: bool) -> Problem:
    """Return the problem of the rows of a statistic."""
    sums = comoments.about_mean(state) if fit_intercept else comoments.about_zero(state)
    xx, xy, yy = (to_numpy(a).astype(np.float64, copy=False) for a in sums)
    mean, unit = (to_numpy(a).astype(np.float64) for a in (comoments.mean(state), state.unit))
    mean = mean if fit_intercept else np.zeros_like(mean)
    weight = float(to_numpy(comoments.total_weight(state))[0])
    return Problem(xx, xy, yy, mean, np.where(unit > 0, unit, 1.0), weight)


def whitening(problem: Problem, like: Array) -> Whitened:
    """Return the function of rows for a second read, in the library and on the device of like."""
    unit = problem.unit[: problem.d]
    transform = at_unit_length(problem.xx).above_noise().whitening(unit)
    return Whitened(asarray(problem.mean[: problem.d], like=like), asarray(transform, like=like))


def with_root(problem: Problem, state: Comoments, *, fit_intercept: bool) -> Problem:
    """Return a problem with the root from the statistic of whitened rows."""
    second = problem_of(state, fit_intercept=fit_intercept)
    unit, y_unit = second.unit[: problem.d], second.unit[problem.d :] / problem.unit[problem.d :]
    found, turned = linalg.eigh(second.xx * unit * unit[:, None])
    kept = found > 4 * problem.d * EPS * max(found[-1], 1.0)
    found, turned = found[kept], turned[:, kept]
    root = np.sqrt(found)[:, None] * turned.T @ at_unit_length(problem.xx).above_noise().root()
    xy = second.xy * unit[:, None] * y_unit
    return problem._replace(root=(root, turned.T @ xy / np.sqrt(found)[:, None]))


def solve(problem: Problem, alpha: np.ndarray, tol: float, *, positive: bool = False) -> Solution:
    """Return the coefficients of least squares with the penalty ``alpha * coef**2``.

    If they are not unique, they are those of least norm.

    Parameters
    ----------
    problem : Problem
    alpha : ndarray of shape (t,)
        The penalty of each target.
    tol : float
        Directions of the features count if their singular value is more than this share of the
        largest, in units of their deviations. They always count if there is a penalty.
    positive : bool
        Whether coefficients must not be negative.
    """
    d, t = problem.xy.shape
    y_unit = problem.unit[d:]
    coef, condition, rank, accurate = np.zeros((d, t)), 1.0, d, True
    for each in np.unique(alpha):
        at = np.flatnonzero(alpha == each)
        own = _in_larger_units(problem, least_unit(each))
        unit = own.unit[:d]
        penalty = each / unit / unit
        if positive:
            found = _nonnegative(own, at, penalty)
        elif each == 0:
            found = _of_least_norm(own, at, tol)
        elif own.root is not None:
            found = _stacked(own.root[0], own.root[1][:, at], penalty)
        else:
            found = _penalized(own, at, penalty)
        with np.errstate(over="ignore", invalid="ignore"):
            coef[:, at] = found.coef / unit[:, None] * y_unit[at]
        condition, rank = max(condition, found.condition), min(rank, found.rank)
        accurate = accurate and found.accurate
    return Solution(coef.T, condition, rank, accurate)


def least_unit(penalty: float) -> float:
    """Return the smallest unit of a feature in which a penalty of the squares does not overflow."""
    return 1e-100 * float(np.sqrt(penalty))


def _in_larger_units(problem: Problem, least: float) -> Problem:
    """Return a problem in which no feature has a unit below ``least``."""
    d = problem.d
    unit = np.maximum(problem.unit[:d], least)
    if (unit == problem.unit[:d]).all():
        return problem
    part = problem.unit[:d] / unit
    root = problem.root if problem.root is None else (problem.root[0] * part, problem.root[1])
    return problem._replace(
        xx=problem.xx * part * part[:, None],
        xy=problem.xy * part[:, None],
        unit=np.append(unit, problem.unit[d:]),
        root=root,
    )


def _of_least_norm(problem: Problem, at: np.ndarray, tol: float) -> Solution:
    d, size = problem.d, _or_one(np.sqrt(np.diagonal(problem.xx)))
    if problem.root is None:
        values, vectors, _ = at_unit_length(problem.xx)
        noise = 4 * d * EPS
        largest = max(values[-1], 0.0)
        kept = values > max(tol * tol, noise) * largest
        b = problem.xy[:, at] / size[:, None]
        coef = vectors[:, kept] @ (vectors[:, kept].T @ b / values[kept][:, None])
        # Below the noise it is not known whether a direction is one of the rank.
        known = tol * tol > noise or bool(kept.all())
        share = largest / values[kept][0] if kept.any() else 1.0
        condition, accurate = float(np.sqrt(share)), known and share <= LIMIT
        null = vectors[:, ~kept]
    else:
        R, q = problem.root
        U, values, Vt = linalg.svd(R / size, full_matrices=True)
        kept = np.zeros(d, dtype=bool)
        kept[: len(values)] = values > max(tol, 4 * EPS) * max(values, default=0.0)
        r = int(kept.sum())
        coef = Vt[:r].T @ ((U[:, :r].T @ q[:, at]) / values[:r, None])
        condition, accurate = float(values[0] / values[r - 1]) if r else 1.0, True
        null = Vt[r:].T
    coef = coef / size[:, None]
    if null.shape[1]:
        # Steps along these directions change no prediction. The shortest solution has none.
        null = null_space(null, size, problem.unit[:d], condition)
        scaled = coef / problem.unit[:d, None]
        coef = (scaled - null @ (null.T @ scaled)) * problem.unit[:d, None]
    return Solution(coef, condition, int(kept.sum()), accurate)


def null_space(
    vectors: np.ndarray, size: np.ndarray, unit: np.ndarray, condition: float
) -> np.ndarray:
    """Return orthonormal coefficients (d, k) that change no prediction.

    ``vectors`` (d, k) are those of features that are divided by ``size``, in units of ``unit``.
    The others have the condition number ``condition``.
    """
    if not vectors.shape[1]:
        return vectors
    # What rounding left of 0 would count for features in small units.
    null = np.where(np.abs(vectors) > 16 * len(unit) * EPS * condition, vectors, 0.0)
    null = null / size[:, None] / unit[:, None]
    return linalg.qr(null / np.max(np.abs(null)), mode="economic")[0]


def _penalized(problem: Problem, at: np.ndarray, penalty: np.ndarray) -> Solution:
    A = problem.xx + np.diag(penalty)
    size = _or_one(np.sqrt(np.diagonal(A)))
    C = A / size / size[:, None]
    try:
        factor = linalg.cho_factor(C, lower=True)
        norm = np.abs(C).sum(axis=0).max()
        share, _ = linalg.lapack.dpocon(factor[0], norm, uplo="L")
        share = 1.0 / max(share, EPS)
        coef = linalg.cho_solve(factor, problem.xy[:, at] / size[:, None])
    except linalg.LinAlgError:
        values, vectors = linalg.eigh(C)
        kept = values > 4 * problem.d * EPS * values[-1]
        b = vectors[:, kept].T @ (problem.xy[:, at] / size[:, None])
        coef, share = vectors[:, kept] @ (b / values[kept][:, None]), 1.0 / EPS
    return Solution(coef / size[:, None], float(np.sqrt(share)), problem.d, share <= LIMIT)


def _stacked(R: np.ndarray, q: np.ndarray, penalty: np.ndarray) -> Solution:
    """Return the solution by a QR decomposition of R and the roots of the penalties."""
    M = np.concatenate([R, np.diag(np.sqrt(penalty))])
    size = _or_one(np.sqrt((M * M).sum(axis=0)))
    Q, triangle = linalg.qr(M / size, mode="economic")
    b = Q[: len(q)].T @ q
    coef = linalg.solve_triangular(triangle, b) / size[:, None]
    rcond, _ = linalg.lapack.dtrcon(triangle, norm="1", uplo="U")
    return Solution(coef, float(1.0 / max(rcond, EPS)), R.shape[1], True)


def _nonnegative(problem: Problem, at: np.ndarray, penalty: np.ndarray) -> Solution:
    if problem.root is None:
        known = at_unit_length(problem.xx).above_noise()
        values, vectors, size = known
        R = known.root()
        q = vectors.T @ (problem.xy[:, at] / size[:, None]) / np.sqrt(values)[:, None]
        share = values[-1] / values[0]
    else:
        (R, q), share = problem.root, 1.0
        q = q[:, at]
    M = np.concatenate([R, np.diag(np.sqrt(penalty))])
    size = _or_one(np.sqrt((M * M).sum(axis=0)))
    pad = np.zeros(len(penalty))
    found = [nnls(M / size, np.concatenate([column, pad]))[0] / size for column in q.T]
    coef = np.stack(found, axis=1) if found else np.zeros((problem.d, 0))
    return Solution(coef, float(np.sqrt(share)), problem.d, share <= LIMIT)


def singular_values(problem: Problem) -> np.ndarray:
    """Return the singular values of the rows, less their means if there is an intercept."""
    unit = problem.unit[: problem.d]
    most = float(unit.max())
    unit = unit / most  # what is far below the largest may become 0, and nothing overflows
    if problem.root is None:
        values = linalg.eigvalsh(problem.xx * unit * unit[:, None])[::-1]
        return np.sqrt(np.maximum(values, 0.0)) * most
    R = problem.root[0] * unit
    out = np.zeros(problem.d)
    out[: R.shape[0]] = linalg.svdvals(R)
    return out * most


def _or_one(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, 1.0)


def intercepts(problem: Problem, coef: np.ndarray) -> np.ndarray:
    """Return the intercepts (t,) for coefficients (t, d)."""
    d = problem.d
    return problem.mean[d:] - coef @ problem.mean[:d]
