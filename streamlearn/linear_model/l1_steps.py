"""Newton steps of linear models with an L1 penalty, on the host in float64.

Each read gives the loss as a quadratic around the present model, to second order. Its minimum with
the penalty is found exactly (`streamlearn.linear_model.l1_minimum`), with zeros that are exact, and
without a further read. Such proximal Newton steps converge as fast as those without the penalty,
because the quadratic is that of all rows [1]_.

References
----------
.. [1] J. D. Lee, Y. Sun and M. A. Saunders, "Proximal Newton-type methods for minimizing composite
   functions", SIAM Journal on Optimization 24(3), 2014.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import linalg

from streamlearn._estimator.unit_lengths import EPS
from streamlearn.linear_model.l1_minimum import Descent, Quadratic, with_l1
from streamlearn.linear_model.newton_reads import Coordinates, Objective


class L1Objective(NamedTuple):
    """A mean loss with penalties of squares and of magnitudes. Features must be scaled only.

    Attributes
    ----------
    smooth : Objective
        The part that has second derivatives.
    l1 : float
        The factor of the magnitudes of the coefficients.
    scaling : float
        If it is more than 0, there is the same penalty on the intercept divided by it. Then the
        features must not be centred.
    """

    smooth: Objective
    l1: float
    scaling: float = 0.0

    @property
    def of(self) -> Coordinates:
        """The coordinates."""
        return self.smooth.of

    def derivatives(
        self, v: np.ndarray, gradient: np.ndarray, hessian: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return derivatives without those of the L1 penalty, as `step` takes them."""
        K, D = v.shape
        if K > 1:
            # Softmax does not change with what all classes have in common, and the penalty does.
            # There a curvature that only stands in for 0 would make many small steps.
            blocks = hessian.reshape(K, D, K, D)
            hessian = (blocks - blocks.mean(axis=(0, 2), keepdims=True)).reshape(K * D, K * D)
        return self.smooth.derivatives(v, gradient, hessian)

    def penalty(self, v: np.ndarray) -> float:
        """Return the penalties of models v."""
        return self.smooth.penalty(v) + self._magnitudes(v)

    def _magnitudes(self, v: np.ndarray) -> float:
        total = float(np.abs(v[:, :-1] @ self.of.transform.T).sum())
        if self.scaling:
            total += float(np.abs(v[:, -1]).sum()) / self.scaling
        return self.l1 * total

    def decrease(self, v: np.ndarray, gradient: np.ndarray, step: np.ndarray) -> float:
        """Return how much less the objective is after a step, to first order of the loss."""
        change = self._magnitudes(v + step) - self._magnitudes(v)
        return -float(np.sum(gradient * step)) - change

    def slope(self, v: np.ndarray, gradient: np.ndarray) -> float:
        """Return the largest entry of the shortest subgradient."""
        w = v[:, :-1] @ self.of.transform.T
        largest = _shortest(w, gradient[:, :-1] @ self.of.back.T, self.l1)
        if not self.smooth.fit_intercept:
            return largest
        l1 = self.l1 / self.scaling if self.scaling else 0.0
        return max(largest, _shortest(v[:, -1], gradient[:, -1], l1))

    def step(self, v: np.ndarray, gradient: np.ndarray, hessian: np.ndarray) -> np.ndarray:
        """Return the step from v (K, D) to the minimum of the quadratic with the penalty."""
        K, D = v.shape
        # Each model by the numbers with one penalty: coefficients, and intercepts over `scaling`.
        unit = np.append(1.0 / np.diagonal(self.of.transform), self.scaling)
        penal = np.full((K, D), True)
        penal[:, -1] = self.scaling > 0
        at = np.flatnonzero(penal)
        unit = np.tile(unit, K)[at]
        start = v.reshape(-1)[at] / unit
        g, A = gradient.reshape(-1)[at], hessian[np.ix_(at, at)]
        before = np.diagonal(A).copy()
        out = np.zeros(K * D)
        free = np.flatnonzero(~penal) if self.smooth.fit_intercept else at[:0]
        if len(free):
            B, F = hessian[np.ix_(free, at)], hessian[np.ix_(free, free)]
            if K > 1:  # intercepts do not turn where they have no curvature: gradients are 0 there
                F = F + np.trace(F) / K**2
            size = np.sqrt(np.maximum(np.diagonal(F), np.finfo(float).tiny))
            solved = linalg.lstsq(
                F / size / size[:, None],
                np.column_stack([B, gradient.reshape(-1)[free]]) / size[:, None],
            )[0]
            solved /= size[:, None]
            A = A - B.T @ solved[:, :-1]
            g = g - B.T @ solved[:, -1]
        # Nothing but rounding is left of features that are constant.
        kept = np.diagonal(A) > 4 * D * EPS * before
        Q = np.where(kept & kept[:, None], unit * unit[:, None] * A, 0.0)
        q = np.where(kept, Q @ start - unit * g, 0.0)
        squares = np.where(kept, np.diagonal(Q), 1.0)
        of = Quadratic(Q, q, float(np.sum(q * q / squares)), 1.0, 1.0, 1.0)
        start = np.where(kept, start, 0.0)
        w = with_l1(of, [(self.l1, 0.0)], Descent(), start)[0].coef if q.any() else 0.0 * q
        out[at] = np.where(w != 0, unit * (w - start), -v.reshape(-1)[at])
        if len(free):
            out[free] = -(solved[:, -1] + solved[:, :-1] @ out[at])
        return out.reshape(K, D)


def _shortest(w: np.ndarray, g: np.ndarray, l1: float) -> float:
    """Return the largest entry of the shortest subgradient at w, from gradients without it."""
    at_zero = np.maximum(np.abs(g) - l1, 0.0)
    return float(np.where(w != 0, np.abs(g + l1 * np.sign(w)), at_zero).max(initial=0.0))
