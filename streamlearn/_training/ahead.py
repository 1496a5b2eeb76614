"""Stages ahead of the learner: each block passes through them before the learner sees it.

When the units of the features change, the learner's state is converted to the new units.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamlearn._arrays import (
    asarray,
    default_int,
    same_place,
)
from streamlearn._sklearn import _get_feature_names
from streamlearn._training.course import Course, Learned
from streamlearn._training.prepare import PendingBlock, PreparedBlock, with_draws, without_held_out
from streamlearn._validation.arrays import as_array
from streamlearn._validation.reader import Reader
from streamlearn.blocks import LazyRows
from streamlearn.core.affine_map import AffineMap
from streamlearn.core.learner import an_array
from streamlearn.stages import Flow, Mergeable, set_features


def through_stages(
    course: Course, learned: Learned, pending: PendingBlock
) -> tuple[Learned, PreparedBlock]:
    """Pass a block through the stages ahead of the learner. They learn in the first epoch only."""
    assert course.ahead is not None
    assert learned.ahead is not None
    piece, block, target, weight, epoch = pending
    learns = epoch == course.first.epoch
    y = None if block.y is None else as_array(block.y)
    states, passed = course.ahead.learn(
        learned.ahead, piece, y, block.parts, course.reader, learns=learns
    )
    X = passed.rows
    names = None if X.functions else _get_feature_names(X.array)
    check = learns and not passed.clean
    if check or not X.functions:
        reader = Reader(course.reader.estimator, None, names_seen(course), finite=check, dense=None)
        X = reader.whole(X, block.named)
    like = LazyRows(X.array[:1, ...], X.functions).all()
    if target is not None and not same_place(like, target):
        dtype = like.dtype if course.target.classes is None else default_int(like)
        target = asarray(target, like=like, dtype=dtype)
    if weight is not None and not same_place(like, weight):
        weight = asarray(weight, like=like)
    state = rescaled(course, learned, states, X.functions)
    learned = learned._replace(state=state, ahead=states, names=names)
    ready = without_held_out(course, block, X, target, weight)
    return learned, with_draws(course, epoch, block.number, ready)


def hand_back(flow: Flow, estimator: Any, learned: Learned, n_features: int) -> Learned:
    """Store the states of the stages in ``flow``, and the features in the estimator.

    The result contains the learner's state only.
    """
    assert learned.ahead is not None
    flow.states = learned.ahead
    set_features(estimator, n_features, learned.names)
    return learned._replace(ahead=None, names=None)


def rescaled(
    course: Course,
    learned: Learned,
    states: tuple[Any, ...],
    functions: tuple[Callable[..., Any], ...],
) -> Any:
    """Return the learner's state in the current units of the stages ahead.

    When the offset and the scale of the last stage change, the numbers in the state change their
    meaning. The state is converted, so that it keeps what was learned about the raw rows.
    ``functions`` are those of the stages ahead that are applied to batches.
    """
    assert course.ahead is not None
    assert learned.ahead is not None
    former, rescale = learned.ahead[-1], course.learner.rescale
    if learned.state is None or rescale is None or former is None or former is states[-1]:
        return learned.state
    if not functions or not isinstance(functions[-1], AffineMap):
        return learned.state
    before = course.ahead.stages[-1].function(former, None)
    moved = functions[-1].since(before) if isinstance(before, AffineMap) else None
    if moved is None:
        return learned.state
    like = an_array(learned.state)
    return rescale(course.learner.params, learned.state, *(asarray(v, like=like) for v in moved))


def names_seen(course: Course) -> tuple[str, ...] | None:
    """Return the names of the learner's features, or None if the stages ahead may change them."""
    stages = () if course.ahead is None else course.ahead.stages
    same = all(isinstance(stage, Mergeable) for stage in stages)
    return course.reader.names if same else None
