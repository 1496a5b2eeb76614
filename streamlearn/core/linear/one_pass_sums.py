"""The sums over all rows of a batch that a Newton step needs, and a sample of its rows.

Some parts of a step cost more for each row than a gradient, and use the sample only. It is a
systematic sample: the batch is divided into k equal parts, and one row is drawn in each. Every row
has the same probability, whatever its neighbours are. So no order of the rows (by hour, in pairs,
classes in turn) hides some of them from every sample. If the m rows have weights a_i with the sum
A, the parts have the equal weight A / k. Row i is then drawn k a_i / A times on average, and a row
that weighs as much as several parts is drawn in each of them. The mean over the sample of
``A / (m a_i) f_i`` estimates the mean of f_i over the batch.
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
    device,
    namespace,
    rows_at,
    weights_by_label,
)
from streamlearn.core import rows as affine
from streamlearn.core.batches import cut
from streamlearn.core.learner import Batch
from streamlearn.core.linear.losses import LOSSES
from streamlearn.core.linear.sgd import Params, has_class_weights, loss_sums, row_weights, targets
from streamlearn.core.rows import Rows, cast, is_scattered, linear_predictor, pick, stored

SLICE_BYTES = 5 << 20
"""Bytes of the rows that are read at a time: few enough for a cache, enough for few calls.

The gradient reads rows again that have just been scored. Measured outside of ``bench/`` on 54
float64 features that are gathered: 121 ns a row in slices of 1280 KiB, 99 ns of 2560 KiB, and 92 ns
of 5 MiB. On 16,000 x 500 in place, both products: 7.2 ms at once, 6.3 in slices of 16 MiB, and 5.0
of 4 MiB.
"""


DIGITS = 61
"""A multiple of uniform random numbers has, modulo 1, the digits after their first ones."""


class Scored(NamedTuple):
    """Rows with their scores and targets.

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
    """A sample of the rows of a batch.

    Attributes
    ----------
    X : array of shape (k, d)
    p, y : arrays of shape (k, K)
        Scores and targets.
    weight, square, common : arrays of shape (k, K) or (k, 1), or None
        Factors of the rows in means. The mean of ``weight * f`` over the sample estimates the mean
        of a f over the batch, where a are the weights of its rows. ``square`` replaces a by a^2,
        and ``common`` by `even_weights`. None means 1.
    """

    X: Array
    p: Array
    y: Array
    weight: Array | None
    square: Array | None
    common: Array | None

    def sums(self, rows: float) -> tuple[Array | float, Array]:
        """Return estimates of sums over ``rows`` rows: of their weights, and of weight times row.

        The first is () or a float, and the second is (d,). Weights are those of `even_weights`.
        """
        k, a = self.p.shape[0], self.common
        if a is None:
            return float(rows), rows / k * column_sums(self.X)
        return rows / k * column_sums(a)[0], rows / k * affine.weighted_sums(a, self.X)[0, :]

    def few(self, n: int) -> Sample:
        """Return n rows of the sample at equal distances, or all if they are fewer."""
        step = self.p.shape[0] // n
        if not step:
            return self
        return Sample(*(a if a is None else rows_at(a, slice(0, n * step, step)) for a in self))


class OnePassSums(NamedTuple):
    """Sums over the rows of a batch.

    Attributes
    ----------
    slopes : array of shape (K, d)
        The sum of weighted gradient (by the score) times row.
    total : array of shape (K,)
        The sum of the weighted gradients.
    losses : tuple of arrays of shape (K,)
        See `streamlearn.core.linear.sgd.loss_sums`.
    worst : Scored
        The row with the largest loss, for each of the models that the columns are.
    """

    slopes: Array
    total: Array
    losses: tuple[Array, ...]
    worst: Scored

    @property
    def weighted_loss(self) -> Array:
        """The sum of weight times loss, (K,)."""
        return self.losses[min(1, len(self.losses) - 1)]

    def gradient(self, centre: Array, m: int) -> Array:
        """Return the mean gradient of m rows less a centre (d,), (K, D)."""
        total = self.total[:, None]
        return namespace(total).concat([self.slopes - total * centre, total], axis=1) / m

    def plus(self, gradient: Array, centre: Array) -> OnePassSums:
        """Return the sums with ``gradient`` (K, D), of rows less a centre, added."""
        slopes = self.slopes + gradient[:, :-1] + gradient[:, -1:] * centre
        return self._replace(slopes=slopes, total=self.total + gradient[:, -1])


