"""Fill in missing numbers by the mean or the median of each feature, in one pass and in any order.

A given number or NaN means missing. The mean is that of `streamlearn.core.statistics.moments`,
whose sums are exact to the last digit or two of the widest float. The median is exact as long as
the different numbers of a feature fit into a summary of
`streamlearn.core.statistics.quantile_summary`. If they do not, its rank error is less than 0.1 %.
"""

from __future__ import annotations

from math import nan
from typing import Any, NamedTuple

from streamlearn._arrays import (
    Array,
    asarray,
    cast,
    columns_as_rows,
    concat,
    default_int,
    device,
    float_dtype,
    namespace,
    sorted_rows,
    to_numpy,
    with_counts,
)
from streamlearn.core.learner import Learner
from streamlearn.core.mergeable import mergeable
from streamlearn.core.statistics import (
    block_moments,
    block_summary,
    moments,
    quantile_summary,
    quantiles,
)


class Params(NamedTuple):
    """The parameters of filling in.

    Attributes
    ----------
    strategy : str
        "mean" or "median".
    missing : float or None
        The number that means missing. None means NaN.
    keep_empty : bool
        Fill features without any number with 0, instead of leaving them out.
    indicator : bool
        Add an indicator column for each feature that had missing numbers.
    size : int
        The number of numbers that the summary for the median keeps for each feature.
    """

    strategy: str = "mean"
    missing: float | None = None
    keep_empty: bool = False
    indicator: bool = False
    size: int = quantile_summary.SIZE


class Imputation(NamedTuple):
    """The state of each feature.

    Attributes
    ----------
    summary : Moments or QuantileSummary
        The statistics of the numbers that are not missing.
    present, missing : array of int of shape (n_features,)
        The count of numbers that are present, and of those that are missing.
    exact : array of shape (n_features,)
        The median of all rows if it is known without the summary, else NaN.
    """

    summary: moments.Moments | quantile_summary.QuantileSummary
    present: Array
    missing: Array
    exact: Array


def gaps(X: Array, missing: float | None) -> Array:
    """Return which numbers of X are missing.

    Examples
    --------
    >>> import numpy as np
    >>> gaps(np.asarray([[1, -1]]), -1)
    array([[False,  True]])
    """
    xp = namespace(X)
    if missing is not None:
        return missing == X
    if xp.isdtype(X.dtype, "real floating"):
        return xp.isnan(X)
    return xp.zeros(X.shape, dtype=xp.bool, device=device(X))


def init(params: Params, n_features: int, n_outputs: int = 1, *, like: Array) -> Imputation:
    """Return the state before any row, in the library and on the device of ``like``."""
    xp, there = namespace(like), device(like)
    nothing = xp.zeros(n_features, dtype=default_int(like), device=there)
    unknown = xp.full(n_features, nan, dtype=float_dtype(like), device=there)
    if params.strategy == "mean":
        summary: Any = moments.init(n_features, like=like)
    else:
        summary = quantile_summary.init(quantile_summary.Sketch(params.size), n_features, like=like)
    return Imputation(summary, nothing, nothing, unknown)


def of_block(params: Params, X: Array, weight: Array | None = None) -> Imputation:
    """Return the state of a block. Rows have no weights.

    Examples
    --------
    >>> import numpy as np
    >>> state = of_block(Params(), np.asarray([[1.0, np.nan], [3.0, 5.0]]))
    >>> state.missing, values(Params(), state)
    (array([0, 1]), array([2., 5.]))
    """
    xp, empty = namespace(X), init(params, X.shape[1], like=X)
    if X.shape[0] == 0:
        return empty
    X = cast(X, float_dtype(X))
    if params.missing is not None:
        X = xp.where(gaps(X, params.missing), asarray(nan, like=X), X)
    ints = empty.missing.dtype
    if params.strategy == "mean":
        found: Any = block_moments.of_block(X)
        missing = X.shape[0] - xp.astype(xp.round(found.weight + found.weight_low), ints)
    else:
        found = block_summary.of_block(quantile_summary.Sketch(params.size), X)
        missing = xp.astype(found.missing, ints)
    return empty._replace(summary=found, present=X.shape[0] - missing, missing=missing)


def merge(a: Imputation, b: Imputation) -> Imputation:
    """Return the state of the rows of ``a`` and ``b``."""
    of = moments.merge if isinstance(a.summary, moments.Moments) else quantile_summary.merge
    unknown = nan * namespace(a.exact).ones_like(a.exact)
    return Imputation(
        of(a.summary, b.summary),  # type: ignore[arg-type]
        a.present + b.present,
        a.missing + b.missing,
        unknown,
    )


