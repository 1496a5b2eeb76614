"""Fitting a sequential learner: epochs, held-out rows, stopping. Every such shell uses this.

A fit is a number of passes of `streamlearn.blocks.fold`. What needs no state is done in each
block's own task (`read`), the chain only steps (`learn_block`). Everything random is drawn in the
block's task from (seed, epoch, block), so that a task run twice draws the same.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial, reduce
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import _get_feature_names

from streamlearn import blocks as engine
from streamlearn.backend import (
    Array,
    asarray,
    default_int,
    is_array,
    namespace,
    same_place,
    to_numpy,
)
from streamlearn.blocks import Rows
from streamlearn.core.batches import SMALLEST, cut, learn
from streamlearn.core.machine import Batch, Info, Machine
from streamlearn.core.moments import Standardize
from streamlearn.core.tallies import Tally
from streamlearn.labels import encode
from streamlearn.reading import (
    Reader,
    as_array,
    as_vector,
    in_block,
    read_values,
    read_weight,
    same_place_or_raise,
)
from streamlearn.stages import Chain, Mergeable, Piece

ADAPTIVE_FLOOR = 1e-6
"""Step size below which the "adaptive" schedule stops instead of dividing by 5; scikit-learn's."""


class Course(NamedTuple):
    """All that the tasks of a fit need; it pickles.

    Attributes
    ----------
    machine : Machine
    n_outputs : int
        Columns of the model.
    reader : Reader
    names : tuple of str
        The parts of a block.
    classes : ndarray or None
        Labels to encode y with; None where y holds values.
    batch_size : int or None
        None for sizes that grow with the rows seen.
    shuffle : {"batches", "rows"} or None
    seed : int
    held_out : float
        Part of each block's rows that is scored and never learned from.
    tally : Tally or None
        How held-out rows are scored.
    predicted : callable or None
        ``(scores) -> predictions`` that the tally compares with the target.
    ahead : Chain or None
        Transformers that learn while the blocks flow through them, in the epoch ``first`` only.
    first : int
        The number of the first epoch.
    """

    machine: Machine
    n_outputs: int
    reader: Reader
    names: tuple[str, ...]
    classes: np.ndarray | None
    batch_size: int | None
    shuffle: str | None
    seed: int
    held_out: float = 0.0
    tally: Tally | None = None
    predicted: Callable[[Array], Array] | None = None
    ahead: Chain | None = None
    first: int = 0


class Ready(NamedTuple):
    """A block that is read, encoded and has its draws.

    Attributes
    ----------
    X : array
    target, weight : arrays over the same rows; the latter may be None
    order, rows : draws for `streamlearn.core.batches.cut`, or None
    held : Batch or None
        Rows that are scored and not learned from.
    functions : tuple of callable
        What the rows of X have still to go through.
    """

    X: Array
    target: Array
    weight: Array | None
    order: list[float] | None
    rows: Array | None
    held: Batch | None
    functions: tuple[Callable, ...] = ()


class Flowing(NamedTuple):
    """A block that has yet to go through the stages ahead of the learner.

    Attributes
    ----------
    piece : Piece
    given : dict of str to object
        The parts of the block by name, without X.
    target, weight : arrays; the latter may be None
    epoch, block : int
    """

    piece: Piece
    given: dict[str, Any]
    target: Array
    weight: Array | None
    epoch: int
    block: int


class Learned(NamedTuple):
    """What a fit has come to.

    Attributes
    ----------
    state : State of the machine, or None before the first block
    rows : int
        Rows learned from: a plain int of the host.
    ahead : tuple or None
        The states of the stages ahead.
    names : ndarray or None
        Of the features, where a frame comes out of the stages ahead.
    """

    state: Any = None
    rows: int = 0
    ahead: tuple | None = None
    names: np.ndarray | None = None


class Report(NamedTuple):
    """What learning from one block reports: sums over its rows, and its held-out rows' tally."""

    info: Info | None
    held: Any


