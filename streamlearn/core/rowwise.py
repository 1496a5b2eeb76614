"""scikit-learn's stochastic gradient descent row by row, a tile of rows at a time.

With the moves ``c_t`` and decays ``s_t`` of a tile's rows ``x_1 .. x_m``, scikit-learn's loop over
rows is ``w_t = s_t w_(t-1) + c_t x_t`` and ``b_t = b_(t-1) + c_t``, so that row t is scored by

    p_t = R[0, t] (x_t . w_0) + b_0 + sum_(j < t) (R[j, t] (x_j . x_t) + 1) c_j
    c_t = g(p_t, y_t, t),     R[j, t] = prod_(j < i < t) s_i

Only earlier moves enter a score. Sweeps ``c <- g(p(c))`` from ``c = 0`` therefore make at least one
more row final each and end, to the bit, at the one solution after at most m sweeps; a handful is
enough where a row moves the scores of the next ones little. The models, the mean of all iterates
and the norms that the objective sums up are products with ``R`` too.

The cumulative L1 penalty cuts every coefficient after every row, which no product tells: under it
rows go one by one, by `streamlearn.core.rowsteps.step`, which is right for any row.

This is the one module of core that reads from the device: once a sweep, or a group of sweeps, to
see whether anything has changed, and once a span of tiles to see whether decays can be divided.
"""

from __future__ import annotations

from streamlearn.backend import (
    Array,
    column_sums,
    device,
    namespace,
    on_host,
    reads_are_free,
    scores,
    weighted_sums,
)
from streamlearn.core.affine import cast
from streamlearn.core.linear import (
    Params,
    beside,
    loss_sums,
    penalty_parts,
    report,
    restate,
    zero_models,
)
from streamlearn.core.losses import LOSSES
from streamlearn.core.machine import Batch, Info, Machine
from streamlearn.core.rowsteps import PASSIVE, Rows, State, moves, resume, rows_of, start, step
from streamlearn.core.tiles import Tiles, tiles_of

__all__ = ["ROWS", "State", "answer", "machine", "resume", "start"]

ROWS = 1024
"""Rows that a batch should have: what is done for all of its tiles at once pays off."""

TILE = 64
"""Rows of a tile on a CPU.

One size does everywhere (``bench/rowwise.py``): from 20 to 500 features, 1 to 10 columns, centred
rows or not, 64 is at most 20 % behind the best of 32, 64 and 128. Where a row moves the scores of
the next ones much, sweeps grow with the tile, and what they cost a row stays.
"""

DEVICE_TILE = 512
"""Rows of a tile on an accelerator, where a sweep costs its launches."""

SPAN_NUMBERS = 1 << 19
"""Numbers in the matrices between rows that are made for several tiles at once."""

GROUP = 4
"""Sweeps between two looks at the result, where a look waits for a device."""

HUGE = 1e-9
"""Part of the largest float that bounds the loss of a batch, so that the sum of many is finite."""


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
        Not changed.
    batch : Batch
        Rows (m, d), targets as ``params.kind`` says, weights (m,) or None, rows seen before.

    Returns
    -------
    state : State
    info : Info
        Sums over the batch, each row scored before it was learned from. The loss is NaN once the
        models have left the floats.

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
    before, params = state, beside(params, state.coef)
    rows, weight = rows_of(params, state, batch)
    if state.penalized is None:
        state, p, norms = by_tiles(params, state, rows)
    else:
        state, p, norms = one_by_one(params, state, rows)
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
    sound = xp.all(xp.isfinite(state.coef), axis=1) & xp.isfinite(state.intercept)
    # A sum that has left the floats is no reason to stop: the models are what counts.
    bounded = xp.minimum(info.loss, HUGE * xp.finfo(p.dtype).max * xp.ones_like(info.loss))
    info = info._replace(loss=xp.where(sound, bounded, xp.nan))
    return state._replace(skipped=before.skipped + xp.sum(1.0 - rows.kept)), info


