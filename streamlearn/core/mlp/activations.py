"""Activations of the layers of a net, and the losses that match the activation of the output.

Names are scikit-learn's, and symbols are those of `streamlearn.core.mlp.net`. The derivative of a
hidden activation is computed from its value H. The activation of the output has the loss whose
gradient by Z is ``P - Y``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from streamlearn._arrays import Array, namespace
from streamlearn.core.linear.links import logistic, softmax, sums_of_rows


class Hidden(NamedTuple):
    """A hidden activation.

    Attributes
    ----------
    value : callable
        ``Z -> H``.
    back : callable
        ``(H, gradient by H) -> gradient by Z``.
    """

    value: Callable[[Array], Array]
    back: Callable[[Array, Array], Array]


class Output(NamedTuple):
    """The activation of the output, and the loss that matches it.

    Attributes
    ----------
    value : callable
        ``Z -> P``, of shape (m, K).
    loss : callable
        ``(P, Y) -> losses``, of shape (m, K) or (m, 1). The loss of a row is their sum.
    """

    value: Callable[[Array], Array]
    loss: Callable[[Array, Array], Array]


def _same(z: Array) -> Array:
    return z


def _same_back(h: Array, g: Array) -> Array:
    return g


def _hidden_logistic(z: Array) -> Array:
    # This is cheaper than `logistic`. The digits that it loses near 0 do not matter in H.
    return 0.5 + 0.5 * namespace(z).tanh(0.5 * z)


def _logistic_back(h: Array, g: Array) -> Array:
    return g * (h * (1.0 - h))


def _tanh(z: Array) -> Array:
    return namespace(z).tanh(z)


def _tanh_back(h: Array, g: Array) -> Array:
    return g * (1.0 - h * h)


def _relu(z: Array) -> Array:
    return namespace(z).maximum(z, 0.0)


def _relu_back(h: Array, g: Array) -> Array:
    # A product takes two thirds of the time of xp.where, which branches at every element.
    return g * namespace(g).astype(h > 0.0, g.dtype)


HIDDEN = {
    "identity": Hidden(_same, _same_back),
    "logistic": Hidden(_hidden_logistic, _logistic_back),
    "tanh": Hidden(_tanh, _tanh_back),
    "relu": Hidden(_relu, _relu_back),
}
"""Hidden activations by scikit-learn's names."""


def _exp(z: Array) -> Array:
    return namespace(z).exp(z)


def _squared_error(P: Array, Y: Array) -> Array:
    E = P - Y
    return E * E * (0.5 / P.shape[1])


def _poisson(P: Array, Y: Array) -> Array:
    xp = namespace(P)
    none = Y == 0.0
    return xp.where(none, 0.0 * Y, Y * xp.log(xp.where(none, P, Y) / P)) - Y + P


def _log_loss(p: Array) -> Array:
    """Return minus the logarithm of the probabilities p of the true classes.

    p is clipped to [eps, 1 - eps] of its dtype, as in scikit-learn.
    """
    xp = namespace(p)
    eps = xp.finfo(p.dtype).eps
    return -xp.log(xp.minimum(xp.maximum(p, eps), 1.0 - eps))  # clip takes ten times as long


def _softmax_loss(P: Array, Y: Array) -> Array:
    return _log_loss(sums_of_rows(P * Y))


def _logistic_loss(P: Array, Y: Array) -> Array:
    return _log_loss(namespace(P).abs(1.0 - Y - P))  # P where Y is 1, 1 - P where it is 0


OUTPUTS = {
    "identity": Output(_same, _squared_error),
    "exp": Output(_exp, _poisson),
    "softmax": Output(softmax, _softmax_loss),
    "logistic": Output(logistic, _logistic_loss),
}
"""Outputs by scikit-learn's names."""
