"""Stages ahead of the learner: each block passes through them before the learner sees it.

When the units of the features change, the learner's state is converted to the new units.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from streamlearn._arrays import (
    asarray,
    default_int,
    first_row,
    same_place,
)
from streamlearn._arrays.sparse import is_sparse
from streamlearn._sklearn import _get_feature_names
from streamlearn._training.course import Course, Learned
from streamlearn._training.prepare import PendingBlock, PreparedBlock, with_draws, without_held_out
from streamlearn._validation.arrays import as_array, as_numbers
from streamlearn._validation.messages import no_features
from streamlearn._validation.reader import Reader
from streamlearn.blocks import LazyRows
from streamlearn.core.affine_map import AffineMap
from streamlearn.core.learner import an_array
from streamlearn.stages import Flow, Mergeable, StagedBlock, set_features


def through_stages(
    course: Course, learned: Learned, pending: PendingBlock
) -> tuple[Learned, PreparedBlock]:
    """Pass a block through the stages ahead of the learner. They learn in the first epoch only."""
    assert course.ahead is not None
    assert learned.ahead is not None
    states, passed = _passed(course, learned.ahead, pending, alone=False)
    rows = passed.rows
    state = rescaled(course, learned, states, is_affine(rows.functions))
    names = None if rows.functions else _get_feature_names(rows.array)
    ready = _ready(course, pending, passed, states)
    return learned._replace(state=state, ahead=states, names=names), ready


class LocalStages(NamedTuple):
    """What the stages have learned from some blocks of a round alone.

    Attributes
    ----------
    states : tuple
        The states of the stages.
    affine : bool
        Whether the learner's rows are those of an affine map that is not built.
    """

    states: tuple[Any, ...]
    affine: bool


def in_round(
    course: Course, states: tuple[Any, ...] | None, block: PreparedBlock | PendingBlock
) -> tuple[LocalStages | None, PreparedBlock]:
    """Pass a block of a round through the stages, as they were at the start of the round.

    Returns
    -------
    local : LocalStages or None
        None if there are no stages, or if they do not learn.
    block : PreparedBlock
    """
    if not isinstance(block, PendingBlock):
        return None, block
    assert states is not None
    local, passed = _passed(course, states, block, alone=True)
    ready = _ready(course, block, passed, local)
    if block.epoch != course.first.epoch:
        return None, ready
    return LocalStages(local, is_affine(passed.rows.functions)), ready


def merged_local(
    course: Course, a: LocalStages | None, b: LocalStages | None
) -> LocalStages | None:
    """Return what the stages have learned from the blocks of both."""
    if a is None or b is None:
        return None
    assert course.ahead is not None
    return LocalStages(course.ahead.merged(a.states, b.states), a.affine or b.affine)


def after_round(course: Course, learned: Learned, local: LocalStages | None) -> Learned:
    """Merge what the stages have learned from a round, and convert the learner's state."""
    if local is None:
        return learned
    assert course.ahead is not None
    assert learned.ahead is not None
    states = course.ahead.after_round(learned.ahead, local.states)
    state = rescaled(course, learned, states, local.affine)
    return learned._replace(state=state, ahead=states)


def is_affine(functions: tuple[Callable[..., Any], ...]) -> bool:
    """Return whether the last of the functions of rows is an affine map."""
    return bool(functions) and isinstance(functions[-1], AffineMap)


def _passed(
    course: Course, states: tuple[Any, ...], pending: PendingBlock, *, alone: bool
) -> tuple[tuple[Any, ...], StagedBlock]:
    assert course.ahead is not None
    staged_block, block, _, _, epoch = pending
    y = None if block.y is None else as_array(block.y)
    learns = epoch == course.first.epoch
    return course.ahead.learn(
        states, staged_block, y, block.parts, course.reader, learns=learns, alone=alone
    )


def _ready(
    course: Course, pending: PendingBlock, passed: StagedBlock, states: tuple[Any, ...]
) -> PreparedBlock:
    """Return the block with the rows that have passed the stages."""
    _, block, target, weight, epoch = pending
    X = passed.rows
    check = epoch == course.first.epoch and not passed.clean
    if check or not X.functions:
        reader = Reader(course.reader.estimator, None, names_seen(course), finite=check, dense=None)
        try:
            X = reader.whole(X, block.named)
        except (TypeError, ValueError):
            named = reader._replace(names=names_made(course, states))
            rows = X.all()
            rows = rows if is_sparse(rows) else as_numbers(rows, "X", block.named, named.names)
            named.finite_or_raise(rows, block.named, made=True)
            raise
    like = LazyRows(first_row(X.array), X.functions).all()
    if like.shape[1] == 0:
        raise no_features(course.reader.estimator, (X.array.shape[0], 0))
    if target is not None and not same_place(like, target):
        dtype = like.dtype if course.target.classes is None else default_int(like)
        target = asarray(target, like=like, dtype=dtype)
    if weight is not None and not same_place(like, weight):
        weight = asarray(weight, like=like)
    ready = without_held_out(course, block, X, target, weight)
    return with_draws(course, epoch, block.number, ready)


def hand_back(flow: Flow, estimator: Any, learned: Learned, n_features: int) -> Learned:
    """Store the states of the stages in ``flow``, and the features in the estimator.

    The result contains the learner's state only.
    """
    assert learned.ahead is not None
    flow.states = learned.ahead
    set_features(estimator, n_features, learned.names)
    return learned._replace(ahead=None, names=None)


def rescaled(course: Course, learned: Learned, states: tuple[Any, ...], affine: bool) -> Any:
    """Return the learner's state in the current units of the stages ahead.

    When the offset and the scale of the last stage change, the numbers in the state change their
    meaning. The state is converted, so that it keeps what was learned about the raw rows.
    ``affine`` says whether the learner's rows are those of an affine map.
    """
    assert course.ahead is not None
    assert learned.ahead is not None
    former, rescale = learned.ahead[-1], course.learner.rescale
    if learned.state is None or rescale is None or former is None or former is states[-1]:
        return learned.state
    last = course.ahead.stages[-1]
    before, now = (last.function(state, None) if affine else None for state in (former, states[-1]))
    if not (isinstance(before, AffineMap) and isinstance(now, AffineMap)):
        return learned.state
    moved = now.since(before)
    if moved is None:
        return learned.state
    like = an_array(learned.state)
    return rescale(course.learner.params, learned.state, *(asarray(v, like=like) for v in moved))


def names_made(course: Course, states: tuple[Any, ...] | None) -> tuple[str, ...] | None:
    """Return the names of the columns that the stages ahead make, if they can tell them."""
    if course.ahead is None or states is None:
        return names_seen(course)
    names: Any = None
    try:
        first, *_ = fitted = course.ahead.fitted(states)
        if not hasattr(first, "feature_names_in_"):
            return names_seen(course)
        for transformer in fitted:
            names = transformer.get_feature_names_out(names)
    except (AttributeError, TypeError, ValueError):
        return names_seen(course)
    return tuple(map(str, names))


def names_seen(course: Course) -> tuple[str, ...] | None:
    """Return the names of the learner's features, or None if the stages ahead may change them."""
    stages = () if course.ahead is None else course.ahead.stages
    same = all(isinstance(stage, Mergeable) for stage in stages)
    return course.reader.names if same else None
