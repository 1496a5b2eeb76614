"""Mean and variance of every feature, in one pass and in any order of the blocks.

A state holds three sums for each feature, over rows x_i of weights a_i, and a number m near their
mean::

    W = sum a_i        S1 = sum a_i (x_i - m)        S2 = sum a_i (x_i - m)^2
    mean = m + S1 / W                                variance = (S2 - S1^2 / W) / W

S1 is small: it holds what rounding left out of m. Sums about another number m - e, and the merge of
two states A and B [1]_, are::

    S1 <- S1 + W e                                   S2 <- S2 + (2 S1 + W e) e
    W  = W_A + W_B                                   m  = m_A + (m_B - m_A) W_B / W
    S1 = the sum of both, moved to m                 S2 = the sum of both, moved to m

Rows are shifted by one of them before they are summed. So nothing cancels, however far the data lie
from zero, and a constant feature has a variance of exactly 0. If squares would overflow or
underflow, rows are summed in units of their largest magnitude. NaN are left out for each feature.

Sums are in the widest float of the device, and each merge keeps the rounding error of its sums
[2]_. Otherwise the mean of batches at an offset of 1e8 would only be known to 1e-8, and counts in
float32 would stop at 2**24 rows. So weights may be negative: a block whose weights add up to 0 has
S1 but no mean.

Measured on 20 float64 features and one core (``bench/moments.py``): 12 ns a row, and 115 ns with
10 % of NaN. A bare sum takes 6 ns, ``numpy.mean`` with ``numpy.var`` 108 ns, and scikit-learn's
scaler 159 ns.

References
----------
.. [1] T. F. Chan, G. H. Golub and R. J. LeVeque, "Algorithms for computing the sample variance:
   analysis and recommendations", The American Statistician 37(3), 1983.
.. [2] D. E. Knuth, "The Art of Computer Programming", volume 2, section 4.2.2, 1969: the rounding
   error of a sum is computed exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import nan
from typing import Any, NamedTuple

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
    sparse,
    sparse_moments,
    sums_of_present,
    widest_float,
)
from streamlearn.core.affine_map import AffineMap, far_from_the_ends
from streamlearn.core.batches import cut
from streamlearn.core.learner import Batch, Learner

CANCELLED = 64.0
"""The largest ratio of the sum of squares to the sum of squared deviations without a shift.

At most six bits are lost then. The accuracy is still that of NumPy's and scikit-learn's variances:
1e-14, and 3e-14 at an offset of five deviations. One pass over the rows is saved: 14 ns a row
instead of 25.
"""


class Params(NamedTuple):
    """Whether `apply` subtracts the mean, and whether it divides by the standard deviation."""

    with_mean: bool = True
    with_std: bool = True


class Moments(NamedTuple):
    """Weighted moments of each feature. All arrays have shape (n_features,).

    Attributes
    ----------
    weight : array
        W, the sum of the weights of the rows that are not NaN. Without weights it is their number.
        It is scikit-learn's ``n_samples_seen_``.
    mean : array
        m, the rounded weighted mean, in units of ``unit``. It is 0 if no number has been seen. If
        negative weights leave little of W, it is another number near the rows.
    m2 : array
        S2, in units of ``unit**2``.
    weight_low, m2_low : array
        The rounding errors of ``weight`` and ``m2``, which have to be added to them.
    first : array
        S1, in units of ``unit``.
    unit : array
        A power of two. It is 1 if squares neither overflow nor underflow, else it is near the
        largest magnitude of the rows. It is 0 if all rows are 0.
    """

    weight: Array
    mean: Array
    m2: Array
    weight_low: Array
    first: Array
    m2_low: Array
    unit: Array


def init(params: Params, n_features: int, n_outputs: int = 1, *, like: Array) -> Moments:
    """Return the moments of no rows, in the library and on the device of ``like``."""
    zeros = namespace(like).zeros(n_features, dtype=widest_float(like), device=device(like))
    return Moments(*(zeros,) * len(Moments._fields))


def of_block(params: Params, X: Array, weight: Array | None = None) -> Moments:
    """Return the moments of a block.

    Parameters
    ----------
    params : Params
        All moments are kept, whatever `apply` does.
    X : array of shape (n_rows, n_features), or sparse rows
        Integers or floats. NaN are missing values. Zeros that are not stored count.
    weight : array of shape (n_rows,), optional
        Row weights. Negative weights count as in scikit-learn.

    Returns
    -------
    Moments

    Raises
    ------
    ValueError
        If X is sparse and ``params.with_mean`` is True.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.asarray([[1e8, 1.0], [1e8 + 1, np.nan], [1e8 + 2, 3.0]])
    >>> state = of_block(Params(), X)
    >>> state.weight, variance(state)
    (array([3., 2.]), array([0.66666667, 1.        ]))
    """
    xp = namespace(X)
    if is_sparse(X):
        if params.with_mean:
            raise ValueError(sparse.CENTRED)
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
    if _is_narrow(X) or reads_are_free(X):
        found = _in_batches(of_rows, X, weight, rows)
        if _is_narrow(X) or _in_range(found, X):
            return found
    return _in_batches(partial(_scaled, of_rows), X, weight, rows)


def _in_batches(of_rows: Callable[..., Any], X: Array, weight: Array | None, rows: int) -> Moments:
    state = init(Params(), X.shape[1], like=X)
    for batch in cut(X, None, weight, seen=0, batch_size=rows):
        state = merge(state, of_rows(batch.X, batch.weight))
    return state


def _scaled(of_rows: Callable[..., Any], X: Array, weight: Array | None) -> Moments:
    unit = powers_of_two(magnitudes(X, weight))
    X = cast(X, unit.dtype)
    found = of_rows(by_columns(X, ("multiply", 1.0 / _or_one(unit))), weight)
    return found._replace(unit=found.unit * unit)


def _in_range(state: Moments, X: Array) -> bool:
    """Return whether squares of rows X neither overflow nor underflow, by their moments.

    The result is False if X contains NaN.
    """
    xp, zero = namespace(state.mean), state.unit == 0
    size = xp.abs(state.mean) + xp.sqrt(xp.abs(state.m2 / _or_one(state.weight)))
    if not xp.all(far_from_the_ends(size + zero)):
        return False
    # A square of 0 may have underflowed.
    return _is_narrow(X) or not xp.any(zero) or not any_nonzero(X, zero)


def _is_narrow(X: Array) -> bool:
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
            if reads_are_free(X) and _wide(shift):
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
    for _ in range(1 if _wide(mean) else 2):
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
    shift = one[0, :] + xp.sum(deviations / _or_one(count), axis=0)
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
    mean = shift + xp.where(2.0 * xp.abs(seen) >= mass, s1 / _or_one(seen), zeros)
    mean = xp.where(mass > 0, mean, zeros)
    first, m2 = _moved(seen, s1, s2, shift - mean)
    m2 = xp.where(seen == mass, xp.maximum(m2, zeros), m2)
    return Moments(seen, mean, m2, zeros, first, zeros, _unit(mean, m2))


def _moved(weight: Array, s1: Array, s2: Array, by: Array) -> tuple[Array, Array]:
    """Return S1 and S2 when ``by`` is added to all deviations; see the module's docstring."""
    return s1 + weight * by, s2 + (2.0 * s1 + weight * by) * by


