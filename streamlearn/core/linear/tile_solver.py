"""The moves that a tile's rows make one after the other, found for all of them at once.

Scores and moves of a tile agree where ``p = p0 + A c`` and ``c = g(p)``; A is strictly lower
triangular, since only earlier moves enter a score. A sweep takes the moves at the scores and the
scores at the moves. Each makes at least one more row final, so that m sweeps are enough; a handful
is where a row moves the scores of the next ones little.

Where moves change smoothly with scores, with slopes ``h = -dg/dp``, a sweep is a step of Newton's
instead: the moves it takes, ``v`` with ``(I + diag(h) A) (v - u) = g(p) - u`` at the moves ``u``
before, are right to second order, and where g is a line exactly. That is a triangular system for
each column, which pays off for one. Without slopes both are the same.

The sweeps end when the moves at the scores are, to rounding, those that the scores were made with.
"""

from __future__ import annotations

from streamlearn._arrays import Array, apart, namespace, on_host, reads_are_free, solve_unit_lower
from streamlearn.core.linear.row_step import MoveTerms, are_curved, moves, slopes
from streamlearn.core.linear.sgd import Params

GROUP = 4
"""Sweeps between two looks at the result, where a look waits for a device."""

PATIENCE = 8
"""Sweeps of a tile with slopes; what they do not settle moves in jumps."""

ROUNDINGS = 4
"""Roundings of the largest move that moves may be off by."""

DIGITS = 0.7
"""Part of the digits from which on sweeps with slopes end where they come no nearer.

Scores far larger than what makes the moves, as of rows far from 0, leave them no more.
"""


def settle(
    params: Params, A: Array, p0: Array, goals: MoveTerms, *, curved: bool
) -> tuple[Array, Array, int] | None:
    """Return the scores and moves (m, K) that agree, and the sweeps taken; None if none do.

    Parameters
    ----------
    params : Params
    A : array of shape (m, m)
        What a move of each row adds to the score of each: strictly lower triangular.
    p0 : array of shape (m, K)
        Scores without any moves.
    goals : MoveTerms
    curved : bool
        Solve with slopes; see `by_slopes`.
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
    """Return whether sweeps for models (K, d) may solve with slopes."""
    return coef.shape[0] == 1 and on_host(coef) and are_curved(params)
