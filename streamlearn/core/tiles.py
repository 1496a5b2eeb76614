"""What row-by-row steps of a tile of rows need that does not depend on the models.

See `streamlearn.core.rowwise` for what is done with it.
"""

from __future__ import annotations

from typing import NamedTuple

from streamlearn.backend import Array, device, namespace
from streamlearn.core.linear import Params
from streamlearn.core.rowsteps import PASSIVE, Rows

LEAST_PRODUCT = 1e-3
"""Product of a tile's decays down to which the products in between are quotients of it."""


class Tiles(NamedTuple):
    """What several tiles of m rows need for their sweeps and results; k is 1 or K.

    Attributes
    ----------
    A : array of shape (T, m, m), or (T, K, m, m) where columns decay each by itself
        What the moves before a row add to its score: strictly lower triangular.
    first : array of shape (T, m, k)
        Product of the decays before each row.
    last : array of shape (T, 1 + m, k)
        Product of all decays, and of those after each row.
    mean : array of shape (T, 1 + m, k), or None
        How often the first models, and each move, are in the sum of the counted iterates.
    norm : array of shape (T, 1 + m, k), or None
        The same for their squared norms before each row.
    """

    A: Array
    first: Array
    last: Array
    mean: Array | None
    norm: Array | None


def tiles_of(params: Params, rows: Rows, m: int) -> Tiles:
    """Return what the tiles of m rows need that does not depend on the models."""
    xp = namespace(rows.X)
    X = xp.reshape(rows.X, (-1, m, rows.X.shape[1]))
    T = X.shape[0]
    decay = None if rows.decay is None else xp.reshape(rows.decay, (T, m, -1))
    R = between(decay, m, like=X)
    G = X @ xp.matrix_transpose(X)
    A = (G if R.ndim == 3 else G[:, None, :, :]) * R[..., :m, 1:]
    if params.fit_intercept:
        A = A + xp.tril(xp.ones_like(G[0, :, :]), k=-1)
    mean = norm = None
    if params.average > 0:
        counts = rows.kept * xp.astype(rows.order >= 1.0, X.dtype)
        mean = _sums(counts, R[..., 1:, :])
    if decay is not None and params.learning_rate not in PASSIVE:
        norm = _sums(rows.kept, R[..., :m, :] ** 2)
    parts = (R[..., :m, 0], R[..., m, :], mean, norm)
    first, last, mean, norm = (a if a is None else _columns_last(a, T) for a in parts)
    assert first is not None
    assert last is not None
    return Tiles(A, first, last, mean, norm)


def between(decay: Array | None, m: int, *, like: Array) -> Array:
    """Return the products of the decays between the rows of tiles.

    Parameters
    ----------
    decay : array of shape (T, m, k), or None
        None for decays of 1.
    m : int
    like : array

    Returns
    -------
    array of shape (T, m + 1, m + 1), (T, K, m + 1, m + 1) if k is K > 1, or (1, m + 1, m + 1)
        Where ``j <= t``, element ``(t, j)`` is the product of the decays of rows j to t - 1, the
        first row being row 0; elsewhere 0.
    """
    xp = namespace(like)
    ones = xp.ones((m + 1, m + 1), dtype=like.dtype, device=device(like))
    if decay is None:
        return xp.tril(ones)[None, :, :]
    d = xp.permute_dims(decay, (0, 2, 1))
    d = xp.concat([xp.ones_like(d[..., :1]), d], axis=2)
    d = d[:, 0, :] if d.shape[1] == 1 else d
    product = xp.cumulative_prod(d, axis=-1)
    if bool(xp.all(product[..., m] >= LEAST_PRODUCT)):
        # A fifth of the time of the products themselves.
        return xp.tril(product[..., :, None] / product[..., None, :])
    # A product may reach 0, by which nothing can be divided.
    d = xp.where(xp.tril(ones, k=-1) > 0.0, d[..., :, None], 1.0)
    return xp.tril(xp.cumulative_prod(d, axis=-2))


def _sums(weight: Array, R: Array) -> Array:
    """Return the sums over rows (m, 1), tile by tile, of (T, m, j) or (T, K, m, j)."""
    shape = (-1, 1, R.shape[-2]) if R.ndim == 3 else (-1, 1, 1, R.shape[-2])
    return (namespace(R).reshape(weight, shape) @ R)[..., 0, :]


def _columns_last(a: Array, T: int) -> Array:
    """Return (T or 1, j) as (T, j, 1), and (T, K, j) as (T, j, K)."""
    xp = namespace(a)
    if a.ndim == 3:
        return xp.permute_dims(a, (0, 2, 1))
    return xp.broadcast_to(a, (T, a.shape[1]))[:, :, None]
