"""Newton steps of linear models, on the host in float64: one for each read of all rows.

Rows are read as ``z = T'(x - m)``, in which features have about the same deviation. If features are
nearly dependent, the z are nearly orthonormal, and directions without a share in the rank are left
out. Coefficients ``w = T v`` are the shortest with their predictions. So no digit is lost at any
offset, scale or condition number, and a penalty needs no further care.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from scipy import linalg
from sklearn.exceptions import ConvergenceWarning

from streamlearn._arrays import Array, asarray, to_numpy
from streamlearn._estimator.unit_lengths import EPS, at_unit_length
from streamlearn._training.epochs import warn_of_interrupt
from streamlearn.core.linear.joint_loss import as_matrix
from streamlearn.core.linear.newton_sums import DerivativeSums
from streamlearn.linear_model.least_squares import Problem, Whitened, least_unit, null_space

WELL = 1e3
"""The condition number up to which features are scaled, and not rotated."""


class Coordinates(NamedTuple):
    """The coordinates of rows and coefficients.

    Attributes
    ----------
    mean : ndarray of shape (d,)
        m, or 0 without an intercept.
    transform : ndarray of shape (d, r)
        T.
    back : ndarray of shape (d, r)
        It takes gradients by v to gradients by w.
    xx, xy : ndarrays of shape (r, r) and (r, t)
        The mean products of the features z, and of features and targets.
    weight : float
        The sum of the weights of the rows.
    condition : float
        The condition number of the features in units of their deviations.
    """

    mean: np.ndarray
    transform: np.ndarray
    back: np.ndarray
    xx: np.ndarray
    xy: np.ndarray
    weight: float
    condition: float

    @classmethod
    def of(cls, problem: Problem, penalty: float, *, rotated: bool = True) -> Coordinates:
        """Return the coordinates for the rows of a problem, and a ``penalty`` of the squares.

        ``rotated=False`` only scales them.
        """
        d, root = problem.d, np.sqrt(problem.weight)
        unit, known = problem.unit[:d], at_unit_length(problem.xx)
        length = np.maximum(known.size * unit, root * least_unit(penalty))
        kept = known.values > known.noise
        least = known.values[kept][0] if kept.any() else 1.0
        condition = float(np.sqrt(max(known.values[-1], least) / least))
        if not rotated or (kept.all() and condition <= WELL):
            scale = length / root
            transform, back = np.diag(1.0 / scale), np.diag(scale)
        else:
            vectors, values = known.vectors[:, kept], np.sqrt(known.values[kept])
            scale = length[:, None]
            transform = vectors / values / scale * root
            null = null_space(known.vectors[:, ~kept], known.size, unit, condition)
            transform -= null @ (null.T @ transform)
            back = vectors * values * scale / root
        inside = transform * unit[:, None]
        xx = inside.T @ problem.xx @ inside / problem.weight
        xy = inside.T @ problem.xy * problem.unit[d:] / problem.weight
        return cls(problem.mean[:d], transform, back, xx, xy, problem.weight, condition)

    @property
    def r(self) -> int:
        """The number of coordinates of a row."""
        return self.transform.shape[1]

    def rows(self, like: Array) -> Whitened:
        """Return the function of rows, in the library and on the device of like."""
        return Whitened(asarray(self.mean, like=like), asarray(self.transform, like=like))

    def outside(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the coefficients (K, d) and the intercepts (K,) of models v (K, r + 1)."""
        coef = v[:, :-1] @ self.transform.T
        return coef, v[:, -1] - coef @ self.mean

    def inside(self, coef: np.ndarray, intercept: np.ndarray) -> np.ndarray:
        """Return the models (K, r + 1) of coefficients and intercepts."""
        v = linalg.lstsq(self.transform, coef.T)[0].T
        return np.concatenate([v, (intercept + coef @ self.mean)[:, None]], axis=1)


