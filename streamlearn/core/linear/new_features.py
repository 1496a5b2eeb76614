"""Features that are new: their coefficients, from the rows of a batch alone.

A feature is new if it was constant before. It is new, too, if rows of the batch are so far off that
each says more about its coefficient than all rows before: their leverage is above 1. Meters are set
to zero or replaced, and a column may hold 1 in a million rows before it holds -999999. What the
rows before say about such a coefficient is noise, and the scores would be off by thousands. But the
new coefficient is only taken if these rows gain more by it than the rows before lose, by their
quadratic. Otherwise a single row would take a coefficient of hinge or huber away, though a loss
that grows in proportion to the score says that it is one of many.

A customer's rows may come together, with a column of their own. One Newton step from 0 would then
be all that this coefficient gets. It is damped as the coefficient of a rare feature is. If the
curvature of the loss depends on the score, it ends far from the optimum: log loss of 200 such
groups ended 5 % above it. With a jump by 100,000 deviations after half of the rows, log loss ended
a thousand times above it. So such a batch is read twice. After the first time the new coefficients
are fitted to its sample. Its gradient and curvature are those at the models with these
coefficients, and all of its rows feed H.
"""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import (
    Array,
    column_sums,
    concat,
    dense,
    device,
    namespace,
    reads_are_free,
    row_sums,
    weighted_sums,
)
from streamlearn.core.learner import Batch
from streamlearn.core.linear import joint_loss
from streamlearn.core.linear.curvature import (
    Curvature,
    diagonal,
    mean_squares,
    product,
)
from streamlearn.core.linear.losses import LOSSES
from streamlearn.core.linear.newton_state import State, rounding
from streamlearn.core.linear.newton_step import along, inner, weighted_curvature
from streamlearn.core.linear.one_pass_sums import OnePassSums, Sample, one_pass_sums
from streamlearn.core.linear.sgd import Params, penalty_parts, per_column
from streamlearn.core.rows import pick

EVIDENCE = 16
"""The smallest number of rows of a feature that was constant before, for each such feature."""

STEPS = 8
"""Newton steps that fit the new coefficients."""

FAR = 30.0
"""The deviations from its level before, from which on a feature may be new.

Fewer rows than `EVIDENCE` set its coefficient to 0 if their loss falls by this factor. Features
with tails have such rows now and then, and a coefficient that is wrong by a few times its error.
"""


class RowsBefore(NamedTuple):
    """What H knows of the rows before a batch.

    Attributes
    ----------
    squares : array of shape (K, d)
        The mean squares of the features that rows have contributed to H. A row whose loss is linear
        at its score says nothing about a coefficient, however far off it is. So the curvature
        counts, in units of that of the intercept.
    mean_h : array of shape (K,)
        The mean curvature of the loss, which is the curvature of the intercept.
    """

    squares: Array
    mean_h: Array


def fitted(
    params: Params,
    w: Array,
    level: Array,
    known: RowsBefore,
    some: Sample,
    worst: Array,
    m: int,
    T: int,
) -> tuple[Array, Array] | None:
    """Return what new features add to the coefficients, or None if there are none.

    Parameters
    ----------
    params : Params
    w : array of shape (K, D)
        The models at which ``some`` was scored.
    level : array of shape (d,)
        The mean of the features in the rows before.
    known : RowsBefore
        Its ``squares`` (d,) are the largest of all columns.
    some : Sample
        A sample of m rows that follow T others.
    worst : array of shape (n, d)
        The rows with the largest losses. If a feature is far off in no row of them, the sample is
        searched for features that were constant only.
    m, T : int

    Returns
    -------
    coef : array of shape (K, d)
        It is 0 in all other features.
    level : array of shape (d,)
        The mean of the features without the rows that are far off. The intercepts change so that no
        score of a row with it does; see `with_intercepts`.
    """
    xp = namespace(w)
    if not T or not reads_are_free(w):
        return None
    new = _new_features(level, known.squares, some, worst, m, T)
    if new is None:
        return None
    columns = xp.arange(w.shape[1] - 1, device=device(w))[None, :] == new.at[:, None]
    columns = xp.astype(columns, w.dtype)
    former = w[:, :-1] @ xp.matrix_transpose(columns)
    v = _coefficients(params, new, former, known.mean_h, some, m, T)
    coef = (v - former) @ columns
    if not bool(xp.any(coef != 0.0)):
        return None
    chosen = xp.any(columns > 0.0, axis=0)
    return coef, xp.where(chosen, new.level @ columns, level)


class NewFeatures(NamedTuple):
    """The q new features of a sample of k rows.

    Attributes
    ----------
    at : array of int of shape (q,)
        Their places among all features.
    level : array of shape (q,)
        Their means without the rows that are far off.
    squares : array of shape (q,)
        Their `RowsBefore.squares`.
    Z : array of shape (k, q)
        The rows less the levels.
    far : array of shape (k, q)
        1 where a row is far off, and 0 elsewhere.
    share : array of shape (q,)
        The share of the rows that are far off.
    """

    at: Array
    level: Array
    squares: Array
    Z: Array
    far: Array
    share: Array


