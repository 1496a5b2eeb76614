"""Multi-layer perceptrons by stochastic gradient steps, which are scikit-learn's.

A net of n layers maps the rows ``X = H_0`` to the output ``P = H_n``::

    Z_i = H_(i-1) W_i + b_i            H_i = act_i(Z_i)

A batch has m rows, targets Y and row weights a. Each activation of the output has the loss whose
gradient by Z_n is P - Y. Back-propagation computes the gradients D_i of the mean loss by Z_i, and
from them the gradients by W_i and b_i, with the penalty alpha::

    D_n     = diag(a) (P - Y) / sum(a)
    D_(i-1) = (D_i W_i') * dH_(i-1) / dZ_(i-1)
    dL/dW_i = H_(i-1)' D_i + alpha W_i / sum(a)
    dL/db_i = column sums of D_i

The rows X may be sparse. Only the first product and the gradient by W_1 read them.

An optimizer turns the gradient into a step of all W_i and b_i. `streamlearn.core.mlp.activations`
has the activations and losses, and `streamlearn.core.mlp.optimizers` has the optimizers.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

from streamlearn._arrays import (
    Array,
    asarray,
    batch_rows,
    cast,
    column_sums,
    device,
    float_dtype,
    namespace,
    over_rows,
    transposed_product,
)
from streamlearn.core.batches import cut
from streamlearn.core.learner import Batch, Info, Learner, LocalState, LocalSteps
from streamlearn.core.local_steps import as_it_is, merge
from streamlearn.core.mlp.activations import HIDDEN, OUTPUTS
from streamlearn.core.mlp.optimizers import Optimizer, adam


class Params(NamedTuple):
    """Hyperparameters. None of them is an array.

    Attributes
    ----------
    hidden : tuple of int
        The number of units of each hidden layer.
    activation : {"identity", "logistic", "tanh", "relu"}
        The activation of the hidden layers.
    output : {"identity", "exp", "softmax", "logistic"}
        The activation of the output, which decides the loss and the targets of a batch:

        - "identity": half the squared error, and values (m,) or (m, K). The reported loss is
          divided by K, and its gradient is not, as in scikit-learn;
        - "exp": the Poisson deviance, and values (m,) or (m, K);
        - "softmax": the log loss of one class among several, and class codes (m,);
        - "logistic": the log loss of each output, and class codes (m,) or an indicator (m, K).
    alpha : float
        The strength of the penalty ``alpha |W|^2 / 2``, which is divided by the weight of a batch.
    optimizer : Optimizer
    learning_rate : {"constant", "invscaling"}
        "invscaling" is for an optimizer whose state has a step size.
    power_t : float
    """

    hidden: tuple[int, ...] = (100,)
    activation: str = "relu"
    output: str = "identity"
    alpha: float = 1e-4
    optimizer: Optimizer = adam()
    learning_rate: str = "constant"
    power_t: float = 0.5


class State(NamedTuple):
    """A net.

    Attributes
    ----------
    weights : tuple of arrays of shape (units below, units)
        W_i.
    biases : tuple of arrays of shape (units,)
        b_i.
    moving : NamedTuple of arrays
        The optimizer's state, for the vector from `pack`.
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    moving: Any


def init(params: Params, n_features: int, n_outputs: int, *, like: Array) -> State:
    """Return a net of zeros in the float dtype of ``like``.

    Such a net learns only the last biases. Random weights for `start` are drawn outside core.
    """
    xp = namespace(like)
    at = {"dtype": float_dtype(like), "device": device(like)}
    units = (n_features, *params.hidden, n_outputs)
    weights = tuple(xp.zeros(shape, **at) for shape in pairwise(units))
    return start(params, weights, tuple(xp.zeros(n, **at) for n in units[1:]))


def start(params: Params, weights: tuple[Array, ...], biases: tuple[Array, ...]) -> State:
    """Return the state with given weights and biases, all of one dtype."""
    optimizer = params.optimizer
    moving = optimizer.init(optimizer.params, pack(weights, biases))
    return State(tuple(weights), tuple(biases), moving)


def pack(weights: tuple[Array, ...], biases: tuple[Array, ...]) -> Array:
    """Return all parameters as one vector: the weights of each layer, then the biases of each."""
    xp = namespace(weights[0])
    return xp.concat([*(xp.reshape(W, (-1,)) for W in weights), *biases])


def unpack(
    theta: Array, weights: tuple[Array, ...], biases: tuple[Array, ...]
) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """Return ``(weights, biases)`` from a vector, in the shapes of the given ones."""
    xp, at, parts = namespace(theta), 0, []
    for a in (*weights, *biases):
        n = a.shape[0] * (a.shape[1] if a.ndim == 2 else 1)
        parts.append(xp.reshape(theta[at : at + n], a.shape))
        at += n
    return tuple(parts[: len(weights)]), tuple(parts[len(weights) :])


def layers(
    params: Params, weights: tuple[Array, ...], biases: tuple[Array, ...], X: Array
) -> list[Array]:
    """Return the rows X and the values of each layer, ``[X, H_1, ..., P]``."""
    values = [HIDDEN[params.activation].value] * len(params.hidden)
    out = [X]
    for W, b, value in zip(weights, biases, [*values, OUTPUTS[params.output].value], strict=True):
        out.append(value(out[-1] @ W + b))
    return out


def targets(params: Params, target: Array, P: Array) -> Array:
    """Return Y, the targets in the shape and dtype of ``P``."""
    xp = namespace(P)
    y = target if target.ndim == 2 else target[:, None]
    if params.output == "softmax":
        y = y == xp.arange(P.shape[1], dtype=y.dtype, device=device(P))
    return xp.astype(y, P.dtype, copy=False)


