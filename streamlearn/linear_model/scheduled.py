"""An explicit schedule over blocks: row by row if scikit-learn's loop takes the rows.

The loop takes rows of NumPy and of scipy. Rows of other libraries are learned from in batches. The
first block shows the library, and the kind of the state then says which algorithm learns.
"""

from __future__ import annotations

from typing import Any

from streamlearn._arrays import Array
from streamlearn._thirdparty import row_loop
from streamlearn.core.learner import Batch, Info, Learner
from streamlearn.core.linear import rowwise, sgd
from streamlearn.core.linear.sgd import Params


def _algorithm(state: Any) -> Any:
    return rowwise if isinstance(state, rowwise.State) else sgd


def init(params: Params, n_features: int, n_outputs: int, *, like: Array) -> Any:
    """Return models of zeros in the float dtype of ``like``."""
    return start(params, *sgd.zero_models(n_features, n_outputs, like))


def start(params: Params, coef: Array, intercept: Array) -> Any:
    """Return the first state with given models, (K, d) and (K,)."""
    return (rowwise if row_loop.takes_rows(coef) else sgd).start(params, coef, intercept)


def update(params: Params, state: Any, batch: Batch) -> tuple[Any, Info]:
    """Learn from the rows of a batch, one after the other or by one step."""
    return (row_loop if _algorithm(state) is rowwise else sgd).update(params, state, batch)


def answer(params: Params, state: Any) -> tuple[Array, Array]:
    """Return the models for predictions, ``(coef, intercept)``, of shapes (K, d) and (K,)."""
    return _algorithm(state).answer(params, state)


def apply(params: Params, state: Any, X: Array) -> Array:
    """Return the scores (m, K) of rows X (m, d) by the models of `answer`."""
    return _algorithm(state).apply(params, state, X)


def learner(params: Params) -> Learner:
    """Bundle the learner with its parameters."""
    return sgd.learner(params)._replace(init=init, update=update, apply=apply, fixed=row_loop.fixed)
