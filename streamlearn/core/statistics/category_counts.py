"""How often each category of each feature occurs in each class: counts that merge in any order.

A feature holds the numbers 0, 1, 2 and so on, one for each category. So the counts of a feature are
a table of classes and categories, which grows with the largest number. Each merge keeps the
rounding error of its sums, as in `streamlearn.core.statistics.moments`.
"""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import (
    Array,
    batch_rows,
    cast,
    default_int,
    device,
    float_dtype,
    namespace,
    to_numpy,
    weights_by_label,
    widest_float,
)
from streamlearn.core.learner import Learner
from streamlearn.core.mergeable import mergeable
from streamlearn.core.statistics.moments import two_part_sum

MOST_CATEGORIES = 1_000_000
"""The largest number of categories of a feature. More would fill the memory of a worker."""

ENTRIES = 4
"""How many times as many numbers as entries of the tables are counted at a time."""


class Params(NamedTuple):
    """The number of classes."""

    n_classes: int


class CategoryCounts(NamedTuple):
    """The weighted counts of some rows.

    Attributes
    ----------
    counts : tuple of arrays of shape (n_classes, n_categories)
        The sum of the weights, for each feature.
    weight : array of shape (n_classes,)
        The sum of the weights of the rows.
    least : array of shape (n_features,)
        The smallest number if it is negative, else 0. It is NaN if not all numbers are finite.
    counts_low, weight_low : tuple of arrays, and array
        The rounding errors of the sums, which have to be added to them.
    """

    counts: tuple[Array, ...]
    weight: Array
    least: Array
    counts_low: tuple[Array, ...]
    weight_low: Array


def init(params: Params, n_features: int, n_outputs: int = 1, *, like: Array) -> CategoryCounts:
    """Return the counts of no rows, in the library and on the device of ``like``."""
    xp, k = namespace(like), params.n_classes
    none, weight, least = (
        xp.zeros(shape, dtype=widest_float(like), device=device(like))
        for shape in ((k, 0), (k,), (n_features,))
    )
    return CategoryCounts((none,) * n_features, weight, least, (none,) * n_features, weight)