def read(course: Course, epoch: int, index: int, parts: tuple) -> Ready | Flowing:
    """Make a block ready to be learned from; needs no state and runs in parallel with the chain."""
    X, block = parts[0], course.reader.block(index)
    X, given = X if isinstance(X, Rows) else Rows(X), {}
    if course.ahead is None:
        X = course.reader.whole(X, block)
    else:
        given = dict(zip(course.names[1:], parts[1:], strict=True))
        piece = course.ahead.of_block(X, given, course.reader, block, epoch == course.first)
        X = piece.rows if is_array(piece.rows.array) else Rows(np.empty((1, 1)))
    like = Rows(X.array[:1, ...], X.functions).all()
    weight = read_weight(parts, course.names, like, block)
    if course.classes is None:
        target = read_values(parts, course.names, like, block)
    else:
        y = as_vector(parts[course.names.index("y")], "y", block)
        target = encode(course.classes, y, like=like, where=in_block("y", block))
    if course.ahead is None:
        return ready(course, epoch, index, X, target, weight)
    return Flowing(piece, given, target, weight, epoch, index)


def arrive(course: Course, learned: Learned, flowing: Flowing) -> tuple[Learned, Ready]:
    """Take a block through the stages ahead of the learner."""
    assert course.ahead is not None
    assert learned.ahead is not None
    piece, given, target, weight, epoch, index = flowing
    learns = epoch == course.first
    states, (X, *_, clean) = course.ahead.learn(
        learned.ahead, piece, as_array(given["y"]), given, course.reader, learns=learns
    )
    names = None if X.functions else _get_feature_names(X.array)
    check = learns and not clean
    if check or not X.functions:
        reader = Reader(course.reader.estimator, None, finite=check)
        X = reader.whole(X, course.reader.block(index))
    like = Rows(X.array[:1, ...], X.functions).all()
    if not same_place(like, target):
        dtype = like.dtype if course.classes is None else default_int(like)
        target = asarray(target, like=like, dtype=dtype)
        weight = weight if weight is None else asarray(weight, like=like)
    state = restated(course, learned, states)
    learned = learned._replace(state=state, ahead=states, names=names)
    return learned, ready(course, epoch, index, X, target, weight)


def restated(course: Course, learned: Learned, states: tuple) -> Any:
    """Return the learner's state in the units that the stages ahead have come to.

    The learner goes on from what it knows of the raw rows, rather than from numbers that mean
    something else now that the last stage's mean and scale have moved.
    """
    assert course.ahead is not None
    assert learned.ahead is not None
    stage, former = course.ahead.stages[-1], learned.ahead[-1]
    restate = course.machine.restate
    if learned.state is None or restate is None or former is None or former is states[-1]:
        return learned.state
    if not isinstance(stage, Mergeable):  # others are dear to ask, and have no such numbers
        return learned.state
    before, now = stage.function(former), stage.function(states[-1])
    if not (isinstance(before, Standardize) and isinstance(now, Standardize)):
        return learned.state
    moved = now.since(before)
    if moved is None:
        return learned.state
    like = _an_array(learned.state)
    return restate(course.machine.params, learned.state, *(asarray(v, like=like) for v in moved))


