"""The predictions from the scores of a loss of values."""

from __future__ import annotations

from collections.abc import Callable

from streamlearn._arrays import Array, namespace
from streamlearn._estimator.outputs import one_column
from streamlearn.core.linear.losses import LOSSES


def of_scores(loss: str) -> Callable[[Array], Array]:
    """Return the function from the scores of a loss, (m, 1), to predictions, (m,).

    ``loss`` may be no loss at all: `fit` checks it, and not what a fitted model is asked for.
    """
    known = LOSSES.get(loss)
    return means if known is not None and known.log_link else one_column


def means(scores: Array) -> Array:
    """Return the exponentials of scores."""
    return namespace(scores).exp(one_column(scores))
