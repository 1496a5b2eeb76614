"""Metrics as statistics of blocks that merge. One read serves all metrics and predictions.

A public metric makes a `Metric` of its parameters, and `computed` computes it. `compute` asks for
several: it calls each metric with `UNREAD` for the data, and `computed` then returns the `Metric`
alone. Metrics whose `Statistic` is equal share it. A metric of two passes makes the `Metric` of
the second one from the result of the first, and all such metrics share the second pass.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np

from streamlearn import blocks as engine
from streamlearn._arrays import Array, asarray, namespace, widest_float
from streamlearn._validation.arrays import as_numbers
from streamlearn._validation.finite import finite_or_raise
from streamlearn._validation.messages import no_weight
from streamlearn._validation.reader import read_weight

PREDICT = ("predict",)
PROBABILITIES = ("predict_proba",)
SCORES = ("decision_function", "predict_proba")
"""Methods of estimators that return predictions, as scikit-learn's scorers choose between them."""


class Statistic(NamedTuple):
    """How a statistic of rows is computed and merged. Equal ones are computed once.

    Attributes
    ----------
    of_block : callable
        ``(*options, y_true, y_pred, sample_weight, block) -> state`` checks the parts of a block.
        ``block`` is the number of the block in errors, or None.
    merge : callable
        ``(a, b) -> state``.
    response : tuple of str
        The methods of estimators that return such predictions, the best first.
    options : tuple
        The first arguments of ``of_block``.
    draws : bool
        Whether ``of_block`` draws rows. Then it gets a `streamlearn.blocks.Place` after its
        options.
    of_models : callable, optional
        ``(*options, y_true, answers, sample_weight, block) -> list of state or None`` returns what
        ``of_block`` returns for each of several models, from one pass over their answers
        (`streamlearn.linear_model.answers.Answers`). It returns None if it cannot.
    """

    of_block: Callable[..., Any]
    merge: Callable[[Any, Any], Any]
    response: tuple[str, ...] = PREDICT
    options: tuple[Any, ...] = ()
    draws: bool = False
    of_models: Callable[..., list[Any] | None] | None = None


class Metric(NamedTuple):
    """A metric: a statistic, and a function of its state on the host.

    Attributes
    ----------
    statistic : Statistic
    result : callable
        ``(state) -> value``. If the value is a `Metric`, that is computed in a further pass.
    """

    statistic: Statistic
    result: Callable[[Any], Any]


class _Unread:
    """The type of `UNREAD`."""


UNREAD: Any = _Unread()
"""It stands for the data where only the `Metric` is asked for."""


def compute(
    y_true: Any, y_pred: Any, metrics: Mapping[str, Any], *, sample_weight: Any = None
) -> dict[str, Any]:
    """Return several metrics, all from one read of the data.

    Parameters
    ----------
    y_true : array, Series, dask array or dask Series of shape (n_samples,) or \
(n_samples, n_outputs)
        The true targets.
    y_pred : container or dict of str to container
        The predictions. Metrics may need different ones: labels, scores or probabilities. Then give
        a dict whose keys are the methods of estimators that return them: "predict",
        "decision_function" and "predict_proba". A metric takes the same of them as its scorer in
        scikit-learn. If ``y_pred`` is not a dict, all metrics get it, and must take the same.
    metrics : dict of str to callable
        The metrics: functions of this module, or `functools.partial` objects of them with further
        parameters.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row. A metric without weights, such as
        `max_error`, does not use them.

    Returns
    -------
    dict of str to object
        The value of each metric, in the order of ``metrics``.

    Raises
    ------
    TypeError
        If ``metrics`` is not a dict, or if a metric is not a function of this module.
    ValueError
        If ``metrics`` is empty, if ``y_pred`` lacks the predictions that a metric needs, or for the
        reasons that a metric itself has.

    Examples
    --------
    >>> from functools import partial
    >>> import numpy as np
    >>> from streamlearn import metrics
    >>> y, p = np.asarray([0, 0, 1, 1]), np.asarray([0.1, 0.4, 0.35, 0.8])
    >>> report = {
    ...     "accuracy": metrics.accuracy_score,
    ...     "F2": partial(metrics.fbeta_score, beta=2),
    ...     "AUC": metrics.roc_auc_score,
    ... }
    >>> metrics.compute(y, {"predict": p > 0.35, "predict_proba": p}, report)
    {'accuracy': 0.5, 'F2': 0.5, 'AUC': 0.75}
    """
    if not isinstance(metrics, Mapping):
        raise TypeError(
            f"metrics is a {type(metrics).__name__}, which gives no names. Give a dict of names "
            "and metrics, such as {'accuracy': accuracy_score}."
        )
    if not metrics:
        raise ValueError("metrics is empty. Give at least one, as in {'accuracy': accuracy_score}.")
    found = {name: metric_of(name, function) for name, function in metrics.items()}
    values = _computed(found, y_true, y_pred, sample_weight, stacklevel=3)
    return dict(zip(found, values, strict=True))


