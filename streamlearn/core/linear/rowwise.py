"""scikit-learn's stochastic gradient descent row by row, computed for a tile of rows at once.

A tile has the rows x_1 .. x_m with moves c_t and decays s_t. scikit-learn's loop over the rows is
``w_t = s_t w_(t-1) + c_t x_t`` and ``b_t = b_(t-1) + c_t`` (`row_step`). So row t has the score and
the move, with ``S_t = s_1 ... s_t``::

    p_t = S_(t-1) x_t'w_0 + b_0 + sum_(j < t) (S_(t-1) / S_j x_j'x_t + 1) c_j
    c_t = g(p_t, y_t, t)

A score depends only on earlier moves. So there is one solution, and `tile_solver` finds it for all
rows of the tile at once. The models after the tile, the mean of all iterates, and the norms in the
objective are sums over the moves too. The best size of tiles depends on how far a row moves the
scores of the next ones. `tiles` adapts it during the fit.

The cumulative L1 penalty cuts every coefficient after every row, and no product can express this.
With it, rows are learned from one by one by `row_step.step`, which is right for any row. So are
rows whose decays are near 0, and rows whose products overflow.

In core only this module, `tile_solver` and `tiles` read from the device. They read once for each
sweep or group of sweeps, to compare scores and moves. A few times for each batch they read the size
of tiles, and whether all numbers are finite.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

from streamlearn._arrays import (
    Array,
    dense,
    device,
    entries,
    is_array,
    is_sparse,
    linear_predictor,
    namespace,
    on_host,
    present,
    row_products,
    rows_at,
    weighted_sums,
)
from streamlearn.core.learner import Batch, Info, Learner
from streamlearn.core.linear.active_features import narrow, widen
from streamlearn.core.linear.losses import LOSSES
from streamlearn.core.linear.row_step import (
    PASSIVE,
    MoveTerms,
    RowTerms,
    Size,
    State,
    resume,
    row_terms,
    sized,
    some,
    start,
    step,
)
from streamlearn.core.linear.sgd import (
    Params,
    loss_sums,
    penalty_parts,
    report,
    rescale,
    to_like,
    zero_models,
)
from streamlearn.core.linear.tile_solver import PATIENCE, by_slopes, settle
from streamlearn.core.linear.tiles import (
    CURVED,
    DEVICE,
    PLAIN,
    Tiles,
    next_size,
    sharp_rows,
    tiles_of,
)
from streamlearn.core.rows import cast

__all__ = ["ROWS", "State", "answer", "learner", "resume", "start"]

ROWS = 2048
"""The number of rows that a batch should have, because some work is done once for all its tiles."""

TOGETHER = 64
"""Sparse rows in a group, which are learned from one by one with the features of the group."""

HUGE = 1e-9
"""The bound on the loss of a batch, as a part of the largest float. So sums of many are finite."""


class RowwiseResult(NamedTuple):
    """The result of learning from some rows.

    Attributes
    ----------
    state : State
    p : array of shape (m, K)
        The score of each row before it was learned from.
    norms : array of shape (K,), or None
        The sum over the rows of the penalty before each row. None without a penalty.
    sweeps : float
        The mean number of sweeps of a tile.
    """

    state: State
    p: Array
    norms: Array | None
    sweeps: float = 0.0


class Path(NamedTuple):
    """The iterates of T tiles of m rows.

    Attributes
    ----------
    W, B : arrays of shape (T, K, d) and (T, K)
        The models w_0 and b_0 before each tile.
    P, C : arrays of shape (T, m, K)
        The scores p_t and the moves c_t.
    """

    W: Array
    B: Array
    P: Array
    C: Array


def init(params: Params, n_features: int, n_outputs: int, *, like: Array) -> State:
    """Return models of zeros in the float dtype of ``like``."""
    return start(params, *zero_models(n_features, n_outputs, like))


def update(params: Params, state: State, batch: Batch) -> tuple[State, Info]:
    """Learn from the rows of a batch one after the other, as scikit-learn's loop does.

    Parameters
    ----------
    params : Params
        ``learning_rate`` may also be "pa1" and "pa2", with the losses "hinge" and
        "epsilon_insensitive".
    state : State
        It is not changed.
    batch : Batch
        Rows (m, d), targets of ``params.kind``, weights (m,) or None, rows seen before.

    Returns
    -------
    state : State
    info : Info
        Sums over the batch, with the score of each row before it was learned from. The loss is NaN
        if the models have overflowed.

    References
    ----------
    Passive-aggressive steps: Crammer, Dekel, Keshet, Shalev-Shwartz & Singer, "Online
    passive-aggressive algorithms", 2006. The cumulative L1 penalty: Tsuruoka, Tsujii & Ananiadou,
    "Stochastic gradient descent training for L1-regularized log-linear models with cumulative
    penalty", 2009.

    Examples
    --------
    >>> import numpy as np
    >>> params = Params(loss="squared_error", kind="values", learning_rate="constant", eta0=0.5)
    >>> X, y = np.array([[1.0], [-1.0]]), np.array([2.0, 1.0])
    >>> state, info = update(params, init(params, 1, 1, like=X), Batch(X, y))
    >>> state.coef.round(3), state.intercept, info.loss.round(3)
    (array([[0.5]]), array([1.5]), array([2.5]))
    """
    before, params = state, to_like(params, state.coef)
    rows, weight = row_terms(params, state, batch)
    if state.penalized is None and is_sparse(rows.X):
        begun, X, features = narrow(state, rows.X)
        state, p, norms, _ = by_tiles(params, begun, rows._replace(X=X))
        state = widen(before, begun, state, features)
    elif state.penalized is None:
        state, p, norms, _ = by_tiles(params, state, rows)
    else:
        state, p, norms, _ = one_by_one(params, state, rows)
    moving = state.active > 0.0
    state = _where(moving, state, before)
    xp = namespace(p)
    info = report(
        params._replace(penalty=None),
        state.coef,
        p.shape[0],
        *loss_sums(LOSSES[params.loss].value(p, rows.y, params.epsilon), weight),
    )
    if norms is not None and params.learning_rate not in PASSIVE:
        info = info._replace(objective=info.objective + norms)
    info = nan_if_lost(state, info)
    return state._replace(skipped=before.skipped + xp.sum(1.0 - rows.kept)), info


def nan_if_lost(state: State, info: Info) -> Info:
    """Return the report of a step to ``state``, with a loss of NaN if the models have overflowed.

    If only the sum of the losses overflows, the models are sound and the fit goes on.
    """
    xp = namespace(state.coef)
    answered = xp.astype(state.coef, state.like.dtype, copy=False)
    sound = xp.all(xp.isfinite(answered), axis=1) & xp.isfinite(state.intercept)
    most = HUGE * xp.finfo(state.coef.dtype).max * xp.ones_like(info.loss)
    return info._replace(loss=xp.where(sound, xp.minimum(info.loss, most), xp.nan))


def one_by_one(params: Params, state: State, rows: RowTerms) -> RowwiseResult:
    """Learn from the rows by `step`. Sparse rows go in groups, with the features of the group."""
    xp, (a1, a2), n = namespace(rows.y), penalty_parts(params), rows.y.shape[0]
    sparse, features = is_sparse(rows.X), None
    P, norms = [], None
    for at in range(0, n, TOGETHER if sparse else n):
        group = some(rows, slice(at, min(at + TOGETHER, n) if sparse else n))
        before = begun = state
        if sparse:
            begun, X, features = narrow(state, group.X)
            state, group = begun, group._replace(X=X)
        for i in range(group.y.shape[0]):
            row, old, more = some(group, slice(i, i + 1)), state.penalized, None
            if old is not None:
                more = a1 * old.absolute + 0.5 * a2 * old.square
            elif row.decay is not None:
                more = 0.5 * a2 * xp.sum(state.coef * state.coef, axis=1)
            norms = more if norms is None else norms + more
            stored = None
            if sparse:
                stored, row = present(row.X), row._replace(X=dense(row.X))
            state, p, _ = step(params, state, row, stored)
            P.append(p)
        if features is not None:
            state = widen(before, begun, state, features)
    return RowwiseResult(state, xp.concat(P), norms)


def by_tiles(params: Params, state: State, rows: RowTerms) -> RowwiseResult:
    """Learn from the rows tile by tile."""
    if rows.decay is not None and rows.decay.shape[1] > 1:
        return _column_by_column(params, state, rows)
    n = rows.y.shape[0]
    head, m = sharp_rows(rows, int(state.size.rows))
    whole = n - (n - head) % m
    P, norms = [], None
    for begin, end, tile in ((0, head, 1), (head, whole, m), (whole, n, n - whole)):
        if begin < end:
            part = some(rows, slice(begin, end))
            found = _tiles(params, state, part, tile) or one_by_one(params, state, part)
            state, p, more, sweeps = found
            P.append(p)
            norms = more if norms is None or more is None else norms + more
            if tile == m and sweeps > 0.0:
                state = state._replace(size=_next_size(params, state, part.X, m, sweeps))
    return RowwiseResult(state, namespace(rows.y).concat(P), norms)


def _next_size(params: Params, state: State, X: Array, m: int, sweeps: float) -> Size:
    w, stored = state.coef, prod(entries(X).shape) / X.shape[0]
    cost = (CURVED if by_slopes(params, w) else PLAIN) if on_host(w) else DEVICE
    cost = cost.of_sparse() if is_sparse(X) else cost
    cost = cost._replace(move=cost.move * w.shape[0])
    return sized(next_size(state.size, m, sweeps, cost, stored), like=state.size.rows)


def _tiles(params: Params, state: State, rows: RowTerms, m: int) -> RowwiseResult | None:
    """Learn from rows in tiles of m rows. Return None if rows must be learned from one by one."""
    if m == 1:
        return None
    w, b, y = state.coef, state.intercept, rows.y
    xp, T = namespace(w), y.shape[0] // m
    tiles = tiles_of(params, rows, m)
    square = xp.ones((m, m), dtype=y.dtype, device=device(y))
    lower, ones = xp.tril(square, k=-1), square[:1, :]
    of_rows = [xp.reshape(a, (T, m, -1)) for a in (y, rows.factor, rows.square)]
    move = rows.slow if params.fit_intercept else 0.0
    curved, failed, wait = by_slopes(params, w), 0, 0
    models: list[tuple[Array, Array]] = []
    steps: list[tuple[Array, Array]] = []
    sweeps = 0
    for t in range(T):
        X = rows_at(rows.X, slice(t * m, (t + 1) * m))
        p0, before, after = linear_predictor(X, w), _at(tiles.before, t), _at(tiles.after, t)
        p0 = b + (p0 if before is None else before * p0)
        A = lower * (row_products(X, before, after) + move)
        goals = MoveTerms(*(a[t, ...] for a in of_rows))
        found = settle(params, A, p0, goals, curved=curved and wait <= 0)
        if found is None:
            break
        p, c, taken = found
        models.append((w, b))
        steps.append((p, c))
        sweeps += taken
        # Tiles that move in jumps follow each other. After each failure, twice as many tiles pass
        # before slopes are tried again.
        if wait > 0:
            wait -= 1
        else:
            failed = failed + 1 if taken > PATIENCE else 0
            wait = 2**failed // 2 - 1
        w = w + weighted_sums(c if after is None else after * c, X)
        w = w if tiles.last is None else tiles.last[t, :] * w
        b = b + move * (ones @ c)[0, :]
    if len(steps) < T:
        return _lost(state, rows)
    path = Path(*(xp.stack(a) for kept in (models, steps) for a in zip(*kept, strict=True)))
    if not bool(xp.all(xp.isfinite(path.P))):
        return _lost(state, rows)
    mean_w, mean_b = _means(state, rows, tiles, path, (w, b), move)
    state = state._replace(coef=w, intercept=b, mean_coef=mean_w, mean_intercept=mean_b)
    norms = None if tiles.norm is None else _norms(params, rows, tiles, path)
    return RowwiseResult(state, xp.reshape(path.P, y.shape), norms, sweeps / T)


def _at(a: Array | None, t: int) -> Array | None:
    return a if a is None else a[t, ...]


def _lost(state: State, rows: RowTerms) -> RowwiseResult | None:
    """Return models that have overflowed as they are, or None if only products have overflowed."""
    xp = namespace(state.coef)
    if bool(xp.all(xp.isfinite(state.coef)) & xp.all(xp.isfinite(state.intercept))):
        return None
    return RowwiseResult(state, xp.nan * rows.y, None)


def _means(
    state: State, rows: RowTerms, tiles: Tiles, path: Path, new: tuple[Array, Array], move: float
) -> tuple[Array, Array]:
    """Return the means over the iterates. ``new`` is the last iterate."""
    w, b = new
    if tiles.mean is None or tiles.later is None:
        return w, b
    xp, shape = namespace(w), rows.y.shape
    later, first = xp.sum(tiles.later[:, 0, 0]), rows.order[0, 0]
    earlier = xp.maximum(first - rows.kept[0, 0], 0.0 * first)
    n = xp.maximum(earlier + later, xp.ones_like(first))
    sum_w = xp.sum(tiles.mean[:, :1, :] * path.W, axis=0)
    sum_w = sum_w + weighted_sums(xp.reshape(tiles.mean[:, 1:, :] * path.C, shape), rows.X)
    sum_b = xp.sum(tiles.later[:, 0, :] * path.B, axis=0)
    sum_b = sum_b + move * xp.sum(tiles.later[:, 1:, :] * path.C, axis=(0, 1))
    share, none = earlier / n, earlier + later == 0.0
    return (
        xp.where(none, w, share * state.mean_coef + sum_w / n),
        xp.where(none, b, share * state.mean_intercept + sum_b / n),
    )


def _norms(params: Params, rows: RowTerms, tiles: Tiles, path: Path) -> Array:
    """Return the sum over all rows of the L2 penalty before each row, (K,)."""
    assert rows.decay is not None
    assert tiles.norm is not None
    xp, (T, m, _), c = namespace(path.W), path.P.shape, path.C
    decay, square = (xp.reshape(a, (T, m, 1)) for a in (rows.decay, rows.square))
    before = path.B[:, None, :]
    if params.fit_intercept:
        before = before + rows.slow * (xp.cumulative_sum(c, axis=1) - c)
    gains = c * (2.0 * decay * (path.P - before) + c * square)
    norms = tiles.norm[:, 0, :] * xp.sum(path.W * path.W, axis=2)
    norms = norms + xp.sum(tiles.norm[:, 1:, :] * gains, axis=1)
    return 0.5 * penalty_parts(params)[1] * xp.sum(norms, axis=0)


def _column_by_column(params: Params, state: State, rows: RowTerms) -> RowwiseResult:
    """Learn by tiles from columns that have different decays."""
    xp, K = namespace(rows.y), rows.y.shape[1]
    found = []
    for k in range(K):

        def column(a: Any, k: int = k) -> Any:
            return a[k : k + 1, ...] if is_array(a) and a.ndim > 0 else a

        def of_rows(a: Any, k: int = k) -> Any:
            return a[:, k : k + 1] if is_array(a) and a.shape[1] == K else a

        apart = rows._replace(
            y=of_rows(rows.y),
            factor=of_rows(rows.factor),
            square=of_rows(rows.square),
            decay=of_rows(rows.decay),
        )
        found.append(by_tiles(Params(*map(column, params)), State(*map(column, state)), apart))
    joined = [
        xp.concat(parts) if is_array(parts[0]) and parts[0].ndim > 0 else parts[-1]
        for parts in zip(*(learned.state for learned in found), strict=True)
    ]
    norms = None if found[0].norms is None else xp.concat([one.norms for one in found])
    return RowwiseResult(State(*joined), xp.concat([one.p for one in found], axis=1), norms)


def _where(moving: Array, new: State, old: State) -> State:
    """Return the new state in the columns that move, and the old state in the others."""
    xp = namespace(moving)

    def pick(a: Any, b: Any) -> Any:
        if isinstance(a, tuple):
            return type(a)(*map(pick, a, b))
        if a is None or a.ndim == 0:
            return a
        return xp.where(moving if a.ndim == 1 else moving[:, None], a, b)

    return pick(new, old)


def answer(params: Params, state: State) -> tuple[Array, Array]:
    """Return the models for predictions, ``(coef, intercept)``, of shapes (K, d) and (K,)."""
    xp, dtype = namespace(state.like), state.like.dtype
    coef, intercept = (
        xp.astype(a, dtype, copy=False) for a in (state.mean_coef, state.mean_intercept)
    )
    return coef, intercept


def apply(params: Params, state: State, X: Array) -> Array:
    """Return the scores (m, K) of rows X (m, d) by the models of `answer`."""
    coef, intercept = answer(params, state)
    return linear_predictor(cast(X, coef.dtype), coef) + intercept


def fixed(X: Array, n_outputs: int) -> int:
    """Return the number of rows of each batch."""
    return ROWS


def learner(params: Params) -> Learner:
    """Bundle the learner with its parameters."""
    return Learner(
        params,
        init,
        update,
        apply,
        rescale=rescale,
        sparse=True,
        fixed=fixed,
        narrow=True,
    )
