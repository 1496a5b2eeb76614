"""The protocol of a learner: a small state, and pure functions on it.

A core module exports NamedTuples and plain functions. A `Learner` bundles them, and the block
engine, pipelines, parallel fits and checkpoints use nothing else. There is no base class and no
registry: ``tests/core/test_laws.py`` checks the protocol.
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
        The last two are only for learners with ``sparse`` or ``affine``.
    target : array of shape (n_rows,) or (n_rows, n_outputs), or None
        Class codes for classifiers, values for regressors.
    weight : array of shape (n_rows,), or None
        Row weights; None means 1 for every row.
    seen : int
        The number of rows learned from before this batch. It is a Python int, so no count is read
        back from a device.
    draws : array of shape (k,), or None
        Random numbers, one in each of k equal parts of [0, 1), in order. They select a sample of
        the rows. None means that the sample is all rows.
    """

    X: Array
    target: Array | None = None
    weight: Array | None = None
    seen: int = 0
    draws: Array | None = None


class Info(NamedTuple):
    """The report of a step: sums over its rows. They stay on the device until they are read.

    Attributes
    ----------
    loss : array of shape (n_outputs,)
        The sum of weight times loss. The loss of a row is computed before the row is learned from.
    weight : array of shape (n_outputs,)
        The sum of the row weights in ``loss``.
    objective : array of shape (n_outputs,)
        The sum of unweighted loss plus penalty, which scikit-learn's stopping rule watches.
    """

    loss: Array
    weight: Array
    objective: Array

    def plus(self, other: Info) -> Info:
        """Return the sums over the rows of both."""
        return Info(*(a + b for a, b in zip(self, other, strict=True)))


class Rounds(NamedTuple):
    """How a learner learns from rounds: rows are summed side by side, then one step follows.

    Attributes
    ----------
    rows_before : callable
        ``(params, state) -> float``. It returns the number of rows that must have been learned from
        before the first round: infinity if there are no rounds.
    ratio : callable
        ``(params) -> int``. A round has one row for this number of rows before it.
    first : callable
        ``(params, state) -> int``. The first round has this number of blocks at least.
    view : callable
        ``(params, state) -> view``: what the rows must know of the state.
    of_batch : callable
        ``(params, view, batch) -> (sums, Info)``. ``batch.seen`` is the number of rows before the
        round.
    merge : callable
        ``(a, b) -> sums``.
    step : callable
        ``(params, state, sums, seen) -> State``. It takes the step of a round that followed
        ``seen`` rows.
    sampled : callable
        ``(params, view, m, seen) -> int``. It returns the number of ``draws`` of a batch of m rows
        of a round, or 0 for None.
    renewed : callable or None
        ``(params, state, seen) -> State``. It is called before `step`, and does what needs no sums:
        the rows of the round may be summed at the same time. The view is that of the state before.
    """

    rows_before: Callable[..., Any]
    ratio: Callable[..., Any]
    first: Callable[..., Any]
    view: Callable[..., Any]
    of_batch: Callable[..., Any]
    merge: Callable[..., Any]
    step: Callable[..., Any]
    sampled: Callable[..., Any]
    renewed: Callable[..., Any] | None = None


class LocalState(NamedTuple):
    """What was learned from some blocks alone, from a state that other blocks began with too.

    Attributes
    ----------
    state : State
    seen : int
        The number of rows learned from, with those before the round.
    info : Info or None
        The report on the rows of the blocks. It is None for the start of a round.
    """

    state: Any
    seen: int
    info: Info | None = None


class LocalSteps(NamedTuple):
    """How a learner learns from blocks side by side, as in local SGD.

    Each block makes a local state from its own steps, and the local states are merged.

    Attributes
    ----------
    view : callable
        ``(params, state) -> State``: the state with which each block begins.
    merge : callable
        ``(params, before, a, b) -> State``. The last three are of type `LocalState`. ``before`` has
        the view.
    step : callable
        ``(params, before, merged) -> State``. It returns the state after a round from that
        before it and from the merged `LocalState`.

    The state of ``before`` is None if the round began with `Learner.init`.
    """

    view: Callable[..., Any]
    merge: Callable[..., Any]
    step: Callable[..., Any]


class Refinement(NamedTuple):
    """How the model of a learner is refined: a read sums all rows at the model, and a step follows.

    Attributes
    ----------
    can_refine : callable
        ``(params, state) -> bool``.
    view, of_batch, merge, sampled : callable
        As in `Rounds`. ``batch.seen`` is the number of rows of the read.
    step : callable
        ``(params, state, sums, length) -> State``. It takes a part ``length`` of the step.
    objective : callable
        ``(params, view, sums) -> array of shape (n_outputs,)``, the objective over the rows.
    """

    can_refine: Callable[..., Any]
    view: Callable[..., Any]
    of_batch: Callable[..., Any]
    merge: Callable[..., Any]
    step: Callable[..., Any]
    objective: Callable[..., Any]
    sampled: Callable[..., Any]


