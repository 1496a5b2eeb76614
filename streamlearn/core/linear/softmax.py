"""The loss "multinomial": softmax cross-entropy, the negative log-likelihood of the classes.

Its functions are those of `streamlearn.core.linear.losses.Loss`. Scores p and targets y are
(..., K), and y is +1 in the column of the row's class and -1 elsewhere. The loss of a row depends
on all its scores, and is the same in each column.
"""

from __future__ import annotations

from streamlearn._arrays import Array, namespace
from streamlearn.core.linear import links


def value(p: Array, y: Array, epsilon: float) -> Array:
    """Return the loss of each row, in each column."""
    return both(p, y, epsilon)[0]


def gradient(p: Array, y: Array, epsilon: float) -> Array:
    """Return the probabilities, less 1 for the row's class."""
    return both(p, y, epsilon)[1]


def both(p: Array, y: Array, epsilon: float) -> tuple[Array, Array]:
    """Return value and gradient, without cancellation where a row is nearly sure of its class."""
    xp = namespace(p)
    beyond, e = _beyond(p, y)
    others = xp.sum(xp.where(y > 0.0, 0.0 * e, e), axis=-1, keepdims=True)
    own = xp.exp(-beyond)
    total = own + others
    lost = xp.where(beyond > 0.0, beyond + xp.log(total), xp.log1p(others))
    return lost + 0.0 * p, xp.where(y > 0.0, -others + 0.0 * e, e) / total


def curvature(p: Array, y: Array, epsilon: float) -> Array:
    """Return the numbers h of `streamlearn.core.linear.joint_loss`.

    They are the probabilities. If another class is better than the row's own, the loss is nearly
    linear, and its second derivative does not show how far the gradient is valid. Then the
    curvature of the own class is made larger. Between it and the others the loss curves like
    Jaakkola & Jordan's parabola, as log loss does.
    """
    xp, (beyond, e) = namespace(p), _beyond(p, y)
    h = e / xp.sum(e, axis=-1, keepdims=True)
    far = xp.maximum(beyond, 1e-3)
    wanted = xp.tanh(0.5 * far) / (2.0 * far)
    others = xp.sum(xp.where(y > 0.0, 0.0 * h, h), axis=-1, keepdims=True)
    own = wanted * others / xp.maximum(others - wanted, 1e-3)
    return xp.where((y > 0.0) & (beyond > 1e-3), xp.maximum(h, own + 0.0 * h), h)


def slope(p: Array, y: Array, epsilon: float) -> Array:
    """Return the probabilities: the numbers h of the second derivative."""
    return links.softmax(p)


def _beyond(p: Array, y: Array) -> tuple[Array, Array]:
    """Return how far the best score is beyond that of the row's class, and exp(p - best score)."""
    xp = namespace(p)
    best = xp.max(p, axis=-1, keepdims=True)
    own = xp.sum(xp.where(y > 0.0, p, 0.0 * p), axis=-1, keepdims=True)
    return best - own, xp.exp(p - best)
