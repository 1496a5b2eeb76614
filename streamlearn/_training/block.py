"""Learning from a block: what its own task makes ready, and the step of the chain.

What needs no state is done in each block's own task (`read`), the chain only steps (`learn_block`).
Everything random is drawn in the block's task from (seed, epoch, block), so that a task run twice
draws the same.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import _get_feature_names

from streamlearn._arrays import (
    Array,
    asarray,
    batch_rows,
    concat,
    default_int,
    float_dtype,
    is_array,
    is_sparse,
    namespace,
    power_of_two,
    rows_at,
    same_place,
    to_numpy,
)
from streamlearn._validation.labels import encode
from streamlearn._validation.reader import (
    DENSE,
    Reader,
    as_array,
    as_vector,
    dense_or_raise,
    in_block,
    read_values,
    read_weight,
    same_place_or_raise,
    sum_is_finite,
)
from streamlearn.blocks import Rows
from streamlearn.core.batches import GROWTH, SMALLEST, cut, learn
from streamlearn.core.learner import Batch, Info, Machine
from streamlearn.core.scores import Tally
from streamlearn.core.statistics.moments import Standardize
from streamlearn.stages import Chain, Mergeable, Piece

DRAWS = 512
"""Numbers that are drawn for the samples of a block: a row each of the largest sample."""

GOLDEN = 0.5 * (5.0**0.5 - 1.0)


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
        Labels to encode y with; None where y holds values, a column for each output.
    batch_size : int or None
        None for sizes that grow with the rows seen.
    shuffle : {"batches", "rows"} or None
    seed : int
    held_out : float
        Part of each block's rows that is scored and never learned from.
    held_rows : ndarray of int or None
        Such rows of an array in memory, sorted; ``held_out`` is 0 then.
    order : callable or None
        ``(epoch) -> all rows`` of an array in memory, in place of own draws.
    tally : Tally or None
        How held-out rows are scored.
    predicted : callable or None
        ``(scores) -> predictions`` that the tally compares with the target.
    ahead : Chain or None
        Transformers that learn while the blocks flow through them, in the epoch ``first`` only.
    first : int
        The number of the first epoch.
    seen : int
        Rows learned from before it.
    learns_y : bool
        Whether the machine learns a target; y is for the stages ahead alone where it does not.
    valid : callable or None
        ``(values, block)``: raises where the machine cannot learn them.
    signed_weights : bool
        Whether weights may be negative.
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
    held_rows: np.ndarray | None = None
    order: Callable[[int], np.ndarray] | None = None
    tally: Tally | None = None
    predicted: Callable[[Array], Array] | None = None
    ahead: Chain | None = None
    first: int = 0
    seen: int = 0
    learns_y: bool = True
    valid: Callable[[Array, int | None], None] | None = None
    signed_weights: bool = True


class Ready(NamedTuple):
    """A block that is read, encoded and has its draws.

    Attributes
    ----------
    X : array
    target, weight : arrays over the same rows, or None
    order, rows : draws for `streamlearn.core.batches.cut`, or None
    run : int
        How many neighbours ``rows`` permutes as one.
    held : Batch or None
        Rows that are scored and not learned from.
    draws : ndarray of shape (DRAWS,), or None
        Numbers in [0, 1): what the samples of the batches are drawn by.
    functions : tuple of callable
        What the rows of X have still to go through.
    block : int or None
        What errors call the block.
    """

    X: Array
    target: Array | None
    weight: Array | None
    order: list[float] | None
    rows: Array | None
    run: int
    held: Batch | None
    draws: np.ndarray | None = None
    functions: tuple[Callable, ...] = ()
    block: int | None = None


class Flowing(NamedTuple):
    """A block that has yet to go through the stages ahead of the learner.

    Attributes
    ----------
    piece : Piece
    given : dict of str to object
        The parts of the block by name, without X.
    target, weight : arrays, or None
    epoch, block : int
    """

    piece: Piece
    given: dict[str, Any]
    target: Array | None
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
    waiting : tuple or None
        Rows that have a weight, and the weights, of blocks that were too short to begin with.
    """

    state: Any = None
    rows: int = 0
    ahead: tuple | None = None
    names: np.ndarray | None = None
    waiting: tuple[Array, Array | None] | None = None


