"""The curvature H of a mean loss, which is fed with rows.

Arrays have K columns and D = d + 1 features, the last for the intercept. H is (K, D, D), or (K, D)
if only its diagonal is kept. If the loss of a row depends on the scores of all columns, H is
(K, K, D, D), a block for each pair of columns (`joint_loss`). One column is shown. k rows z_i with
a last entry of 1, weights a_i and weighted curvatures h_i of the loss feed H with the weight r
(`fade`, `feed`)::

    H    <- (1 - r) H + (r / k) sum h_i z_i z_i'
    n_j   = (sum a_i |z_ij|)^2 / sum a_i^2 z_ij^2              sums over all rows so far

n_j is the number of rows in which feature j has effectively been seen.
"""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import (
    Array,
    column_sums,
    concat,
    device,
    full_columns,
    namespace,
    of_entries,
    weighted_products,
    weighted_sums,
)
from streamlearn.core.linear import joint_loss

PENDING = 4
"""Rows are pending if they are fewer than one for this number of features.

To multiply, to add or to send a matrix costs as much for a few rows as for hundreds.
"""

FEWEST_PUTTING_OFF = 128
"""The smallest D at which rows stay pending. A smaller matrix costs as little as they do."""


class Curvature(NamedTuple):
    """The curvature and sums over the rows that have fed it.

    Attributes
    ----------
    hessian : array of shape (K, K, D, D), (K, D, D) or (K, D), or None
        H, an exponentially weighted mean. None is a matrix of zeros.
    absolute, square : arrays of shape (K, D)
        The sums of a |z_j| and of a^2 z_j^2 over the rows.
    rows : array of shape ()
        The number of the rows.
    factor : array of shape (K,)
        The factor of ``hessian`` in H.
    pending, pending_h : arrays of shape (n, D) and (n, K)
        Rows z, less the centre, and their weighted curvatures h in H, which ``hessian`` does not
        contain: H is ``factor * hessian + sum h z z'``. There are none if H is a diagonal.
    """

    hessian: Array
    absolute: Array
    square: Array
    rows: Array
    factor: Array
    pending: Array
    pending_h: Array


def unknown(shape: tuple[int, ...], *, like: Array) -> Curvature:
    """Return the curvature before any row, with H of a shape."""
    xp = namespace(like)
    at = {"dtype": like.dtype, "device": device(like)}
    nothing = xp.zeros((shape[0], shape[-1]), **at)
    return of_sums(xp.zeros(shape, **at), nothing, nothing, xp.zeros((), **at))


def of_sums(hessian: Array, absolute: Array, square: Array, rows: Array) -> Curvature:
    """Return the curvature without pending rows."""
    xp = namespace(absolute)
    return Curvature(
        hessian,
        absolute,
        square,
        rows,
        xp.ones_like(absolute[:, 0]),
        absolute[:0, :],
        xp.matrix_transpose(absolute[:, :0]),
    )


def settled(known: Curvature) -> Curvature:
    """Return the curvature with the pending rows added to the matrix."""
    if known.hessian is not None and not known.pending.shape[0]:
        return known
    H = known.hessian
    more = products(known.pending, known.pending_h, joint=H is not None and H.ndim == 4)
    return with_matrix(known, more if H is None else by_column(known.factor, H) + more)


def with_matrix(known: Curvature, H: Array) -> Curvature:
    """Return the curvature with another H, a matrix."""
    return of_sums(H, known.absolute, known.square, known.rows)


def fade(known: Curvature, by: Array | float) -> Curvature:
    """Return the curvature with H times ``by``, a number or an array of shape (K,)."""
    H = known.hessian
    if H is None or _puts_off(H):
        return known._replace(factor=by * known.factor, pending_h=by * known.pending_h)
    return known._replace(hessian=by * H if isinstance(by, float) else by_column(by, H))


def by_column(factor: Array, H: Array) -> Array:
    """Return H times a factor for each column, (K,). Columns that are joint have the same."""
    return namespace(H).reshape(factor, (-1, *[1] * (H.ndim - 1))) * H


def _puts_off(H: Array) -> bool:
    return H.ndim > 2 and _width(H) >= FEWEST_PUTTING_OFF


def _width(H: Array) -> int:
    """Return the number of features of a matrix H, of all columns if they are joint."""
    return H.shape[-1] * (H.shape[0] if H.ndim == 4 else 1)


def _settled_if_many(known: Curvature) -> Curvature:
    n, D = known.pending.shape
    width = D if known.hessian is None else _width(known.hessian)
    return settled(known) if PENDING * n >= width else known


