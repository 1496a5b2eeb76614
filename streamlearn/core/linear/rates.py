"""Step sizes of scikit-learn's learning rate schedules.

They are computed from Python numbers, or from arrays over columns if a parameter is one.
"""

from __future__ import annotations

from typing import Any

RATES = ("constant", "optimal", "invscaling", "adaptive")
"""The schedules by scikit-learn's names."""


def step_size(
    learning_rate: str, *, eta0: Any, power_t: Any, alpha: Any, eta: Any, seen: Any
) -> Any:
    """Return the step size of the row (or batch) that follows ``seen`` rows.

    With ``t = seen + 1``:

    ============  =========================================================
    constant      ``eta0``
    invscaling    ``eta0 / t ** power_t``
    optimal       ``1 / (alpha (t0 + t - 1))``, ``t0`` from `optimal_start`
    adaptive      ``eta`` of the state, reduced when the loss stalls
    ============  =========================================================

    Parameters
    ----------
    learning_rate : str
    eta0, power_t, alpha : float or array of shape (n_columns,)
    eta : array of shape (n_columns,)
        The step size of the state, which only "adaptive" uses.
    seen : int or array
        The number of rows learned from before.

    Returns
    -------
    float or array
        An array if a parameter or ``seen`` is one: a value for each column, or for each element.

    Raises
    ------
    ValueError
        If the schedule is unknown.

    Examples
    --------
    >>> at = dict(eta0=0.1, power_t=0.5, alpha=0.01, eta=None)
    >>> step_size("invscaling", **at, seen=99)
    0.01
    >>> round(step_size("optimal", **at, seen=0), 12) == round(0.01 ** -0.25, 12)
    True
    """
    if learning_rate == "constant":
        return eta0
    if learning_rate == "invscaling":
        return eta0 / (seen + 1.0) ** power_t
    if learning_rate == "optimal":
        # JAX refuses a Python int beyond 32 bits
        return 1.0 / (alpha * (optimal_start(alpha) + 1.0 * seen))
    if learning_rate == "adaptive":
        return eta
    raise ValueError(f"learning_rate must be one of {RATES}, got {learning_rate!r}")


def optimal_start(alpha: Any) -> Any:
    """Return Bottou's ``t0``, with which the first step of "optimal" is a typical weight.

    A typical weight is ``alpha ** -(1/4)``. scikit-learn divides it by ``max(1, gradient)``, where
    the target is 1 and the score is minus a typical weight. No loss has a positive gradient there.
    So the divisor is always 1, and the loss does not matter.

    References
    ----------
    L. Bottou, "Stochastic Gradient Descent Tricks", 2012.
    """
    return 1.0 / (alpha**-0.25 * alpha)
