"""Which penalty `LogisticRegression` has: what scikit-learn's parameters and their names mean."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np


class LogisticPenalty(NamedTuple):
    """The factors of the sum of losses: ``strength * (l1 * |w| + l2 * |w|^2 / 2)``.

    Attributes
    ----------
    strength : float
        ``1 / C``, or 0.
    l1, l2 : float
        The shares of the magnitudes and the squares, whose sum is 1.
    scaling : float
        The penalties are also those of the intercept divided by this, if it is more than 0.
    """

    strength: float
    l1: float
    l2: float
    scaling: float


def penalty_of(
    penalty: Any, C: float, l1_ratio: float | None, solver: str, scaling: float
) -> LogisticPenalty:
    """Return the penalty that parameters of `LogisticRegression` ask for.

    Examples
    --------
    >>> penalty_of("deprecated", 4.0, 0.5, "saga", 1.0)
    LogisticPenalty(strength=0.25, l1=0.5, l2=0.5, scaling=0.0)
    >>> penalty_of("deprecated", np.inf, 0.0, "lbfgs", 1.0)
    LogisticPenalty(strength=0.0, l1=0.0, l2=1.0, scaling=0.0)
    """
    name = named(penalty, C, l1_ratio)
    l1 = {"l1": 1.0, "elasticnet": float(l1_ratio or 0.0)}.get(name or "", 0.0)
    strength = 0.0 if name is None else 1.0 / C
    return LogisticPenalty(strength, l1, 1.0 - l1, scaling if solver == "liblinear" else 0.0)


def named(penalty: Any, C: float, l1_ratio: float | None) -> str | None:
    """Return the name of the penalty: "l1", "l2", "elasticnet" or None."""
    if penalty != "deprecated":
        return None if penalty is None else str(penalty)
    if np.inf == C:
        return None
    if not l1_ratio:
        return "l2"
    return "l1" if l1_ratio == 1 else "elasticnet"


def check_penalty(penalty: Any, C: float, l1_ratio: float | None, solver: str, dual: bool) -> None:
    """Raise an error if a solver is not for a penalty, and warn of parameters that end.

    Raises
    ------
    ValueError
        In the cases in which scikit-learn raises it, so that the parameters mean the same there.
    """
    name = named(penalty, C, l1_ratio)
    if solver not in ("liblinear", "saga") and name not in ("l2", None):
        instead = "'saga'" if name == "elasticnet" else "'saga' or 'liblinear'"
        raise ValueError(
            f"Solver {solver} supports only 'l2' or None penalties, got {name} penalty. Set "
            f"solver={instead}."
        )
    if solver != "liblinear" and dual:
        raise ValueError(
            f"Solver {solver} supports only dual=False, got dual=True. Set dual=False: the minimum "
            "is the same."
        )
    if name == "elasticnet" and solver != "saga":
        raise ValueError(
            f"Only 'saga' solver supports elasticnet penalty, got solver={solver}. Set "
            "solver='saga'."
        )
    if solver == "liblinear" and name is None:
        raise ValueError(
            "C=np.inf as well as penalty=None is not supported for the liblinear solver. Set "
            "solver='lbfgs'."
        )
    if name == "elasticnet" and l1_ratio is None:
        raise ValueError(
            "l1_ratio must be specified when penalty is elasticnet. Set it between 0 and 1."
        )
    if dual and name == "l1":
        raise ValueError(
            "penalty='l1' and dual=True are not supported together, as in scikit-learn. Set "
            "dual=False: the minimum is the same."
        )
    _warn(penalty, C, l1_ratio, name)


def _warn(penalty: Any, C: float, l1_ratio: float | None, name: str | None) -> None:
    if penalty != "deprecated":
        warnings.warn(
            "'penalty' was deprecated in scikit-learn 1.8 and will be removed in 1.10. Leave it "
            "at its default value. Use l1_ratio=0 instead of penalty='l2', and l1_ratio=1 instead "
            "of penalty='l1'. Use l1_ratio between 0 and 1 instead of penalty='elasticnet', and "
            "C=np.inf instead of penalty=None.",
            FutureWarning,
            stacklevel=2,
        )
    elif l1_ratio is None:
        warnings.warn(
            "'l1_ratio=None' was deprecated in scikit-learn 1.8 and will trigger an error in "
            "1.10. Use 0<=l1_ratio<=1 instead.",
            FutureWarning,
            stacklevel=2,
        )
    if name != "elasticnet" and l1_ratio is not None and 0 < l1_ratio < 1:
        warnings.warn(
            f"l1_ratio parameter is only used when penalty is 'elasticnet'. Got (penalty={name})",
            stacklevel=2,
        )
    if (penalty == "l2" and l1_ratio != 0) or (penalty == "l1" and l1_ratio != 1):
        warnings.warn(
            f"Inconsistent values: penalty={penalty} with l1_ratio={l1_ratio}. penalty is "
            "deprecated. Please use l1_ratio only.",
            stacklevel=2,
        )
    if penalty is None and C != 1.0:
        warnings.warn(
            "Setting penalty=None will ignore the C and l1_ratio parameters", stacklevel=2
        )