def feed(
    known: Curvature,
    Z: Array,
    h: Array,
    sizes: tuple[Array, Array],
    more: tuple[Array, Array] | None = None,
) -> Curvature:
    """Return the curvature after some rows, whose mean is added to H.

    Parameters
    ----------
    known : Curvature
    Z : array of shape (k, D)
        Rows less the centre, with a column of ones; see `centred`.
    h : array of shape (k, K)
        The weighted curvatures of the loss, times the weight of these rows in H.
    sizes : tuple of two arrays of shape (D,) or (K, D)
        Sums of a |z| and of a^2 z^2 over k rows, or their estimates by more rows.
    more : tuple of (array of shape (n, D), array of shape (n, K)), optional
        Rows z whose curvature is added to H, a matrix, with weights h. They are not counted.

    Returns
    -------
    Curvature
        If H is a large matrix, the rows are pending.
    """
    h = h / Z.shape[0]  # one factor for each row costs less than one for all numbers of H
    known = _counted(known, Z.shape[0], *sizes)
    if known.hessian.ndim == 2:
        return known._replace(hessian=known.hessian + weighted_sums(h, Z * Z))
    if more is not None:
        h = concat([h + namespace(h).zeros_like(more[1][:1, :]), more[1]])
        Z = concat([Z, more[0]])
    return with_rows(known, Z, h)


def feed_sparse(
    known: Curvature, X: Array, centre: Array, h: Array, a: Array | None, squared: Array | None
) -> Curvature:
    """Return the curvature, whose H is a diagonal, after sparse rows X (k, d) less a centre (d,).

    The other parameters are those of `feed`.
    """
    k, a = X.shape[0], namespace(h).ones_like(h[:, :1]) if a is None else a
    h, absolute, square = _sparse_sums(X, centre, h / k, a, a if squared is None else squared)
    return _counted(known, k, absolute, square)._replace(hessian=known.hessian + h)


def _counted(known: Curvature, k: int, absolute: Array, square: Array) -> Curvature:
    return known._replace(
        absolute=known.absolute + absolute,
        square=known.square + square,
        rows=namespace(square).asarray(known.rows + k),  # NumPy's sum of a 0-d array is a scalar
    )


def with_rows(known: Curvature, Z: Array, h: Array) -> Curvature:
    """Return the curvature with rows z (n, D) and their h (n, K) added to H, a matrix."""
    H = known.hessian
    if H is not None and not _puts_off(H):
        return known._replace(hessian=H + products(Z, h, joint=H.ndim == 4))
    if known.pending.shape[0]:
        Z, h = concat([known.pending, Z]), concat([known.pending_h, h])
    return _settled_if_many(known._replace(pending=Z, pending_h=h))


def both(a: Curvature, b: Curvature) -> Curvature:
    """Return the sum of two curvatures whose H is a matrix."""
    known = [by_column(c.factor, c.hessian) for c in (a, b) if c.hessian is not None]
    # NumPy's sum of 0-d arrays is a scalar
    rows = namespace(a.rows).asarray(a.rows + b.rows)
    H = sum(known[1:], known[0]) if known else None
    out = of_sums(H, a.absolute + b.absolute, a.square + b.square, rows)
    pending, h = concat([a.pending, b.pending]), concat([a.pending_h, b.pending_h])
    return _settled_if_many(out._replace(pending=pending, pending_h=h))


def about(known: Curvature, v: Array) -> Curvature:
    """Return the curvature, whose H is a matrix, for rows less a centre that has moved by v (1, D).

    The last entry of v is 0. The sums over the rows stay as they are.
    """
    known = settled(known)
    xp, H = namespace(known.hessian), known.hessian
    u = H[..., -1, :] - 0.5 * H[..., -1:, -1] * v
    u, v = u[..., None, :], (v + 0.0 * u)[..., None, :]
    both = xp.matrix_transpose(xp.concat([u, v], axis=-2)) @ xp.concat([v, u], axis=-2)
    return known._replace(hessian=H - both)


def weighted_sizes(Z: Array, a: Array | None, squared: Array | None) -> tuple[Array, Array]:
    """Return the sums of a |z| and of a^2 z^2 over rows Z (k, D), each (D,) or (K, D).

    ``a`` and ``squared`` (k, K) or (k, 1) are the weights and their squares. None means 1.
    """
    size, square = namespace(Z).abs(Z), Z * Z
    return (
        column_sums(size) if a is None else weighted_sums(a, size),
        column_sums(square) if squared is None else weighted_sums(squared, square),
    )