def of_block(params: Params, X: Array, weight: Array | None, codes: Array) -> CategoryCounts:
    """Return the counts of a block, whose rows have the ``codes`` of classes, (n_rows,).

    Raises
    ------
    ValueError
        If a number is `MOST_CATEGORIES` or more.

    Examples
    --------
    >>> import numpy as np
    >>> X, codes = np.asarray([[2, 0], [0, 1], [2, 1]]), np.asarray([0, 0, 1])
    >>> of_block(Params(2), X, None, codes).counts
    (array([[1., 0., 1.],
           [0., 0., 1.]]), array([[1., 1.],
           [0., 1.]]))
    """
    (m, d), k = X.shape, params.n_classes
    total, start, rows = init(params, d, like=X), 0, batch_rows(X)
    while start < m:
        at = slice(start, min(start + rows, m))
        of = None if weight is None else weight[at]
        total = merge(total, _of_rows(params, total, X[at, :], of, codes[at]))
        # A column of many rows is far apart in memory: slices of rows stay in a cache. But each
        # slice makes tables, so that it has more numbers than they have.
        entries = k * sum(table.shape[1] for table in total.counts)
        start, rows = at.stop, max(rows, ENTRIES * entries // max(d, 1))
    return total


def _of_rows(
    params: Params, like: CategoryCounts, X: Array, weight: Array | None, codes: Array
) -> CategoryCounts:
    """Return the counts of a few rows, in the dtype of other counts."""
    xp, k, dtype = namespace(X), params.n_classes, like.weight.dtype
    at, least = categories(X)
    widths = [int(most) + 1 for most in to_numpy(xp.max(at, axis=0)).tolist()]
    if max(widths) > MOST_CATEGORIES:
        raise too_large(widths.index(max(widths)))
    codes = cast(codes, at.dtype)
    tables = [
        weights_by_label(codes * width + at[:, j], k * width, weight, dtype)
        for j, width in enumerate(widths)
    ]
    counts = tuple(
        xp.reshape(table, (k, width)) for table, width in zip(tables, widths, strict=True)
    )
    return CategoryCounts(
        counts,
        weights_by_label(codes, k, weight, dtype),
        cast(least, dtype),
        tuple(0.0 * table for table in counts),
        0.0 * like.weight,
    )


def too_large(feature: int) -> ValueError:
    """Return the error for a feature that holds `MOST_CATEGORIES` or more."""
    return ValueError(
        f"Feature {feature} holds {MOST_CATEGORIES:,} or more, and there may be at most "
        f"{MOST_CATEGORIES:,} categories, which are the numbers 0, 1, 2 and so on. Encode them by "
        "OrdinalEncoder."
    )


def categories(X: Array) -> tuple[Array, Array]:
    """Return the categories of rows (n, d), and `CategoryCounts.least`, (d,).

    Numbers lose what is behind the point, as in scikit-learn. Negative numbers and those that are
    not finite become 0, and numbers that are too large become `MOST_CATEGORIES`.
    """
    xp, dtype = namespace(X), float_dtype(X)
    if xp.isdtype(X.dtype, ("integral", "bool")):
        x = cast(X, default_int(X))
        least = cast(xp.min(x, axis=0), dtype)
    else:
        known = xp.isfinite(X)
        x = xp.trunc(xp.where(known, X, xp.zeros_like(X)))
        least = xp.min(cast(x, dtype), axis=0)
        least = xp.where(xp.all(known, axis=0), least, xp.full_like(least, xp.nan))
    at = xp.minimum(xp.maximum(x, xp.zeros_like(x)), xp.full_like(x, MOST_CATEGORIES))
    return cast(at, default_int(X)), xp.minimum(least, xp.zeros_like(least))


def merge(a: CategoryCounts, b: CategoryCounts) -> CategoryCounts:
    """Return the counts of the rows of both."""
    xp, counts, low = namespace(a.weight), [], []
    for parts in zip(a.counts, b.counts, a.counts_low, b.counts_low, strict=True):
        width = max(parts[0].shape[1], parts[1].shape[1])
        one, other, one_low, other_low = (padded(part, width) for part in parts)
        total, rest = two_part_sum(one, other, one_low + other_low)
        counts.append(total)
        low.append(rest)
    weight, weight_low = two_part_sum(a.weight, b.weight, a.weight_low + b.weight_low)
    least = xp.minimum(a.least, b.least)
    return CategoryCounts(tuple(counts), weight, least, tuple(low), weight_low)


def padded(table: Array, width: int) -> Array:
    """Return a table with columns of zeros after its own, (n_classes, width)."""
    xp, (k, known) = namespace(table), table.shape
    if known >= width:
        return table
    more = xp.zeros((k, width - known), dtype=table.dtype, device=device(table))
    return xp.concat([table, more], axis=1)


def counts(state: CategoryCounts) -> list[Array]:
    """Return the counts of each feature, (n_classes, n_categories)."""
    return [a + b for a, b in zip(state.counts, state.counts_low, strict=True)]


def weights(state: CategoryCounts) -> Array:
    """Return the sums of the weights, (n_classes,)."""
    return state.weight + state.weight_low


def n_features(state: CategoryCounts) -> int:
    """Return the number of features."""
    return state.least.shape[0]


def is_finite(state: CategoryCounts) -> Array:
    """Return whether no row contained NaN or infinity."""
    xp = namespace(state.least)
    return xp.all(xp.isfinite(state.least))


def is_clean(state: CategoryCounts, n_rows: int) -> Array:
    """Return whether the rows contained no NaN, which is the same as `is_finite`."""
    return is_finite(state)


def is_empty(state: CategoryCounts) -> Array:
    """Return whether no row has a weight."""
    return ~namespace(state.weight).any(state.weight != 0)


class Frequencies(NamedTuple):
    """The function of rows that returns how often each category occurred, (n_rows, n_features)."""

    totals: tuple[Array, ...]

    def __call__(self, X: Array) -> Array:
        """Return the frequencies in the float dtype of X."""
        xp, dtype, at = namespace(X), float_dtype(X), categories(X)[0]
        found = []
        for j, total in enumerate(self.totals):
            last = xp.full_like(at[:, j], total.shape[0] - 1)
            found.append(xp.take(cast(total, dtype), xp.minimum(at[:, j], last)))
        return xp.stack(found, axis=1)


def _applied(params: Params, state: CategoryCounts) -> Frequencies:
    xp = namespace(state.weight)
    # one more category is that of numbers that did not occur
    return Frequencies(
        tuple(xp.sum(padded(one, one.shape[1] + 1), axis=0) for one in counts(state))
    )


def learner(n_classes: int) -> Learner:
    """Return a mergeable learner of the counts of categories."""
    return mergeable(
        Params(n_classes),
        init=init,
        of_block=of_block,
        merge=merge,
        applied=_applied,
        n_features=n_features,
        is_finite=is_finite,
        is_clean=is_clean,
        is_empty=is_empty,
        supervised=True,
    )
