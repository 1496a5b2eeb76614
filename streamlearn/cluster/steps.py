"""A step of mini-batch k-means with scikit-learn's draws and stopping rule.

The core moves centres and knows no random numbers. This module holds the two parts that need
numbers on the host. One moves clusters of little weight to rows that are drawn. The other decides
when to stop. Each reads a few numbers from the device once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays import Array, asarray, default_int, namespace, to_float, to_numpy
from streamlearn.blocks import LazyRows
from streamlearn.cluster.local_steps import LOCAL_STEPS
from streamlearn.cluster.random_stream import RandomStream
from streamlearn.cluster.seeding import Start, centers_of, nonnegative_or_raise, overflown
from streamlearn.cluster.stopping import Convergence, after_batch
from streamlearn.core import kmeans
from streamlearn.core.learner import Batch, Info, Learner


class Params(NamedTuple):
    """Hyperparameters of the steps.

    Attributes
    ----------
    core : kmeans.Params
        The hyperparameters of the core.
    start : Start
        How the first centres are found.
    batch_size : int
        The rows that count as one batch, for the time between two reassignments.
    draws : dict or None
        The stream to start with, see `streamlearn.cluster.random_stream`.
    from_all : bool
        Whether the first centres come from all rows, perhaps in the order of the rows.
    """

    core: kmeans.Params
    start: Start
    batch_size: int
    draws: dict[str, Any] | None
    from_all: bool = False


class MiniBatchState(NamedTuple):
    """Clusters that are being learned, and numbers about them on the host.

    Attributes
    ----------
    clusters : kmeans.State
        The centres and their weights.
    draws : dict or None
        The stream of random numbers. None if it has not begun.
    batch_size : int
        The rows that count as one batch, for the time between two reassignments.
    waited : int
        The number of rows since clusters were last checked for reassignment, as scikit-learn
        counts them.
    empty : bool
        Whether there may be clusters without any rows.
    twins : bool
        Whether some centres may be equal.
    spared : bool
        Whether clusters of few rows stay in place. If rows are sorted, those of a cluster may come
        last. Reassignment in the first epoch would then lose a start from all rows.
    steps : int
        The number of steps so far.
    convergence : Convergence or None
        The stopping rule. None never stops.
    moved : ndarray of bool of shape (n_clusters,), or None
        The clusters that local steps have reassigned. None without local steps.
    """

    clusters: kmeans.State
    draws: dict[str, Any] | None
    batch_size: int
    waited: int = 0
    empty: bool = True
    twins: bool = True
    spared: bool = False
    steps: int = 0
    convergence: Convergence | None = None
    moved: np.ndarray | None = None


def begin(params: Params, rows: LazyRows, weight: Array | None) -> MiniBatchState | None:
    """Start from the rows of the first block. Return None if fewer rows than clusters weigh."""
    n = rows.array.shape[0]
    if weight is not None:
        nonnegative_or_raise(weight)
        n = int(np.count_nonzero(to_numpy(weight)))
    if n < params.start.n_clusters and not isinstance(params.start.how, np.ndarray):
        return None
    return started(params, rows, weight)


def started(params: Params, rows: LazyRows, weight: Array | None) -> MiniBatchState:
    """Start from some rows, with draws from the stream of the parameters."""
    assert params.draws is not None
    stream = RandomStream(params.draws)
    state = begun(params, stream.source(), rows, weight)
    return state._replace(draws=stream.value())


def begun(
    params: Params, draws: np.random.RandomState, rows: LazyRows, weight: Array | None
) -> MiniBatchState:
    """Start from the rows of the first block, with draws from ``draws``."""
    clusters = kmeans.start(centers_of(params.start, draws, rows, weight))
    size = min(params.batch_size, rows.array.shape[0])
    return MiniBatchState(clusters, None, size, spared=params.from_all)


def update(params: Params, state: MiniBatchState, batch: Batch) -> tuple[MiniBatchState, Info]:
    """Take one step, unless the state has converged; see `step`."""
    return step(params, state, batch)[:2]


def step(
    params: Params, state: MiniBatchState, batch: Batch, *, bounds: bool = False
) -> tuple[MiniBatchState, Info, kmeans.FormerNearest | None]:
    """Take one step, unless the state has converged.

    The result holds the nearest centres of the rows before the step, if there was a step. If
    ``bounds``, it also holds what makes the labels after the step cheaper.

    Raises
    ------
    ValueError
        If a weight is negative.
    """
    if batch.weight is not None:
        nonnegative_or_raise(batch.weight)
    if state.convergence is not None and state.convergence.converged:
        zero = 0.0 * state.clusters.counts[:1]
        return state, Info(zero, zero, zero), None
    assert state.draws is not None
    stream = RandomStream(state.draws)
    state, info, before = stepped(params, stream.source, state, batch, bounds=bounds)
    return state._replace(draws=stream.value()), info, before


def stepped(
    params: Params,
    source: Callable[[], np.random.RandomState],
    state: MiniBatchState,
    batch: Batch,
    *,
    bounds: bool = False,
) -> tuple[MiniBatchState, Info, kmeans.FormerNearest]:
    """Take one step. Call ``source``, which returns a RandomState, to reassign clusters."""
    before, n_rows = state.clusters, batch.X.shape[0]
    absent = kmeans.twins(before.centers) if state.twins else None
    after, info, near = kmeans.step(params.core, before, batch, absent, bounds=bounds)
    waited, empty, twins = state.waited + state.batch_size, state.empty, absent is not None
    moved = state.moved
    due = empty or waited >= 10 * params.start.n_clusters
    if params.core.reassignment_ratio and due and not state.spared:
        waited = 0
        counts = to_numpy(after.counts)
        chosen = kmeans.low(params.core, counts, n_rows)
        if chosen.any():
            after = _reassigned(params, source(), after, batch.X, chosen)
            counts, twins = to_numpy(after.counts), True
            moved = None if moved is None else chosen | moved
        empty = empty and not counts.all()
    convergence = state.convergence
    if convergence is not None:
        change = 0.0
        if convergence.tol > 0:
            xp = namespace(before.centers)
            change = to_float(xp.sum((after.centers - before.centers) ** 2))
        mean = inertia_of(info) / n_rows
        convergence = after_batch(convergence, mean, change, n_rows, verbose=params.start.verbose)
    state = state._replace(
        clusters=after,
        waited=waited,
        empty=empty,
        twins=twins,
        steps=state.steps + 1,
        convergence=convergence,
        moved=moved,
    )
    return state, info, kmeans.FormerNearest(before.centers, near)


def inertia_of(info: Info) -> float:
    """Read the inertia that a step reports, which is that of its rows before the step.

    Raises
    ------
    ValueError
        If the inertia overflows, because the nearest centres were guessed then.
    """
    inertia = float(to_numpy(info.loss)[0])
    if not math.isfinite(inertia):
        raise overflown()
    return inertia


def _reassigned(
    params: Params,
    draws: np.random.RandomState,
    clusters: kmeans.State,
    X: Array,
    chosen: np.ndarray,
) -> kmeans.State:
    n = int(chosen.sum())
    if params.start.verbose:
        print(f"[MiniBatchKMeans] Reassigning {n} cluster centers.")  # noqa: T201
    rows = np.zeros(len(chosen), dtype=np.int64)
    rows[chosen] = draws.choice(X.shape[0], replace=False, size=n)
    return kmeans.reassign(
        clusters,
        X,
        asarray(rows, like=X, dtype=default_int(X)),
        asarray(chosen, like=X, dtype=namespace(X).bool),
    )


def apply(params: Params, state: MiniBatchState, X: Array) -> Array:
    """Return the distance of each row of X (m, d) to each centre, (m, k)."""
    return kmeans.distances(state.clusters, X)


def rescale(params: Params, state: MiniBatchState, rho: Array, delta: Array) -> MiniBatchState:
    """Return the state in other units of the rows."""
    return state._replace(clusters=kmeans.rescale(params.core, state.clusters, rho, delta))


def learner(params: Params) -> Learner:
    """Bundle the steps with their parameters. They begin with the rows of the first block."""
    return Learner(
        params,
        begin,
        update,
        apply,
        rescale=rescale,
        begin=begin,
        local_steps=LOCAL_STEPS,
        sparse=True,
    )
