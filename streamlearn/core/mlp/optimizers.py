"""First-order optimizers: they turn a gradient into a step of one flat vector of parameters.

An optimizer consists of its hyperparameters and two pure functions. Its state contains only arrays.
All parameters of a model are one vector theta, because a dozen operations on one long array cost
less than on each of many short arrays, above all on a device.

A new optimizer needs a NamedTuple of hyperparameters, a NamedTuple of state, functions ``init`` and
``step``, and a row in the tables of ``tests/core/mlp/test_optimizers.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from streamlearn._arrays import Array, asarray, device, namespace


class Optimizer(NamedTuple):
    """An optimizer: module-level functions and their hyperparameters. It can be pickled.

    Attributes
    ----------
    params : NamedTuple
        Hyperparameters, which are Python numbers. ``params.eta`` is the first step size.
    init : callable
        ``(params, theta) -> State``.
    step : callable
        ``(params, state, theta, gradient) -> (theta, State)``. It changes nothing in place.
    """

    params: Any
    init: Callable[..., Any]
    step: Callable[..., Any]


class Sgd(NamedTuple):
    """Hyperparameters of `sgd`."""

    eta: float = 0.001
    momentum: float = 0.9
    nesterov: bool = True


class SgdState(NamedTuple):
    """The state of `sgd`.

    Attributes
    ----------
    eta : array of shape ()
        The step size. A schedule replaces it.
    velocity : array of shape (n,)
        v, the last step of the momentum.
    """

    eta: Array
    velocity: Array


class Adam(NamedTuple):
    """Hyperparameters of `adam`."""

    eta: float = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8


class AdamState(NamedTuple):
    """The state of `adam`.

    Attributes
    ----------
    t : array of shape (1,)
        The number of steps. Its shape is not (), because NumPy's arithmetic turns such arrays into
        scalars.
    first, second : arrays of shape (n,)
        m and v, the running means of the gradient and of its square. They start at 0.
    """

    t: Array
    first: Array
    second: Array


def sgd(eta: float = 0.001, momentum: float = 0.9, nesterov: bool = True) -> Optimizer:
    """Return gradient descent with momentum.

    g is the gradient, ``eta`` the step size and ``mu`` the momentum::

        v     <- mu v - eta g
        theta <- theta + v                  or, with Nesterov's momentum, theta + mu v - eta g

    References
    ----------
    Sutskever, Martens, Dahl & Hinton, "On the importance of initialization and momentum in deep
    learning", 2013.

    Examples
    --------
    >>> import numpy as np
    >>> plain = sgd(eta=0.5, momentum=0.0)
    >>> theta = np.asarray([1.0, 2.0])
    >>> theta, state = plain.step(plain.params, plain.init(plain.params, theta), theta, theta)
    >>> theta
    array([0.5, 1. ])
    """
    return Optimizer(Sgd(eta, momentum, nesterov), init_sgd, step_sgd)


def init_sgd(params: Sgd, theta: Array) -> SgdState:
    """Return the state before the first step."""
    return SgdState(asarray(params.eta, like=theta), namespace(theta).zeros_like(theta))


def step_sgd(params: Sgd, state: SgdState, theta: Array, gradient: Array) -> tuple[Array, SgdState]:
    """Take one step; see `sgd`."""
    down = state.eta * gradient
    velocity = params.momentum * state.velocity - down
    step = params.momentum * velocity - down if params.nesterov else velocity
    return theta + step, SgdState(state.eta, velocity)


def adam(
    eta: float = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8
) -> Optimizer:
    """Return Adam, whose steps are scaled by the running size of each parameter's gradient.

    g is the gradient, and ``m`` and ``v`` are the running means of g and of its square::

        m     <- beta_1 m + (1 - beta_1) g
        v     <- beta_2 v + (1 - beta_2) g g
        theta <- theta - eta sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon)

    References
    ----------
    Kingma & Ba, "Adam: a method for stochastic optimization", 2014, at the end of section 2.

    Examples
    --------
    The length of the first step is ``eta``, whatever the gradient is:

    >>> import numpy as np
    >>> small = adam(eta=0.25)
    >>> theta = np.asarray([1.0, 10.0])
    >>> theta, state = small.step(small.params, small.init(small.params, theta), theta, theta)
    >>> theta.round(6)
    array([0.75, 9.75])
    """
    return Optimizer(Adam(eta, beta_1, beta_2, epsilon), init_adam, step_adam)


def init_adam(params: Adam, theta: Array) -> AdamState:
    """Return the state before the first step."""
    xp = namespace(theta)
    zeros = xp.zeros_like(theta)
    return AdamState(xp.zeros(1, dtype=theta.dtype, device=device(theta)), zeros, zeros)


def step_adam(
    params: Adam, state: AdamState, theta: Array, gradient: Array
) -> tuple[Array, AdamState]:
    """Take one step; see `adam`."""
    xp, (eta, beta_1, beta_2, epsilon) = namespace(theta), params
    t = state.t + 1.0
    first = beta_1 * state.first + (1.0 - beta_1) * gradient
    second = beta_2 * state.second + (1.0 - beta_2) * (gradient * gradient)
    eta = eta * xp.sqrt(_share(beta_2, t)) / _share(beta_1, t)
    return theta - eta * first / (xp.sqrt(second) + epsilon), AdamState(t, first, second)


def _share(beta: float, t: Array) -> Array:
    """Return ``1 - beta**t`` without the cancellation that costs most digits in float32."""
    return -namespace(t).expm1(t * (math.log(beta) if beta else -math.inf))
