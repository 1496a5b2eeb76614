"""Rows that are learned from tile by tile: all rows of a tile are computed at once.

A tile has the rows x_1 .. x_m with moves c_t and decays s_t. scikit-learn's loop over the rows is
``w_t = s_t w_(t-1) + c_t x_t`` and ``b_t = b_(t-1) + c_t`` (`row_step`). So row t has the score and
the move, with ``S_t = s_1 ... s_t``::

    p_t = S_(t-1) x_t'w_0 + b_0 + sum_(j < t) (S_(t-1) / S_j x_j'x_t + 1) c_j
    c_t = g(p_t, y_t, t)

A score depends only on earlier moves. So there is one solution, and `tile_solver` finds it for all
rows of the tile at once. The models after the tile, the mean of all iterates, and the norms in the
objective are sums over the moves too. The best size of tiles depends on how far a row moves the
scores of the next ones. `tiles` adapts it during the fit.

Rows whose decays are near 0, and rows whose products overflow, are learned from by `one_by_one`.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

from streamlearn._arrays import (
    Array,
    device,
    entries,
    is_array,
    is_sparse,
    linear_predictor,
    namespace,
    on_host,
    row_products,
    rows_at,
    weighted_sums,
)
from streamlearn.core.linear.one_by_one import RowwiseResult, one_by_one
from streamlearn.core.linear.row_step import MoveTerms, RowTerms, Size, State, sized, some
from streamlearn.core.linear.sgd import Params, penalty_parts
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
        p0, before, after = linear_predictor(X, w), _at(tiles.decayed, t), _at(tiles.undecayed, t)
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
