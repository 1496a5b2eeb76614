"""The damped curvature that Newton steps divide by: fed by rows, inverted, and solved under L1.

Arrays are over K columns and D = d + 1 features, the last for the intercept. H is (K, D, D), or
(K, D) where only its diagonal is kept. All works on features scaled to unit diagonal, which makes
it indifferent to their scales.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from streamlearn._arrays import (
    Array,
    column_sums,
    device,
    full_columns,
    is_sparse,
    namespace,
    of_entries,
    weighted_sums,
)
from streamlearn.core.linear.losses import TINY


class Curvature(NamedTuple):
    """What rows have shown of the curvature.

    Attributes
    ----------
    hessian : array of shape (K, D, D) or (K, D)
        Decaying mean of the rows' curvatures H.
    absolute, square : arrays of shape (K, D)
        Sums of a |z_j| and a^2 z_j^2 over the rows, of weights a.
    rows : array of shape ()
        Number of the rows.
    """

    hessian: Array
    absolute: Array
    square: Array
    rows: Array


class Damped(NamedTuple):
    """A curvature made safe to divide by: ``unit / (scale scale')``.

    Attributes
    ----------
    unit : array of shape (K, D, D) or (K, D)
        Unit diagonal, so that a diagonal is ones; the rows of features that are not known are those
        of the identity.
    scale : array of shape (K, D)
        0 for features that are not known, which must not move.
    """

    unit: Array
    scale: Array


def unknown(K: int, D: int, *, full: bool, like: Array) -> Curvature:
    """Return the curvature before any row."""
    xp = namespace(like)
    at = {"dtype": like.dtype, "device": device(like)}
    nothing = xp.zeros((K, D), **at)
    hessian = xp.zeros((K, D, D), **at) if full else nothing
    return Curvature(hessian, nothing, nothing, xp.zeros((), **at))


def feed(
    known: Curvature,
    X: Array,
    centre: Array,
    h: Array,
    a: Array | None,
    squared: Array | None,
    r: float,
) -> Curvature:
    """Return what is known after rows X (k, d) less the centre.

    ``h`` (k, K) are their weighted curvatures, ``a`` and ``squared``, (k, K) or (k, 1), their
    weights and the squares of these, None for 1; ``r`` is their weight in H. Sparse rows are for an
    H that is a diagonal.
    """
    xp, H, k = namespace(X), known.hessian, X.shape[0]
    h = (r / k) * h  # a number a row: H is as large as many rows are
    if is_sparse(X):
        a = xp.ones_like(h[:, :1]) if a is None else a
        fresh, absolute, square = _sparse_sums(X, centre, h, a, a if squared is None else squared)
    else:
        Z = xp.concat([X - centre, xp.ones_like(X[:, :1])], axis=1)
        size, ZZ = xp.abs(Z), Z * Z
        absolute = column_sums(size) if a is None else weighted_sums(a, size)
        square = column_sums(ZZ) if squared is None else weighted_sums(squared, ZZ)
        if H.ndim == 3:
            R = xp.sqrt(xp.matrix_transpose(h))[:, :, None] * Z
            fresh = xp.matrix_transpose(R) @ R
        else:
            fresh = weighted_sums(h, ZZ)
    rows = xp.asarray(known.rows + k)  # NumPy makes numbers of sums of such arrays
    return Curvature((1.0 - r) * H + fresh, known.absolute + absolute, known.square + square, rows)


def _sparse_sums(
    X: Array, centre: Array, h: Array, a: Array, a2: Array
) -> tuple[Array, Array, Array]:
    """Return ``h'(z z)``, ``a'|z|`` and ``(a a)'(z z)`` for z = X - centre, with ones last.

    A zero of X counts by its column's centre: as if all were zeros, the stored entries by what is
    different. Where a column has no zeros that would cancel, and nothing is added.
    """
    xp = namespace(X)
    full, rows = full_columns(X), [centre]
    if xp.any(full):
        rows.append(xp.where(full, 0.0, centre))
    zero = rows[-1]
    size, squared = xp.abs(zero), zero * zero
    absolute, square = of_entries(
        X,
        lambda x, c, *z: xp.abs(x - c) - xp.abs(z[-1] if z else c),
        lambda x, c, *z: (x - c) ** 2 - (z[-1] if z else c) ** 2,
        rows=rows,
    )

    def sums(G: Array, entries: Array, of_zero: Array) -> Array:
        total = column_sums(G)[:, None]
        return xp.concat([weighted_sums(G, entries) + total * of_zero, total], axis=1)

    return sums(h, square, squared), sums(a, absolute, size), sums(a2, square, squared)


def evenness(known: Curvature) -> Array:
    """Return the part of the rows that would tell as much at equal weights (Kish 1965), (K,)."""
    xp, n = namespace(known.rows), known.rows * known.square[:, -1]
    return xp.where(n > 0.0, known.absolute[:, -1] ** 2 / xp.where(n > 0.0, n, 1.0), 1.0)


def leverage(known: Curvature, X: Array, centre: Array) -> Array:
    """Return how much rows X (k, d) less the centre weigh among those known, (k, K).

    It is D on average. A row of a one-hot level is worth all rows over those of the level; features
    count as if they were independent.
    """
    xp, square = namespace(X), known.square
    rows, Z = square[:, -1:], X - centre
    weight = rows / xp.maximum(square, TINY * rows + TINY)
    return Z * Z @ xp.matrix_transpose(weight[:, :-1]) + 1.0


def damp(
    known: Curvature, ridge: Array, least: Array, prior: Array | float, most: float = inf
) -> Damped:
    """Return ``H + ridge + diag D``, D_j = min(1, prior / n_j) mean(h) mean(z_j^2).

    Parameters
    ----------
    known : Curvature
    ridge : array of shape (K, D)
    least : array of shape (D,)
        Features of no more mean square than this are left alone.
    prior : float or array of shape (K, 1)
        How many rows the damping stands for, D / 2 at most.
    most : float
        Rows there have been at most, where the host knows: no n_j is larger.
    """
    H, absolute, square, _ = known
    xp, D = namespace(H), H.shape[1]
    lost = 1.0
    if 2 * most > D:
        # how many rows feature j has effectively been seen in; from |z|, or tails make it small
        n = absolute * (absolute / xp.where(square > 0.0, square, 1.0))
        lost = prior / xp.maximum(n, prior)
        # copies of a feature stay as far apart as an inversion in this dtype can tell
        lost = xp.maximum(lost, 32 * xp.finfo(H.dtype).eps * D)
    diagonal = xp.linalg.diagonal(H) if H.ndim == 3 else H
    rows = square[:, -1:]
    second = square / xp.where(rows > 0.0, rows, 1.0)
    added = diagonal[:, -1:] * lost * second + ridge
    total = diagonal + added
    seen = (second > least) & (total > 0.0)
    scale = xp.where(seen, 1.0 / xp.sqrt(xp.where(seen, total, 1.0)), 0.0)
    if H.ndim == 2:
        return Damped(xp.ones_like(scale), scale)
    rest = xp.where(seen, scale * scale * added, 1.0)
    eye = xp.eye(D, dtype=H.dtype, device=device(H))
    return Damped(scale[:, :, None] * scale[:, None, :] * H + rest[:, :, None] * eye, scale)


def invert(damped: Damped) -> Array:
    """Return P, like H; rows and columns of features that are not known are 0."""
    unit, s = damped
    if unit.ndim == 2:
        return s * s
    return s[:, :, None] * s[:, None, :] * inverse(unit)


def inverse(M: Array) -> Array:
    """Return the inverse of positive definite matrices, (..., D, D).

    By blocks, since products are what libraries do fastest: at D = 501 6 ms instead of 17 by LU.
    """
    xp, k = namespace(M), M.shape[-1] // 2
    if k < 32:
        return xp.linalg.inv(M)
    A, B, C = M[..., :k, :k], M[..., :k, k:], M[..., k:, k:]
    A = inverse(A)
    AB = A @ B
    S = inverse(C - xp.matrix_transpose(B) @ AB)
    ABS = AB @ S
    upper = xp.concat([A + ABS @ xp.matrix_transpose(AB), -ABS], axis=-1)
    return xp.concat([upper, xp.concat([-xp.matrix_transpose(ABS), S], axis=-1)], axis=-2)


def times(s: Array, M: Array) -> Array:
    """Return ``s M`` of each column: (K, D) by symmetric (K, D, D), or by a diagonal (K, D)."""
    return (s[:, None, :] @ M)[:, 0, :] if M.ndim == 3 else s * M


def shrink(
    damped: Damped, at: Array, l1_subgradient: Array, a1: Array, n_steps: int
) -> tuple[Array, Array]:
    """Minimize a damped quadratic with an L1 penalty.

    Parameters
    ----------
    damped : Damped
        Curvature M.
    at, l1_subgradient : arrays of shape (K, D)
        Where the quadratic has the gradient ``-l1_subgradient``.
    a1 : array of shape (K, D)
        Strength of the penalty.
    n_steps : int
        Accelerated proximal gradient steps. With a diagonal M one is exact.

    Returns
    -------
    w : array of shape (K, D)
        Minimum of ``(w - at)' M (w - at) / 2 - l1_subgradient'w + a1'|w|``, with exact zeros.
    l1_subgradient : array of shape (K, D)
        The penalty's gradient there: a subgradient, within ``a1``, at zeros.

    References
    ----------
    Beck & Teboulle, "A fast iterative shrinkage-thresholding algorithm for linear inverse
    problems", 2009.
    """
    unit, s = damped
    xp = namespace(unit)
    seen = s > 0.0
    centre = xp.where(seen, at / xp.where(seen, s, 1.0), 0.0)
    pull, most = s * l1_subgradient, s * a1
    # the largest sum of a row bounds the largest eigenvalue
    size = xp.sum(xp.abs(unit), axis=-1) if unit.ndim == 3 else xp.ones_like(unit)
    length = 1.0 / xp.max(size, axis=1, keepdims=True)
    v = y = centre
    momentum = 1.0
    for _ in range(n_steps if unit.ndim == 3 else 1):
        z = y - length * (times(y - centre, unit) - pull)
        z = xp.sign(z) * xp.maximum(xp.abs(z) - length * most, 0.0)
        after = 0.5 * (1.0 + (1.0 + 4.0 * momentum**2) ** 0.5)
        y = z + (momentum - 1.0) / after * (z - v)
        v, momentum = z, after
    slope = times(v - centre, unit) - pull
    g = -slope / xp.where(seen, s, 1.0)
    return xp.where(seen, s * v, at), xp.maximum(xp.minimum(g, a1), -a1)
