"""Steps that make things worse are taken back: what keeps a fit from ending worse than it began.

Each batch is scored before it is learned from, so it tells what the step before it was worth: the
models w that the step led to are compared with those it left (``former``) and with those that the
fit began with (``start``), on the same fresh rows. Where w loses more than both, the step is taken
back, the next ones are shorter, and the batch is not learned from. Where the average u of the
targets loses far more than w and than ``start``, on these rows and on those of late, it holds
targets from before w had found its way: it becomes w and forgets.

"More" is a rule with a margin: three standard errors of the differences, row by row, and a factor.
A single row can not decide, and noise does not: in a hundred steps on the tables of
``bench/defaults.py`` none is taken back. Rows of another kind than those before (sorted by label,
say) make u far worse than w for a while, but w has lost as much when they came.
"""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import Array, column_sums, namespace, reads_are_free, to_numpy

ROWS = 128
"""Rows that judge a step: what is to be seen is gross."""


class Trust(NamedTuple):
    """How far steps are trusted, and the models that they have to be better than.

    Attributes
    ----------
    former : array of shape (K, D)
        Models before the last step, for rows less ``centre``.
    centre : array of shape (d,)
    start : array of shape (K, D)
        Models before all steps, for rows as they are.
    reach : array of shape (K,)
        The part of a step that is taken: 1, or less where steps were taken back lately.
    steps, back : arrays of shape (K,)
        How many steps there were, and how many were taken back.
    by_w, by_mean, by_start : arrays of shape (K,)
        Running means of what the models have lost on fresh rows.
    peak : array of shape (K,)
        The most that w has lost on a batch since u was last compared.
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
    """Return full trust in the steps from models w (K, D)."""
    xp = namespace(w)
    one = xp.ones_like(w[:, 0])
    none = xp.zeros_like(one)
    return Trust(w, xp.zeros_like(w[0, :-1]), w, one, *[none] * 6)


def is_calm(trust: Trust, now: Array) -> bool:
    """Return whether the mean losses of a batch, (K,), are as before: nothing is to be judged then.

    Where reading waits for a device all batches are judged.
    """
    if not reads_are_free(now):
        return False
    known = (to_numpy(a).tolist() for a in (now, trust.by_w, trust.peak))  # a few numbers
    return all(x <= 2.0 * by_w and 4.0 * x >= peak for x, by_w, peak in zip(*known, strict=True))


def judge(trust: Trust, values: Array) -> tuple[Trust, Array, Array]:
    """Compare what models lose on fresh rows.

    Parameters
    ----------
    trust : Trust
    values : array of shape (k, 4, K)
        Losses by w, by u, by ``start`` and by ``former``.

    Returns
    -------
    trust : Trust
    back, lags : arrays of bool of shape (K,)
        Where the last step is to be taken back, and where u is to become w.
    """
    xp = namespace(values)
    by_w, by_mean, by_start, by_former = (values[:, i, :] for i in range(4))
    judges = column_sums(by_start) > 0.0  # models of zeros make no perceptron lose
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
    """Take a batch's mean losses (K,) into the running means, with a weight of r.

    ``values`` are those of `judge`, where it is called next.
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
    """Tell where losses a (k, K) are more than b, whatever the rows, and by a factor."""
    more = a - b
    beyond = column_sums(more) > 3.0 * namespace(a).sqrt(column_sums(more * more))
    return beyond & (column_sums(a) > factor * column_sums(b))
