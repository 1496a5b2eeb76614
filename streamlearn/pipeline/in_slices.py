"""Predictions for an array in memory, slice by slice.

scikit-learn's pipeline transforms all rows before the last step sees them. That takes as much
memory again as X has, and most of the time goes into the pages of that memory. An array may also be
a mapped file that is larger than memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamlearn import stages
from streamlearn._arrays import batch_rows, concat, is_array, is_sparse, on_host
from streamlearn._thirdparty.tags import LAZY, takes_collections

SLICE_BYTES = 8 << 20
"""Bytes of a slice. A call of all steps takes 0.1 to 0.2 ms before there is anything to compute."""

ANSWERS = frozenset(LAZY) - {"transform", "inverse_transform"}
"""Methods whose results are small, compared with X."""


def in_slices(pipe: Any, name: str, ask: Callable[[Any], Any], X: Any) -> Any:
    """Return ``ask(X)``, asked slice by slice if X is a large array.

    Parameters
    ----------
    pipe : Pipeline
    name : str
        The method that ``ask`` calls.
    ask : callable
        It returns one row for each row of its argument.
    X : array or anything else that ``ask`` takes
    """
    if name not in ANSWERS or not is_array(X) or is_sparse(X) or X.ndim != 2 or not on_host(X):
        return ask(X)
    n, size = X.shape[0], batch_rows(X, budget=SLICE_BYTES, most=1 << 16)
    if n <= size or not _by_row(pipe):
        return ask(X)
    return concat([ask(X[at : min(at + size, n), :]) for at in range(0, n, size)])


def _by_row(pipe: Any) -> bool:
    """Return whether all steps are ours, which answer for each row by itself."""
    steps = (
        inner
        for path, step in stages.leaves("", pipe)
        for _, inner in stages.leaves_within(path, step)
    )
    return all(step is None or isinstance(step, str) or takes_collections(step) for step in steps)
