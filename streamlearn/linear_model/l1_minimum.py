"""Least squares with an L1 penalty, from co-moments, on the host in float64.

For products Q of features and q of features and target, the minimum is that of::

    w'Qw / 2 - q'w + l1 |w|_1 + l2 |w|^2 / 2

Coordinate descent comes near to it quickly. Then feature-sign search [1]_ ends exactly there. It
solves the equations of the features that count, with the signs that they have. Features leave or
enter where a sign or the gradient asks for it. Each step makes the objective smaller, so the search
comes to an end. The coordinate descent is scikit-learn's.

References
----------
.. [1] H. Lee, A. Battle, R. Raina and A. Y. Ng, "Efficient sparse coding algorithms", NIPS 2006.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import linalg
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import enet_path

from streamlearn._estimator.unit_lengths import EPS, at_unit_length
from streamlearn.linear_model.least_squares import LIMIT, RIDGE_TOL, Problem, solve


class Descent(NamedTuple):
    """How coordinate descent runs, see `sklearn.linear_model.enet_path`."""

    max_iter: int = 1000
    tol: float = 1e-4
    positive: bool = False
    selection: str = "cyclic"
    random_state: Any = None


class Minimum(NamedTuple):
    """The minimum for one target.

    Attributes
    ----------
    coef : ndarray of shape (d,)
    gap : float
        What the objective may be above its minimum.
    n_iter : int
        The sweeps of coordinate descent.
    condition : float
        The condition number of the features that count, with the penalty.
    accurate : bool
        Whether all digits can be trusted that a decomposition of the rows would give.
    """

    coef: np.ndarray
    gap: float
    n_iter: int
    condition: float
    accurate: bool


class Quadratic(NamedTuple):
    """The sums of one target, with all features in the same unit.

    Attributes
    ----------
    xx : ndarray of shape (d, d)
    xy : ndarray of shape (d,)
    yy : float
    weight : float
        The sum of the weights of the rows.
    unit, y_unit : float
        Powers of two.
    root : tuple or None
        ``(R, r)``: ``R'R`` is ``xx``, and ``R'r`` is ``xy``, both to all digits.
    """

    xx: np.ndarray
    xy: np.ndarray
    yy: float
    weight: float
    unit: float
    y_unit: float
    root: tuple[np.ndarray, np.ndarray] | None = None

    @classmethod
    def of(cls, problem: Problem, target: int) -> Quadratic:
        """Return the sums of a target."""
        # A number that is lost against the largest unit has a coefficient of 0 by any penalty.
        unit = float(problem.unit[: problem.d].max())
        x = problem.unit[: problem.d] / unit
        root = problem.root
        if root is not None:
            root = root[0] * x, root[1][:, target]
        return cls(
            problem.xx * x * x[:, None],
            problem.xy[:, target] * x,
            float(problem.yy[target]),
            problem.weight,
            unit,
            float(problem.unit[problem.d + target]),
            root,
        )

    def penalties(self, alpha: float, l1_ratio: float) -> tuple[float, float]:
        """Return the penalties ``l1`` and ``l2`` of the sums."""
        scaled = alpha / self.unit * self.weight
        return scaled * l1_ratio / self.y_unit, scaled * (1.0 - l1_ratio) / self.unit

    def pull(self, w: np.ndarray) -> np.ndarray:
        """Return the negative gradient at w without the penalties."""
        if self.root is None:
            return self.xy - self.xx @ w
        R, r = self.root
        return R.T @ (r - R @ w)

    def gap(self, w: np.ndarray, l1: float, l2: float, *, positive: bool) -> float:
        """Return the duality gap at w, which is 0 at the minimum."""
        pull, y_fit = self.pull(w), float(self.xy @ w)
        squares = max(self.yy - y_fit - float(w @ pull), 0.0) + l2 * float(w @ w)
        slopes = pull - l2 * w
        norm = float(slopes.max() if positive else np.abs(slopes).max())
        part = l1 / norm if norm > l1 else 1.0
        gap = 0.5 * (1.0 + part * part) * squares + l1 * float(np.abs(w).sum())
        gap -= part * (self.yy - y_fit)
        return max(gap, 0.0)


def path(
    problem: Problem,
    target: int,
    alphas: Sequence[float],
    l1_ratio: float,
    how: Descent,
    start: np.ndarray | None = None,
) -> list[Minimum]:
    """Return the minimum for each penalty of ``alphas``, the largest first.

    The objective is half of the mean squared error with the penalties ``alpha * l1_ratio`` and
    ``alpha * (1 - l1_ratio)``.

    Parameters
    ----------
    problem : Problem
    target : int
        Which of its targets.
    alphas : sequence of float
        The penalties, 0 or more.
    l1_ratio : float
    how : Descent
    start : ndarray of shape (d,), optional
        The coefficients to begin with. By default they are 0.
    """
    of = Quadratic.of(problem, target)
    penalties = [of.penalties(alpha, l1_ratio) for alpha in alphas]
    n_l1 = sum(l1 > 0 for l1, _ in penalties)
    out = with_l1(of, penalties[:n_l1], how, start) if n_l1 else []
    one = problem._replace(
        xy=problem.xy[:, [target]],
        yy=problem.yy[[target]],
        unit=np.append(problem.unit[: problem.d], problem.unit[problem.d + target]),
        root=problem.root and (problem.root[0], problem.root[1][:, [target]]),
    )
    for alpha in alphas[n_l1:]:
        l2 = np.asarray([alpha * (1.0 - l1_ratio) * problem.weight])
        found = solve(one, l2, RIDGE_TOL, positive=how.positive)
        out.append(Minimum(found.coef[0], 0.0, 1, found.condition, found.accurate))
    return out


def with_l1(
    of: Quadratic,
    penalties: list[tuple[float, float]],
    how: Descent,
    start: np.ndarray | None,
) -> list[Minimum]:
    """Return the minima of `path`, whose L1 penalties are more than 0."""
    unit = of.y_unit / of.unit
    l1, l2 = penalties[0]
    with warnings.catch_warnings():
        # What coordinate descent leaves is done by the search.
        warnings.simplefilter("ignore", ConvergenceWarning)
        _, coefs, _, n_iter = enet_path(
            np.zeros((1, len(of.xy)), order="F"),  # only the number of its rows is used
            np.asarray([np.sqrt(of.yy)]),
            l1_ratio=l1 / (l1 + l2),
            alphas=np.sum(penalties, axis=1),
            precompute=np.ascontiguousarray(of.xx),
            Xy=of.xy,
            coef_init=None if start is None else start / unit,
            return_n_iter=True,
            check_input=False,
            **how._asdict(),
        )
    out = []
    for i, (l1, l2) in enumerate(penalties):
        w, condition, accurate = _search(of, l1, l2, coefs[:, i], positive=how.positive)
        gap = of.gap(w, l1, l2, positive=how.positive) / of.weight * of.y_unit * of.y_unit
        out.append(Minimum(w * unit, gap, int(n_iter[i]), condition, accurate))
    return out


def _search(
    of: Quadratic, l1: float, l2: float, w: np.ndarray, *, positive: bool
) -> tuple[np.ndarray, float, bool]:
    """Return the minimum near w, its condition number, and whether all digits are right."""
    d, condition, accurate = len(w), 1.0, True
    lengths = np.sqrt(np.diagonal(of.xx))
    sign = np.sign(w)
    for _ in range(4 * d + 16):
        at = np.flatnonzero(sign)
        if len(at):
            found = _solved(of, at, l1 * sign[at], l2)
            if found is None:
                step = _flat(of, at, sign[at], w[at])
                wrong = step * sign[at] < 0
            else:
                v, condition = found
                accurate = of.root is not None or condition * condition <= LIMIT
                step = v - w[at]
                wrong = v * sign[at] <= 0
            if wrong.any():
                # The objective is this parabola only as far as signs stay, and becomes smaller.
                share = np.where(wrong, -w[at] / np.where(wrong, step, 1.0), np.inf)
                w = w.copy()
                w[at] += share.min() * step
                w[at[share == share.min()]] = 0.0
                sign = np.where(w != 0, sign, 0.0)
                continue
            w = np.zeros(d)
            w[at] = v
        pull = of.pull(w)
        # What rounding leaves of the gradient where it is as large as the penalty.
        noise = 64 * EPS * lengths * (np.sqrt(of.yy) + lengths @ np.abs(w))
        excess = np.where(sign != 0, -1.0, (pull if positive else np.abs(pull)) - l1 - noise)
        enters = int(np.argmax(excess))
        if excess[enters] <= 0:
            break
        sign[enters] = np.sign(pull[enters])
    return w, condition, accurate


def _solved(
    of: Quadratic, at: np.ndarray, l1: np.ndarray, l2: float
) -> tuple[np.ndarray, float] | None:
    """Return the coefficients of some features with their signs, and the condition number.

    The result is None if they are not unique.
    """
    if of.root is None:
        A = of.xx[np.ix_(at, at)] + l2 * np.eye(len(at))
        size = np.sqrt(np.diagonal(A))
        if not size.all():
            return None
        C = A / size / size[:, None]
        try:
            factor = linalg.cho_factor(C, lower=True)
        except linalg.LinAlgError:
            return None
        norm = np.abs(C).sum(axis=0).max()
        share, _ = linalg.lapack.dpocon(factor[0], norm, uplo="L")
        if share <= 4 * len(at) * EPS:
            return None
        v = linalg.cho_solve(factor, (of.xy[at] - l1) / size) / size
        v += linalg.cho_solve(factor, (of.xy[at] - l1 - A @ v) / size) / size
        return v, float(1.0 / np.sqrt(share))
    R, r = of.root
    M = np.concatenate([R[:, at], np.sqrt(l2) * np.eye(len(at))])
    size = np.sqrt((M * M).sum(axis=0))
    if not size.all() or M.shape[0] < len(at):
        return None
    Q, T = linalg.qr(M / size, mode="economic")
    rcond, _ = linalg.lapack.dtrcon(T, norm="1", uplo="U")
    if rcond <= 4 * len(at) * EPS:
        return None
    b = Q[: len(r)].T @ r - linalg.solve_triangular(T, l1 / size, trans="T")
    return linalg.solve_triangular(T, b) / size, float(1.0 / rcond)


def _flat(of: Quadratic, at: np.ndarray, sign: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return a direction that changes no prediction, and does not make the L1 penalty larger.

    Some coefficient becomes smaller. If both ways are possible, it is one that is nearly 0.
    """
    _, vectors, size = at_unit_length(of.xx[np.ix_(at, at)])
    step = vectors[:, 0] / size
    slope = step @ sign
    if abs(slope) > 1e-9 * np.abs(step).sum():
        return -step if slope > 0 else step
    ratio = w / np.where(step != 0, step, np.inf)
    nearest = np.argmin(np.where(step != 0, np.abs(ratio), np.inf))
    return -step if ratio[nearest] > 0 or step[nearest] * sign[nearest] > 0 else step
