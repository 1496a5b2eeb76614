"""The solution for the moves of all rows of a tile at once.

The scores p and the moves c of a tile of m rows are the solution of

    p = p0 + A c            c = g(p)

A is strictly lower triangular, because only earlier moves change a score. A sweep computes the
moves at the scores, and then the scores from the moves. Each sweep makes at least one more row
final, so m sweeps are enough. A few are enough if each move changes the next scores little.

If g is differentiable with the slopes ``h = -dg/dp``, a sweep is a step of Newton's method instead.
From the moves u, with ``p = p0 + A u``, it computes the moves v that solve

    (I + diag(h) A) (v - u) = g(p) - u

They are right to second order, and exact if g is linear. This is a triangular system for each
column, which pays off only for a single column. Without slopes both kinds of sweep are the same.

The sweeps end when the moves at the scores equal, up to rounding, the moves from which the scores
were computed.
"""

from __future__ import annotations

from streamlearn._arrays import Array, apart, namespace, on_host, reads_are_free, solve_unit_lower
from streamlearn.core.linear.row_step import MoveTerms, are_curved, moves, slopes
from streamlearn.core.linear.sgd import Params

GROUP = 4
"""Sweeps between two checks of the result, if a check waits for a device."""

PATIENCE = 8
"""Sweeps with slopes in a tile. Moves that have not converged by then move in jumps."""

ROUNDINGS = 4
"""The error that is allowed in moves, in units of the rounding of the largest move."""

DIGITS = 0.7
"""The part of all digits that must agree before sweeps with slopes may end without convergence.

If rows are far from 0, scores are large, and moves cannot have more digits.
"""


def settle(
    params: Params, A: Array, p0: Array, goals: MoveTerms, *, curved: bool
) -> tuple[Array, Array, int] | None:
    """Solve for the scores and moves of a tile.

    Parameters
    ----------
    params : Params
    A : array of shape (m, m)
        The change of the score of row t by a unit move of row j, strictly lower triangular.
    p0 : array of shape (m, K)
        The scores without any moves.
    goals : MoveTerms
    curved : bool
        Whether to use slopes; see `by_slopes`.

    Returns
    -------
    tuple or None
        Scores p (m, K), moves c (m, K) and the number of sweeps. None if they do not converge.
    """
    group = 1 if reads_are_free(p0) else GROUP
    smooth, eps = are_curved(params), float(namespace(p0).finfo(p0.dtype).eps)
    p, u, before = p0, 0.0 * p0, 0.0
    for sweep in range(1, p0.shape[0] + group + 1):
        c = moves(params, p, goals)
        with_slopes = curved and sweep <= PATIENCE
        if sweep % group == 0:
            far, size = apart(c, u, measured=smooth)
            at_floor = with_slopes and 0.5 * before <= far <= eps**DIGITS * size
            if far <= ROUNDINGS * eps * size or at_floor:
                return p, c, sweep
            before = far
        u = u + solve_unit_lower(slopes(params, p, c, goals) * A, c - u) if with_slopes else c
        p = p0 + A @ u
    return None


def by_slopes(params: Params, coef: Array) -> bool:
    """Return whether sweeps for models ``coef`` (K, d) may use slopes."""
    return coef.shape[0] == 1 and on_host(coef) and are_curved(params)