def centred(X: Array, centre: Array) -> Array:
    """Return rows (m, d) less a centre, with a column of ones for the intercept, (m, D)."""
    xp = namespace(X)
    return xp.concat([X - centre, xp.ones_like(X[:, :1])], axis=1)


def products(Z: Array, h: Array, *, joint: bool) -> Array:
    """Return the sum of h z z' over rows, (K, D, D). If columns are joint, it is (K, K, D, D)."""
    return joint_loss.products(Z, h) if joint else weighted_products(Z, h)


def _sparse_sums(
    X: Array, centre: Array, h: Array, a: Array, a2: Array
) -> tuple[Array, Array, Array]:
    """Return the sums of ``h z^2``, ``a |z|`` and ``a2 z^2`` over rows z = X - centre, (K, D).

    The last feature is 1. The sums are computed as if all entries of X were zeros, and stored
    entries add the difference. In a column without zeros this would cancel, so there each entry
    adds its own term.
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
    """Return Kish's effective sample size (1965) as a part of the number of rows, (K,)."""
    xp, total, square = namespace(known.rows), known.absolute[:, -1], known.square[:, -1]
    seen = square > 0.0
    part = total / xp.where(known.rows > 0.0, known.rows, 1.0)  # the total's square may overflow
    # it is at most 1, but the sum of squares is bounded before it overflows
    return xp.where(
        seen, xp.minimum(part * (total / xp.where(seen, square, 1.0)), xp.ones_like(part)), 1.0
    )


def leverage(square: Array, Z: Array, unit: float = 1.0) -> Array:
    """Return ``unit`` times the leverage of rows, (k, K).

    Rows Z (k, D) are less the centre, with a last entry of 1.

    ``square`` (K, D) are the sums of z_j^2 over all rows so far.

    It is ``1 + sum_j z_j^2 / mean(z_j^2)``, where the means are over all rows so far: as if the
    features were independent. Its average is D. A one-hot level adds the number of all rows over
    the number of its rows.
    """
    xp, rows = namespace(Z), square[:, -1:]
    least = 4 * float(xp.finfo(square.dtype).smallest_normal)  # the quotient stays finite
    weight = unit * rows / xp.maximum(square, least * rows + least)
    return Z * Z @ xp.matrix_transpose(weight)


def mean_curvature(known: Curvature) -> Array:
    """Return the mean of h, the last entry of the diagonal of H, (K,)."""
    H, h = known.hessian, known.pending_h
    if H.ndim == 2:
        return H[:, -1]
    corner = H[..., -1, -1]
    if H.ndim == 4:
        corner, h = namespace(H).linalg.diagonal(corner), joint_loss.diagonal(h)
    return known.factor * corner + column_sums(h)


def diagonal(known: Curvature) -> Array:
    """Return the diagonal of H, (K, D)."""
    H = known.hessian
    if H.ndim == 2:
        return H
    total, Z = known.factor[:, None] * diagonal_of(H), known.pending
    if not Z.shape[0]:
        return total
    h = known.pending_h
    return total + weighted_sums(joint_loss.diagonal(h) if H.ndim == 4 else h, Z * Z)


def diagonal_of(M: Array) -> Array:
    """Return the diagonal of a matrix in a shape of H, (K, D)."""
    xp = namespace(M)
    if M.ndim == 4:
        M = xp.permute_dims(xp.linalg.diagonal(xp.permute_dims(M, (2, 3, 0, 1))), (2, 0, 1))
    return xp.linalg.diagonal(M)


def product(s: Array, known: Curvature) -> Array:
    """Return ``s H`` for each column, (K, D)."""
    H, Z = known.hessian, known.pending
    if H.ndim == 2:
        return s * H
    total = known.factor[:, None] * times(s, H)
    if not Z.shape[0]:
        return total
    h, q = known.pending_h, Z @ namespace(Z).matrix_transpose(s)
    return total + weighted_sums(joint_loss.times_scores(h, q) if H.ndim == 4 else h * q, Z)


def mean_squares(square: Array) -> Array:
    """Return the mean squares of the features from their sums, (K, D)."""
    rows = square[:, -1:]
    return square / namespace(rows).where(rows > 0.0, rows, 1.0)


def times(s: Array, M: Array) -> Array:
    """Return ``s M`` for each column, (K, D), M in a shape of H: for each pair of them if joint."""
    if M.ndim == 2:
        return s * M
    if M.ndim == 3:
        return (s[:, None, :] @ M)[:, 0, :]
    return namespace(M).sum((s[:, None, None, :] @ M)[:, :, 0, :], axis=0)
