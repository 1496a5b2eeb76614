"""Step sizes of the explicit schedules, as scikit-learn defines them.

Everything is arithmetic on host numbers, or on arrays over columns where a parameter is one.
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
    adaptive      ``eta``: what the state carries, cut when the loss stalls
    ============  =========================================================

    Parameters
    ----------
    learning_rate : str
    eta0, power_t, alpha : float or array of shape (n_columns,)
    eta : array of shape (n_columns,)
        The state's step size; read by "adaptive" only.
    seen : int or array
        Rows learned from before.

    Returns
    -------
    float or array
        One for each column where a parameter is, one for each element of ``seen`` where that is.

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
        # JAX refuses a plain int that 32 bits do not hold
        return 1.0 / (alpha * (optimal_start(alpha) + 1.0 * seen))
    if learning_rate == "adaptive":
        return eta
    raise ValueError(f"learning_rate must be one of {RATES}, got {learning_rate!r}")


def optimal_start(alpha: Any) -> Any:
    """Return Bottou's ``t0``, by which the first step of "optimal" is a typical weight.

    A typical weight is ``alpha ** -(1/4)``. scikit-learn divides it by ``max(1, gradient)`` at
    target 1 and score minus one typical weight; there no loss has a positive gradient, so that the
    divisor is always 1 and no loss is asked here.

    References
    ----------
    L. Bottou, "Stochastic Gradient Descent Tricks", 2012.
    """
    return 1.0 / (alpha**-0.25 * alpha)
