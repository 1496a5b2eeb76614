"""The target of a net: how y is read, and how held-out rows are scored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import column_or_1d

from streamlearn._arrays import Array
from streamlearn._estimator.inputs import CheckedInputs
from streamlearn._validation.arrays import as_vector
from streamlearn._validation.label_codes import encode
from streamlearn._validation.reader import read_values, read_weight
from streamlearn.blocks import Block, is_frame
from streamlearn.core.learner import Batch
from streamlearn.core.scores import Score


class Goal(NamedTuple):
    """The target of a net.

    Attributes
    ----------
    output : str
        The activation of the output, a key of `streamlearn.core.mlp.activations.OUTPUTS`.
    n_outputs : int
        The number of outputs.
    classes : ndarray or None
        The labels to encode y with. None if y holds values or an indicator.
    valid : callable or None
        ``(target, block)``. It raises if values or an indicator cannot be learned.
    metric : Score
        How held-out rows are scored.
    predicted : callable
        ``(output) -> predictions`` that the metric compares with the target.
    """

    output: str
    n_outputs: int
    classes: np.ndarray | None
    valid: Callable[[Array, int | None], None] | None
    metric: Score
    predicted: Callable[[Array], Array]


def n_columns(given: CheckedInputs, y: Any) -> int:
    """Return the number of columns of a target. One dimension counts as 1 column."""
    if given.whole is not None:
        y = given.whole.y
    y = y._meta if is_frame(y) else y if hasattr(y, "shape") else np.asarray(y)
    return int(y.shape[1]) if len(y.shape) == 2 else 1


def batch_of(block: Block, goal: Goal) -> Batch:
    """Return the rows in memory as one batch, with the target encoded."""
    X, y = block.X, block.y
    if isinstance(y, np.ndarray) and y.shape[1:] == (1,):
        y = column_or_1d(y, warn=True)
    if goal.classes is None:
        target = read_values(y, X, None, goal.n_outputs)
        if goal.valid is not None:
            goal.valid(target, None)
    else:
        target = encode(goal.classes, as_vector(y, "y"), like=X)
    return Batch(X, target, read_weight(block.sample_weight, X, None))
