"""The sums of a metric over blocks. A block is read once, for target and prediction together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from streamlearn import blocks as engine
from streamlearn._arrays import Array, asarray, to_numpy, widest_float
from streamlearn._validation.arrays import as_numbers
from streamlearn._validation.finite import finite_or_raise
from streamlearn._validation.messages import no_weight
from streamlearn._validation.reader import read_weight
from streamlearn.core import scores


class Request(NamedTuple):
    """A metric whose sums are asked for.

    Attributes
    ----------
    metric : Score
        The metric.
    pair : callable
        ``(y_true, y_pred, block) -> (target, predicted)``. It checks the parts of a block
        and returns them in one library and on one device. ``block`` is the number of the block in
        errors, or None.
    y_true, y_pred, sample_weight : container
        The targets, the predictions and the weights of all rows. The weights may be None.
    """

    metric: scores.Score
    pair: Callable[..., Any]
    y_true: Any
    y_pred: Any
    sample_weight: Any


answer: ContextVar[Callable[[Request], Any] | None] = ContextVar("answer", default=None)
"""The function that answers requests, while several metrics are read together."""


def sums(
    metric: scores.Score, pair: Callable[..., Any], y_true: Any, y_pred: Any, sample_weight: Any
) -> Any:
    """Return the sums of a metric over all blocks; see `Request` for the arguments.

    Raises
    ------
    ValueError
        If there is no target, no row or no row with a weight.
    """
    request = Request(metric, pair, target_or_raise(y_true), y_pred, sample_weight)
    known = answer.get()
    state = all_sums([request])[0] if known is None else known(request)
    if state is None:
        raise ValueError("y_true and y_pred have no rows, and no row has no score.")
    weight = state.target.weight if isinstance(state, scores.R2Sums) else state.weight
    if not to_numpy(weight).any():
        raise no_weight()
    return state


def all_sums(requests: Sequence[Request]) -> list[Any]:
    """Return the sums of several metrics over all blocks, in one pass. Without rows all are None.

    A container that several of them share is one part of a block.
    """
    given: dict[str, Any] = {}
    names = []
    for request in requests:
        places = []
        for kind in ("y_pred", "y_true", "sample_weight"):
            x = getattr(request, kind)
            same = (name for name, other in given.items() if other is x and name.startswith(kind))
            name = next(same, kind if kind not in given else f"{kind} {len(given)}")
            given[name] = x
            places.append(name)
        names.append(tuple(places))
    # A collection comes first, because arrays in memory are cut like the first container.
    ordered = dict(sorted(given.items(), key=lambda item: not engine.is_collection(item[1])))
    predicted = [name for name in given if name.startswith("y_pred")]
    # A lazy prediction and a target from the same frame read the frame once.
    blocks = engine.align(lazy_rows=predicted, **ordered)
    metrics = [request.metric for request in requests]
    of_block = partial(_scores_of_block, [(r.metric, r.pair) for r in requests], names)
    states = engine.reduce(of_block, partial(_merged, metrics), blocks, name="score")
    return [None] * len(requests) if states is None else states


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


def _scores_of_block(
    asked: list[tuple[scores.Score, Callable[..., Any]]],
    names: list[tuple[str, ...]],
    block: engine.Block,
) -> list[Any]:
    parts = dict(block.parts)
    for name, part in parts.items():
        if isinstance(part, engine.LazyRows):
            with engine.noted(f"block {block.number}, when it was predicted"):
                parts[name] = part.all()
    return [
        _score_of_block(metric, pair, block.named, *map(parts.get, where))
        for (metric, pair), where in zip(asked, names, strict=True)
    ]


def _score_of_block(
    metric: scores.Score,
    pair: Callable[..., Any],
    block: int | None,
    y_pred: Any,
    y_true: Any,
    sample_weight: Any,
) -> Any:
    target, predicted = pair(y_true, y_pred, block)
    like = asarray(np.empty(0), like=target, dtype=widest_float(target))
    weight = read_weight(sample_weight, like, block)
    with np.errstate(over="ignore", invalid="ignore"):
        return metric.of_block(target, predicted, weight)


def _merged(metrics: list[scores.Score], a: list[Any], b: list[Any]) -> list[Any]:
    return [metric.merge(*pair) for metric, *pair in zip(metrics, a, b, strict=True)]


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