def _new_features(
    level: Array, squares: Array, some: Sample, worst: Array, m: int, T: int
) -> NewFeatures | None:
    """Return the features that are new, or None if there are none. See `fitted`."""
    xp = namespace(level)
    reach = _reach(level, squares, T)
    constant = squares <= rounding(level) ** 2
    searched = constant | xp.any(xp.abs(dense(worst) - level) > reach)
    (at,) = xp.nonzero(searched)
    if not at.shape[0]:
        return None
    k, dtype = some.p.shape[0], level.dtype
    X, level, squares, reach, constant = (
        xp.take(a, at, axis=-1) for a in (dense(some.X), level, squares, reach, constant)
    )
    far = xp.astype(xp.abs(X - level) > reach, dtype)
    share = column_sums(far) / k
    least = EVIDENCE * xp.sum(xp.astype(constant & (share > 0.0), dtype))
    (new,) = xp.nonzero((share > 0.0) & ((m * share >= least) | ~constant))
    if not new.shape[0]:
        return None
    at, X, level, squares, far, share = (
        xp.take(a, new, axis=-1) for a in (at, X, level, squares, far, share)
    )
    near = column_sums((1.0 - far) * (X - level)) / k
    level = level + m * near / (T + m * (1.0 - share))
    return NewFeatures(at, level, squares, X - level, far, share)


def _coefficients(
    params: Params, new: NewFeatures, former: Array, mean_h: Array, some: Sample, m: int, T: int
) -> Array:
    """Return the coefficients of new features, (K, q), given those before. See `fitted`."""
    xp, k, joint = namespace(former), some.p.shape[0], LOSSES[params.loss].joint
    p = some.p - new.Z @ xp.matrix_transpose(former)
    its = xp.max(new.far, axis=1, keepdims=True)
    # the usual steps fit few rows, from 0 if the coefficient is wrong for them by far
    few = bool(m * xp.min(new.share) < EVIDENCE * new.at.shape[0])
    before = _loss(params, some.p, some, its)
    fits = (before <= (FAR if few else 1.0) * _loss(params, p, some, its))[:, None]
    v = xp.where(fits, former, 0.0)
    p = p + new.Z @ xp.matrix_transpose(v)
    if not few:
        l2 = (T + m) / m * per_column(penalty_parts(params)[1], mean_h)[:, None]
        v, p = _newton_steps(params, v, p, new.Z, some, l2)
    # the rows before lose, by their quadratic, what the rows that are far off must gain
    gain = m / k * (before - _loss(params, p, some, its))
    lost = 0.5 * T * inner(mean_h[:, None] * new.squares * (v - former), v - former, joint)
    return xp.where((lost <= xp.maximum(gain, xp.zeros_like(gain)))[:, None], v, former)


def _newton_steps(
    params: Params, v: Array, p: Array, Z: Array, some: Sample, l2: Array
) -> tuple[Array, Array]:
    """Return coefficients v and scores p after Newton steps for the rows of the sample."""
    xp, loss, k = namespace(v), LOSSES[params.loss], some.p.shape[0]
    for _ in range(STEPS):
        g = loss.gradient(p, some.y, params.epsilon)
        g = weighted_sums(g if some.weight is None else some.weight * g, Z) / k + l2 * v
        h = weighted_curvature(params, p, some.y, some.weight)
        own = joint_loss.diagonal(h) if loss.joint else h
        curved = weighted_sums(own, Z * Z) / k + l2
        s = g / xp.where(curved > 0.0, curved, 1.0)
        by = Z @ xp.matrix_transpose(s)
        bend = column_sums(along(h, by, loss.joint)) / k + inner(l2 * s, s, loss.joint)
        slope = inner(g, s, loss.joint)
        t = xp.where(bend > slope, slope / xp.where(bend > 0.0, bend, 1.0), 1.0)[:, None]
        v, p = v - t * s, p - by * xp.matrix_transpose(t)
    return v, p


def _reach(level: Array, squares: Array, T: int) -> Array:
    """Return the deviations from the level beyond which the values of features are far off."""
    xp = namespace(level)
    return xp.maximum(rounding(level), max(FAR, T**0.5) * xp.sqrt(squares))


def rows_before(known: Curvature) -> RowsBefore:
    """Return what H knows of the rows that have fed it."""
    xp, H = namespace(known.square), diagonal(known)
    level = xp.where(H[:, -1:] > 0.0, H[:, -1:], 1.0)
    squares = xp.minimum(H / level, mean_squares(known.square))[:, :-1]
    return RowsBefore(squares, H[:, -1])


