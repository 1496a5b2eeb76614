"""The moments of the rows of a block, summed in one pass.

Rows are shifted by one of them before they are summed. So nothing cancels, however far the data lie
from zero, and a constant feature has a variance of exactly 0. If squares would overflow or
underflow, rows are summed in units of their largest magnitude. NaN are left out for each feature.

Measured on 20 float64 features and one core (``bench/moments.py``): 12 ns a row, and 115 ns with
10 % of NaN. A bare sum takes 6 ns, ``numpy.mean`` with ``numpy.var`` 108 ns, and scikit-learn's
scaler 159 ns.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import nan
from typing import Any

from streamlearn._arrays import (
    Array,
    any_nonzero,
    argmax,
    batch_rows,
    by_columns,
    cast,
    device,
    is_sparse,
    magnitudes,
    namespace,
    over_rows,
    plain_sums,
    powers_of_two,
    reads_are_free,
    shifted_sums,
    sparse_moments,
    sums_of_present,
    widest_float,
)
from streamlearn.core.affine_map import far_from_the_ends
from streamlearn.core.batches import cut
from streamlearn.core.statistics.moments import (
    Moments,
    init,
    is_double,
    merge,
    or_one,
    shifted,
)

CANCELLED = 64.0
"""The largest ratio of the sum of squares to the sum of squared deviations without a shift.

