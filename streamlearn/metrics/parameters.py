"""Parameters of scikit-learn's metrics, checked before the data are read."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np


def checked(function: Callable[..., Any], how: Mapping[str, Any]) -> Callable[..., Any]:
    """Return scikit-learn's ``function``, after a call with its parameters on two rows.

    Raises
    ------
    ValueError
        If a parameter has a value that the function never takes.

    Examples
    --------
    >>> from sklearn.metrics import f1_score
    >>> checked(f1_score, {"average": "mean"})
    Traceback (most recent call last):
    sklearn.utils._param_validation.InvalidParameterError: The 'average' parameter ...
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            function([0, 1], [0, 1], **how)
        except Exception as error:
            # Only scikit-learn's error about a parameter is both. Others are about these rows.
            if isinstance(error, ValueError) and isinstance(error, TypeError):
                raise
    return function


def truth_value(function: Callable[..., Any], name: str, value: Any) -> bool:
    """Return the value of a parameter that is True or False. Others end in scikit-learn's error.

    Raises
    ------
    ValueError
        If scikit-learn's ``function`` does not take the value.
    """
    if not isinstance(value, bool | np.bool_):
        checked(function, {name: value})
    return bool(value)
