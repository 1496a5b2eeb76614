"""The curvature of a loss that depends on the scores of all columns, as softmax cross-entropy does.

The second derivative by the scores of a row is a matrix. It is given by numbers h (K,), which are
not negative. For softmax cross-entropy they are the probabilities, whose sum is 1::

    W = diag(h) - h h' / sum(h)

The loss does not change if the same number is added to all scores. So W has no curvature in this
direction, and the curvature of the mean loss could not be inverted. What stands for W here has a
typical curvature there, which changes no step, because gradients are 0 in this direction::

    W + trace(W) / K^2

An L1 penalty does have a gradient there. With this curvature the steps end where its sum over the
columns is 0. Without it, steps by the same subgradient would go on and on.

The curvature of the mean loss is a matrix of K D rows. It is kept as an array (K, K, D, D): a
symmetric block for each pair of columns.
"""

from __future__ import annotations

from typing import Any

from streamlearn._arrays import Array, device, namespace, weighted_products

PRODUCTS_BYTES = 16 << 20
"""Bytes of the weighted rows whose products are computed at a time."""


def total(x: Array) -> Array:
    """Return the sum over the columns of x (K,), in each column."""
    xp = namespace(x)
    return xp.zeros_like(x) + xp.sum(x)


def mean(x: Array) -> Array:
    """Return the mean over the columns of x (K,), in each column."""
    return total(x) / x.shape[0]


def times_scores(h: Array, q: Array) -> Array:
    """Return ``W q`` for each row, from h and q (n, K)."""
    xp, hq = namespace(h), h * q
    size = xp.sum(h, axis=1, keepdims=True)
    Wq = hq - h * (xp.sum(hq, axis=1, keepdims=True) / xp.where(size > 0.0, size, 1.0))
    return Wq + _typical(_own(h)) * xp.sum(q, axis=1, keepdims=True)


def along(h: Array, q: Array) -> Array:
    """Return ``q' W q`` for each row, from h and q (n, K), in each column, (n, K)."""
    xp, size = namespace(h), namespace(h).sum(h, axis=1, keepdims=True)
    # differences from the mean do not cancel, whatever all scores have in common
    away = q - xp.sum(h * q, axis=1, keepdims=True) / xp.where(size > 0.0, size, 1.0)
    bend = xp.sum(h * away * away, axis=1, keepdims=True)
    bend = bend + _typical(_own(h)) * xp.sum(q, axis=1, keepdims=True) ** 2
    return bend + xp.zeros_like(q)


def diagonal(h: Array) -> Array:
    """Return the diagonal of W for each row, from h (n, K)."""
    own = _own(h)
    return own + _typical(own)


def _own(h: Array) -> Array:
    xp, size = namespace(h), namespace(h).sum(h, axis=1, keepdims=True)
    # h - h^2 / size would cancel if one of them is nearly all
    others = xp.maximum(size - h, 0.0 * h)
    return h * (others / xp.where(size > 0.0, size, 1.0))


def _typical(own: Array) -> Array:
    return namespace(own).sum(own, axis=1, keepdims=True) / own.shape[1] ** 2


def products(Z: Array, h: Array) -> Array:
    """Return the sum of ``W`` times ``z z'`` over rows Z (n, D) with h (n, K), (K, K, D, D)."""
    xp, (n, K), D = namespace(Z), h.shape, Z.shape[1]
    own, size = _own(h), xp.sum(h, axis=1, keepdims=True)
    each = h / xp.sqrt(xp.where(size > 0.0, size, 1.0))
    step = max(1, PRODUCTS_BYTES // (8 * K * D))
    blocks: Any = 0.0
    cross: Any = 0.0
    for at in range(0, n, step):
        part = slice(at, min(at + step, n))
        V = xp.reshape(each[part, :, None] * Z[part, None, :], (-1, K * D))
        cross = cross + xp.matrix_transpose(V) @ V
        blocks = blocks + weighted_products(Z[part, :], own[part, :])
    # the difference of the diagonal blocks would cancel
    same = xp.eye(K, dtype=Z.dtype, device=device(Z))[:, :, None, None]
    H = same * blocks[:, None, :, :] - (1.0 - same) * in_blocks(cross, K)
    return H + xp.sum(blocks, axis=0) / K**2


def in_blocks(M: Array, K: int) -> Array:
    """Return a matrix of K D rows as blocks, (K, K, D, D)."""
    xp, D = namespace(M), M.shape[0] // K
    return xp.permute_dims(xp.reshape(M, (K, D, K, D)), (0, 2, 1, 3))


def as_matrix(M: Array) -> Array:
    """Return blocks (K, K, D, D) as one matrix of K D rows."""
    K, D = M.shape[1:3]
    return namespace(M).reshape(namespace(M).permute_dims(M, (0, 2, 1, 3)), (K * D, K * D))
