"""The mean of two copies of an estimator that have learned from different rows, from one state."""

from __future__ import annotations

import pickle
from copy import copy
from typing import Any

from streamlearn._arrays import is_array, namespace
from streamlearn._thirdparty.tags import has_parameter

AVERAGED = ("coef_", "intercept_")
"""Attributes whose mean is that of the model."""

COUNTED = "t_"
"""The attribute that counts the rows, from 1. The next step size of a schedule depends on it."""


def averaged(before: Any, a: Any, b: Any, part: float) -> Any:
    """Return one estimator for two copies, with the part of b in the rows of both.

    An estimator may define ``merge(other, before)``, which returns the merged estimator and changes
    none of the three. Any other must have learned nothing but ``coef_``, ``intercept_`` and ``t_``.

    Parameters
    ----------
    before : object
        The estimator from which both copies began. It may have learned nothing yet.
    a, b : object
        The copies. They are not changed.
    part : float

    Raises
    ------
    ValueError
        If the estimator has learned anything else. The message names it.

    Examples
    --------
    >>> from sklearn.linear_model import SGDRegressor
    >>> model, a, b = (SGDRegressor(random_state=0) for _ in range(3))
    >>> a.partial_fit([[1.0]], [2.0]), b.partial_fit([[2.0]], [2.0])
    (SGDRegressor(random_state=0), SGDRegressor(random_state=0))
    >>> both = averaged(model, a, b, 0.5)
    >>> both.coef_ == (a.coef_ + b.coef_) / 2, both.t_
    (array([ True]), 3.0)
    """
    if hasattr(a, "merge") and has_parameter(a.merge, "before"):
        return a.merge(b, before=before)
    averaged_or_raise(a, b)
    out = copy(a)
    for name in AVERAGED:
        x, y = getattr(a, name), getattr(b, name)
        setattr(out, name, x + part * (y - x))
    if hasattr(a, COUNTED):
        setattr(out, COUNTED, a.t_ + b.t_ - getattr(before, COUNTED, 1.0))
    return out


def averaged_or_raise(a: Any, b: Any) -> None:
    """Check that two copies differ in nothing but what can be averaged.

    Raises
    ------
    ValueError
        If they do.
    """
    given = a.get_params(deep=False) if hasattr(a, "get_params") else {}
    lost = [name for name in AVERAGED if not (_is_float(a, name) and _is_float(b, name))]
    names = (vars(a).keys() | vars(b).keys()) - {*given, *AVERAGED, COUNTED}
    other = sorted(name for name in names if not _are_equal(a, b, name))
    if not (lost or other):
        return
    why = f"lacks floats in {' and '.join(lost)}" if lost else f"also learns {', '.join(other)}"
    raise ValueError(
        f"n_parallel > 1 averages coef_ and intercept_, and {type(a).__name__} {why}. Give "
        "n_parallel=1, an estimator that learns these two alone, such as SGDClassifier without "
        "average, or one with a method merge(other, before)."
    )


def _is_float(estimator: Any, name: str) -> bool:
    value: Any = getattr(estimator, name, None)
    return is_array(value) and namespace(value).isdtype(value.dtype, "real floating")


def _are_equal(a: Any, b: Any, name: str) -> bool:
    """Return whether the attribute is the same in both."""
    if not (name in vars(a) and name in vars(b)):
        return False
    return pickle.dumps(vars(a)[name]) == pickle.dumps(vars(b)[name])