def one_pass_sums(
    params: Params, w: Array, centre: Array, batch: Batch
) -> tuple[OnePassSums, Sample]:
    """Compute the sums in one pass over the rows, in slices that fit a cache.

    Parameters
    ----------
    params : Params
    w : array of shape (K, D)
        Models for rows less ``centre``, with the intercepts last.
    centre : array of shape (d,)
    batch : Batch
        The sample has one row for each of ``batch.draws``. Without draws it is the whole batch.

    Returns
    -------
    sums : OnePassSums
    sample : Sample
    """
    loss, K, model = LOSSES[params.loss], w.shape[0], uncentred(w, centre)
    slices: Iterable[Batch] = (batch,)
    # each call waits for threads that load meanwhile, so slices of narrow rows in place are long
    most = 1 << (13 if is_scattered(batch.X) else 16)
    near = batch_rows(stored(batch.X), extra=8 * (K - 1), budget=SLICE_BYTES, most=most)
    if batch.X.shape[0] > near:
        slices = cut(*batch[:3], seen=0, batch_size=near)
    sums: tuple[Array, ...] = ()
    worst: tuple[Array, Array] | None = None
    start = 0
    for rows, target, weight, *_ in slices:
        X, p, y, a = scored = score(params, model, rows, target, weight)
        value, g = loss.both(p, y, params.epsilon)
        g = g if a is None else g * a
        plain, *weighted = loss_sums(value, a)
        plain = plain + 0.0 * column_sums(p)  # NaN if a score is infinite, also if its loss is 0
        found = (affine.weighted_sums(g, X), column_sums(g), plain, *weighted)
        sums = tuple(a + b for a, b in zip(sums, found, strict=True)) if sums else found
        value = value if a is None else value * a
        worst = _worse(params, value, start, worst)
        start += p.shape[0]
    known = scored if start == X.shape[0] else None
    assert worst is not None
    q = even_weights(params, batch.target, batch.weight, w)
    sample, row = chosen(partial(score, params, model), batch, known, worst[0], q)
    slopes, total, *losses = sums
    return OnePassSums(slopes, total, tuple(losses), row), sample


