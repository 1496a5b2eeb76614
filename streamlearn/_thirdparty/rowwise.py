"""What scikit-learn's transformers that learn nothing make of arrays that are not NumPy's.

Unless its setting ``array_api_dispatch`` is on, which needs an environment variable before scipy is
imported, scikit-learn makes NumPy's arrays of all others, and fails where these are on a device.
In a pipeline that cuts the rows off from what follows. The same numbers are made here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from sklearn.preprocessing import Binarizer, Normalizer, PolynomialFeatures

from streamlearn._arrays import is_array, is_sparse
from streamlearn._validation.reader import Reader
from streamlearn.core.rowwise_maps import Polynomials, Threshold, UnitRows


def _polynomials(step: Any) -> Any:
    low, high = (0, step.degree) if np.ndim(step.degree) == 0 else map(int, step.degree)
    return Polynomials(low, high, step.interaction_only, step.include_bias)


FUNCTIONS: dict[Any, Callable[[Any], Any]] = {
    Binarizer: lambda step: Threshold(float(step.threshold)),
    Normalizer: lambda step: UnitRows(step.norm),
    PolynomialFeatures: _polynomials,
}
"""Functions of rows by type; a subclass may do something else."""


def function_of(estimator: Any, X: Any, config: Mapping[str, Any]) -> Callable[[Any], Any] | None:
    """Return the function of the rows of a block X, if scikit-learn would make NumPy's of them.

    It checks the rows as scikit-learn does.
    """
    make = FUNCTIONS.get(type(estimator))
    theirs = isinstance(X, np.ndarray) or is_sparse(X) or not is_array(X)
    if make is None or theirs or config["array_api_dispatch"]:
        return None
    n_features = getattr(estimator, "n_features_in_", None)
    reader, function = Reader(type(estimator).__name__, n_features), make(estimator)
    return lambda rows: function(reader.rows(rows))