At most six bits are lost then. The accuracy is still that of NumPy's and scikit-learn's variances:
1e-14, and 3e-14 at an offset of five deviations. One pass over the rows is saved: 14 ns a row
instead of 25.
"""


def of_block(X: Array, weight: Array | None = None) -> Moments:
    """Return the moments of a block.

    Parameters
    ----------
    X : array of shape (n_rows, n_features), or sparse rows
        Integers or floats. NaN are missing values. Zeros that are not stored count.
    weight : array of shape (n_rows,), optional
        Row weights. Negative weights count as in scikit-learn.

    Returns
    -------
    Moments

    Examples
    --------
    >>> import numpy as np
    >>> X = np.asarray([[1e8, 1.0], [1e8 + 1, np.nan], [1e8 + 2, 3.0]])
    >>> from streamlearn.core.statistics.moments import variance
    >>> state = of_block(X)
    >>> state.weight, variance(state)
    (array([3., 2.]), array([0.66666667, 1.        ]))
    """
    xp = namespace(X)
    if is_sparse(X):
        return _in_any_units(_of_sparse, X, weight, max(1, X.shape[0]))
    holds_nan = xp.isdtype(X.dtype, "real floating")
    if X.shape[0] and xp.finfo(widest_float(X)).bits >= 64 and (not holds_nan or reads_are_free(X)):
        gappy = holds_nan and weight is None and bool(xp.any(xp.isnan(_some(X))))
        whole = _of_present(X) if gappy else _of_rows(X, weight, holds_nan=False)
        if not holds_nan or _in_range(whole, X):
            return whole
    return _in_any_units(partial(_of_rows, holds_nan=holds_nan), X, weight, batch_rows(X))


def _in_any_units(
    of_rows: Callable[..., Any], X: Array, weight: Array | None, rows: int
) -> Moments:
    """Return the moments of a block, from ``of_rows`` on some ``rows`` at a time.

    If squares may overflow or underflow, rows are summed in units of their largest magnitudes.
    """
    if is_narrow(X) or reads_are_free(X):
        found = _in_batches(of_rows, X, weight, rows)
        if is_narrow(X) or _in_range(found, X):
            return found
    return _in_batches(partial(_scaled, of_rows), X, weight, rows)


def _in_batches(of_rows: Callable[..., Any], X: Array, weight: Array | None, rows: int) -> Moments:
    state = init(X.shape[1], like=X)
    for batch in cut(X, None, weight, seen=0, batch_size=rows):
        state = merge(state, of_rows(batch.X, batch.weight))
    return state


def _scaled(of_rows: Callable[..., Any], X: Array, weight: Array | None) -> Moments:
    unit = powers_of_two(magnitudes(X, weight))
    X = cast(X, unit.dtype)
    found = of_rows(by_columns(X, ("multiply", 1.0 / or_one(unit))), weight)
    return found._replace(unit=found.unit * unit)


def _in_range(state: Moments, X: Array) -> bool:
    """Return whether squares of rows X neither overflow nor underflow, by their moments.

    The result is False if X contains NaN.
    """
    xp, zero = namespace(state.mean), state.unit == 0
    size = xp.abs(state.mean) + xp.sqrt(xp.abs(state.m2 / or_one(state.weight)))
    if not xp.all(far_from_the_ends(size + zero)):
        return False
    # A square of 0 may have underflowed.
    return is_narrow(X) or not xp.any(zero) or not any_nonzero(X, zero)


def is_narrow(X: Array) -> bool:
    """Return whether squares of numbers in the dtype of ``X`` cannot overflow or underflow.

    That is so for float32 and integers, if the widest float is float64.
    """
    xp, wide = namespace(X), widest_float(X)
    float64 = xp.finfo(wide).bits >= 64
    return float64 and (not xp.isdtype(X.dtype, "real floating") or X.dtype != wide)


def _of_rows(X: Array, weight: Array | None, *, holds_nan: bool) -> Moments:
    """Return the moments of at least one row. NaN are left out if ``holds_nan``.

    The shift must be near the mean, and the shift of a constant must be this constant. It is the
    row of the largest weight, which lies within ``sqrt(n_rows)`` deviations of the mean. If there
    are neither weights nor NaN, it is the mean of about 256 rows, computed from their differences
    from one of them.
    """
    xp = namespace(X)
    dtype = widest_float(X)
    zeros = xp.zeros(X.shape[1], dtype=dtype, device=device(X))
    size: Any = None
    if weight is None:
        total: Any = X.shape[0]
        mass = zeros + total
    else:
        weight = xp.astype(weight, dtype, copy=False)
        size = xp.abs(weight)
        total, mass = xp.sum(weight), zeros + xp.sum(size)
    if holds_nan:
        present = ~xp.isnan(X)
        if weight is None:
            counted = xp.astype(present, dtype)
            seen = over_rows(xp.ones(X.shape[0], dtype=dtype, device=device(X)), counted)
            mass, rank = seen, xp.astype(present, xp.int8)
        else:
            present = present & (weight != 0)[:, None]  # 0 * inf is NaN
            counted = xp.astype(present, dtype)
            seen, mass = over_rows(weight, counted), over_rows(size, counted)
            rank = counted * size[:, None]
        row = argmax(rank, axis=0, keepdims=True)
        shift = xp.take_along_axis(X, row, axis=0)[0, :]
        shift = xp.where(xp.isnan(shift), xp.zeros_like(shift), shift)
    else:
        present = None
        seen = zeros + total
        if weight is None:
            some = xp.astype(_some(X), dtype, copy=False)
            shift = some[0, :] + xp.sum((some - some[0, :]) / some.shape[0], axis=0)
            if reads_are_free(X) and is_double(shift):
                spread = xp.sqrt(xp.sum((some - shift) ** 2, axis=0) / some.shape[0])
                if xp.all(xp.abs(shift) <= 5.5 * spread):
                    s1, s2 = plain_sums(X, dtype)
                    mean = s1 / total
                    m2 = s2 - s1 * mean
                    if xp.all((s2 <= CANCELLED * m2) & (s2 < xp.inf)):
                        return Moments(seen, mean, m2, zeros, zeros, zeros, _unit(mean, m2))
        else:
            shift = xp.take(X, argmax(size, axis=0, keepdims=True), axis=0)[0, :]
    mean = xp.astype(shift, dtype, copy=False)
    # Cancellation can cost n_rows units of rounding. That is too much if the widest float is
    # float32, so the sums are computed again, shifted by the mean.
    for _ in range(1 if is_double(mean) else 2):
        s1, s2 = shifted_sums(X, mean, weight, present)
        state = _about(mean, seen, mass, s1, s2)
        mean = state.mean
    return state


def _some(X: Array) -> Array:
    """Return about 256 rows of X."""
    return X[:: 1 + X.shape[0] // 256, :]


def _of_present(X: Array) -> Moments:
    """Return the moments of rows with NaN, shifted by the mean of some of them.

    They are NaN where only other rows have a number.
    """
    xp, dtype = namespace(X), widest_float(X)
    some = xp.astype(_some(X), dtype, copy=False)
    there = ~xp.isnan(some)
    one = xp.take_along_axis(some, argmax(xp.astype(there, xp.int8), axis=0, keepdims=True), axis=0)
    count = xp.sum(xp.astype(there, dtype), axis=0)
    deviations = xp.where(there, some - one, xp.zeros_like(some))
    shift = one[0, :] + xp.sum(deviations / or_one(count), axis=0)
    shift = xp.where(count > 0, shift, xp.zeros_like(shift))
    s1, s2, missing = sums_of_present(X, shift)
    seen = X.shape[0] - missing
    s1 = xp.where((count > 0) | (seen == 0), s1, nan * s1)
    return _about(shift, seen, seen, s1, s2)


def _of_sparse(X: Array, weight: Array | None) -> Moments:
    return _about(*sparse_moments(X, weight))


def _about(shift: Array, seen: Array, mass: Array, s1: Array, s2: Array) -> Moments:
    """Return the moments of rows from the weighted sums s1 and s2 of their deviations from a shift.

    ``seen`` is the sum of the weights, and ``mass`` is the sum of their magnitudes. If negative
    weights leave less than half of ``mass``, the mean may be far from all rows, and the shift
    replaces it.
    """
    xp, zeros = namespace(shift), namespace(shift).zeros_like(shift)
    mean = shift + xp.where(2.0 * xp.abs(seen) >= mass, s1 / or_one(seen), zeros)
    mean = xp.where(mass > 0, mean, zeros)
    first, m2 = shifted(seen, s1, s2, shift - mean)
    m2 = xp.where(seen == mass, xp.maximum(m2, zeros), m2)
    return Moments(seen, mean, m2, zeros, first, zeros, _unit(mean, m2))


def _unit(mean: Array, m2: Array) -> Array:
    """Return the unit of rows that are summed as they are: 1, or 0 if all rows are 0."""
    return cast((mean != 0) | (m2 != 0), mean.dtype)
