"""The protocol of a learner: a small state, and pure functions on it.

A core module exports NamedTuples and plain functions; a `Learner` bundles them, so that the block
engine, pipelines, parallel fits and checkpoints see nothing else. There is no base class and no
registry: ``tests/core/test_laws.py`` is the protocol's check.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from streamlearn._arrays import Array


class Batch(NamedTuple):
    """The rows of one step.

    Attributes
    ----------
    X : array of shape (n_rows, n_features), sparse rows, or `streamlearn.core.rows.Affine`
        The latter two only for learners that say so.
    target : array of shape (n_rows,) or (n_rows, n_outputs), or None
        Class codes for classifiers, values for regressors.
    weight : array of shape (n_rows,), or None
        Row weights; None means 1 for every row.
    seen : int
        Rows learned from before this batch: a plain int of the host, so that nothing is read back
        from a device to count.
    draws : array of shape (k,), or None
        One number drawn in each of k equal parts of [0, 1), in order: which rows stand for all.
        None means all rows.
    """

    X: Array
    target: Array | None = None
    weight: Array | None = None
    seen: int = 0
    draws: Array | None = None


class Info(NamedTuple):
    """What a step reports: sums over its rows, arrays that stay on the device until they are read.

    Attributes
    ----------
    loss : array of shape (n_outputs,)
        Sum of weight times loss, each row scored before it was learned from.
    weight : array of shape (n_outputs,)
        Sum of the row weights that ``loss`` was made with.
    objective : array of shape (n_outputs,)
        Sum of unweighted loss plus penalty: what scikit-learn's stopping rule watches.
    """

    loss: Array
    weight: Array
    objective: Array


class Learner(NamedTuple):
    """A learner as module-level functions and their parameters, so that it pickles.

    Attributes
    ----------
    params : NamedTuple
        Hyperparameters. Numbers are scalars or arrays over columns; strings are static.
    init : callable
        ``(params, n_features, n_outputs, *, like) -> State``.
    update : callable
        ``(params, state, batch) -> (State, Info)``: one step.
    apply : callable
        ``(params, state, X) -> array``: scores or transformed X.
    of_block : callable or None
        ``(params, X, weight) -> State``, for mergeable learners.
    merge : callable or None
        ``(a, b) -> State``: exact, in any order.
    applied : callable or None
        ``(params, state) -> (X -> array)``: `apply` prepared once for many batches. An
        `streamlearn.core.affine_map.AffineMap` where it is an offset and a scale.
    n_features : callable or None
        ``(state) -> int``, for mergeable learners, and so are the next three.
    is_finite : callable or None
        ``(state) -> bool array``: False where the rows may have held infinity, so that they have to
        be looked at.
    is_clean : callable or None
        ``(state, n_rows) -> bool array``: whether ``n_rows`` rows without weights are known to have
        held no NaN either.
    is_empty : callable or None
        ``(state) -> bool array``: whether no row with a weight has been seen.
    affine : bool
        Whether a batch's X may be rows that are not built.
    sparse : bool
        Whether it may be rows whose zeros are not stored.
    largest : callable or None
        ``(X, n_outputs, seen) -> int``: rows of the largest batch of a block, whose middle row
        follows ``seen`` others, where that is not `streamlearn._arrays.batch_rows`.
    growth : callable or None
        ``(X, n_outputs) -> int``: one part in so many of the rows seen makes a batch, where that is
        not `streamlearn.core.batches.GROWTH`.
    rescale : callable or None
        ``(params, state, rho, delta) -> State``: go on from rows ``z`` to ``(z - delta) / rho``.
    begin : callable or None
        ``(params, rows, weight) -> State or None``: start from rows of the first block, instead of
        `init`. None where they are too few: they come again, with those of the next block.
    end_block : callable or None
        ``(params, state, seen) -> State``: what changes after the last batch of a block, when
        ``seen`` rows have been learned from.
    sampled : callable or None
        ``(X, n_outputs, m) -> int``: how many draws a batch of m rows takes; 0 for none.
    absent : callable or None
        ``(params, target, weight) -> array of bool or None``: the rows that are to be left out
        before they are counted, held out or shuffled; None for no such rows.
    """

    params: Any
    init: Callable[..., Any]
    update: Callable[..., Any]
    apply: Callable[..., Any]
    of_block: Callable[..., Any] | None = None
    merge: Callable[..., Any] | None = None
    applied: Callable[..., Any] | None = None
    n_features: Callable[..., Any] | None = None
    is_finite: Callable[..., Any] | None = None
    is_clean: Callable[..., Any] | None = None
    is_empty: Callable[..., Any] | None = None
    affine: bool = False
    largest: Callable[..., Any] | None = None
    rescale: Callable[..., Any] | None = None
    begin: Callable[..., Any] | None = None
    end_block: Callable[..., Any] | None = None
    sparse: bool = False
    growth: Callable[..., Any] | None = None
    sampled: Callable[..., Any] | None = None
    absent: Callable[..., Any] | None = None


def an_array(state: Any) -> Array:
    """Return one of the arrays of a state, which is in the place of all of them."""
    while isinstance(state, tuple):
        state = state[0]
    return state