def _unit(mean: Array, m2: Array) -> Array:
    """Return the unit of rows that are summed as they are: 1, or 0 if all rows are 0."""
    return cast((mean != 0) | (m2 != 0), mean.dtype)


def merge(a: Moments, b: Moments) -> Moments:
    """Return the moments of the rows of ``a`` and ``b`` [1]_.

    They are exact up to rounding, in any order. Moments of no rows do not change a single bit. The
    mean lies between the two means, and ``first`` corrects its rounding.
    """
    xp = namespace(a.mean)
    if not (reads_are_free(a.unit) and xp.all(a.unit == b.unit)):
        unit = xp.maximum(a.unit, b.unit)
        a, b = _in_units(unit, a), _in_units(unit, b)
    weight, weight_low = _sum(a.weight, b.weight, a.weight_low + b.weight_low)
    # With negative weights the quotient may lie outside [0, 1].
    part = b.weight / _or_one(weight)
    part = xp.minimum(xp.maximum(part, xp.zeros_like(part)), xp.ones_like(part))
    mean = a.mean + (b.mean - a.mean) * part
    first_a, more_a = _moved(a.weight, a.first, xp.zeros_like(mean), a.mean - mean)
    first_b, more_b = _moved(b.weight, b.first, xp.zeros_like(mean), b.mean - mean)
    m2, m2_low = _sum(a.m2, b.m2, a.m2_low + b.m2_low)
    m2, m2_low = _sum(m2, more_a + more_b, m2_low)
    return Moments(weight, mean, m2, weight_low, first_a + first_b, m2_low, a.unit)


def _in_units(unit: Array, state: Moments) -> Moments:
    """Return a state in other units."""
    by = state.unit / _or_one(unit)
    mean, first, m2, m2_low = (
        state.mean * by,
        state.first * by,
        state.m2 * by * by,
        state.m2_low * by * by,
    )
    return state._replace(mean=mean, first=first, m2=m2, m2_low=m2_low, unit=unit)


def update(params: Params, state: Moments, batch: Batch) -> tuple[Moments, None]:
    """Return the moments after the rows of ``batch``, and None."""
    return merge(state, of_block(params, batch.X, batch.weight)), None


def mean(state: Moments) -> Array:
    """Return the mean of each feature, (n_features,), or NaN if no number was seen."""
    rest = state.first / _or_one(state.weight + state.weight_low)
    return _where_seen(state, (state.mean + rest) * state.unit)


