"""The mean of a function of rows over all rows, which are read once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from streamlearn._arrays import Array, batch_rows, device, first_row, namespace, to_float
from streamlearn._estimator.inputs import check_inputs
from streamlearn._validation.messages import no_rows
from streamlearn._validation.reader import Reader, same_place_or_raise
from streamlearn.blocks import Block, as_lazy_rows, reduce
from streamlearn.core.batches import cut
from streamlearn.core.scores import Average, add


def row_mean(estimator: Any, X: Any, make: Callable[[], Any], like: Array) -> tuple[float, int]:
    """Return the mean of a function over the rows of X, and the number of rows, in one read.

    Parameters
    ----------
    estimator : estimator
        A fitted one.
    X : container of shape (n_rows, n_features)
    make : callable
        ``() -> function``. It is called when X has passed the checks, because it may take long. The
        function takes rows, and returns a number for each.
    like : array
        The sums are in its dtype. X must be in its library and on its device.

    Raises
    ------
    ValueError
        If X has no rows, other features than in ``fit``, or is in another place than ``like``.
    """
    given = check_inputs(estimator, X, None, None, reset=False, lazy_rows=True)
    if given.whole is not None:
        same_place_or_raise(given.whole.X, like, given.reader.estimator, "score")
    of_block = partial(_of_block, make(), like, given.reader)
    found = reduce(of_block, add, given.blocks, name="score")
    if found is None:
        raise no_rows(given.reader.estimator)
    n_rows = to_float(found.weight)
    return to_float(found.total) / n_rows, round(n_rows)


def _of_block(function: Any, fitted: Array, reader: Reader, block: Block) -> Average:
    """Return the sum over the rows of a block, and their number."""
    rows = reader.whole(as_lazy_rows(block.X), block.named)
    like = rows.of(first_row(rows.array))
    same_place_or_raise(like, fitted, reader.estimator, "score")
    xp, m = namespace(fitted), rows.array.shape[0]
    total = xp.zeros((), dtype=fitted.dtype, device=device(fitted))
    through = rows.of if rows.functions else None
    for part in cut(rows.array, None, None, seen=0, batch_size=batch_rows(like), through=through):
        total = total + xp.astype(xp.sum(function(part.X)), total.dtype, copy=False)
    return Average(total, total * 0 + m)