def value_and_gradient(
    params: Params,
    weights: tuple[Array, ...],
    biases: tuple[Array, ...],
    batch: Batch,
) -> tuple[Info, Array]:
    """Return the loss of a batch, and the gradient of the mean loss with the penalty.

    Returns
    -------
    info : Info
        Arrays of shape (1,), whatever the number of outputs. ``objective`` is m times the weighted
        mean loss with the penalty.
    gradient : array of shape (n,)
        The gradient by the vector from `pack`.

    References
    ----------
    Rumelhart, Hinton & Williams, "Learning representations by back-propagating errors", 1986.
    """
    xp, dtype = namespace(weights[0]), weights[0].dtype
    H = layers(params, weights, biases, cast(batch.X, dtype))
    P, m = H[-1], batch.X.shape[0]
    Y = targets(params, batch.target, P)
    losses, delta = OUTPUTS[params.output].loss(P, Y), P - Y
    at, total = {"dtype": dtype, "device": device(P)}, float(m)
    if batch.weight is None:
        loss, weight = xp.reshape(xp.sum(losses), (1,)), xp.asarray([total], **at)
    else:
        w = xp.astype(batch.weight, dtype, copy=False)
        loss, weight = (xp.reshape(xp.sum(a), (1,)) for a in (over_rows(w, losses), w))
        # If no row has a weight, all quotients become 0.
        total = xp.where(weight != 0.0, weight, xp.asarray([xp.inf], **at))
        delta = delta * w[:, None]
    delta = delta / total

    by_weights, by_biases = [], []
    for i in reversed(range(len(weights))):
        by_weights.append(transposed_product(H[i], delta))
        by_biases.append(column_sums(delta))
        if i:
            W = xp.matrix_transpose(weights[i])
            # With one output this is an outer product, for which BLAS takes twice as long.
            delta = delta * W if W.shape[0] == 1 else delta @ W
            delta = HIDDEN[params.activation].back(H[i], delta)
    down = xp.concat([xp.reshape(G, (-1,)) for G in reversed(by_weights)])
    objective = loss / total
    if params.alpha:
        flat = xp.concat([xp.reshape(W, (-1,)) for W in weights])
        share = params.alpha / total
        down = down + share * flat
        objective = objective + 0.5 * share * (flat @ flat)
    return Info(loss, weight, m * objective), xp.concat([down, *reversed(by_biases)])


def update(params: Params, state: State, batch: Batch) -> tuple[State, Info]:
    """Take one step along the batch's mean gradient.

    Parameters
    ----------
    params : Params
    state : State
        It is not changed.
    batch : Batch
        Rows (m, d), targets for ``params.output``, weights (m,) or None. If no row has a weight,
        the loss has no gradient.

    Returns
    -------
    state : State
    info : Info
        Sums over the batch, by the net before the step, as arrays of shape (1,).

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.core.mlp.optimizers import sgd
    >>> params = Params(hidden=(), optimizer=sgd(eta=0.5, momentum=0.0), alpha=0.0)
    >>> X, y = np.array([[1.0], [-1.0]]), np.array([2.0, 0.0])
    >>> state, info = update(params, init(params, 1, 1, like=X), Batch(X, y))
    >>> state.weights, state.biases, info.loss
    ((array([[0.5]]),), (array([0.5]),), array([2.]))
    """
    weights, biases, moving = state
    info, gradient = value_and_gradient(params, weights, biases, batch)
    step = params.optimizer.step
    theta, moving = step(params.optimizer.params, moving, pack(weights, biases), gradient)
    return State(*unpack(theta, weights, biases), moving), info


def end_block(params: Params, state: State, seen: int) -> State:
    """Return the state for the next block, after ``seen`` rows have been learned from.

    With "invscaling" the step size is then ``eta / (seen + 1) ** power_t``.
    """
    if params.learning_rate != "invscaling":
        return state
    eta = params.optimizer.params.eta / (seen + 1.0) ** params.power_t
    eta = asarray(eta, like=state.moving.eta)
    return state._replace(moving=state.moving._replace(eta=eta))


def after_local_steps(params: Params, before: LocalState, merged: LocalState) -> State:
    """Return the net after blocks that were learned from side by side.

    All its arrays are means over the local states, by the weights of their rows: weights and
    biases, the velocity of SGD, the moments of Adam and its number of steps. A moment is a mean of
    gradients that started at 0, and its correction depends on the number of steps that it has seen.
    So this is the number of steps of one block, and not of all blocks. The step size of
    "invscaling" depends on all rows.
    """
    return end_block(params, merged.state, merged.seen)


def apply(params: Params, state: State, X: Array) -> Array:
    """Return the output (m, K) for the rows X (m, d), computed in batches that fit a cache.

    Its dtype is the wider one of the dtypes of X and of the net.
    """
    xp = namespace(X)
    dtype = xp.result_type(float_dtype(X), state.weights[0].dtype)
    weights, biases = (
        tuple(xp.astype(a, dtype, copy=False) for a in arrays) for arrays in state[:2]
    )
    rows = batch_rows(X, extra=max(b.shape[0] for b in biases))
    parts = [
        layers(params, weights, biases, cast(batch.X, dtype))[-1]
        for batch in cut(X, None, None, seen=0, batch_size=rows)
    ]
    if len(parts) == 1:
        return parts[0]
    return xp.concat(parts or [xp.zeros((0, biases[-1].shape[0]), dtype=dtype, device=device(X))])


def learner(params: Params) -> Learner:
    """Bundle the learner with its parameters."""
    local_steps = LocalSteps(as_it_is, merge, after_local_steps)
    return Learner(
        params, init, update, apply, end_block=end_block, local_steps=local_steps, sparse=True
    )