def ready(
    course: Course, epoch: int, index: int, rows: Rows, target: Array, weight: Array | None
) -> Ready:
    """Hold rows out and make the draws of a block."""
    X, functions = rows
    held = None
    if course.held_out:
        # Without the epoch: what is held out once is never learned from.
        shuffled = _generator(course.seed, index).permutation(X.shape[0])
        n_held = min(int(np.ceil(course.held_out * X.shape[0])), X.shape[0] - 1)
        held = Batch(*_take(X, target, weight, np.sort(shuffled[:n_held])))
        held = held._replace(X=Rows(held.X, functions).all())
        X, target, weight = _take(X, target, weight, np.sort(shuffled[n_held:]))
    order = drawn = None
    draws = _generator(course.seed, index, epoch)
    if course.shuffle == "rows":
        drawn = asarray(draws.permutation(X.shape[0]), like=X, dtype=default_int(X))
    elif course.shuffle == "batches":
        order = draws.random(1 + X.shape[0] // (course.batch_size or SMALLEST)).tolist()
    return Ready(X, target, weight, order, drawn, held, functions)


def _take(X: Array, target: Array, weight: Array | None, rows: np.ndarray) -> tuple:
    at = asarray(rows, like=X, dtype=default_int(X))
    return tuple(
        None if a is None else namespace(a).take(a, at, axis=0) for a in (X, target, weight)
    )


def _generator(seed: int, *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def learn_block(course: Course, learned: Learned, block: Ready | Flowing) -> tuple[Learned, Report]:
    """Learn from one block, batch by batch, then score its held-out rows."""
    if isinstance(block, Flowing):
        learned, block = arrive(course, learned, block)
    machine, state, rows = course.machine, learned.state, learned.rows
    X = block.X
    like = Rows(X[:1, ...], block.functions).all()
    if state is None:
        state = machine.init(machine.params, like.shape[1], course.n_outputs, like=like)
    same_place_or_raise(like, _an_array(state), course.reader.estimator, "partial_fit")
    through, built = _through(machine, X, block.functions)
    large = None if built or machine.largest is None else machine.largest(X, course.n_outputs)
    batches = cut(
        X,
        block.target,
        block.weight,
        seen=rows,
        batch_size=course.batch_size,
        largest=large,
        order=block.order,
        rows=block.rows,
        through=through,
    )
    held = None
    # Divergence is found in what the steps report, and raised there.
    with np.errstate(over="ignore", invalid="ignore"):
        state, info = learn(machine, state, batches)
        if block.held is not None and course.tally is not None and course.predicted is not None:
            predicted = course.predicted(machine.apply(machine.params, state, block.held.X))
            held = course.tally.of_block(block.held.target, predicted, block.held.weight)
    return learned._replace(state=state, rows=rows + X.shape[0]), Report(info, held)


def _through(
    machine: Machine, X: Array, functions: tuple[Callable, ...]
) -> tuple[Callable | None, bool]:
    """Return the functions of rows as one, and whether they build the rows."""
    if not functions:
        return None, False
    if machine.affine and len(functions) == 1:
        unbuilt = getattr(functions[0], "unbuilt", lambda like: None)(X)
        if unbuilt is not None:
            return unbuilt, False
    return Rows(X, functions).of, True


def _an_array(state: Any) -> Array:
    while isinstance(state, tuple):
        state = state[0]
    return state


class Stopping(NamedTuple):
    """When to stop; scikit-learn's words and rules.

    Attributes
    ----------
    max_iter : int
    tol : float
        -inf never to stop early.
    n_iter_no_change : int
    early_stopping : bool
        Watch the score of held-out rows at segment ends, rather than the objective at epoch ends.
    """

    max_iter: int
    tol: float
    n_iter_no_change: int
    early_stopping: bool


class Watch:
    """Counts for each column how often in a row there was no improvement (greater is better)."""

    def __init__(self, stopping: Stopping, n_columns: int):
        self.stopping = stopping
        self.best = np.full(n_columns, -np.inf)
        self.stale = np.zeros(n_columns, dtype=int)

    def stalled(self, value: np.ndarray) -> np.ndarray:
        """Take in a new value of each column; return the columns that have waited long enough.

        NaN, the score of too few rows, says nothing.
        """
        tol = self.stopping.tol
        worse = (tol > -np.inf) & (value < self.best + tol)
        self.stale = np.where(worse, self.stale + 1, 0)
        self.best = np.fmax(self.best, value)
        out = self.stale >= self.stopping.n_iter_no_change
        self.stale = np.where(out, 0, self.stale)
        return out


class Outcome(NamedTuple):
    """What a fit ends with.

    Attributes
    ----------
    learned : Learned
    n_iter : int
        Epochs begun.
    stopped : bool
        Whether the stopping rule ended it.
    losses : list of float
        Mean loss of each block's rows, scored before they were learned from.
    """

    learned: Learned
    n_iter: int
    stopped: bool
    losses: list[float]


def fit(
    course: Course,
    learned: Learned,
    blocks: engine.Blocks,
    stopping: Stopping,
    *,
    epoch: int = 0,
    describe: Callable[[Any], str] | None = None,
) -> Outcome:
    """Learn from ``blocks`` until ``stopping`` says so.

    Parameters
    ----------
    course : Course
    learned : Learned
        Where to start; not changed.
    blocks : Blocks
    stopping : Stopping
    epoch : int
        Number of the first epoch, for the draws.
    describe : callable, optional
        ``(state) -> str``: print scikit-learn's lines, with this one at every segment end.

    Raises
    ------
    ValueError
        If there are no rows, none has a weight, none is held out to stop by, or the model
        overflows.
    """
    watch, started = Watch(stopping, course.n_outputs), time.time()
    losses: list[float] = []
    active = np.ones(course.n_outputs, dtype=bool)
    n_iter = 0
    for n_iter in range(1, stopping.max_iter + 1):
        if describe is not None:
            print(f"-- Epoch {n_iter}")  # noqa: T201
        objective, n_rows, weight = np.zeros(course.n_outputs), 0, 0.0
        now = epoch + n_iter - 1
        for segment in engine.fold(
            partial(learn_block, course),
            learned,
            blocks,
            prepare=partial(read, course, now),
            order=_block_order(course, blocks, now),
        ):
            before, learned = learned, segment.state
            reports = [(r, r.info.info) for r in segment.records if r.rows and r.info.info]
            for record, info in reports:
                losses.append(_mean_loss(info, course.reader.block(record.block), n_iter))
                objective += to_numpy(info.objective)
                weight += float(to_numpy(info.weight).sum())
            n_rows += learned.rows - before.rows
            if describe is not None and reports:
                print(  # noqa: T201
                    f"{describe(learned.state)}, T: {learned.rows}, Avg. loss: {losses[-1]:f}\n"
                    f"Total training time: {time.time() - started:.2f} seconds."
                )
            if stopping.early_stopping and reports:
                score = _held_out_score(course, [record.info.held for record, _ in reports])
                stalled = watch.stalled(np.full(course.n_outputs, score))
                learned, active = _slow_or_stop(course, learned, stalled, active)
                if not active.any():
                    break
        if not n_rows:
            raise ValueError(
                f"Found array with 0 sample(s) while a minimum of 1 is required by "
                f"{course.reader.estimator}."
            )
        if "sample_weight" in course.names and not weight:
            raise ValueError("Sample weights must contain at least one non-zero number.")
        if not stopping.early_stopping:
            stalled = watch.stalled(-objective / n_rows)
            learned, active = _slow_or_stop(course, learned, stalled, active)
        elif np.isneginf(watch.best).any():
            raise ValueError(
                f"Too few rows are held out to score the fit: validation_fraction="
                f"{course.held_out!r} of each block's rows. Increase it, use larger blocks, or "
                "disable early_stopping."
            )
        if not active.any():
            break
    if describe is not None and not active.any():
        print(  # noqa: T201
            f"Convergence after {n_iter} epochs took {time.time() - started:.2f} seconds"
        )
    if hasattr(learned.state, "active"):
        moving = namespace(learned.state.active).ones_like(learned.state.active)
        learned = learned._replace(state=learned.state._replace(active=moving))
    return Outcome(learned, n_iter, not active.any(), losses)


def _block_order(course: Course, blocks: engine.Blocks, epoch: int) -> Sequence[int] | None:
    if course.shuffle is None or blocks.plan is None:
        return None
    together = engine.groups(blocks.plan)
    if len(together) == 1 < len(blocks):
        warnings.warn(
            f"shuffle leaves the {len(blocks)} blocks in order: each shares a source with another, "
            "as rechunking makes them, and another order would read twice. If the rows are "
            "sorted, make each block of whole sources, or store the data anew.",
            UserWarning,
            stacklevel=2,
        )
    order = _generator(course.seed, len(blocks), epoch).permutation(len(together))
    return [block for group in order for block in together[group]]


def _mean_loss(info: Info, block: int | None, epoch: int) -> float:
    loss, weight = to_numpy(info.loss), to_numpy(info.weight)
    if not np.all(np.isfinite(loss)):
        raise diverged(f"at epoch #{epoch}" + ("" if block is None else f", in block {block}"))
    return float(loss.sum() / weight.sum()) if weight.sum() else 0.0


def diverged(where: str) -> ValueError:
    """Return the error of a model that left the floats."""
    return ValueError(
        f"Floating-point under-/overflow occurred {where}. Scaling input data with StandardScaler "
        "or MinMaxScaler might help."
    )


def _held_out_score(course: Course, tallies: list[Any]) -> float:
    assert course.tally is not None
    merged = reduce(course.tally.merge, [t for t in tallies if t is not None])
    return float(np.mean(to_numpy(course.tally.result(merged))))


def _slow_or_stop(
    course: Course, learned: Learned, stalled: np.ndarray, active: np.ndarray
) -> tuple[Learned, np.ndarray]:
    """Divide the step size of stalled columns by 5 if it adapts, else let them stand still."""
    stalled = stalled & active
    if not stalled.any():
        return learned, active
    state = learned.state
    if getattr(course.machine.params, "learning_rate", None) == "adaptive":
        eta = to_numpy(state.eta)
        slower = stalled & (eta > ADAPTIVE_FLOOR)
        eta = np.where(slower, eta / 5, eta)
        state = state._replace(eta=asarray(eta, like=state.eta))
        stalled = stalled & ~slower
    active = active & ~stalled
    state = state._replace(active=asarray(active.astype(np.float64), like=state.active))
    return learned._replace(state=state), active
