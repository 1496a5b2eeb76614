"""An iteration of expectation maximization for normal components, as sums over rows that merge.

The expectation step gives each row x_i a responsibility r_ij of each component j, the softmax of
the logarithms of weighted densities [1]_. The maximization step needs, for each component::

    n_j = sum_i r_ij
    m_j = sum_i r_ij x_i / n_j
    S_j = sum_i r_ij (x_i - m_j) (x_i - m_j)'

Rows are centred by the mean of their own component before they are multiplied, and sums of
different rows are merged about their common mean. So no digit is lost far from zero, nor if the
components are far from each other.

References
----------
.. [1] A. P. Dempster, N. M. Laird and D. B. Rubin, "Maximum Likelihood from Incomplete Data via the
   EM Algorithm", Journal of the Royal Statistical Society B 39(1), 1977.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from streamlearn._arrays import (
    Array,
    batch_rows,
    cast,
    column_sums,
    dense,
    device,
    namespace,
    over_rows,
    summed,
    widest_float,
)
from streamlearn.core.batches import cut
from streamlearn.core.linear.links import sums_of_rows
from streamlearn.core.statistics.moments import or_one


class Sums(NamedTuple):
    """Sums over rows, in the widest float.

    Attributes
    ----------
    weight : array of shape (k,)
        n_j.
    mean : array of shape (k, d)
        m_j, rounded. It is 0 if n_j is 0.
    rest : array of shape (k, d)
        What rounding has taken from m_j. So differences of means far from zero lose no digit.
    scatter : array of shape (k, d, d), (1, d, d) or (k, d)
        S_j, or the sum of all S_j, or the diagonals of S_j.
    log_likelihood : array of shape (1,)
        The sum of the logarithms of the densities of rows.
    rows : array of shape (1,)
        The number of rows.
    """

    weight: Array
    mean: Array
    rest: Array
    scatter: Array
    log_likelihood: Array
    rows: Array


MATRICES = {"full": "each", "tied": "all", "diag": "", "spherical": ""}
"""Whether there is a matrix of each component, one of all components, or a diagonal of each."""


def init(kind: str, n_components: int, n_features: int, *, like: Array) -> Sums:
    """Return the sums of no rows. ``kind`` is a ``covariance_type``."""
    xp, k, d = namespace(like), n_components, n_features
    shapes = {"each": (k, d, d), "all": (1, d, d), "": (k, d)}
    return Sums(
        *(
            xp.zeros(shape, dtype=widest_float(like), device=device(like))
            for shape in ((k,), (k, d), (k, d), shapes[MATRICES[kind]], (1,), (1,))
        )
    )


def of_block(kind: str, scores: Callable[[Array], Array], n_components: int, X: Array) -> Sums:
    """Return the sums of the rows of X (m, d), with the responsibilities of a model.

    Parameters
    ----------
    kind : {"full", "tied", "diag", "spherical"}
    scores : callable
        A function of rows. It returns the logarithms of weighted densities, (m, k).
    n_components : int
        k.
    X : array of shape (m, d)

    Examples
    --------
    >>> import numpy as np
    >>> X = np.asarray([[1e8], [1e8 + 2]])
    >>> found = of_block("full", lambda rows: 0.0 * rows, 1, X)
    >>> found.mean - 1e8, found.scatter
    (array([[1.]]), array([[[2.]]]))
    """
    out = init(kind, n_components, X.shape[1], like=X)
    for batch in cut(X, None, None, seen=0, batch_size=batch_rows(X, extra=n_components)):
        rows = cast(dense(batch.X), out.mean.dtype)
        density, shares = responsibilities(scores(rows))
        found = of_shares(kind, rows, shares)
        out = merge(out, found._replace(log_likelihood=summed(density, axis=0)))
    return out


def of_given(kind: str, X: Array, shares: Array) -> Sums:
    """Return the sums of the rows of X (m, d), with responsibilities (m, k) that are given.

    Examples
    --------
    >>> import numpy as np
    >>> found = of_given("diag", np.asarray([[1.0], [5.0]]), np.asarray([[1.0, 0.0], [0.5, 0.5]]))
    >>> found.weight, found.mean
    (array([1.5, 0.5]), array([[2.33333333],
           [5.        ]]))
    """
    k = shares.shape[1]
    out = init(kind, k, X.shape[1], like=X)
    for batch in cut(X, shares, None, seen=0, batch_size=batch_rows(X, extra=k)):
        rows, r = (cast(dense(each), out.mean.dtype) for each in (batch.X, batch.target))
        out = merge(out, of_shares(kind, rows, r))
    return out


def responsibilities(scores: Array) -> tuple[Array, Array]:
    """Return the logarithm of the density of each row, (m, 1), and its responsibilities (m, k).

    ``scores`` (m, k) are the logarithms of weighted densities. The largest is subtracted first, so
    that exponentials neither overflow nor all become 0.

    Examples
    --------
    >>> import numpy as np
    >>> density, shares = responsibilities(np.asarray([[-1000.0, -1000.0]]))
    >>> density.round(3), shares
    (array([[-999.307]]), array([[0.5, 0.5]]))
    """
    xp = namespace(scores)
    most = xp.max(scores, axis=1, keepdims=True)
    shares = xp.exp(scores - most)
    total = sums_of_rows(shares)
    return most + xp.log(total), shares / total


def of_shares(kind: str, rows: Array, shares: Array) -> Sums:
    """Return the sums of dense rows (m, d) in the widest float, with responsibilities (m, k)."""
    xp, k = namespace(rows), shares.shape[1]
    zero = xp.zeros(1, dtype=rows.dtype, device=device(rows))
    if not rows.shape[0]:
        return init(kind, k, rows.shape[1], like=rows)
    weight = column_sums(shares)
    # The quotient of two numbers near the smallest float has no digits.
    info = xp.finfo(rows.dtype)
    known = weight > float(info.smallest_normal) / float(info.eps)
    weight = xp.where(known, weight, xp.zeros_like(weight))
    shares = xp.where(known, shares, xp.zeros_like(shares))
    per = 1.0 / or_one(weight)
    near = rows[0, :]
    near = near + (over_rows(xp.matrix_transpose(shares), rows - near)) * per[:, None]
    rests, parts = [], []
    for j in range(k):
        D, r = rows - near[j, :], shares[:, j]
        # What rounding has left of the mean is small, so that nothing cancels in its square.
        rest = over_rows(r, D) * per[j]
        rests.append(rest)
        if MATRICES[kind]:
            A = xp.sqrt(r)[:, None] * D
            of_one = over_rows(xp.matrix_transpose(A), A)
            parts.append(of_one - weight[j] * rest[:, None] * rest)
        else:
            parts.append(over_rows(r, D * D) - weight[j] * rest * rest)
    mean = xp.where(weight[:, None] > 0.0, near, xp.zeros_like(near))
    scatter = _one(xp.stack(parts)) if MATRICES[kind] == "all" else xp.stack(parts)
    return Sums(weight, mean, xp.stack(rests), scatter, zero, zero + rows.shape[0])


def _one(scatter: Array) -> Array:
    return namespace(scatter).sum(scatter, axis=0, keepdims=True)


def merge(a: Sums, b: Sums) -> Sums:
    """Return the sums of the rows of both, with responsibilities of the same model."""
    weight = a.weight + b.weight
    share = b.weight / or_one(weight)
    step = share[:, None] * (b.mean - a.mean)
    mean = a.mean + step
    by = (b.mean - a.mean) + (b.rest - a.rest)
    between = (a.weight * share)[:, None]
    scatter = a.scatter + b.scatter
    if a.scatter.ndim == 2:
        scatter = scatter + between * (by * by)
    else:
        more = between[:, :, None] * (by[:, :, None] * by[:, None, :])
        scatter = scatter + (more if scatter.shape[0] == more.shape[0] else _one(more))
    return Sums(
        weight,
        mean,
        ((a.mean - mean) + step) + (a.rest + share[:, None] * (b.rest - a.rest)),
        scatter,
        a.log_likelihood + b.log_likelihood,
        a.rows + b.rows,
    )
