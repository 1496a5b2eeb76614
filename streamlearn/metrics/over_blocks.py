"""The sums of a metric over blocks. A block is read once, for target and prediction together."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from streamlearn import blocks as engine
from streamlearn._arrays import Array, asarray, to_numpy, widest_float
from streamlearn._validation.arrays import as_numbers
from streamlearn._validation.finite import finite_or_raise
from streamlearn._validation.messages import no_weight
from streamlearn._validation.reader import read_weight
from streamlearn.core import scores


def sums(
    metric: scores.Score, pair: Callable[..., Any], y_true: Any, y_pred: Any, sample_weight: Any
) -> Any:
    """Return the sums of a metric over all blocks.

    Parameters
    ----------
    metric : Score
        The metric.
    pair : callable
        ``(y_true, y_pred, block) -> (target, predicted)``. It checks the parts of a block
        and returns them in one library and on one device. ``block`` is the number of the block in
        errors, or None.
    y_true, y_pred, sample_weight : container
        The targets, the predictions and the weights of all rows. The weights may be None.

    Raises
    ------
    ValueError
        If there is no target, no row or no row with a weight.
    """
    given = {"y_pred": y_pred, "y_true": target_or_raise(y_true), "sample_weight": sample_weight}
    # A collection comes first, because arrays in memory are cut like the first container.
    ordered = dict(sorted(given.items(), key=lambda item: not engine.is_collection(item[1])))
    # A lazy prediction and a target from the same frame read the frame once.
    blocks = engine.align(lazy_rows=("y_pred",), **ordered)
    state = engine.reduce(
        partial(_score_of_block, metric, pair), metric.merge, blocks, name="score"
    )
    if state is None:
        raise ValueError("y_true and y_pred have no rows, and no row has no score.")
    weight = state.target.weight if isinstance(state, scores.R2Sums) else state.weight
    if not to_numpy(weight).any():
        raise no_weight()
    return state


def target_or_raise(y_true: Any) -> Any:
    """Return the target, or raise an error if it is missing.

    Raises
    ------
    ValueError
        If it is None.
    """
    if y_true is None:
        raise ValueError("A score compares predictions with the target y, which is None. Give it.")
    return y_true


def _score_of_block(metric: scores.Score, pair: Callable[..., Any], block: engine.Block) -> Any:
    predicted = block.parts["y_pred"]
    if isinstance(predicted, engine.LazyRows):
        with engine.noted(f"block {block.number}, when it was predicted"):
            predicted = predicted.all()
    target, predicted = pair(block.parts["y_true"], predicted, block.named)
    like = asarray(np.empty(0), like=target, dtype=widest_float(target))
    weight = read_weight(block.sample_weight, like, block.named)
    with np.errstate(over="ignore", invalid="ignore"):
        return metric.of_block(target, predicted, weight)


def numbers(x: Any, name: str, block: int | None) -> Array:
    """Return a part of a block as an array of finite numbers.

    Raises
    ------
    TypeError, ValueError
        If it holds something else.
    """
    x = as_numbers(x, name, block)
    finite_or_raise(x, name, block)
    return x
