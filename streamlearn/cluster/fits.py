"""Fits of mini-batch k-means: over batches drawn from memory, and over blocks in epochs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from streamlearn._arrays import Array, asarray, default_int, namespace, to_numpy
from streamlearn._training.block import Course, Learned, learn_block, read
from streamlearn._validation.reader import same_place_or_raise
from streamlearn.blocks import Blocks, Rows, fold
from streamlearn.cluster import steps
from streamlearn.cluster.seeding import probabilities
from streamlearn.cluster.steps import Params, Walk
from streamlearn.cluster.stopping import Watch
from streamlearn.core.learner import Batch


class Outcome(NamedTuple):
    """What a fit ends with.

    Attributes
    ----------
    learned : Learned
        Its state is a `Walk`.
    n_iter : int
        Epochs begun.
    inertia : float or None
        Estimate of the inertia of all rows by what the batches had before their steps.
    """

    learned: Learned
    n_iter: int
    inertia: float | None


def over_drawn_batches(
    params: Params,
    draws: np.random.RandomState,
    X: Array,
    weight: Array | None,
    max_iter: int,
    watch: Callable[[int, int], Watch],
) -> Outcome:
    """Learn from batches that are drawn from X with replacement, as scikit-learn draws them.

    ``watch`` makes the stopping rule of the rows of an epoch and the steps at most.
    """
    xp, n_rows = namespace(X), X.shape[0]
    walk = steps.begun(params, draws, Rows(X), weight)
    size = walk.batch_size
    n_steps = max_iter * n_rows // size
    rule = watch(n_rows, n_steps)
    by_row = np.ones(n_rows, to_numpy(X[:0, :]).dtype) if weight is None else to_numpy(weight)
    # RandomState.choice would make these sums anew for every batch.
    until = np.cumsum(probabilities(by_row).astype(np.float64))
    until /= until[-1]
    for _ in range(n_steps):
        rows = _beyond(until, draws.random_sample(size))
        batch = Batch(xp.take(X, asarray(rows, like=X, dtype=default_int(X)), axis=0))
        with np.errstate(over="ignore", invalid="ignore"):
            walk, _ = steps.stepped(params, lambda: draws, walk._replace(watch=rule), batch)
        assert walk.watch is not None
        rule = walk.watch
        if rule.converged:
            break
    inertia = None if rule.smoothed is None else rule.smoothed * float(by_row.sum())
    learned = Learned(walk._replace(watch=None), walk.steps * size)
    return Outcome(learned, -(-walk.steps * size // n_rows), inertia)


def _beyond(until: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Return for each of ``u`` in [0, 1) the first place whose sum ``until`` there is larger.

    Where rows weigh alike the place is known but for rounding: 9 ns to make sure, 260 to look it up
    among a million (measured apart from ``bench/``).
    """
    at = np.minimum((u * len(until)).astype(np.intp), len(until) - 1)
    missed = (until[at] <= u) | ((at > 0) & (until[at - 1] > u))
    at[missed] = until.searchsorted(u[missed], side="right")
    return at


def of_one_batch(
    params: Params, learned: Learned, X: Array, weight: Array | None, estimator: str
) -> Outcome:
    """Learn from an array in memory in one step; what `over_blocks` does, without its machinery.

    Raises
    ------
    ValueError
        If X is in another place than what was learned.
    """
    walk = learned.state
    if walk is None:
        walk = steps.started(params, Rows(X), weight)
    same_place_or_raise(X, walk.clusters.centers, estimator, "partial_fit")
    with np.errstate(over="ignore", invalid="ignore"):
        walk, info = steps.update(params, walk, Batch(X, None, weight))
    return Outcome(Learned(walk, learned.rows + X.shape[0]), 1, steps.inertia_of(info))


def over_blocks(
    course: Course,
    learned: Learned,
    blocks: Blocks,
    max_iter: int,
    watch: Callable[[int, int], Watch],
) -> Outcome:
    """Learn from blocks, in order, in epochs; the first one is never cut short.

    Parameters
    ----------
    course : Course
        Of the machine of `streamlearn.cluster.steps`.
    learned : Learned
        Where to start; not changed.
    blocks : Blocks
    max_iter : int
    watch : callable
        ``(n_rows, n_steps) -> Watch``, asked if there is a second epoch.

    Raises
    ------
    ValueError
        If there are no rows, or none has a weight.
    """
    before, epoch, total, estimate = learned.rows, 0, 0.0, 0.0
    for epoch in range(max_iter):
        inertia = weight = 0.0
        for segment in fold(
            partial(learn_block, course), learned, blocks, prepare=partial(read, course, epoch)
        ):
            learned = segment.state
            for info in (r.info.info for r in segment.records if r.rows and r.info.info):
                inertia += steps.inertia_of(info)
                weight += float(to_numpy(info.weight)[0])
            if learned.state is not None and _converged(learned.state):
                break
        if learned.waiting is not None:
            raise too_few(learned.waiting[0].shape[0], course)
        if learned.rows == before:
            raise ValueError(
                "Found array with 0 sample(s) while a minimum of 1 is required by "
                f"{course.reader.estimator}."
            )
        if not weight:
            raise ValueError("Sample weights must contain at least one non-zero number.")
        total = total or weight
        estimate = inertia / weight * total
        if _converged(learned.state):
            break
        learned = learned._replace(state=learned.state._replace(spared=False))
        if epoch == 0 and max_iter > 1:
            rule = watch(learned.rows - before, (max_iter - 1) * learned.state.steps)
            learned = learned._replace(state=learned.state._replace(watch=rule))
    learned = learned._replace(state=learned.state._replace(watch=None))
    return Outcome(learned, epoch + 1, estimate)


def too_few(n: int, course: Course) -> ValueError:
    """Return the error of rows, of any weight, that are fewer than the clusters."""
    if n == 0:
        return ValueError("Sample weights must contain at least one non-zero number.")
    weighted = " Rows of weight 0 do not count." if "sample_weight" in course.names else ""
    return ValueError(f"n_samples={n} should be >= n_clusters={course.n_outputs}.{weighted}")


def _converged(walk: Walk) -> bool:
    return walk.watch is not None and walk.watch.converged