class Report(NamedTuple):
    """What learning from one block reports.

    Attributes
    ----------
    info : Info or None
        Sums over the rows learned from.
    held : Average, Fit or None
        The held-out rows' tally.
    rows : int
        Rows learned from.
    """

    info: Info | None
    held: Any
    rows: int


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
    weight = read_weight(parts, course.names, like, block, signed=course.signed_weights)
    if not course.learns_y:
        target = None
    elif course.classes is None:
        target = read_values(parts, course.names, like, block, course.n_outputs)
        if course.valid is not None:
            course.valid(target, block)
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
    y = as_array(given["y"]) if "y" in given else None
    states, (X, *_, clean) = course.ahead.learn(
        learned.ahead, piece, y, given, course.reader, learns=learns
    )
    names = None if X.functions else _get_feature_names(X.array)
    check = learns and not clean
    if check or not X.functions:
        reader = Reader(course.reader.estimator, None, _names(course), finite=check, dense=None)
        X = reader.whole(X, course.reader.block(index))
    like = Rows(X.array[:1, ...], X.functions).all()
    if target is not None and not same_place(like, target):
        dtype = like.dtype if course.classes is None else default_int(like)
        target = asarray(target, like=like, dtype=dtype)
    if weight is not None and not same_place(like, weight):
        weight = asarray(weight, like=like)
    state = restated(course, learned, states, X.functions)
    learned = learned._replace(state=state, ahead=states, names=names)
    return learned, ready(course, epoch, index, X, target, weight)


def restated(
    course: Course, learned: Learned, states: tuple, functions: tuple[Callable, ...]
) -> Any:
    """Return the learner's state in the units that the stages ahead have come to.

    The learner goes on from what it knows of the raw rows, rather than from numbers that mean
    something else now that the last stage's mean and scale have moved. ``functions`` are what is
    left for batches of the stages ahead.
    """
    assert course.ahead is not None
    assert learned.ahead is not None
    former, restate = learned.ahead[-1], course.machine.restate
    if learned.state is None or restate is None or former is None or former is states[-1]:
        return learned.state
    if not functions or not isinstance(functions[-1], Standardize):
        return learned.state
    before = course.ahead.stages[-1].function(former)
    moved = functions[-1].since(before) if isinstance(before, Standardize) else None
    if moved is None:
        return learned.state
    like = _an_array(learned.state)
    return restate(course.machine.params, learned.state, *(asarray(v, like=like) for v in moved))