class Objective(NamedTuple):
    """The mean loss with the penalty ``alpha * |w|^2 / 2``, in some coordinates.

    Attributes
    ----------
    of : Coordinates
    alpha : float
    fit_intercept : bool
    intercept : float
        The same factor of the squares of the intercepts. If it is not 0, features must not be
        centred: intercepts are those of the rows as they are.
    """

    of: Coordinates
    alpha: float
    fit_intercept: bool
    intercept: float = 0.0

    def step(self, v: np.ndarray, gradient: np.ndarray, hessian: np.ndarray) -> np.ndarray:
        """Return the Newton step at v (K, D), from derivatives of the mean loss with the penalty.

        ``hessian`` has K D rows.
        """
        free = np.ones(v.shape, dtype=bool)
        free[:, -1] = self.fit_intercept
        at = np.flatnonzero(free.reshape(-1))
        A = hessian[np.ix_(at, at)]
        size = np.sqrt(np.maximum(np.diagonal(A), 0.0))
        size = np.where(size > 0, size, 1.0)
        C, g = A / size / size[:, None], gradient.reshape(-1)[at] / size
        try:
            found = linalg.cho_solve(linalg.cho_factor(C, lower=True), g)
        except linalg.LinAlgError:
            # Where the loss is concave, the step goes downwards, and as far as for a convex one.
            values, vectors = linalg.eigh(C)
            values = np.abs(values)
            kept = values > 4 * len(at) * EPS * values.max()
            found = vectors[:, kept] @ (vectors[:, kept].T @ g / values[kept])
        out = np.zeros(v.size)
        out[at] = -found / size
        return out.reshape(v.shape)

    def penalty(self, v: np.ndarray) -> float:
        """Return the penalty of models v."""
        coef = v[:, :-1] @ self.of.transform.T
        return 0.5 * float(self.alpha * np.sum(coef**2) + self.intercept * np.sum(v[:, -1] ** 2))

    def derivatives(
        self, v: np.ndarray, gradient: np.ndarray, hessian: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return derivatives of the mean loss with those of the penalty added, as `step` takes."""
        K, D = v.shape
        P = np.zeros((D, D))
        P[:-1, :-1] = self.alpha * (self.of.transform.T @ self.of.transform)
        P[-1, -1] = self.intercept
        return gradient + v @ P, hessian + np.kron(np.eye(K), P)

    def decrease(self, v: np.ndarray, gradient: np.ndarray, step: np.ndarray) -> float:
        """Return how much less the objective is after a step from v, to first order."""
        return -float(np.sum(gradient * step))

    def slope(self, v: np.ndarray, gradient: np.ndarray) -> float:
        """Return the largest derivative at v by a coefficient or an intercept."""
        largest = float(np.abs(gradient[:, :-1] @ self.of.back.T).max(initial=0.0))
        return max(largest, float(np.abs(gradient[:, -1]).max()) if self.fit_intercept else 0.0)


class Composite(Protocol):
    """An objective with or without a part that has no derivatives, see `Objective`."""

    @property
    def of(self) -> Coordinates:
        """The coordinates."""

    def step(self, v: np.ndarray, gradient: np.ndarray, hessian: np.ndarray) -> np.ndarray:
        """Return the step at v."""

    def penalty(self, v: np.ndarray) -> float:
        """Return the penalty of models v."""

    def derivatives(
        self, v: np.ndarray, gradient: np.ndarray, hessian: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return derivatives of the mean loss with those of the smooth penalty added."""

    def decrease(self, v: np.ndarray, gradient: np.ndarray, step: np.ndarray) -> float:
        """Return how much less the objective is after a step."""

    def slope(self, v: np.ndarray, gradient: np.ndarray) -> float:
        """Return the largest entry of the gradient, or of the shortest subgradient."""


class NewtonResult(NamedTuple):
    """The end of the reads.

    Attributes
    ----------
    v : ndarray of shape (K, r + 1)
    n_reads : int
    """

    v: np.ndarray
    n_reads: int


def minimum(
    objective: Composite,
    read: Callable[[np.ndarray, np.ndarray | None], DerivativeSums],
    v: np.ndarray,
    former: np.ndarray,
    *,
    most: int,
    tol: float,
    unfinished: str,
) -> NewtonResult:
    """Return the minimum, by Newton steps.

    Each step is the exact one of all rows. If the objective was not less after a step, the step is
    taken again, a quarter as long. The reads end with the step that follows a gradient of at most
    ``tol``, or one that rounding hides.

    Parameters
    ----------
    objective : Composite
    read : callable
        ``(v, former) -> DerivativeSums``. It reads all rows.
    v, former : ndarrays of shape (K, r + 1)
        The model to begin with, and one to which it goes back if that is better.
    most : int
        The most reads, the parameter ``max_iter``.
    tol : float
    unfinished : str
        The warning if the steps end before.
    """
    base, best, n_reads = former, np.inf, 0
    converged = most == 0
    while n_reads < most and not converged:
        try:
            sums = read(v, former if n_reads == 0 else None)
        except KeyboardInterrupt:
            warn_of_interrupt(f"in read {n_reads + 1} of at most max_iter={most}")
            return NewtonResult(v, n_reads)
        n_reads += 1
        eps = float(np.finfo(to_numpy(sums.loss).dtype).eps)
        loss, then, gradient, hessian = (to_numpy(a).astype(np.float64) for a in sums)
        if n_reads == 1:
            best = float(then[0]) / objective.of.weight + objective.penalty(former)
        value = float(loss[0]) / objective.of.weight + objective.penalty(v)
        # Where nothing but rounding is left, a step may seem to be one upwards.
        if not value <= best + 64 * eps * abs(best):
            v = base + 0.25 * (v - base)
            continue
        H = as_matrix(hessian) if hessian.ndim == 4 else linalg.block_diag(*hessian)
        with np.errstate(over="ignore", invalid="ignore"):
            g, H = objective.derivatives(v, gradient / objective.of.weight, H / objective.of.weight)
            step = objective.step(v, g, H)
        decrease = objective.decrease(v, g, step)
        converged = objective.slope(v, g) <= tol or decrease <= 4 * eps * abs(value)
        base, best, v = v, value, v + step
    if not converged:
        warnings.warn(unfinished, ConvergenceWarning, stacklevel=2)
    return NewtonResult(v, n_reads)
