"""The start of a fit: from given coefficients, or from the state of an earlier fit.

The library of the rows decides between scikit-learn's loop and other steps.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from streamlearn._arrays import Array, asarray, float_dtype, is_array, is_sparse, to_numpy
from streamlearn._thirdparty import row_loop
from streamlearn._training.fit_settings import Learned
from streamlearn._validation.arrays import as_numbers
from streamlearn.blocks import Blocks
from streamlearn.core.learner import Learner
from streamlearn.core.linear import newton, rowwise, sgd

ALGORITHMS = (sgd, newton, rowwise)
"""The core modules that learn linear models."""


def in_numpy(blocks: Blocks) -> bool:
    """Return whether all rows are in memory, and are or become rows of scikit-learn's loop."""
    if blocks.whole is None:
        return False
    X = blocks.whole.X
    return row_loop.takes_rows(X) or not (is_array(X) or is_sparse(X))


def from_coefficients(
    learner: Learner, start: Callable[..., Any], coef_init: Any, intercept_init: Any
) -> Learner:
    """Return a learner that starts from given coefficients. Without any it is not changed.

    Parameters
    ----------
    learner : Learner
        The learner to change.
    start : callable
        ``(params, coef, intercept) -> state``. It is from the module of the learner.
    coef_init, intercept_init : array-like or None
        If only one is given, the other one starts at 0.
    """
    if coef_init is None and intercept_init is None:
        return learner
    coef = _in_host(coef_init, "coef_init")
    intercept = _in_host(intercept_init, "intercept_init")
    return learner._replace(init=partial(_start_from, start, coef, intercept))


def _in_host(given: Any, name: str) -> np.ndarray | None:
    return None if given is None else to_numpy(as_numbers(given, name))


def _start_from(
    start: Callable[..., Any],
    coef: np.ndarray | None,
    intercept: np.ndarray | None,
    params: sgd.Params,
    n_features: int,
    n_outputs: int,
    *,
    like: Array,
) -> Any:
    """Make a learner's first state from given models, in the library of the first block."""
    dtype, out = float_dtype(like), []
    for name, values, shape in (
        ("coef_init", coef, (n_outputs, n_features)),
        ("intercept_init", intercept, (n_outputs,)),
    ):
        values = np.zeros(shape) if values is None else values
        # The coefficients of one model may have one dimension, and its intercept none.
        if values.shape != shape and (n_outputs > 1 or values.size != np.prod(shape)):
            raise ValueError(
                f"Provided {name} does not match dataset: it has shape {values.shape}, expected "
                f"{shape}. Under warm_start the fit before provides it."
            )
        out.append(asarray(values.reshape(shape), like=like, dtype=dtype))
    return start(params, *out)


def from_former(algorithm: Any, params: sgd.Params, learned: Learned) -> Learned:
    """Return the state from which ``partial_fit`` continues, as a state of ``algorithm``.

    If it is a state of another algorithm, the new one starts from its model.
    """
    if learned.state is None:
        return learned
    if isinstance(learned.state, algorithm.State):
        if algorithm is not rowwise:
            return learned
        return learned._replace(state=rowwise.resume(params, learned.state))
    # Newton steps start from no rows, because their state counts the rows it has seen.
    former = next(known for known in ALGORITHMS if isinstance(learned.state, known.State))
    state = algorithm.start(params, *former.answer(params, learned.state))
    return Learned(state, 0 if algorithm is newton else learned.rows)
