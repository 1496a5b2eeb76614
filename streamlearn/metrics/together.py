"""Several metrics in one pass.

A metric asks once for its sums over blocks. So each is called to find what it asks for, all sums
are made in one pass, and each is called again to make its value of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import copy_context
from typing import Any

from streamlearn.metrics.over_blocks import Request, all_sums, answer


class _AskedError(BaseException):
    """It ends the first call of a metric. No handler of errors is meant to catch it."""

    def __init__(self, request: Request) -> None:
        self.request = request


def together(functions: Sequence[Callable[[], Any]]) -> list[Any]:
    """Return what some functions return, and read the data of their metrics once.

    Parameters
    ----------
    functions : sequence of callable
        Functions without arguments, each of which calls at most one metric of this package. They
        are called twice, unless they call none.

    Returns
    -------
    list

    Examples
    --------
    >>> import dask.array as da
    >>> from functools import partial
    >>> from streamlearn.metrics import mean_absolute_error, mean_squared_error
    >>> a, b = da.zeros(4, chunks=2), da.full(4, 3.0, chunks=2)
    >>> together([partial(mean_absolute_error, a, b), partial(mean_squared_error, a, b)])
    [3.0, 9.0]
    """
    found: list[Any] = []
    requests: dict[int, Request] = {}
    for i, function in enumerate(functions):
        try:
            found.append(_answered(function, _ask))
        except _AskedError as asked:
            found.append(None)
            requests[i] = asked.request
    if requests:
        states = all_sums([*requests.values()])
        for i, state in zip(requests, states, strict=True):
            found[i] = _answered(functions[i], lambda _, state=state: state)
    return found


def _answered(function: Callable[[], Any], known: Callable[[Request], Any]) -> Any:
    def run() -> Any:
        answer.set(known)
        return function()

    return copy_context().run(run)


def _ask(request: Request) -> Any:
    raise _AskedError(request)
