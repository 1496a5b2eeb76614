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
from streamlearn._training.fit_settings import FitSettings, Learned
from streamlearn._training.prepare import PendingBlock, PreparedBlock, with_draws, without_held_out
from streamlearn._validation.arrays import as_array, as_numbers
from streamlearn._validation.messages import no_features
from streamlearn._validation.reader import Reader
from streamlearn.blocks import LazyRows
from streamlearn.core.affine_map import AffineMap
from streamlearn.core.learner import an_array
from streamlearn.stages import Flow, Mergeable, StagedBlock, set_features


def through_stages(
    settings: FitSettings, learned: Learned, pending: PendingBlock
) -> tuple[Learned, PreparedBlock]:
    """Pass a block through the stages ahead of the learner. They learn in the first epoch only."""
    assert settings.ahead is not None
    assert learned.ahead is not None
    states, passed = _passed(settings, learned.ahead, pending, alone=False)
    rows = passed.rows
    state = rescaled(settings, learned, states, is_affine(rows.functions))
    names = None if rows.functions else _get_feature_names(rows.array)
    ready = _ready(settings, pending, passed, states)
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
    settings: FitSettings, states: tuple[Any, ...] | None, block: PreparedBlock | PendingBlock
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
    local, passed = _passed(settings, states, block, alone=True)
    ready = _ready(settings, block, passed, local)
    if block.epoch != settings.first.epoch:
        return None, ready
    return LocalStages(local, is_affine(passed.rows.functions)), ready


def merged_local(
    settings: FitSettings, a: LocalStages | None, b: LocalStages | None
) -> LocalStages | None:
    """Return what the stages have learned from the blocks of both."""
    if a is None or b is None:
        return None
    assert settings.ahead is not None
    return LocalStages(settings.ahead.merged(a.states, b.states), a.affine or b.affine)


def after_round(settings: FitSettings, learned: Learned, local: LocalStages | None) -> Learned:
    """Merge what the stages have learned from a round, and convert the learner's state."""
    if local is None:
        return learned
    assert settings.ahead is not None
    assert learned.ahead is not None
    states = settings.ahead.after_round(learned.ahead, local.states)
    state = rescaled(settings, learned, states, local.affine)
    return learned._replace(state=state, ahead=states)


def is_affine(functions: tuple[Callable[..., Any], ...]) -> bool:
    """Return whether the last of the functions of rows is an affine map."""
    return bool(functions) and isinstance(functions[-1], AffineMap)


def _passed(
    settings: FitSettings, states: tuple[Any, ...], pending: PendingBlock, *, alone: bool
) -> tuple[tuple[Any, ...], StagedBlock]:
    assert settings.ahead is not None
    staged_block, block, _, _, epoch = pending
    y = None if block.y is None else as_array(block.y)
    learns = epoch == settings.first.epoch
    return settings.ahead.learn(
        states, staged_block, y, block.parts, settings.reader, learns=learns, alone=alone
    )


def _ready(
    settings: FitSettings, pending: PendingBlock, passed: StagedBlock, states: tuple[Any, ...]
) -> PreparedBlock:
    """Return the block with the rows that have passed the stages."""
    _, block, target, weight, epoch = pending
    X = passed.rows
    check = epoch == settings.first.epoch and not passed.clean
    if check or not X.functions:
        reader = Reader(
            settings.reader.estimator, None, names_seen(settings), finite=check, dense=None
        )
        try:
            X = reader.whole(X, block.named)
        except (TypeError, ValueError):
            named = reader._replace(names=names_made(settings, states))
            rows = X.all()
            rows = rows if is_sparse(rows) else as_numbers(rows, "X", block.named, named.names)
            named.finite_or_raise(rows, block.named, made=True)
            raise
    like = LazyRows(first_row(X.array), X.functions).all()
    if like.shape[1] == 0:
        raise no_features(settings.reader.estimator, (X.array.shape[0], 0))
    if target is not None and not same_place(like, target):
        dtype = like.dtype if settings.target.classes is None else default_int(like)
        target = asarray(target, like=like, dtype=dtype)
    if weight is not None and not same_place(like, weight):
        weight = asarray(weight, like=like)
    ready = without_held_out(settings, block, X, target, weight)
    return with_draws(settings, epoch, block.number, ready)


def hand_back(flow: Flow, estimator: Any, learned: Learned, n_features: int) -> Learned:
    """Store the states of the stages in ``flow``, and the features in the estimator.

    The result contains the learner's state only.
    """
    assert learned.ahead is not None
    flow.states = learned.ahead
    set_features(estimator, n_features, learned.names)
    return learned._replace(ahead=None, names=None)


def rescaled(settings: FitSettings, learned: Learned, states: tuple[Any, ...], affine: bool) -> Any:
    """Return the learner's state in the current units of the stages ahead.

    When the offset and the scale of the last stage change, the numbers in the state change their
    meaning. The state is converted, so that it keeps what was learned about the raw rows.
    ``affine`` says whether the learner's rows are those of an affine map.
    """
    assert settings.ahead is not None
    assert learned.ahead is not None
    former, rescale = learned.ahead[-1], settings.learner.rescale
    if learned.state is None or rescale is None or former is None or former is states[-1]:
        return learned.state
    last = settings.ahead.stages[-1]
    before, now = (last.function(state, None) if affine else None for state in (former, states[-1]))
    if not (isinstance(before, AffineMap) and isinstance(now, AffineMap)):
        return learned.state
    moved = now.since(before)
    if moved is None:
        return learned.state
    like = an_array(learned.state)
    return rescale(settings.learner.params, learned.state, *(asarray(v, like=like) for v in moved))


def names_made(settings: FitSettings, states: tuple[Any, ...] | None) -> tuple[str, ...] | None:
    """Return the names of the columns that the stages ahead make, if they can tell them."""
    if settings.ahead is None or states is None:
        return names_seen(settings)
    names: Any = None
    try:
        first, *_ = fitted = settings.ahead.fitted(states)
        if not hasattr(first, "feature_names_in_"):
            return names_seen(settings)
        for transformer in fitted:
            names = transformer.get_feature_names_out(names)
    except (AttributeError, TypeError, ValueError):
        return names_seen(settings)
    return tuple(map(str, names))


def names_seen(settings: FitSettings) -> tuple[str, ...] | None:
    """Return the names of the learner's features, or None if the stages ahead may change them."""
    stages = () if settings.ahead is None else settings.ahead.stages
    same = all(isinstance(stage, Mergeable) for stage in stages)
    return settings.reader.names if same else None
