"""The rows of a block as a learner takes them: transformed batches, samples, and held-out rows."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np

from streamlearn._arrays import Array, asarray, first_row, float_dtype, is_sparse, to_numpy
from streamlearn._training.ahead import names_seen
from streamlearn._training.fit_settings import FitSettings
from streamlearn._training.prepare import PreparedBlock
from streamlearn._validation.arrays import DENSE, dense_or_raise
from streamlearn._validation.reader import same_place_or_raise
from streamlearn.blocks import LazyRows
from streamlearn.core.learner import Info, Learner, an_array

GOLDEN = 0.5 * (5.0**0.5 - 1.0)


def like_rows(settings: FitSettings, block: PreparedBlock) -> Array:
    """Return a transformed row of the block.

    Raises
    ------
    TypeError
        If the rows are sparse, and the learner takes only dense rows.
    """
    like = LazyRows(first_row(block.X), block.functions).all()
    if is_sparse(like) and not settings.learner.sparse:
        dense_or_raise(like, settings.reader.dense or DENSE)
    return like


def same_place_as_state_or_raise(settings: FitSettings, like: Array, state: Any) -> None:
    """Check that rows are in the library and on the device of what was learned from others.

    Raises
    ------
    ValueError
        If they are not.
    """
    same_place_or_raise(like, an_array(state), settings.reader.estimator, "partial_fit")


def rows_finite_or_raise(
    settings: FitSettings, block: PreparedBlock, info: Info | None = None
) -> None:
    """Check the rows of a block, if they were not checked when they were read.

    ``info`` is the report of learning from them. They are finite if its objective is.

    Raises
    ------
    ValueError
        If they contain NaN or infinity. The message names the block.
    """
    if settings.reader.looks(block.X):
        return
    if info is not None and np.isfinite(to_numpy(info.objective)).all():
        return
    reader = settings.reader._replace(names=names_seen(settings))
    made = settings.ahead is not None or bool(block.functions)
    reader.finite_or_raise(LazyRows(block.X, block.functions).all(), block.block, made=made)


def scored(settings: FitSettings, block: PreparedBlock, scores: Callable[[Array], Array]) -> Any:
    """Return the score state of the held-out rows by a model, or None if there are none.

    ``scores`` are those of the model for rows.
    """
    if settings.held_out is None or block.held_out is None:
        return None
    X, target, weight = block.held_out[:3]
    predicted = settings.held_out.predicted(scores(X))
    return settings.held_out.metric.of_block(target, predicted, weight)


def samples(
    draws: np.ndarray, size: Callable[[int], int], like: Array
) -> Callable[[int], Array | None]:
    """Return a function that draws the sample of rows of a batch of m rows, ``size(m)`` of them.

    ``draws`` are random numbers of the block, from its own task. Each use adds a multiple of the
    golden ratio to them, modulo 1. So the steps, on which all else waits, need no generator.
    """
    turns, dtype = count(), float_dtype(like)

    def drawn(m: int) -> Array | None:
        k = size(m)
        if not k:
            return None
        parts = [(draws + GOLDEN * next(turns)) % 1.0 for _ in range(0, k, len(draws))]
        u = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return asarray((np.arange(k) + u[:k]) / k, like=like, dtype=dtype)

    return drawn


def through(
    learner: Learner, X: Array, functions: tuple[Callable[..., Any], ...]
) -> tuple[Callable[..., Any] | None, bool]:
    """Return the functions of rows as one function, and whether it builds the transformed rows."""
    if not functions:
        return None, False
    if learner.affine and len(functions) == 1:
        unbuilt = getattr(functions[0], "unbuilt", lambda like: None)(X)
        if unbuilt is not None:
            return unbuilt, False
    return LazyRows(X, functions).of, True
