"""The minimum of Huber's loss with a scale, by a step after each read of all rows.

With the sides of all rows fixed, the mean loss is a function of the model v and the scale s::

    kappa s + (q - 2 p'd + d'A d) / s - 2 epsilon u'd + v'P v      with d = v - (the model read)

It is convex, and for each s its minimum by v is the solution of a linear system. So a root in s is
found without a further read. The result is the minimum of all rows if no row changes sides.
Otherwise the next read shows it. If the loss has grown, a cubic in the length of the step tells
where to read next, and further steps also count the curvature of the outliers for a while.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import linalg, optimize
from sklearn.exceptions import ConvergenceWarning

from streamlearn._arrays import to_numpy
from streamlearn._estimator.unit_lengths import EPS
from streamlearn._training.epochs import warn_of_interrupt
from streamlearn.core.linear.huber_sums import HuberSums

SHORTEST, LONGEST = 1e-3, 10.0
"""How much smaller and larger the scale may become in a step."""

LEAST_CAUTION = 1e-3


class Objective(NamedTuple):
    """The mean loss with a penalty.

    Attributes
    ----------
    epsilon : float
    penalty : ndarray of shape (D, D)
        P.
    free : ndarray of bool of shape (D,)
        Which coefficients are learned.
    least : float
        The smallest scale.
    size : float
        The size of the targets, whose rounding hides smaller losses.
    """

    epsilon: float
    penalty: np.ndarray
    free: np.ndarray
    least: float
    size: float


class HuberResult(NamedTuple):
    """The end of the reads.

    Attributes
    ----------
    v : ndarray of shape (D,)
    scale : float
    n_reads : int
    """

    v: np.ndarray
    scale: float
    n_reads: int


class LossAround(NamedTuple):
    """The mean loss around a model, as a read of all rows has shown it.

    Attributes
    ----------
    objective : Objective
    v : ndarray of shape (D,)
    scale : float
    A, p, u : ndarrays of shape (D, D), (D,) and (D,)
    q, kappa, value : float
    """

    objective: Objective
    v: np.ndarray
    scale: float
    A: np.ndarray
    p: np.ndarray
    u: np.ndarray
    q: float
    kappa: float
    value: float

    @classmethod
    def of(cls, objective: Objective, v: np.ndarray, scale: float, sums: HuberSums) -> LossAround:
        """Return the loss around a model from its sums."""
        each = [to_numpy(a).astype(np.float64) for a in sums]
        A, p, u, q, far, outside = (a / each[-1][0] for a in each[:-1])
        epsilon = objective.epsilon
        kappa = float(1.0 - epsilon**2 * outside[0])
        value = kappa * scale + q[0] / scale + 2.0 * epsilon * far[0] + v @ objective.penalty @ v
        return cls(objective, v, scale, A, p, u, float(q[0]), kappa, float(value))

    @property
    def gradient(self) -> np.ndarray:
        """The derivatives by the model and by the scale, (D + 1,)."""
        of = self.objective
        by_v = 2.0 * (of.penalty @ self.v - self.p / self.scale - of.epsilon * self.u)
        by_scale = self.kappa - self.q / self.scale**2
        return np.append(np.where(of.free, by_v, 0.0), by_scale)

    def slope(self) -> float:
        """Return the largest derivative. That by a scale at its bound counts if it is negative."""
        g = self.gradient
        at_bound = self.scale <= self.objective.least and g[-1] > 0
        return float(np.abs(g[:-1] if at_bound else g).max())

    def step(self) -> tuple[np.ndarray, float]:
        """Return the step of the model to the minimum with these sides, and the new scale."""
        low = max(self.scale * SHORTEST, self.objective.least)
        high = max(self.scale * LONGEST, low)

        def rising(log: float) -> float:
            s = float(np.exp(log))
            d = self._towards(s)
            return self.kappa - (self.q - 2.0 * self.p @ d + d @ self.A @ d) / s**2

        ends = np.log(low), np.log(high)
        if low >= high or rising(ends[0]) >= 0:
            scale = low
        elif rising(ends[1]) <= 0:
            scale = high
        else:
            scale = float(np.exp(optimize.brentq(rising, *ends, xtol=1e-14, rtol=4 * EPS)))
        return self._towards(scale), scale

    def _towards(self, s: float) -> np.ndarray:
        """Return the step to the minimum by the model for a scale."""
        at, of = np.flatnonzero(self.objective.free), self.objective
        M = (self.A / s + of.penalty)[np.ix_(at, at)]
        b = (self.p / s + of.epsilon * self.u - of.penalty @ self.v)[at]
        out = np.zeros_like(self.v)
        out[at] = solved(M, b)
        return out


def solved(M: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the shortest solution of ``M x = b`` for a positive semidefinite M."""
    size = np.sqrt(np.maximum(np.diagonal(M), 0.0))
    size = np.where(size > 0, size, 1.0)
    C, b = M / size / size[:, None], b / size
    try:
        return linalg.cho_solve(linalg.cho_factor(C, lower=True), b) / size
    except linalg.LinAlgError:
        values, vectors = linalg.eigh(C)
        kept = values > 4 * len(b) * EPS * max(values[-1], 0.0)
        return vectors[:, kept] @ (vectors[:, kept].T @ b / values[kept]) / size