def _worse(
    params: Params, value: Array, start: int, former: tuple[Array, Array] | None
) -> tuple[Array, Array]:
    """Return the numbers of the rows with the largest losses, one for each model, and these losses.

    ``value`` (m, K) are the losses of rows after ``start`` others. The loss of a row is its sum
    over the columns of a model.
    """
    xp, K, n = namespace(value), value.shape[1], params.n_models
    if n == 1:
        lost = value[:, 0] if K == 1 else column_sums(xp.matrix_transpose(value))
        at = argmax(lost, axis=0, keepdims=True)
        most = xp.take(lost, at)
    else:
        lost = value if n == K else xp.sum(xp.reshape(value, (-1, n, K // n)), axis=2)
        at, most = argmax(lost, axis=0), xp.max(lost, axis=0)
    if former is None:
        return start + at, most
    other = (most > former[1]) | (most != most)  # the row of a loss of NaN is the worst
    return xp.where(other, start + at, former[0]), xp.where(other, most, former[1])


def of_own_model(params: Params, x: Array) -> Array:
    """Return rows x (n_models, K), one for each model, with 0 in the columns of other models."""
    xp, n = namespace(x), params.n_models
    if n == 1:
        return x
    own = xp.eye(n, dtype=x.dtype, device=device(x))[:, :, None] > 0.0
    own = xp.reshape(xp.broadcast_to(own, (n, n, x.shape[1] // n)), x.shape)
    return xp.where(own, x, xp.zeros_like(x))


EVEN = 0.5
"""The part of the weights in `even_weights` that is the same for all classes."""


def even_weights(params: Params, target: Array, weight: Array | None, like: Array) -> Array | None:
    """Return weights of rows (m,) that do not depend on the values of class weights.

    Rows are drawn by them, and the centre is their mean. So models with other class weights have
    the same sample and the same centre, and can be columns of one. Without class weights they are
    the weights of the rows, or None. With class weights half of their sum is divided in equal parts
    among the classes of the batch. So a class that weighs much has many rows in the sample, also if
    it is rare.
    """
    xp = namespace(like)
    own = None if weight is None else xp.astype(weight, like.dtype, copy=False)
    if not has_class_weights(params):
        return own
    if LOSSES[params.loss].joint:  # it is one model, so rows are drawn by all of their weights
        by_class = row_weights(params, targets(params, target, like), weight)
        return by_class if by_class is None else by_class[:, 0]
    each = weights_by_label(target, max(2, like.shape[0] // params.n_models), own, like.dtype)
    total, there = xp.sum(each), each > 0.0
    part = total / xp.sum(xp.astype(there, like.dtype))
    factor = (1.0 - EVEN) + EVEN * part / xp.where(there, each, xp.ones_like(each))
    factor = xp.take(factor, target)
    return factor if own is None else factor * own


def draws_per_row(params: Params) -> int:
    """Return how many rows to draw for each row of a sample that is drawn by weight.

    With class weights the rows of a sample do not weigh the same. Half of it may weigh nearly
    nothing. One pass of hinge over 40,000 flights, with weights 1 and 5, ended 0.1 % higher with 1
    than with 2 (4 seeds, a script apart from ``bench/``).
    """
    return 2 if has_class_weights(params) and not LOSSES[params.loss].joint else 1


def score(
    params: Params, model: tuple[Array, Array], X: Rows, target: Array, weight: Array | None
) -> Scored:
    """Return rows with their scores by ``model``, (K, d) and (K,), their targets and weights."""
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
        All rows of the batch. None if they were gathered in slices.
    worst : array of int of shape (n_models,)
    q : array of shape (m,) or None
        The weights of all rows. None if all are 1.

    Returns
    -------
    sample : Sample
    worst : Scored
    """
    if batch.draws is None or batch.draws.shape[0] == batch.X.shape[0]:
        known = score(*batch[:3]) if known is None else known
        X, p, y, a = known
        X = pick(X, slice(None)) if isinstance(X, affine.Affine) else X
        square = a if a is None else within_range(a, a)
        common = q if q is None else q[:, None]
        return Sample(X, p, y, a, square, common), Scored(*picked(known, worst))
    k = batch.draws.shape[0]
    at, share = drawn(batch.draws, batch.X.shape[0], q)
    at = concat([at, worst])
    rows = score(*picked(batch[:3], at)) if known is None else picked(known, at)
    X, p, y, a = picked(rows, slice(0, k))
    own, a = a, a if share is None else share * a
    square = a if share is None else within_range(own, a)
    common = None if share is None or q is None else share * rows_at(q, at[:k])[:, None]
    return Sample(X, p, y, a, square, common), Scored(*picked(rows, slice(k, None)))


def within_range(a: Array, b: Array) -> Array:
    """Return products of weights. They are bounded, so that they and sums never under- or overflow.

    Features whose weighted squares are 0 count as not seen. So weights of 1e-200 would learn
    nothing.
    """
    xp, info = namespace(a), namespace(a).finfo(a.dtype)
    least, most = float(info.smallest_normal) ** 0.9, float(info.max) ** 0.8
    ends = xp.minimum(xp.maximum(a * b, xp.full_like(a, least)), xp.full_like(a, most))
    return xp.where((a > 0.0) & (b > 0.0), ends, 0.0 * ends)


def drawn(draws: Array, m: int, q: Array | None) -> tuple[Array, Array | None]:
    """Return the rows that draws (k,) select among m, and ``A / (m a_i)`` for each, (k, 1).

    ``q`` (m,) are the weights a_i. Without weights the second result is None.
    """
    xp = namespace(draws)
    if q is None:
        return xp.minimum(xp.astype(xp.floor(draws * m), default_int(draws)), m - 1), None
    until = xp.cumulative_sum(q)
    at = xp.minimum(xp.searchsorted(until, draws * until[-1], side="right"), m - 1)
    own = xp.take(q, at)[:, None]
    return at, (until[-1] / m) / xp.where(own > 0.0, own, 1.0)


def some_of(draws: Array | None, n: int) -> Array | None:
    """Return n positions in a sample, one drawn in each of n equal parts. None means all.

    They depend on digits of the draws that did not matter for the sample.
    """
    if draws is None or n >= draws.shape[0]:
        return None
    xp, k = namespace(draws), draws.shape[0]
    parts = xp.arange(n, dtype=draws.dtype, device=device(draws))
    u = (k * DIGITS * draws[:n]) % 1.0
    return xp.minimum(xp.astype(xp.floor((parts + u) * (k / n)), default_int(draws)), k - 1)


def picked(parts: Iterable[Rows | None], at: Any) -> list[Any]:
    """Return some rows of each of several arrays. None stays None."""
    return [x if x is None else pick(x, at) for x in parts]


def _concat(parts: list[Array]) -> Array:
    return parts[0] if len(parts) == 1 else concat(parts)


def uncentred(w: Array, centre: Array) -> tuple[Array, Array]:
    """Return coefficients (K, d) and intercepts (K,) for rows that are not centred.

    ``w`` (K, D) are models for rows less ``centre``, with the intercepts last.
    """
    coef = w[:, :-1]
    return coef, w[:, -1] - coef @ centre
