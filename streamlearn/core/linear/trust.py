"""Steps that increase the loss are taken back, so that a fit cannot end worse than it began.

Four models are compared on some rows of each batch before it is learned from. They are w after the
last step, u (the answer so far, see `newton`), ``former`` before the last step, and ``start``
before all steps.

- If w has a larger loss than ``former`` and ``start``, the last step is taken back. The next steps
  are shorter, and this batch is not learned from.
- If u has a far larger loss than w and ``start``, on these rows and in the running means, it
  contains targets from before w was good. Then u becomes w, and its past counts less.

A loss is larger if the mean of the differences, row by row, is more than three standard errors, and
if the loss is larger by a factor (`judge`). A single row cannot decide this, and noise does not: in
a hundred steps on the tables of ``bench/defaults.py`` no step is taken back. If rows of another
kind arrive, for example because rows are sorted by label, u is far worse than w for a while. But w
lost as much when these rows arrived.
"""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import Array, column_sums, namespace, reads_are_free, to_numpy

ROWS = 128
"""The number of rows that judge a step. They are enough, because a bad step is easy to see."""


class Trust(NamedTuple):
    """The trust in steps, and the models with which w is compared.

    Attributes
    ----------
    former : array of shape (K, D)
        The models before the last step, for rows less ``centre``.
    centre : array of shape (d,)
    start : array of shape (K, D)
        The models before all steps, for rows that are not centred.
    reach : array of shape (K,)
        The part of a step that is taken: 1, or less after steps were taken back.
    steps, back : arrays of shape (K,)
        The number of steps, and the number of steps that were taken back.
    by_w, by_mean, by_start : arrays of shape (K,)
        Running means of the losses of w, u and ``start`` on new rows.
    peak : array of shape (K,)
        The largest loss of w on a batch since u was last compared.
    """

    former: Array
    centre: Array
    start: Array
    reach: Array
    steps: Array
    back: Array
    by_w: Array
    by_mean: Array
    by_start: Array
    peak: Array


def begin(w: Array) -> Trust:
    """Return the state before the first step, with the models w (K, D)."""
    xp = namespace(w)
    one = xp.ones_like(w[:, 0])
    none = xp.zeros_like(one)
    return Trust(w, xp.zeros_like(w[0, :-1]), w, one, *[none] * 6)


def is_calm(trust: Trust, now: Array) -> bool:
    """Return whether the mean losses of a batch, (K,), are as before. `judge` is not needed then.

    The result is False if a read waits for a device.
    """
    if not reads_are_free(now):
        return False
    known = (to_numpy(a).tolist() for a in (now, trust.by_w, trust.peak))  # a few numbers
    return all(x <= 2.0 * by_w and 4.0 * x >= peak for x, by_w, peak in zip(*known, strict=True))


def judge(trust: Trust, values: Array) -> tuple[Trust, Array, Array]:
    """Compare the losses of models on new rows.

    Parameters
    ----------
    trust : Trust
    values : array of shape (k, 4, K)
        The losses by w, by u, by ``start`` and by ``former``.

    Returns
    -------
    trust : Trust
    back, lags : arrays of bool of shape (K,)
        The columns in which the last step must be taken back, and those in which u must become w.
    """
    xp = namespace(values)
    by_w, by_mean, by_start, by_former = (values[:, i, :] for i in range(4))
    judges = column_sums(by_start) > 0.0  # with a model of zeros, the perceptron loss is 0
    back = judges & _worse(by_w, by_former, 2.0) & _worse(by_w, by_start, 1.0)
    by_w = xp.where(back, by_former, by_w)
    lags = judges & _worse(by_mean, by_w, 4.0) & _worse(by_mean, by_start, 2.0)
    lags = lags & (trust.by_mean > 4.0 * trust.by_w) & (trust.by_mean > trust.by_start)
    trust = trust._replace(
        reach=xp.where(back, 0.25 * trust.reach, xp.minimum(2.0 * trust.reach, 1.0)),
        back=trust.back + xp.astype(back, values.dtype),
        by_mean=xp.where(lags, trust.by_w, trust.by_mean),
    )
    return trust, back, lags


def seen(trust: Trust, now: Array, r: float, values: Array | None = None) -> Trust:
    """Return the state with a batch's mean losses ``now`` (K,) in the running means.

    ``r`` is their weight. ``values`` are those of `judge`, if it is called next.
    """
    xp = namespace(now)
    by_w = (1.0 - r) * trust.by_w + r * now
    trust = trust._replace(by_w=by_w, steps=trust.steps + 1.0, peak=xp.maximum(trust.peak, now))
    if values is None:
        return trust
    mean, start = (column_sums(values[:, i, :]) / values.shape[0] for i in (1, 2))
    return trust._replace(
        by_mean=(1.0 - r) * trust.by_mean + r * mean,
        by_start=(1.0 - r) * trust.by_start + r * start,
        peak=now,
    )


def _worse(a: Array, b: Array, factor: float) -> Array:
    """Return in which columns losses a (k, K) are larger than b: significantly, and by a factor."""
    more = a - b
    beyond = column_sums(more) > 3.0 * namespace(a).sqrt(column_sums(more * more))
    return beyond & (column_sums(a) > factor * column_sums(b))