class Learner(NamedTuple):
    """A learner: module-level functions and their parameters. It can be pickled.

    Attributes
    ----------
    params : NamedTuple
        Hyperparameters. Numbers are scalars or arrays over columns; strings are static.
    init : callable
        ``(params, n_features, n_outputs, *, like) -> State``.
    update : callable
        ``(params, state, batch) -> (State, Info)``. It takes one step.
    apply : callable
        ``(params, state, X) -> array``. It returns predictions, or the transformed X.
    of_block : callable or None
        ``(params, X, weight) -> State``, for mergeable learners. If the learner is ``supervised``,
        the target follows as a fourth argument.
    merge : callable or None
        ``(a, b) -> State``. It is exact, and the order does not matter.
    applied : callable or None
        ``(params, state) -> (X -> array)``. It returns `apply` prepared for many batches, as what
        can be pickled: an `streamlearn.core.affine_map.AffineMap`, if `apply` is an offset and a
        scale.
    n_features : callable or None
        ``(state) -> int``, for mergeable learners. The next three are for mergeable learners too.
    is_finite : callable or None
        ``(state) -> bool array``. It returns False if the rows may contain infinity, so that the
        caller must look for it.
    is_clean : callable or None
        ``(state, n_rows) -> bool array``. It returns whether ``n_rows`` rows without weights are
        known to contain no NaN either.
    is_empty : callable or None
        ``(state) -> bool array``. It returns whether no row with a weight has been seen.
    with_fills : callable or None
        ``(state, values, counts) -> State``. It returns the state after a number was seen some more
        times in each feature. Arrays have shape (n_features,).
    affine : bool
        Whether a batch's X may be an `streamlearn.core.rows.Affine`, whose rows are not built.
    sparse : bool
        Whether a batch's X may be sparse rows.
    largest : callable or None
        ``(X, n_outputs, seen) -> int``. It returns the number of rows of the largest batch of a
        block, whose middle row follows ``seen`` others. By default that is
        `streamlearn._arrays.batch_rows`.
    growth : callable or None
        ``(X, n_outputs) -> int``. A batch has one row for this number of rows seen before it. By
        default that is `streamlearn.core.batches.GROWTH`.
    rescale : callable or None
        ``(params, state, rho, delta) -> State``. It converts a state for rows ``z`` into one for
        rows ``(z - delta) / rho``.
    begin : callable or None
        ``(params, rows, weight) -> State or None``. It replaces `init`, and starts from the rows of
        the first block. It returns None if they are too few. They come again, together with those
        of the next block.
    end_block : callable or None
        ``(params, state, seen) -> State``. It is called after the last batch of a block, when
        ``seen`` rows have been learned from.
    sampled : callable or None
        ``(X, n_outputs, m) -> int``. It returns the number of ``draws`` of a batch of m rows, or 0
        for None.
    mixes : callable or None
        ``(X, n_outputs, seen) -> bool``. It returns whether a shuffled block must be permuted
        row by row, because a batch of neighbouring rows may not look like it. ``seen`` rows were
        learned from before the fit, and in its former epochs.
    fixed : callable or None
        ``(X, n_outputs) -> int or None``. It returns the number of rows of each batch of a block X,
        or None if batches grow with the rows seen. A shuffled block with batches of fixed size is
        permuted row by row.
    absent : callable or None
        ``(params, target, weight) -> array of bool or None``. It returns which rows are left out
        before rows are counted, held out or shuffled, or None if no row is.
    rounds : Rounds or None
    refinement : Refinement or None
    local_steps : LocalSteps or None
    supervised : bool
        Whether a mergeable learner learns from a target.
    narrow : bool
        Whether a product of a step reads its rows for few results, so that BLAS gains nothing from
        several threads.
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
    with_fills: Callable[..., Any] | None = None
    affine: bool = False
    largest: Callable[..., Any] | None = None
    rescale: Callable[..., Any] | None = None
    begin: Callable[..., Any] | None = None
    end_block: Callable[..., Any] | None = None
    sparse: bool = False
    growth: Callable[..., Any] | None = None
    sampled: Callable[..., Any] | None = None
    mixes: Callable[..., Any] | None = None
    fixed: Callable[..., Any] | None = None
    absent: Callable[..., Any] | None = None
    rounds: Rounds | None = None
    refinement: Refinement | None = None
    local_steps: LocalSteps | None = None
    narrow: bool = False
    supervised: bool = False


def an_array(state: Any) -> Array:
    """Return one array of a state. All its arrays are in the same library and on one device."""
    while isinstance(state, tuple):
        state = state[0]
    return state
