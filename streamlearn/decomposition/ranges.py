"""Main directions of rows with many features, by a randomized range finder.

The covariance C of the rows is never formed. Random vectors are multiplied by it in the first read.
Each further read multiplies an orthonormal basis of the last result. From a basis V and its product
``W = C V`` follow the components, those of Nystroem's approximation ``W inv(V' W) W'`` [1]_. They
are those of scikit-learn's randomized SVD [2]_ with one power iteration less than there were reads:
there the same product takes two multiplications by the rows, and here one read does both.

References
----------
.. [1] J. A. Tropp, A. Yurtsever, M. Udell and V. Cevher, "Fixed-rank approximation of a
   positive-semidefinite matrix from streaming data", NIPS 2017.
.. [2] N. Halko, P.-G. Martinsson and J. A. Tropp, "Finding structure with randomness: probabilistic
   algorithms for constructing approximate matrix decompositions", SIAM Review 53(2), 2011.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from scipy import linalg
from sklearn.utils import check_random_state

from streamlearn._arrays import asarray, to_numpy
from streamlearn.core.statistics import range_sums
from streamlearn.core.statistics.range_sums import RangeSums
from streamlearn.decomposition.settings import ComponentSettings, Decomposition

MANY = 5_000
"""The number of features up to which a matrix of features times features is kept by default."""

NOT_FINITE = "The products of rows are not finite. Scale X, for example with StandardScaler."


class RandomVectors(NamedTuple):
    """The first vectors (d, l): scikit-learn's draws.

    Attributes
    ----------
    seed : int
    width : int
        l. There are as many vectors as features if these are fewer.
    """

    seed: int
    width: int

    def __call__(self, n_features: int) -> np.ndarray:
        """Return the vectors for rows of some features."""
        return drawn(self.seed, min(self.width, n_features), n_features)


@lru_cache(maxsize=2)
def drawn(seed: int, width: int, n_features: int) -> np.ndarray:
    """Return random vectors (n_features, width), which nothing may change.

    Each block and each merge asks for them. To draw them can take longer than to multiply them.
    """
    out = np.random.RandomState(seed).normal(size=(n_features, width))
    out.flags.writeable = False
    return out


def seed_of(random_state: Any) -> int:
    """Return the seed of the first vectors. The seed of an int is the int, as in scikit-learn."""
    if isinstance(random_state, Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def basis_of(products: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis of the columns, (d, l)."""
    unit = np.abs(products).max(initial=0.0) or 1.0
    return np.linalg.qr(products / unit)[0]


def products_of(state: RangeSums, vectors: np.ndarray, *, centred: bool) -> np.ndarray:
    """Return W on the host, of rows less their means if ``centred``.

    Raises
    ------
    ValueError
        If a product is not finite.
    """
    W = state.products
    if not centred:
        with np.errstate(over="ignore", invalid="ignore"):
            W = range_sums.about_zero(state, asarray(vectors, like=state.mean))
    out = to_numpy(W).astype(np.float64)
    if not np.isfinite(out).all():
        raise ValueError(NOT_FINITE)
    return out


def directions_of(V: np.ndarray, W: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the singular values (l,) and the directions (l, d) by a basis and its products.

    Examples
    --------
    >>> import numpy as np
    >>> V, C = np.eye(3)[:, :2], np.diag([9.0, 4.0, 0.0])
    >>> directions_of(V, C @ V)[0]
    array([3., 2.])
    """
    unit = np.abs(W).max(initial=0.0) or 1.0
    W = W / unit
    # A shift in the size of rounding makes V'W positive definite. It is subtracted at the end.
    shift = np.sqrt(len(W)) * np.finfo(np.float64).eps * max(float(np.sqrt(np.sum(W * W))), 1e-300)
    shifted = W + shift * V
    inner = V.T @ shifted
    root = _root((inner + inner.T) / 2)
    U, values, _ = np.linalg.svd(linalg.solve_triangular(root, shifted.T, lower=True).T, False)
    found = np.sqrt(np.maximum(values**2 - shift, 0.0) * unit)
    at = np.argmax(np.abs(U), axis=0)
    signs = np.where(U[at, np.arange(U.shape[1])] < 0, -1.0, 1.0)
    return found, (U * signs).T


def _root(A: np.ndarray) -> np.ndarray:
    """Return the lower triangular root of a matrix that is positive definite up to rounding."""
    more = np.finfo(np.float64).eps * max(float(np.trace(A)), 1e-300)
    for _ in range(40):
        try:
            return linalg.cholesky(A, lower=True)
        except linalg.LinAlgError:
            A, more = A + more * np.eye(len(A)), 4 * more
    raise ValueError(NOT_FINITE)


def decomposed(asked: ComponentSettings, state: RangeSums, vectors: np.ndarray) -> Decomposition:
    """Return the components by the last read and its vectors (d, l)."""
    n, d = round(float(to_numpy(state.weight)[0])), len(vectors)
    W = products_of(state, vectors, centred=asked.centred)
    r = min(n, d)
    k = min(r if asked.n_components is None else int(asked.n_components), d)
    values, directions = directions_of(vectors, W)
    values[max(n - 1, 0) if asked.centred else n :] = 0.0  # as is known without them
    k = min(k, len(values))
    squares = float(to_numpy(state.squares).astype(np.float64).sum())
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if asked.centred:
            rest = max(n - 1, 1)
            variances, total = values[:k] ** 2 / rest, squares / rest
            noise = (total - variances.sum()) / max(r - k, 1) if k < r else 0.0
        else:
            mean = to_numpy(range_sums.mean_of(state)).astype(np.float64)
            n = max(n, 1)
            variances = np.maximum(values[:k] ** 2 / n - (directions[:k] @ mean) ** 2, 0.0)
            total, noise = squares / n, 0.0
        ratio = variances / np.float64(total)
    return Decomposition(
        directions[:k], variances, ratio, values[:k], max(float(noise), 0.0), n, True
    )


def found_in_reads(
    read: Callable[[np.ndarray], RangeSums],
    state: RangeSums,
    vectors: np.ndarray,
    n_reads: int,
    *,
    centred: bool,
) -> tuple[RangeSums, np.ndarray]:
    """Return the sums of the last of further reads, and its vectors.

    Parameters
    ----------
    read : callable
        ``(vectors) -> RangeSums``. It reads all rows.
    state, vectors : RangeSums and ndarray of shape (d, l)
        The sums and the vectors of the first read.
    n_reads : int
        The number of further reads.
    centred : bool
    """
    for _ in range(n_reads):
        vectors = basis_of(products_of(state, vectors, centred=centred))
        state = read(vectors)
    return state, vectors
