"""Document frequencies: in how many rows each feature occurs, exact and in one pass.

A row is a document, and its numbers count terms. `applied` weights the numbers of a row by the
inverse document frequencies, and divides the row by its length (Manning, Raghavan and Schütze,
Introduction to Information Retrieval, 2008, chapter 6).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from streamlearn._arrays import (
    Array,
    asarray,
    batch_rows,
    cast,
    default_int,
    device,
    entries,
    float_dtype,
    is_sparse,
    namespace,
    of_entries,
    rows_divided,
    stored,
    widest_float,
)
from streamlearn.core.learner import Learner
from streamlearn.core.mergeable import mergeable
from streamlearn.core.rowwise_maps import row_norms
from streamlearn.core.statistics.moments import or_one


class Frequencies(NamedTuple):
    """Counts of rows.

    Attributes
    ----------
    documents : array of int of shape (n_features,)
        The number of rows in which each feature occurs: is not 0, or is stored in a sparse row.
    rows : array of int of shape (1,)
        The number of rows.
    faults : array of int of shape (1,)
        The number of entries that are NaN or infinity.
    """

    documents: Array
    rows: Array
    faults: Array


class Weighting(NamedTuple):
    """How the counts of a row become weights.

    Attributes
    ----------
    norm : {"l1", "l2"} or None
        The length that each row has afterwards. None leaves rows as long as they are.
    use_idf : bool
        Whether to multiply by the inverse document frequency.
    smooth : bool
        Whether one more row that has every feature is counted.
    sublinear : bool
        Whether a count c becomes 1 + log(c).
    """

    norm: str | None = "l2"
    use_idf: bool = True
    smooth: bool = True
    sublinear: bool = False


class Weighted(NamedTuple):
    """The weights of rows as a function. ``idf`` (n_features,) is None if it is not used."""

    idf: Array | None
    norm: str | None
    sublinear: bool

    def __call__(self, X: Array) -> Array:
        """Return the weights of the rows of X, in their float dtype. Zeros stay 0."""
        X = cast(X, float_dtype(X))
        idf = () if self.idf is None else (_idf_like(self.idf, X),)
        if is_sparse(X):
            if self.sublinear or idf:
                (X,) = of_entries(X, self._of_entries, rows=idf)
        else:
            X = self._of_dense(X, *idf)
        if self.norm is None:
            return X
        return rows_divided(X, or_one(row_norms(X, self.norm)))

    def _of_entries(self, x: Array, idf: Array | None = None) -> Array:
        if self.sublinear:
            x = namespace(x).log(x) + 1.0
        return x if idf is None else x * idf

    def _of_dense(self, X: Array, *idf: Array) -> Array:
        """Return the weights of dense rows. Zeros stay 0, as if they were not stored."""
        if not self.sublinear and not idf:
            return X
        xp = namespace(X)
        made = self._of_entries(xp.where(X == 0, xp.ones_like(X), X), *idf)
        return xp.where(X == 0, X, made)


def _idf_like(idf: Array, X: Array) -> Array:
    return asarray(idf, like=X, dtype=X.dtype)


def init(params: Weighting, n_features: int, n_outputs: int = 1, *, like: Array) -> Frequencies:
    """Return the counts of no rows, in the library and on the device of ``like``."""
    xp, ints = namespace(like), default_int(like)

    def zeros(n: int) -> Array:
        return xp.zeros(n, dtype=ints, device=device(like))

    return Frequencies(zeros(n_features), zeros(1), zeros(1))


def of_block(params: Weighting, X: Array, weight: Array | None = None) -> Frequencies:
    """Return the counts of a block.

    Parameters
    ----------
    params : Weighting
        They do not matter here.
    X : array of shape (n_rows, n_features), or sparse rows
        The counts of terms. Every entry that a sparse row stores counts, also a 0.
    weight : None
        Rows have no weights.

    Returns
    -------
    Frequencies

    Examples
    --------
    >>> import numpy as np
    >>> of_block(Weighting(), np.asarray([[1.0, 0.0, 2.0], [3.0, 0.0, 0.0]]))
    Frequencies(documents=array([2, 0, 1]), rows=array([2]), faults=array([0]))
    """
    state = init(params, X.shape[1], like=X)
    ints = default_int(X)
    if is_sparse(X):
        found = asarray(stored(X), like=state.rows, dtype=ints)
        return Frequencies(found, state.rows + X.shape[0], state.faults + _faults(entries(X)))
    xp, step = namespace(X), batch_rows(X)
    for start in range(0, X.shape[0], step):
        rows = X[start : min(start + step, X.shape[0]), ...]
        found = xp.sum(xp.astype(rows != 0, ints), axis=0, dtype=ints)
        part = Frequencies(found, state.rows * 0 + rows.shape[0], state.rows * 0 + _faults(rows))
        state = merge(state, part)
    return state


def _faults(x: Array) -> Array:
    xp, ints = namespace(x), default_int(x)
    if not xp.isdtype(x.dtype, "real floating"):
        return xp.zeros(1, dtype=ints, device=device(x))
    return xp.reshape(xp.sum(xp.astype(~xp.isfinite(x), ints), dtype=ints), (1,))


def merge(a: Frequencies, b: Frequencies) -> Frequencies:
    """Return the counts of the rows of ``a`` and ``b``."""
    return Frequencies(*(x + y for x, y in zip(a, b, strict=True)))


def inverse(params: Weighting, state: Frequencies) -> Array:
    """Return the inverse document frequency of each feature, (n_features,), in the widest float.

    It is log(n / f) + 1, where n is the number of rows and f is the number of rows that have the
    feature. Both are one larger if ``smooth``.

    Examples
    --------
    >>> import numpy as np
    >>> state = of_block(Weighting(), np.asarray([[1.0, 0.0], [3.0, 2.0], [0.0, 1.0]]))
    >>> inverse(Weighting(smooth=False), state)
    array([1.40546511, 1.40546511])
    """
    xp, wide = namespace(state.rows), widest_float(state.rows)
    more = 1.0 if params.smooth else 0.0
    rows, documents = (xp.astype(x, wide) + more for x in (state.rows, state.documents))
    return xp.log(rows / documents) + 1.0


def applied(params: Weighting, state: Frequencies) -> Weighted:
    """Return the weights as a function of rows.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.asarray([[3.0, 4.0], [0.0, 1.0]])
    >>> applied(Weighting(use_idf=False), of_block(Weighting(), X))(X)
    array([[0.6, 0.8],
           [0. , 1. ]])
    """
    idf = inverse(params, state) if params.use_idf else None
    return Weighted(idf, params.norm, params.sublinear)


def n_features(state: Frequencies) -> int:
    """Return the number of features."""
    return int(state.documents.shape[0])


def is_finite(state: Frequencies) -> Array:
    """Return whether all entries were finite."""
    return namespace(state.faults).all(state.faults == 0)


def is_clean(state: Frequencies, n_rows: int) -> Array:
    """Return whether no entry was NaN or infinity."""
    return is_finite(state)


def is_empty(state: Frequencies) -> Array:
    """Return whether there were no rows."""
    return namespace(state.rows).all(state.rows == 0)


def learner(params: Weighting) -> Learner:
    """Return a mergeable learner with the weights ``params``."""
    more: dict[str, Any] = {"n_features": n_features, "is_finite": is_finite}
    return mergeable(
        params,
        init=init,
        of_block=of_block,
        merge=merge,
        applied=applied,
        is_clean=is_clean,
        is_empty=is_empty,
        sparse=True,
        **more,
    )