def one_by_one(params: Params, state: State, rows: Rows) -> tuple[State, Array, Array | None]:
    """Learn from the rows by `step`; return the scores (m, K) and the sum of the penalties."""
    xp = namespace(rows.X)
    p, norms = [], None
    for i in range(rows.X.shape[0]):
        if state.penalized is not None:
            a1, a2 = penalty_parts(params)
            more = a1 * state.penalized.absolute + 0.5 * a2 * state.penalized.square
            norms = more if norms is None else norms + more
        state, p_i, _ = step(params, state, _some(rows, i, i + 1))
        p.append(p_i)
    return state, xp.concat(p), norms


def by_tiles(params: Params, state: State, rows: Rows) -> tuple[State, Array, Array | None]:
    """Learn from the rows a tile at a time; return as `one_by_one`."""
    n, K = rows.y.shape
    m = min(n, TILE if on_host(rows.X) else DEVICE_TILE)
    rows, xp = _padded(rows, -n % m), namespace(rows.X)
    k = 1 if rows.decay is None else rows.decay.shape[1]
    span = m * max(1, SPAN_NUMBERS // (k * m * m))
    p, norms = [], None
    for at in range(0, rows.X.shape[0], span):
        part = _some(rows, at, min(at + span, rows.X.shape[0]))
        state, p_i, more = _span(params, state, part, m)
        p.append(p_i)
        if more is not None:
            norms = more if norms is None else norms + more
    return state, xp.reshape(xp.concat(p), (-1, K))[:n, :], norms


def _span(params: Params, state: State, rows: Rows, m: int) -> tuple[State, Array, Array | None]:
    """Learn from the rows of several tiles; return the scores as (T, m, K)."""
    xp = namespace(rows.X)
    tiles = tiles_of(params, rows, m)
    P, C, B, squares = [], [], [], []
    for t in range(tiles.A.shape[0]):
        part = _some(rows, t * m, (t + 1) * m)
        if tiles.norm is not None:
            squares.append(xp.sum(state.coef * state.coef, axis=1))
            B.append(xp.astype(state.intercept, rows.X.dtype, copy=False))
        state, p, c = _tile(params, state, part, Tiles(*(_at(a, t) for a in tiles)))
        P.append(p)
        C.append(c)
    p = xp.stack(P)
    if tiles.norm is None:
        return state, p, None
    assert rows.decay is not None
    c, square = xp.stack(C), xp.reshape(rows.square, (-1, m, 1))
    before = xp.stack(B)[:, None, :]
    if params.fit_intercept:
        before = before + xp.cumulative_sum(c, axis=1) - c
    decay = xp.reshape(rows.decay, (p.shape[0], m, -1))
    gains = c * (2.0 * decay * (p - before) + c * square)
    norms = tiles.norm[:, 0, :] * xp.stack(squares) + xp.sum(tiles.norm[:, 1:, :] * gains, axis=1)
    return state, p, 0.5 * penalty_parts(params)[1] * xp.sum(norms, axis=0)


def _tile(params: Params, state: State, rows: Rows, tile: Tiles) -> tuple[State, Array, Array]:
    """Learn from the rows of one tile; return also their scores and moves, (m, K)."""
    w, b, X = state.coef, state.intercept, rows.X
    xp = namespace(w)
    p0 = tile.first * scores(X, w) + xp.astype(b, w.dtype, copy=False)
    p, c, settled = settle(params, tile.A, p0, rows)
    if not settled and bool(xp.all(xp.isfinite(w)) & xp.all(xp.isfinite(b))):
        return _without_products(params, state, rows)
    new_w = tile.last[0, :][:, None] * w + weighted_sums(tile.last[1:, :] * c, X)
    wide_c = xp.astype(c, b.dtype, copy=False)
    new_b = b + column_sums(wide_c) if params.fit_intercept else b
    mean_w, mean_b = new_w, new_b
    if tile.mean is not None:
        order, kept = (xp.astype(a, b.dtype, copy=False) for a in (rows.order, rows.kept))
        counts = kept * xp.astype(order >= 1.0, b.dtype)
        now, one = xp.sum(counts), xp.ones_like(order[0, 0])
        earlier = xp.maximum(order[0, 0] - one, 0.0 * one)
        n = xp.maximum(earlier + now, one)
        later = (now + counts - xp.cumulative_sum(counts, axis=0)) if params.fit_intercept else 0.0
        sum_b = now * b + column_sums(later * wide_c)
        mean_b = xp.where(
            earlier + now == 0.0, new_b, earlier / n * state.mean_intercept + sum_b / n
        )
        share, part = (xp.astype(a, w.dtype, copy=False) for a in (earlier / n, one / n))
        sum_w = tile.mean[0, :][:, None] * w + weighted_sums(tile.mean[1:, :] * c, X)
        mean_w = xp.where(earlier + now == 0.0, new_w, share * state.mean_coef + part * sum_w)
    state = state._replace(coef=new_w, intercept=new_b, mean_coef=mean_w, mean_intercept=mean_b)
    return state, p, c


def settle(params: Params, A: Array, p0: Array, rows: Rows) -> tuple[Array, Array, bool]:
    """Return the scores and moves (m, K) that agree, and whether there are any."""
    xp, m = namespace(p0), p0.shape[0]
    group = 1 if reads_are_free(p0) else GROUP
    p, c = p0, moves(params, p0, rows)
    for sweep in range(1, m + group):
        p = p0 + _through(A, c)
        new = moves(params, p, rows)
        if sweep % group == 0 and bool(xp.all(new == c)):
            return p, new, bool(xp.all(xp.isfinite(p)))
        c = new
    return p, c, False


def _through(A: Array, c: Array) -> Array:
    """Return what moves (m, K) add to scores: ``A`` is (m, m), or (K, m, m)."""
    if A.ndim == 2:
        return A @ c
    turned = namespace(c).matrix_transpose
    return turned((A @ turned(c)[:, :, None])[:, :, 0])


def _without_products(params: Params, state: State, rows: Rows) -> tuple[State, Array, Array]:
    """Learn from the rows of a tile whose products have left the floats, one by one."""
    xp = namespace(rows.X)
    P, C = [], []
    for i in range(rows.X.shape[0]):
        state, p, c = step(params, state, _some(rows, i, i + 1))
        P.append(p)
        C.append(c)
    return state, xp.concat(P), xp.concat(C)


def _some(rows: Rows, begin: int, end: int) -> Rows:
    return Rows(*(a if a is None else a[begin:end, :] for a in rows))


def _at(a: Array | None, t: int) -> Array | None:
    return a if a is None else a[t, ...]


def _padded(rows: Rows, n: int) -> Rows:
    """Return the rows and n more, which are passed over."""
    if n == 0:
        return rows
    xp = namespace(rows.X)
    parts: list[Array | None] = []
    for name, a in zip(rows._fields, rows, strict=True):
        if a is None:
            parts.append(a)
            continue
        make = xp.ones if name == "decay" else xp.zeros
        more = make((n, a.shape[1]), dtype=a.dtype, device=device(a))
        parts.append(xp.concat([a, more]))
    return Rows(*parts)


def _where(moving: Array, new: State, old: State) -> State:
    """Return the new state in the columns that move, the old one in the others."""
    xp = namespace(moving)

    def pick(a, b):
        if isinstance(a, tuple):
            return type(a)(*map(pick, a, b))
        if a is None or a.ndim == 0:
            return a
        return xp.where(moving if a.ndim == 1 else moving[:, None], a, b)

    return pick(new, old)


def answer(params: Params, state: State) -> tuple[Array, Array]:
    """Return the models to predict with: ``(coef, intercept)``, (K, d) and (K,)."""
    coef = state.mean_coef
    return coef, namespace(coef).astype(state.mean_intercept, coef.dtype, copy=False)


def apply(params: Params, state: State, X: Array) -> Array:
    """Return the scores (m, K) of rows X (m, d) by the answer."""
    coef, intercept = answer(params, state)
    return scores(cast(X, coef.dtype), coef) + intercept


def machine(params: Params) -> Machine:
    """Bundle the learner with its parameters."""
    return Machine(params, init, update, apply, restate=restate)