def minimum(
    objective: Objective,
    read: Callable[[np.ndarray, float, float], HuberSums],
    v: np.ndarray,
    scale: float,
    *,
    most: int,
    tol: float,
) -> HuberResult:
    """Return the minimum, with a step after each read.

    The reads end with the step that follows a gradient of at most ``tol``, or one that rounding
    hides.

    Parameters
    ----------
    objective : Objective
    read : callable
        ``(v, scale, caution) -> HuberSums``. It reads all rows.
    v : ndarray of shape (D,)
    scale : float
        The model to begin with.
    most : int
        The most reads, the parameter ``max_iter``.
    tol : float
    """
    base: LossAround | None = None
    n_reads, caution = 0, 1.0
    scale = max(scale, objective.least)
    converged = most == 0

    def noise(value: float) -> float:
        """Return what rounding is relative to."""
        return abs(value) + objective.size

    while n_reads < most and not converged:
        try:
            sums = read(v, scale, caution)
        except KeyboardInterrupt:
            warn_of_interrupt(f"in read {n_reads + 1} of at most max_iter={most}")
            break
        n_reads += 1
        here = LossAround.of(objective, v, scale, sums)
        eps = float(np.finfo(to_numpy(sums.weight).dtype).eps)
        if base is not None and not here.value <= base.value + 64 * eps * noise(base.value):
            part = _length(base, here)
            v, scale = base.v + part * (v - base.v), base.scale + part * (scale - base.scale)
            caution = 1.0
            continue
        base = here
        d, s = here.step()
        decrease = -float(here.gradient @ np.append(d, s - scale))
        converged = here.slope() <= tol or decrease <= 4 * eps * noise(here.value)
        v, scale = v + d, s
        caution = 0.1 * caution if 0.1 * caution > LEAST_CAUTION else 0.0
    if not converged and n_reads == most:
        warnings.warn(
            f"HuberRegressor has not converged after max_iter={most} reads of all rows. Increase "
            "max_iter, tol or epsilon.",
            ConvergenceWarning,
            stacklevel=2,
        )
    return HuberResult(v, scale, n_reads)


def _length(base: LossAround, here: LossAround) -> float:
    """Return the part of a step at whose end the loss is larger, by a cubic along the step."""
    step = np.append(here.v - base.v, here.scale - base.scale)
    begin, end = float(base.gradient @ step), float(here.gradient @ step)
    middle = begin + end - 3.0 * (here.value - base.value)
    inside = middle**2 - begin * end
    if not inside >= 0:
        return 0.25
    root = np.sqrt(inside)
    part = 1.0 - (end + root - middle) / (end - begin + 2.0 * root)
    return float(min(max(part, 0.05), 0.7)) if np.isfinite(part) else 0.25