def with_exact_median(params: Params, state: Imputation, X: Array) -> Imputation:
    """Return ``state`` with the exact medians of X, which must be all of its rows."""
    if params.strategy == "mean" or X.shape[0] <= params.size:
        return state
    xp, dtype, found = namespace(X), float_dtype(X), []
    for j in range(X.shape[1]):
        V, count = with_counts(sorted_rows(columns_as_rows(cast(X, dtype), j, j + 1, dtype)))
        if params.missing is not None:
            V = xp.where(gaps(V, params.missing), asarray(nan, like=V), V)
            V, count = with_counts(sorted_rows(V))
        n = int(count[0, 0])
        low, high = V[0, max(0, (n - 1) // 2)], V[0, max(0, n // 2)]
        found.append(low + (high - low) / 2 if n else asarray(nan, like=V[0, 0]))
    return state._replace(exact=xp.stack(found))


def values(params: Params, state: Imputation) -> Array:
    """Return the values that are filled in, (n_features,). Features that are left out have NaN."""
    xp = namespace(state.present)
    if isinstance(state.summary, moments.Moments):
        out = moments.mean(state.summary)
    else:
        median = quantiles.quantile(state.summary, [0.5])[0, :]
        out = xp.where(xp.isnan(state.exact), median, state.exact)
    empty = 0.0 if params.keep_empty else nan
    return xp.where(state.present > 0, out, empty * xp.ones_like(out))


class Filled(NamedTuple):
    """A function of rows that fills in missing numbers.

    Attributes
    ----------
    values : array of shape (n_features,)
        The numbers that are filled in, in the library of the rows.
    missing : float or None
        See `Params`.
    kept : array of int of shape (n_kept,), or None
        The features that are kept. None keeps all.
    features : array of int of shape (n_indicators,), or None
        The features that get an indicator column. None adds no column.
    """

    values: Array
    missing: float | None = None
    kept: Array | None = None
    features: Array | None = None

    def __call__(self, X: Array) -> Array:
        """Return the filled rows of X in their dtype. Integers become floats if values are."""
        xp = namespace(X)
        if xp.isdtype(self.values.dtype, "real floating"):
            X = cast(X, float_dtype(X))
        found = gaps(X, self.missing)
        out = xp.where(found, cast(self.values, X.dtype), X)
        if self.kept is not None:
            out = xp.take(out, self.kept, axis=1)
        if self.features is None:
            return out
        marks = xp.astype(xp.take(found, self.features, axis=1), out.dtype)
        return concat([out, marks], axis=1)


def applied(params: Params, state: Imputation) -> Filled:
    """Return the function of rows that fills in missing numbers.

    The features that are left out or get an indicator are read from the device. If parameters keep
    all features and add no indicator, nothing is read.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.asarray([[1.0, np.nan], [3.0, 5.0]])
    >>> applied(Params(indicator=True), of_block(Params(), X))(X)
    array([[1., 5., 1.],
           [3., 5., 0.]])
    """
    kept = features = None
    if not params.keep_empty:
        present = to_numpy(state.present) > 0
        if not present.all():
            kept = _places(present, state)
    if params.indicator:
        features = _places(to_numpy(state.missing) > 0, state)
    return Filled(values(params, state), params.missing, kept, features)


def _places(chosen: Any, state: Imputation) -> Array:
    return asarray(chosen.nonzero()[0], like=state.present)


def n_features(state: Imputation) -> int:
    """Return the number of features."""
    return state.present.shape[0]


def is_finite(state: Imputation) -> Array:
    """Return whether no row is known to have contained infinity."""
    of = moments if isinstance(state.summary, moments.Moments) else quantile_summary
    return of.is_finite(state.summary)


def is_clean(state: Imputation, n_rows: int) -> Array:
    """Return whether ``n_rows`` finite rows had no missing number."""
    return namespace(state.missing).all(state.missing == 0)


def is_empty(state: Imputation) -> Array:
    """Return whether no row has been seen."""
    return namespace(state.present).all(state.present + state.missing == 0)


def learner(params: Params) -> Learner:
    """Return a mergeable learner that fills in missing numbers with ``params``."""
    return mergeable(
        params,
        init=init,
        of_block=of_block,
        merge=merge,
        applied=applied,
        n_features=n_features,
        is_finite=is_finite,
        is_clean=is_clean,
        is_empty=is_empty,
    )