def variance(state: Moments) -> Array:
    """Return the variance of each feature, (n_features,), with ddof 0.

    It is NaN if no number was seen.
    """
    weight = _or_one(state.weight + state.weight_low)
    return _where_seen(state, squares(state) / weight * state.unit * state.unit)


def squares(state: Moments, *, about_zero: bool = False) -> Array:
    """Return the weighted sum of squared deviations from the mean, or from zero, (n_features,).

    It is in units of ``state.unit**2``, because it might overflow otherwise.
    """
    if about_zero:
        return _moved(state.weight, state.first, state.m2, state.mean)[1] + state.m2_low
    weight = _or_one(state.weight + state.weight_low)
    return state.m2 + state.m2_low - state.first * (state.first / weight)


def scale(state: Moments) -> Array:
    """Return the standard deviation of each feature, (n_features,), but 1 for constant features.

    As in scikit-learn, a feature is constant if ``var <= n * eps * var + (n * mean * eps)**2``,
    which bounds the rounding of a constant's variance. Here the square roots are compared, in
    units in which they neither overflow nor underflow. If the widest float is float32, ``eps**2``
    replaces ``eps``, because sums are kept in two parts. With ``eps`` every feature would be
    constant after 2**23 rows.
    """
    xp, zeros = namespace(state.mean), namespace(state.mean).zeros_like(state.mean)
    weight, unit = state.weight + state.weight_low, _or_one(state.unit)
    std = xp.sqrt(xp.maximum(squares(state) / _or_one(weight), zeros))
    eps = xp.finfo(std.dtype).eps
    blur = weight * (eps if _wide(std) else eps**2)
    rounding = xp.abs(blur * state.mean)
    constant = std * xp.sqrt(xp.maximum(1 - blur, zeros)) <= rounding
    return _where_seen(state, xp.where(constant, xp.ones_like(std), std * unit))


def apply(params: Params, state: Moments, X: Array) -> Array:
    """Return ``(X - mean) / scale`` in the float dtype of ``X``. NaN stay NaN.

    Parameters
    ----------
    params : Params
        Whether to subtract, and whether to divide.
    state : Moments
    X : array of shape (n_rows, n_features)

    Returns
    -------
    array of shape (n_rows, n_features)
        ``X`` is never changed. It is returned itself if neither step is taken.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.asarray([[1.0, 5.0], [3.0, 5.0]])
    >>> apply(Params(), of_block(Params(), X), X)
    array([[-1.,  0.],
           [ 1.,  0.]])
    """
    return applied(params, state)(X)


def applied(params: Params, state: Moments) -> AffineMap:
    """Return `apply` with these moments, as a function of rows for many batches."""
    return AffineMap(
        mean(state) if params.with_mean else None, scale(state) if params.with_std else None
    )


def inverse(params: Params, state: Moments, X: Array) -> Array:
    """Return ``X * scale + mean``, the original rows of X except for rounding."""
    return applied(params, state).inverse(X)


def n_features(state: Moments) -> int:
    """Return the number of features."""
    return state.mean.shape[0]


def is_finite(state: Moments) -> Array:
    """Return whether no row contained infinity, which would make a mean infinite or NaN."""
    xp = namespace(state.mean)
    return xp.all(xp.isfinite(state.mean))


def is_clean(state: Moments, n_rows: int) -> Array:
    """Return whether ``n_rows`` finite rows without weights contained no NaN."""
    return namespace(state.weight).all(state.weight == n_rows)


def is_empty(state: Moments) -> Array:
    """Return whether no number has a weight, or the weights of each feature add up to 0."""
    return ~namespace(state.weight).any(state.weight != 0)


def learner(with_mean: bool = True, with_std: bool = True) -> Learner:
    """Return a mergeable learner that standardizes features."""
    params = Params(with_mean, with_std)
    return Learner(
        params,
        init,
        update,
        apply,
        of_block,
        merge,
        applied=applied,
        n_features=n_features,
        is_finite=is_finite,
        is_clean=is_clean,
        is_empty=is_empty,
        sparse=True,
    )


def _or_one(x: Array) -> Array:
    """Return ``x`` with 1 instead of 0, as a divisor."""
    xp = namespace(x)
    return xp.where(x != 0, x, xp.ones_like(x))


def _where_seen(state: Moments, x: Array) -> Array:
    """Return ``x`` with NaN for features without a weight."""
    xp = namespace(x)
    return xp.where(state.weight != 0, x, xp.full_like(x, xp.nan))


def _wide(x: Array) -> bool:
    """Return whether ``x`` is at least float64."""
    return namespace(x).finfo(x.dtype).bits >= 64


def _sum(a: Array, b: Array, low: Array) -> tuple[Array, Array]:
    """Return ``a + b``, and ``low`` plus the rounding error of this sum [2]_."""
    s = a + b
    t = s - a
    return s, low + ((a - (s - t)) + (b - t))
