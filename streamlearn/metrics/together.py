"""Several metrics in one pass.

A metric asks once for its sums over blocks. So each is called to find what it asks for, all sums
are made in one pass, and each is called again to make its value of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import copy_context
from functools import partial
from typing import Any

from streamlearn.metrics.over_blocks import Request, all_sums, answer
from streamlearn.metrics.probabilities import log_loss


class _AskedError(BaseException):
    """It ends the first call of a metric. No handler of errors is meant to catch it."""

    def __init__(self, request: Request) -> None:
        self.request = request


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
        The predictions. Metrics may need different ones. Then give a dict whose keys are the
        methods of estimators that return them: "predict" and "predict_proba".
    metrics : dict of str to callable
        The metrics: functions of this package, or `functools.partial` objects of them.
    sample_weight : array or dask array of shape (n_samples,), default=None
        The weight of each row. None means 1 for every row.

    Returns
    -------
    dict of str to object
        The value of each metric, in the order of ``metrics``.

    Raises
    ------
    ValueError
        If ``y_pred`` lacks the predictions that a metric needs, or for the reasons that a metric
        itself has.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn import metrics
    >>> y, p = da.zeros(4, chunks=2), da.full(4, 3.0, chunks=2)
    >>> asked = {"MAE": metrics.mean_absolute_error, "MSE": metrics.mean_squared_error}
    >>> metrics.compute(y, p, asked)
    {'MAE': 3.0, 'MSE': 9.0}
    """
    requests: dict[str, Request] = {}
    functions = {
        name: partial(metric, y_true, _part(name, metric, y_pred), sample_weight=sample_weight)
        for name, metric in metrics.items()
    }
    for name, function in functions.items():
        try:
            _answered(function, _ask)
        except _AskedError as asked:
            requests[name] = asked.request
    states = all_sums([*requests.values()])
    return {
        name: _answered(functions[name], partial(_given, state))
        for name, state in zip(requests, states, strict=True)
    }


def _part(name: str, metric: Any, y_pred: Any) -> Any:
    """Return the predictions that a metric needs."""
    if not isinstance(y_pred, Mapping):
        return y_pred
    method = "predict_proba" if getattr(metric, "func", metric) is log_loss else "predict"
    if method not in y_pred:
        raise ValueError(
            f"metrics[{name!r}] needs predictions of {method}, and y_pred holds "
            f"{', '.join(map(repr, y_pred)) or 'none'}. Add them: "
            f"y_pred[{method!r}] = model.{method}(X)."
        )
    return y_pred[method]


def _answered(function: Callable[[], Any], known: Callable[[Request], Any]) -> Any:
    def run() -> Any:
        answer.set(known)
        return function()

    return copy_context().run(run)


def _ask(request: Request) -> Any:
    raise _AskedError(request)


def _given(state: Any, _request: Request) -> Any:
    return state
