"""What a batch tells of the models it meets: sums over all of its rows, and some rows in detail.

The detail is for what costs more a row than a gradient. The rows for it are drawn, one in each of
equal parts of the batch: so every row has the same chance whatever its neighbours are, and no
order of the rows (hours, pairs, classes in turn) hides some of them from every sample. Where rows
have weights, the parts are of equal weight, and a row that weighs as much as several parts stands
for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

from streamlearn._arrays import (
    Array,
    argmax,
    batch_rows,
    column_sums,
    concat,
    default_int,
    namespace,
    rows_at,
)
from streamlearn.core import rows as affine
from streamlearn.core.batches import cut
from streamlearn.core.learner import Batch
from streamlearn.core.linear.losses import LOSSES
from streamlearn.core.linear.sgd import Params, loss_sums, row_weights, targets
from streamlearn.core.rows import Rows, cast, is_scattered, linear_predictor, pick, stored

SLICE_BYTES = 5 << 20
"""Bytes of the rows that are gathered at a time: near enough, and enough to pay for the calls.

Measured apart from ``bench/`` on 54 float64 features: 121 ns a row in slices of 1280 KiB, 99 of
2560, 92 of 5 MiB.
"""


class Scored(NamedTuple):
    """Rows and what models make of them.

    Attributes
    ----------
    X : rows of shape (m, d)
    p, y : arrays of shape (m, K)
        Scores and targets.
    weight : array of shape (m, K) or (m, 1), or None
    """

    X: Rows
    p: Array
    y: Array
    weight: Array | None


class Sample(NamedTuple):
    """Rows of a batch that stand for all of them.

    Attributes
    ----------
    X : array of shape (k, d)
    p, y : arrays of shape (k, K)
        Scores and targets.
    weight, square : arrays of shape (k, K) or (k, 1), or None
        Factors: a mean over these rows, times ``weight``, estimates the batch's mean of what is
        multiplied by the rows' weights; times ``square``, by their squares. None is 1.
    """

    X: Array
    p: Array
    y: Array
    weight: Array | None
    square: Array | None

    def first(self, n: int) -> Sample:
        """Return at most n of the rows."""
        if self.p.shape[0] <= n:
            return self
        return Sample(*(a if a is None else rows_at(a, slice(0, n)) for a in self))


class OnePassSums(NamedTuple):
    """What a batch tells.

    Attributes
    ----------
    slopes : array of shape (K, d)
        Sum over the rows of weighted gradient times row.
    total : array of shape (K,)
        Sum of the weighted gradients.
    losses : tuple of arrays of shape (K,)
        `streamlearn.core.linear.sgd.loss_sums`.
    worst : Scored
        The row that loses the most, or that of each slice of the batch.
    """

    slopes: Array
    total: Array
    losses: tuple[Array, ...]
    worst: Scored


def one_pass_sums(
    params: Params, w: Array, centre: Array, batch: Batch
) -> tuple[OnePassSums, Sample]:
    """Go through the rows once; of those to be gathered as many at a time as a cache holds.

    Parameters
    ----------
    params : Params
    w : array of shape (K, D)
        Models of rows less ``centre``, the intercepts last.
    centre : array of shape (d,)
    batch : Batch
        With draws, the sample is as large as there are draws; else it is the whole batch.
    """
    loss, K = LOSSES[params.loss], w.shape[0]
    xp, model = namespace(w), uncentred(w, centre)
    slices: Iterable[Batch] = (batch,)
    # rows in place are as fast at once, and where others load meanwhile each call waits its turn
    if is_scattered(batch.X):
        near = batch_rows(stored(batch.X), budget=SLICE_BYTES)
        if batch.X.shape[0] > near:
            slices = cut(*batch[:3], seen=0, batch_size=near)
    sums: tuple[Array, ...] = ()
    shares: list[Array | None] = []
    most: list[Array] = []
    start = 0
    for rows, target, weight, *_ in slices:
        X, p, y, a = scored = score(params, model, rows, target, weight)
        value, g = loss.both(p, y, params.epsilon)
        g = g if a is None else g * a
        plain, *weighted = loss_sums(value, a)
        plain = plain + 0.0 * column_sums(p)  # infinity on the right side of a hinge loses nothing
        found = (affine.weighted_sums(g, X), column_sums(g), plain, *weighted)
        sums = tuple(a + b for a, b in zip(sums, found, strict=True)) if sums else found
        value = value if a is None else value * a
        lost = value[:, 0] if K == 1 else column_sums(xp.matrix_transpose(value))
        most.append(start + argmax(lost, axis=0, keepdims=True))
        shares.append(a if a is None or batch.draws is None else xp.mean(a, axis=1))
        start += p.shape[0]
    known = scored if len(most) == 1 else None
    q = None if shares[0] is None else _concat(shares)
    sample, worst = chosen(partial(score, params, model), batch, known, _concat(most), q)
    slopes, total, *losses = sums
    return OnePassSums(slopes, total, tuple(losses), worst), sample


def score(
    params: Params, model: tuple[Array, Array], X: Rows, target: Array, weight: Array | None
) -> Scored:
    """Return rows, their weights, and what models (K, d) and (K,) make of them."""
    coef, intercept = model
    X = cast(X, coef.dtype)
    p = linear_predictor(X, coef, intercept)
    y = targets(params, target, coef)
    return Scored(X, p, y, row_weights(params, y, weight))


def chosen(
    score: Callable[..., Scored],
    batch: Batch,
    known: Scored | None,
    worst: Array,
    q: Array | None,
) -> tuple[Sample, Scored]:
    """Return the sample of a batch, and the rows at ``worst``.

    Parameters
    ----------
    score : callable
        ``(X, target, weight) -> Scored``.
    batch : Batch
    known : Scored or None
        All rows; None where no more than slices of them were at hand.
    worst : array of int
    q : array of shape (m,) or None
        The weights of all rows, None where all are 1.
    """
    if batch.draws is None:
        known = score(*batch[:3]) if known is None else known
        X, p, y, a = known
        X = pick(X, slice(None)) if isinstance(X, affine.Affine) else X
        return Sample(X, p, y, a, a if a is None else a * a), Scored(*picked(known, worst))
    k = batch.draws.shape[0]
    at, share = drawn(batch.draws, batch.X.shape[0], q)
    at = concat([at, worst])
    rows = score(*picked(batch[:3], at)) if known is None else picked(known, at)
    X, p, y, a = picked(rows, slice(0, k))
    square = a if share is None else share * a**2
    a = a if share is None else share * a
    return Sample(X, p, y, a, square), Scored(*picked(rows, slice(k, None)))


def drawn(draws: Array, m: int, q: Array | None) -> tuple[Array, Array | None]:
    """Return the rows, of m, that draws point at, and what part of the weight they stand for."""
    xp = namespace(draws)
    if q is None:
        return xp.minimum(xp.astype(xp.floor(draws * m), default_int(draws)), m - 1), None
    until = xp.cumulative_sum(q)
    at = xp.minimum(xp.searchsorted(until, draws * until[-1], side="right"), m - 1)
    own = xp.take(q, at)[:, None]
    return at, (until[-1] / m) / xp.where(own > 0.0, own, 1.0)


def picked(parts: Iterable[Rows | None], at: Any) -> list[Any]:
    """Return some rows of each of several arrays, of all that are not None."""
    return [x if x is None else pick(x, at) for x in parts]


def _concat(parts: list[Array]) -> Array:
    return parts[0] if len(parts) == 1 else concat(parts)


def uncentred(w: Array, centre: Array) -> tuple[Array, Array]:
    """Return coefficients (K, d) and intercepts (K,), for rows as they are, of models w (K, D)."""
    coef = w[:, :-1]
    return coef, w[:, -1] - coef @ centre