def _of_each_model(
    params: Params,
    w: Array,
    level: Array,
    known: RowsBefore,
    some: Sample,
    worst: Array,
    batch: Batch,
) -> tuple[Array, Array] | None:
    """Return the result of `fitted`, by each of the models that the columns are alone.

    ``level`` is (K, d) in the result.
    """
    xp, n = namespace(w), params.n_models
    step = w.shape[0] // n
    squares = xp.max(xp.reshape(known.squares, (n, step, -1)), axis=1)
    may_have = _may_have_new(level, squares, some, worst, batch.seen)
    if not bool(xp.any(may_have)):
        return None
    none = xp.zeros_like(w[:step, :-1])
    parts, found = [], False
    for i in range(n):
        c = slice(i * step, (i + 1) * step)
        new = None
        if bool(may_have[i]):
            own, sample = _of_one_model(params, some, c)
            at, m, T = pick(worst, slice(i, i + 1)), batch.X.shape[0], batch.seen
            before = RowsBefore(squares[i, :], known.mean_h[c])
            new = fitted(own, w[c, :], level, before, sample, at, m, T)
        found = found or new is not None
        coef, usual = (none, level) if new is None else new
        parts.append((coef, usual + none))
    return (concat([a for a, _ in parts]), concat([b for _, b in parts])) if found else None


def _of_one_model(params: Params, some: Sample, c: slice) -> tuple[Params, Sample]:
    """Return the parameters and the sample of the model that some of the columns are."""
    numbers = {name: getattr(params, name) for name in ("alpha", "l1_ratio", "epsilon")}
    numbers = {k: a[c] if getattr(a, "ndim", 0) else a for k, a in numbers.items()}
    a = some.weight if some.weight is None or some.weight.shape[1] == 1 else some.weight[:, c]
    sample = Sample(some.X, some.p[:, c], some.y[:, c], a, None, None)
    return params._replace(n_models=1, **numbers), sample


def _may_have_new(level: Array, squares: Array, some: Sample, worst: Array, T: int) -> Array:
    """Return for each of n models whether `fitted` could find a new feature, (n,).

    It takes few operations for all models together, because most batches have none.

    Parameters
    ----------
    level, some, T
        The arguments of `fitted`.
    squares : array of shape (n, d)
        The squares of the `RowsBefore` of each model.
    worst : rows of shape (n, d)
        The row with the largest loss of each model.
    """
    xp, reach = namespace(level), _reach(level, squares, T)
    found = xp.any(xp.abs(dense(worst) - level) > reach, axis=1)
    constant = squares <= rounding(level) ** 2
    (at,) = xp.nonzero(xp.any(constant, axis=0))
    if at.shape[0]:
        X, level, reach, constant = (
            xp.take(a, at, axis=-1) for a in (dense(some.X), level, reach, constant)
        )
        moved = xp.max(xp.abs(X - level), axis=0)
        found = found | xp.any(constant & (moved > reach), axis=1)
    return found


def _loss(params: Params, p: Array, some: Sample, its: Array) -> Array:
    """Return sums of the losses at scores p of a sample's rows where ``its`` (k, 1) is 1, (K,).

    If the loss is joint, they are equal.
    """
    xp, loss = namespace(p), LOSSES[params.loss]
    value = its * loss.value(p, some.y, params.epsilon)
    value = column_sums(value if some.weight is None else some.weight * value)
    return xp.sum(value) + 0.0 * value if loss.joint else value


def read_again(
    params: Params,
    w: Array,
    level: Array,
    centre: Array,
    known: RowsBefore,
    found: OnePassSums,
    some: Sample,
    batch: Batch,
) -> tuple[Array, Array, OnePassSums, Sample] | None:
    """Read a batch again if it has new features.

    Parameters
    ----------
    params, w, level, some
        The arguments of `fitted`.
    known : RowsBefore
    centre : array of shape (d,)
        The rows are less it, at the models w.
    found : OnePassSums
        The sums at the models w.
    batch : Batch

    Returns
    -------
    coef, level : arrays of shape (K, d)
        The results of `fitted`. If it is None, all is None.
    sums : OnePassSums
    sample : Sample
        All rows, at the models with ``coef``.
    """
    if not batch.seen or not reads_are_free(w):
        return None
    new = _of_each_model(params, w, level, known, some, found.worst.X, batch)
    if new is None:
        return None
    # of a sample, a single row that is far off would count in H not at all, or for several rows
    whole = batch._replace(draws=None)
    return *new, *one_pass_sums(params, w + with_intercepts(*new, centre), centre, whole)


def added(state: State, change: Array, level: Array) -> State:
    """Return the state at models to which the change of new coefficients is added.

    What the rows before know of these coefficients stays in the gradient. The answer u gets the new
    coefficients themselves, because near kinks its former ones are others than those of w.

    Parameters
    ----------
    state : State
    change, level : arrays of shape (K, d), and (d,) or (K, d)
        See `fitted`.
    """
    xp, w, u = namespace(change), state.weights, state.mean
    more = with_intercepts(change, level, state.centre)
    apart = xp.where(change != 0.0, (w - u)[:, :-1], 0.0)
    return state._replace(
        weights=w + more,
        mean=u + more + with_intercepts(apart, level, state.centre),
        gradient=state.gradient + product(more, state.curvature),
    )


def with_intercepts(change: Array, level: Array, centre: Array) -> Array:
    """Return a change of coefficients as one of models for rows less a centre, (K, D).

    Parameters
    ----------
    change : array of shape (K, d)
    level : array of shape (d,)
        The value that the features had before. No score of a row with it changes.
    centre : array of shape (d,)
    """
    shift = row_sums(change * (centre - level))
    return namespace(change).concat([change, shift[:, None]], axis=1)
