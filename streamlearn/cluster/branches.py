"""Clusters that were learned side by side, each from its own blocks and from the same clusters."""

from __future__ import annotations

from typing import Any

import numpy as np

from streamlearn._arrays import asarray, namespace, to_float
from streamlearn.cluster.stopping import watched
from streamlearn.core import kmeans
from streamlearn.core.learner import Branch, Branching


def view(params: Any, state: Any) -> Any:
    """Return the state with which each branch begins: without a stopping rule that could stop."""
    watch = state.watch if state.watch and state.watch.converged else None
    return state._replace(watch=watch, moved=np.zeros(state.clusters.counts.shape[0], dtype=bool))


def merge(params: Any, before: Branch, a: Branch, b: Branch) -> Any:
    """Return the clusters of two branches as one.

    Each count becomes that of all rows of both, and each centre their mean. A cluster that a branch
    has reassigned keeps the centre and the count of that branch, the first one if both have. The
    rows that the other branch has assigned to its former place are forgotten. The random numbers
    and the time until the next look for such clusters are those of the first branch.
    """
    start, (one, other) = before.state, (a.state, b.state)
    clusters = kmeans.merge(start.clusters, one.clusters, other.clusters)
    clusters = _with(clusters, other.clusters, other.moved)
    clusters = _with(clusters, one.clusters, one.moved)
    return one._replace(
        clusters=clusters,
        empty=one.empty and other.empty,
        twins=one.twins or other.twins,
        steps=one.steps + other.steps - start.steps,
        moved=one.moved | other.moved,
    )


def _with(clusters: kmeans.State, others: kmeans.State, moved: np.ndarray) -> kmeans.State:
    """Return the clusters, those that were ``moved`` as they are in ``others``."""
    if not moved.any():
        return clusters
    xp = namespace(clusters.counts)
    at = asarray(moved, like=clusters.counts, dtype=xp.bool)
    return kmeans.State(
        xp.where(at[:, None], others.centers, clusters.centers),
        xp.where(at, others.counts, clusters.counts),
    )


def step(params: Any, before: Branch, merged: Branch) -> Any:
    """Return the state after all branches. For the stopping rule they were one batch."""
    state, new, info = before.state, merged.state, merged.info
    watch, n_rows = state.watch, merged.seen - before.seen
    if watch is not None and not watch.converged:
        assert info is not None
        moved = 0.0
        if watch.tol > 0:
            xp = namespace(new.clusters.centers)
            moved = to_float(xp.sum((new.clusters.centers - state.clusters.centers) ** 2))
        inertia = to_float(info.loss[0]) / n_rows
        verbose, n = params.start.verbose, new.steps - state.steps
        watch = watched(watch, inertia, moved, n_rows, verbose=verbose, steps=n)
    return new._replace(watch=watch, moved=None)


BRANCHING = Branching(view, merge, step)
