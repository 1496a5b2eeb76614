"""Clusters that were learned side by side, each from its own blocks and from the same clusters."""

from __future__ import annotations

from typing import Any

import numpy as np

from streamlearn._arrays import asarray, namespace, to_float
from streamlearn.cluster.stopping import after_batch
from streamlearn.core import kmeans
from streamlearn.core.learner import LocalState, LocalSteps


def view(params: Any, state: Any) -> Any:
    """Return the state with which local steps begin: without a stopping rule that could stop."""
    convergence = state.convergence if state.convergence and state.convergence.converged else None
    return state._replace(
        convergence=convergence, moved=np.zeros(state.clusters.counts.shape[0], dtype=bool)
    )


def merge(params: Any, before: LocalState, a: LocalState, b: LocalState) -> Any:
    """Return the clusters of two local states as one.

    Each count becomes that of all rows of both, and each centre their mean. A cluster that was
    reassigned in one of them keeps its centre and its count there, in the first one if it was in
    both. The rows that the other one has assigned to its former place are forgotten. The random
    numbers and the time until the next look for such clusters are those of the first one.
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


def step(params: Any, before: LocalState, merged: LocalState) -> Any:
    """Return the state after a round. For the stopping rule its blocks were one batch."""
    state, new, info = before.state, merged.state, merged.info
    convergence, n_rows = state.convergence, merged.seen - before.seen
    if convergence is not None and not convergence.converged:
        assert info is not None
        moved = 0.0
        if convergence.tol > 0:
            xp = namespace(new.clusters.centers)
            moved = to_float(xp.sum((new.clusters.centers - state.clusters.centers) ** 2))
        inertia = to_float(info.loss[0]) / n_rows
        verbose, n = params.start.verbose, new.steps - state.steps
        convergence = after_batch(convergence, inertia, moved, n_rows, verbose=verbose, steps=n)
    return new._replace(convergence=convergence, moved=None)


LOCAL_STEPS = LocalSteps(view, merge, step)