def computed(metric: Metric, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
    """Return the value of a metric, or the metric itself if ``y_true`` is `UNREAD`.

    Only public metrics call it, because warnings point to the caller of its caller.

    Raises
    ------
    TypeError
        If the predictions are a dict, which only `compute` takes.
    ValueError
        If there is no target, no row or no row with a weight.
    """
    if y_true is UNREAD:
        if sample_weight is not None:
            raise ValueError(
                "All metrics of compute have the same weights. Give sample_weight to compute, and "
                "to no metric."
            )
        return metric
    if isinstance(y_pred, Mapping):
        raise TypeError(
            f"y_pred is a dict with the keys {[*y_pred]}, and a metric takes one of its values. "
            "Give that one, or give the dict to streamlearn.metrics.compute."
        )
    (value,) = _computed({"": metric}, y_true, y_pred, sample_weight, stacklevel=4)
    return value


def metric_of(name: str, function: Any) -> Metric:
    """Return the `Metric` of a public function, or of a partial object of one.

    Raises
    ------
    TypeError
        If it is none of ours. The message calls it ``metrics[name]``.
    """
    module = getattr(getattr(function, "func", function), "__module__", None) or ""
    if not (callable(function) and module.startswith(__package__)):
        raise TypeError(
            f"metrics[{name!r}] is {function!r}, which is not a function of {__package__}. Give "
            f"one of those, such as {__package__}.f1_score, or functools.partial of one with its "
            "parameters. scikit-learn's metrics read all rows by themselves."
        )
    return function(UNREAD, UNREAD)


def _computed(
    metrics: Mapping[str, Metric], y_true: Any, y_pred: Any, weight: Any, *, stacklevel: int
) -> list[Any]:
    """Return the values of metrics. ``stacklevel`` is that of a warning from here to the user."""
    if y_true is None:
        raise ValueError("A score compares predictions with the target y, which is None. Give it.")
    containers, parts = aligned(metrics, y_true, y_pred, weight)
    # A collection comes first, because arrays in memory are cut like the first container.
    ordered = dict(sorted(containers.items(), key=lambda x: not engine.is_collection(x[1])))
    # Lazy predictions and a target from the same frame read the frame once.
    blocks = engine.align(lazy_rows=tuple(dict.fromkeys(parts.values())), **ordered)
    values: dict[str, Any] = {}
    while metrics:
        states = _states(asked_by(metrics, parts), blocks)
        with warnings_of(stacklevel):
            values |= {
                name: m.result(states[m.statistic, parts[name]]) for name, m in metrics.items()
            }
        metrics = {name: value for name, value in values.items() if isinstance(value, Metric)}
    return list(values.values())


Asked = list[tuple[Statistic, str]]
"""Distinct statistics, each with the name of the part of a block that holds its predictions."""


def aligned(
    metrics: Mapping[str, Metric], y_true: Any, y_pred: Any, weight: Any
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the containers that metrics use, and the name of the predictions of each metric.

    Raises
    ------
    ValueError
        If predictions are None, or if those that a metric needs are not given.
    """
    if isinstance(y_pred, Mapping):
        given = {f"y_pred[{method!r}]": x for method, x in y_pred.items()}
        parts = {name: _part(name, m.statistic.response, y_pred) for name, m in metrics.items()}
    else:
        _one_for_all_or_raise(metrics)
        given, parts = {"y_pred": y_pred}, dict.fromkeys(metrics, "y_pred")
    used = set(parts.values())
    containers = {name: x for name, x in given.items() if name in used}
    for name, x in containers.items():
        if x is None:
            raise ValueError(f"{name} is None. Give the predictions that y_true is compared with.")
    return containers | {"y_true": y_true, "sample_weight": weight}, parts


def asked_by(metrics: Mapping[str, Metric], parts: Mapping[str, str]) -> Asked:
    """Return the distinct statistics of metrics."""
    return list(dict.fromkeys((m.statistic, parts[name]) for name, m in metrics.items()))


def _states(asked: Asked, blocks: engine.Blocks) -> dict[tuple[Statistic, str], Any]:
    """Return the states over all blocks, from one pass."""
    # A source of blocks has no lengths, and those of some chunks are not known.
    lengths = [n for n in blocks.rows if n is not None]
    known = len(blocks) > 0 and len(lengths) == len(blocks)
    starts = [0, *accumulate(lengths)] if known else None
    state = engine.reduce(
        partial(_of_block, asked, starts), partial(merge_states, asked), blocks, name="score"
    )
    if state is None:
        raise ValueError(
            "y_true and y_pred have no rows, so there is no score. Give at least one row."
        )
    if not state.weighted:
        raise no_weight(". Leave sample_weight out, or give some rows a weight")
    if state.total == 0:
        raise ValueError(
            "The sum of sample_weight is 0, because some weights are negative, and an average has "
            "no meaning then. Give weights that are not negative."
        )
    return dict(zip(asked, state.states, strict=True))


def _part(name: str, response: tuple[str, ...], y_pred: Mapping[str, Any]) -> str:
    for method in response:
        if method in y_pred:
            return f"y_pred[{method!r}]"
    raise ValueError(
        f"metrics[{name!r}] needs predictions of {' or '.join(response)}, and y_pred holds "
        f"{', '.join(map(repr, y_pred)) or 'none'}. Add them: "
        f"y_pred[{response[0]!r}] = model.{response[0]}(X)."
    )


def _one_for_all_or_raise(metrics: Mapping[str, Metric]) -> None:
    """Check that the same predictions suit all metrics.

    Labels would be taken for probabilities, and give a score that is wrong.

    Raises
    ------
    ValueError
        If they do not. The message names two metrics and what they take.
    """
    (first, one), *others = metrics.items()
    known = set(one.statistic.response)
    for name, metric in others:
        response = metric.statistic.response
        known &= set(response)
        if not known:
            a, b = one.statistic.response[0], response[0]
            raise ValueError(
                f"metrics[{first!r}] takes the result of {' or '.join(one.statistic.response)}, "
                f"and metrics[{name!r}] that of {' or '.join(response)}, but y_pred is one "
                f"prediction. Give both: {{{a!r}: model.{a}(X), {b!r}: model.{b}(X)}}."
            )


class StatisticStates(NamedTuple):
    """The states of all statistics, whether a row has a weight, and the sum of the weights."""

    weighted: bool
    total: float
    states: tuple[Any, ...]


def _of_block(asked: Asked, starts: list[int] | None, block: engine.Block) -> StatisticStates:
    start = None if starts is None else starts[block.number]
    return states_of_block(asked, start, block)


def states_of_block(asked: Asked, start: int | None, block: engine.Block) -> StatisticStates:
    """Return the states of a block. ``start`` is the number of rows before it, if that is known."""
    parts = {}
    for part in dict.fromkeys(part for _, part in asked):
        parts[part] = block.parts[part]
        if isinstance(parts[part], engine.LazyRows):
            with engine.noted(f"block {block.number}, when it was predicted"):
                parts[part] = parts[part].all()
    y, weight, number = block.parts["y_true"], block.sample_weight, block.named
    place = engine.Place(block.number, engine.n_rows(y), start)
    with np.errstate(over="ignore", invalid="ignore"):
        states = tuple(
            how.of_block(
                *how.options, *([place] if how.draws else ()), y, parts[part], weight, number
            )
            for how, part in asked
        )
    if weight is None:
        return StatisticStates(True, place.n_rows, states)
    weight = numbers(weight, "sample_weight", number)
    xp = namespace(weight)
    total = xp.sum(xp.astype(weight, widest_float(weight), copy=False))
    return StatisticStates(bool(xp.any(weight != 0)), float(total), states)


def merge_states(asked: Asked, a: StatisticStates, b: StatisticStates) -> StatisticStates:
    """Return the states over the rows of both, of which ``a`` come first."""
    merged = (how.merge(x, y) for (how, _), x, y in zip(asked, a.states, b.states, strict=True))
    return StatisticStates(a.weighted or b.weighted, a.total + b.total, tuple(merged))


@contextmanager
def warnings_of(stacklevel: int) -> Iterator[None]:
    """Let warnings point to the caller of a metric, whichever module they come from.

    scikit-learn sees each distinct pair once, and warns if half of such rows have labels of their
    own. That says nothing about the data.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        if not str(warning.message).startswith("The number of unique classes"):
            # this generator and contextlib's __exit__ are two more callers
            warnings.warn(warning.message, warning.category, stacklevel=stacklevel + 2)


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


def weight_like(x: Array, weight: Any, block: int | None, *, unsigned: str = "") -> Array | None:
    """Return the weights of a block where an array is, in its widest float, or None."""
    like = asarray(np.empty(0), like=x, dtype=widest_float(x))
    return read_weight(weight, like, block, unsigned=unsigned)