def ready(
    course: Course,
    epoch: int,
    index: int,
    rows: Rows,
    target: Array | None,
    weight: Array | None,
) -> Ready:
    """Leave out rows without a weight, hold others out, and make the draws of a block."""
    X, functions = rows
    machine, held, scored, kept = course.machine, None, course.held_rows, None
    gone = machine.absent and machine.absent(machine.params, target, weight)
    if gone is not None and bool(namespace(gone).any(gone)):
        present = np.flatnonzero(~to_numpy(gone))
        X, target, weight = _take(X, target, weight, present)
        if scored is not None:
            scored = np.searchsorted(present, scored[np.isin(scored, present)])
    if course.held_out and X.shape[0]:
        # Without the epoch: what is held out once is never learned from.
        shuffled = generator(course.seed, index).permutation(X.shape[0])
        n_held = min(int(np.ceil(course.held_out * X.shape[0])), X.shape[0] - 1)
        scored = np.sort(shuffled[:n_held])
    if scored is not None:
        kept = np.delete(np.arange(X.shape[0]), scored)
        held = Batch(*_take(X, target, weight, scored))
        held = held._replace(X=Rows(held.X, functions).all())
        X, target, weight = _take(X, target, weight, kept)
    order = drawn = None
    draws, run = generator(course.seed, index, epoch), 1
    if course.order is not None:
        now = course.order(epoch)
        if kept is not None:
            now = np.searchsorted(kept, now[np.isin(now, kept)])
        drawn = asarray(now, like=X, dtype=default_int(X))
    elif course.shuffle == "rows":
        if course.batch_size is None:
            seen = course.seen + (epoch - course.first) * X.shape[0]
            run = together(X.shape[0], seen, _largest(course, X, seen))
        drawn = asarray(draws.permutation(X.shape[0] // run), like=X, dtype=default_int(X))
    elif course.shuffle == "batches":
        order = draws.random(1 + X.shape[0] // (course.batch_size or SMALLEST)).tolist()
    samples = None if machine.sampled is None else draws.random(DRAWS)
    block = course.reader.block(index)
    return Ready(X, target, weight, order, drawn, run, held, samples, functions, block)


def together(n: int, seen: int, largest: int) -> int:
    """Return how many neighbours n rows that follow others are permuted in: a power of two.

    Gathered one by one, 20 float64 features cost 28 ns a row, which is what learning from it costs;
    in runs of 16 rows 16, of 256 rows 9 (on one core, apart from ``bench/``). A batch in the middle
    holds `SMALLEST` runs or more, so that it is as mixed as the first ones are.

    Examples
    --------
    >>> together(10_000, 0, 65_536), together(100_000, 0, 65_536)
    (2, 16)
    >>> together(100_000, 1_000_000, 65_536), together(100_000, 1_000_000, 512)
    (512, 8)
    """
    batch = min((seen + n // 2) // GROWTH, n, largest)
    return power_of_two(batch // SMALLEST)


def _take(X: Array, target: Array | None, weight: Array | None, rows: np.ndarray) -> tuple:
    at = asarray(rows, like=X, dtype=default_int(X))
    return tuple(None if a is None else rows_at(a, at) for a in (X, target, weight))


def generator(seed: int, *key: int) -> np.random.Generator:
    """Return the source of draws that depend on ``seed`` and ``key`` only."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def learn_block(course: Course, learned: Learned, block: Ready | Flowing) -> tuple[Learned, Report]:
    """Learn from one block, batch by batch, then score its held-out rows."""
    if isinstance(block, Flowing):
        learned, block = arrive(course, learned, block)
    machine, state, rows = course.machine, learned.state, learned.rows
    X = block.X
    like = Rows(X[:1, ...], block.functions).all()
    if is_sparse(like) and not machine.sparse:
        dense_or_raise(like, course.reader.dense or DENSE)
    if state is None and machine.begin is not None:
        block = _joined(learned.waiting, block)
        X = block.X
        state = machine.begin(machine.params, Rows(X, block.functions), block.weight)
        if state is None:
            return learned._replace(waiting=_with_weight(X, block.weight)), Report(None, None, 0)
        learned = learned._replace(waiting=None)
    elif state is None:
        state = machine.init(machine.params, like.shape[1], course.n_outputs, like=like)
    same_place_or_raise(like, _an_array(state), course.reader.estimator, "partial_fit")
    through, built = _through(machine, X, block.functions)
    large = None if built else _largest(course, X, rows)
    batches = cut(
        X,
        block.target,
        block.weight,
        seen=rows,
        batch_size=course.batch_size,
        largest=large,
        growth=GROWTH if machine.growth is None else machine.growth(X, course.n_outputs),
        order=block.order,
        rows=block.rows,
        run=block.run,
        gather=built or not machine.affine,
        through=through,
        draws=_samples(course, X, like, block.draws),
    )
    held = None
    # Divergence is found in what the steps report, and raised there.
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        try:
            state, info = learn(machine, state, batches)
        except Exception:
            look_again(course, block)  # NaN may have no inverse
            raise
        if info is not None and not course.reader.looks(X) and not sum_is_finite(info.objective):
            look_again(course, block)
        if machine.end_block is not None:
            state = machine.end_block(machine.params, state, rows + X.shape[0])
        if block.held is not None and course.tally is not None and course.predicted is not None:
            predicted = course.predicted(machine.apply(machine.params, state, block.held.X))
            held = course.tally.of_block(block.held.target, predicted, block.held.weight)
    return learned._replace(state=state, rows=rows + X.shape[0]), Report(info, held, X.shape[0])


def _joined(waiting: tuple[Array, Array | None] | None, block: Ready) -> Ready:
    """Return a block with the rows that wait for it before its own."""
    if waiting is None:
        return block
    X, weight = waiting
    if block.weight is not None:
        weight = concat([weight, block.weight])
    return block._replace(X=concat([X, block.X]), weight=weight)


def _with_weight(X: Array, weight: Array | None) -> tuple[Array, Array | None]:
    """Return the rows that have a weight."""
    if weight is None:
        return X, None
    X, _, weight = _take(X, None, weight, np.flatnonzero(to_numpy(weight)))
    return X, weight


def look_again(course: Course, block: Ready) -> None:
    """Check the rows of a block that went wrong, if nobody has.

    Raises
    ------
    ValueError
        If they hold NaN or infinity, naming the block.
    """
    if not course.reader.looks(block.X):
        reader = course.reader._replace(names=_names(course))
        reader.finite_or_raise(Rows(block.X, block.functions).all(), block.block)


def _names(course: Course) -> tuple[str, ...] | None:
    """Return the names of the columns that the learner sees, where stages ahead keep them."""
    stages = () if course.ahead is None else course.ahead.stages
    same = all(isinstance(stage, Mergeable) for stage in stages)
    return course.reader.names if same else None


def _largest(course: Course, X: Array, seen: int) -> int:
    """Return how many rows make the largest batch of rows that are not built."""
    largest = course.machine.largest
    return (
        batch_rows(X) if largest is None else largest(X, course.n_outputs, seen + X.shape[0] // 2)
    )


def _samples(course: Course, X: Array, like: Array, draws: np.ndarray | None) -> Callable | None:
    """Return what draws which rows of a batch of m stand for all.

    The numbers of a block are drawn in its own task, and turned by the golden section for each use:
    the chain, which waits for nobody, makes no generator.
    """
    sampled, dtype = course.machine.sampled, float_dtype(like)
    if sampled is None or draws is None:
        return None
    turns = count()

    def drawn(m: int) -> Array | None:
        k = sampled(X, course.n_outputs, m)
        if not k:
            return None
        parts = [(draws + GOLDEN * next(turns)) % 1.0 for _ in range(0, k, len(draws))]
        u = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return asarray((np.arange(k) + u[:k]) / k, like=like, dtype=dtype)

    return drawn


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
