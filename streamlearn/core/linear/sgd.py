"""Linear models by stochastic gradient steps with explicit step sizes.

Columns are models: ``coef`` is (K, d), and one step moves all K columns with two matrix products.
The columns are the classes of one-vs-rest, or the configurations of a search: every number in
`Params` may be an array over columns.

A batch has m rows X. One column is shown, with coefficients w, intercept b and step size eta. Its
scores are the linear predictors p::

    p = X w + b                          g_i = (weight of row i) * dloss(p_i, y_i) / dp_i
    w <- max(1 - eta a2, 0) w - eta X'g / m
    b <- b - eta sum(g) / m

a2 is the strength of the L2 penalty. The cumulative L1 penalty follows (`truncate`).

This is scikit-learn's step on one row, with the mean gradient of the batch instead of the gradient
of the row. On batches of one row it is scikit-learn's algorithm, operation for operation, with one
difference. Under an L1 penalty the average here is the average of the coefficients. scikit-learn
subtracts the whole accumulated penalty from it (`tests/core/linear/test_sgd.py` has the formula of
the difference, and shows its effect).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from streamlearn._arrays import (
    Array,
    asarray,
    column_sums,
    device,
    float_dtype,
    is_array,
    namespace,
    row_sums,
)
from streamlearn.core.learner import Batch, Info, Learner
from streamlearn.core.linear import joint_loss
from streamlearn.core.linear.losses import LOSSES
from streamlearn.core.linear.rates import step_size
from streamlearn.core.rows import cast, linear_predictor, weighted_sums

STEEPEST = 1e12
"""scikit-learn's bound on a row's gradient. Without it an extreme row overflows squared losses."""


class Params(NamedTuple):
    """Hyperparameters. Numbers are scalars or arrays over columns; strings and ints are static.

    Attributes
    ----------
    loss : str
        A key of `streamlearn.core.linear.losses.LOSSES`.
    kind : {"classes", "values"}
        The target of a batch. "classes" are integer class codes of shape (m,): with one column code
        1 is positive, with K columns code k is positive in column k. "values" are floats of shape
        (m,) or (m, K).
    penalty : {"l2", "l1", "elasticnet"} or None
    alpha, l1_ratio : float
    epsilon : float
        The parameter of the loss: the width of its zone, the quantile, or the power of "tweedie".
        The power is not an array.
    learning_rate : str
        One of `streamlearn.core.linear.rates.RATES`. `streamlearn.core.linear.newton` ignores it.
    eta0, power_t : float
    average : int
        With 0 the answer is the last iterate. With n it is the mean of the iterates from the n-th
        row on.
    fit_intercept : bool
    positive_weight, negative_weight : float
        The weights of a column's positive and negative rows, for ``kind="classes"``. A joint loss
        has only weights of positive rows.
    n_models : int
        The number of models that learn from the same targets. The columns of one follow those of
        the one before.
    """

    loss: str = "hinge"
    kind: str = "classes"
    penalty: str | None = "l2"
    alpha: Any = 1e-4
    l1_ratio: Any = 0.15
    epsilon: Any = 0.1
    learning_rate: str = "optimal"
    eta0: Any = 0.01
    power_t: Any = 0.5
    average: int = 0
    fit_intercept: bool = True
    positive_weight: Any = 1.0
    negative_weight: Any = 1.0
    n_models: int = 1


class State(NamedTuple):
    """K linear models.

    Attributes
    ----------
    coef : array of shape (K, d)
    intercept : array of shape (K,)
    mean_coef, mean_intercept : arrays like ``coef`` and ``intercept``
        The means over the iterates. They equal the iterate until averaging begins.
    eta : array of shape (K,)
        The step size of the "adaptive" schedule. The stopping rule reduces it.
    active : array of shape (K,)
        1 for columns that move, 0 for columns that do not change by a single bit.
    u : array of shape (K,)
        The L1 penalty that every coefficient could have received so far.
    q : array of shape (K, d)
        The L1 penalty that each coefficient has received so far.
    """

    coef: Array
    intercept: Array
    mean_coef: Array
    mean_intercept: Array
    eta: Array
    active: Array
    u: Array
    q: Array


def to_like(params: Params, like: Array) -> Params:
    """Return ``params`` with its arrays in the namespace, device and dtype of ``like``."""
    given = zip(params._fields, params, strict=True)
    arrays = {k: asarray(v, like=like) for k, v in given if hasattr(v, "shape")}
    return params._replace(**arrays) if arrays else params


def per_column(value: Any, like: Array) -> Array:
    """Return a number or an array over columns as an array like the intercept, of shape (K,)."""
    return namespace(like).zeros_like(like) + value


def penalty_parts(params: Params) -> tuple[Any, Any]:
    """Return the strengths ``(a1, a2)`` of ``a1 |w| + a2 w**2 / 2``: scalars or (K,)."""
    if params.penalty is None:
        return 0.0, 0.0
    share = {"l2": 0.0, "l1": 1.0, "elasticnet": params.l1_ratio}[params.penalty]
    return share * params.alpha, (1.0 - share) * params.alpha


def init(params: Params, n_features: int, n_outputs: int, *, like: Array) -> State:
    """Return models of zeros in the float dtype of ``like``."""
    return start(params, *zero_models(n_features, n_outputs, like))


def zero_models(n_features: int, n_outputs: int, like: Array) -> tuple[Array, Array]:
    """Return coefficients (K, d) and intercepts (K,) of zeros in the float dtype of ``like``."""
    xp = namespace(like)
    at = {"dtype": float_dtype(like), "device": device(like)}
    return xp.zeros((n_outputs, n_features), **at), xp.zeros(n_outputs, **at)


def start(params: Params, coef: Array, intercept: Array) -> State:
    """Return the state that starts with given models, (K, d) and (K,)."""
    xp = namespace(coef)
    return State(
        coef,
        intercept,
        coef,
        intercept,
        eta=per_column(to_like(params, intercept).eta0, intercept),
        active=xp.ones_like(intercept),
        u=xp.zeros_like(intercept),
        q=xp.zeros_like(coef),
    )


def targets(params: Params, target: Array, coef: Array) -> Array:
    """Return the targets of the losses, (m, K): values, or -1 and +1 for each column."""
    xp = namespace(coef)
    n_columns = coef.shape[0]
    y = target if target.ndim == 2 else target[:, None]
    shape = (y.shape[0], n_columns)
    if params.kind == "classes":
        codes, n_classes = 1, n_columns // params.n_models
        if n_classes > 1:
            codes = xp.arange(n_columns, dtype=y.dtype, device=device(coef)) % n_classes
        # four times as fast as xp.where, which branches at every row
        signs = 2.0 * xp.astype(y == codes, coef.dtype) - 1.0
        return signs if signs.shape[1] == n_columns else xp.broadcast_to(signs, shape)
    return xp.astype(xp.broadcast_to(y, shape), coef.dtype, copy=False)


def row_weights(params: Params, y: Array, weight: Array | None) -> Array | None:
    """Return the weights of the rows in each column, (m, 1) or (m, K), or None if all are 1."""
    xp = namespace(y)
    w = None if weight is None else xp.astype(weight, y.dtype, copy=False)[:, None]
    pos, neg = params.positive_weight, params.negative_weight
    if not has_class_weights(params):
        return w
    by_class = xp.where(y > 0.0, asarray(pos, like=y), asarray(neg, like=y))
    if LOSSES[params.loss].joint:
        by_class = xp.sum(xp.where(y > 0.0, by_class, 0.0 * y), axis=1, keepdims=True)
    return by_class if w is None else w * by_class


def has_class_weights(params: Params) -> bool:
    """Return whether rows weigh more or less by their class."""
    pos, neg = params.positive_weight, params.negative_weight
    return params.kind == "classes" and (is_array(pos) or is_array(neg) or not pos == neg == 1)


def absent(params: Params, target: Array, weight: Array | None) -> Array | None:
    """Return which rows have no weight in any column, (m,), or None if all have one.

    Two classes are one column. There all rows of a class of weight 0 are absent, and also if the
    columns have one loss.
    """
    pos, neg = params.positive_weight, params.negative_weight
    out = None if weight is None else weight == 0.0
    if LOSSES[params.loss].joint and is_array(pos):
        xp = namespace(target)
        of_class = xp.take(asarray(pos == 0.0, like=target, dtype=xp.bool), target)
        return of_class if out is None else out | of_class
    if params.kind == "classes" and not is_array(pos) and not is_array(neg) and not (pos and neg):
        of_class = (target == 1) if not pos else (target != 1)
        of_class = of_class if pos or neg else target == target
        out = of_class if out is None else out | of_class
    return out


def loss_sums(value: Array, w: Array | None) -> tuple[Array, ...]:
    """Return the sums (K,) of the losses (m, K). With weights w also those of w * loss and of w."""
    plain = column_sums(value)
    return (plain,) if w is None else (plain, column_sums(w * value), column_sums(w))


def report(
    params: Params,
    coef: Array,
    m: int,
    plain: Array,
    loss: Array | None = None,
    total: Array | None = None,
) -> Info:
    """Return the report of a step on m rows from their `loss_sums` and ``coef`` before the step."""
    xp = namespace(coef)
    loss = plain if loss is None else loss
    total = xp.full_like(plain, m) if total is None else xp.zeros_like(plain) + total
    if params.penalty is None:
        return Info(loss, total, plain)
    return Info(loss, total, plain + m * penalty_of(params, coef))


def penalty_of(params: Params, coef: Array) -> Array:
    """Return the penalty of coefficients (K, d), (K,). A joint loss has their sum."""
    xp, (a1, a2) = namespace(coef), penalty_parts(params)
    penalty = 0.5 * a2 * row_sums(coef * coef)
    if params.penalty not in (None, "l2"):
        penalty = penalty + a1 * xp.sum(xp.abs(coef), axis=1)
    return joint_loss.total(penalty) if LOSSES[params.loss].joint else penalty


def update(params: Params, state: State, batch: Batch) -> tuple[State, Info]:
    """Take one step along the batch's mean gradient.

    Parameters
    ----------
    params : Params
    state : State
        It is not changed.
    batch : Batch
        Rows (m, d), targets of ``params.kind``, weights (m,) or None, rows seen before.

    Returns
    -------
    state : State
    info : Info
        Sums over the batch, by the models before the step.

    References
    ----------
    The cumulative L1 penalty: Tsuruoka, Tsujii & Ananiadou, "Stochastic gradient descent training
    for L1-regularized log-linear models with cumulative penalty", 2009.

    Examples
    --------
    >>> import numpy as np
    >>> params = Params(loss="squared_error", kind="values", learning_rate="constant", eta0=0.5)
    >>> X, y = np.array([[1.0], [-1.0]]), np.array([2.0, 0.0])
    >>> state, info = update(params, init(params, 1, 1, like=X), Batch(X, y))
    >>> state.coef, state.intercept, info.loss
    (array([[0.5]]), array([0.5]), array([2.]))
    """
    w, b = state.coef, state.intercept
    params = to_like(params, b)
    xp, loss = namespace(w), LOSSES[params.loss]
    X = cast(batch.X, w.dtype)
    m = X.shape[0]

    p = linear_predictor(X, w, b)
    y = targets(params, batch.target, w)
    c = row_weights(params, y, batch.weight)
    info = report(params, w, m, *loss_sums(loss.value(p, y, params.epsilon), c))
    g = loss.gradient(p, y, params.epsilon)
    if loss.unbounded_gradient:
        g = xp.maximum(xp.minimum(g, STEEPEST), -STEEPEST)
    if c is not None:
        g = g * c

    eta = step_size(
        params.learning_rate,
        eta0=params.eta0,
        power_t=params.power_t,
        alpha=params.alpha,
        eta=state.eta,
        seen=batch.seen,
    )
    eta = state.active * eta
    a1, a2 = penalty_parts(params)
    decay = xp.maximum(1.0 - eta * a2, 0.0)
    new_w = w * decay[:, None] - (eta / m)[:, None] * weighted_sums(g, X)
    new_b = b - eta / m * column_sums(g) if params.fit_intercept else b
    u, q = state.u, state.q
    if params.penalty in ("l1", "elasticnet"):
        u = u + eta * a1
        new_w, q = truncate(new_w, u[:, None], q, state.active[:, None] > 0.0)

    mean_w, mean_b = new_w, new_b
    if params.average > 0:
        r = state.active * averaging_weight(params, batch.seen, m)
        mean_w = (1.0 - r)[:, None] * state.mean_coef + r[:, None] * new_w
        mean_b = (1.0 - r) * state.mean_intercept + r * new_b
    return State(new_w, new_b, mean_w, mean_b, state.eta, state.active, u, q), info


def truncate(w: Array, u: Array, q: Array, moves: Array) -> tuple[Array, Array]:
    """Apply the L1 penalty that each coefficient has not received yet, but not beyond zero.

    Parameters
    ----------
    w : array of shape (K, d)
        Coefficients.
    u : array of shape (K, 1)
        The penalty that is due so far.
    q : array of shape (K, d)
        The signed penalty received so far.
    moves : array of bool, broadcastable to (K, d)
        The coefficients that may change.

    Returns
    -------
    w, q : arrays of shape (K, d)
    """
    xp = namespace(w)
    down, up = xp.maximum(w - (u + q), 0.0), xp.minimum(w + (u - q), 0.0)
    z = xp.where(w > 0.0, down, xp.where(w < 0.0, up, w))
    z = xp.where(moves, z, w)
    return z, q + (z - w)


def averaging_weight(params: Params, seen: int, m: int) -> float:
    """Return the weight, in the mean, of the iterate after m rows that follow ``seen`` others."""
    n = seen + m - params.average + 1  # rows since averaging began
    return min(m, n) / n if n > 0 else 1.0


def answer(params: Params, state: State) -> tuple[Array, Array]:
    """Return the models for predictions, ``(coef, intercept)``, of shapes (K, d) and (K,)."""
    return state.mean_coef, state.mean_intercept


def apply(params: Params, state: State, X: Array) -> Array:
    """Return the scores (m, K) of rows X (m, d) by the models of `answer`."""
    coef, intercept = answer(params, state)
    return linear_predictor(cast(X, coef.dtype), coef, intercept)


def rescale(params: Params, state: State, rho: Array, delta: Array) -> State:
    """Return the state for rows ``(z - delta) / rho`` instead of z.

    The coefficients stay as they are, and the score of z = 0 does not change. With ``coef * rho``
    no score would change. But steps of a fixed size leave noise in the coefficients, and it would
    grow with ``rho``: see ``bench/decisions.md``, "One pass with statistics of few rows".
    """
    if not params.fit_intercept:
        return state
    v = delta / rho
    return state._replace(
        intercept=state.intercept + state.coef @ v,
        mean_intercept=state.mean_intercept + state.mean_coef @ v,
    )


def some_columns(state: State, at: Array) -> State:
    """Return the state of the columns with the numbers ``at`` alone."""
    return State(*(namespace(x).take(x, at, axis=0) for x in state))


def learner(params: Params) -> Learner:
    """Bundle the learner with its parameters."""
    return Learner(
        params, init, update, apply, affine=True, sparse=True, rescale=rescale, narrow=True
    )
