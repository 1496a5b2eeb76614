"""scikit-learn's transformers that learn nothing, as functions of arrays of other libraries.

scikit-learn turns all arrays into NumPy's, and fails if they are on a device. Its setting
``array_api_dispatch`` changes that, but needs an environment variable before scipy is imported. In
a pipeline the next step would then get rows of the wrong library. The same numbers are made here.
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
"""Functions of rows by type. Subclasses are left out, because they may do something else."""


def function_of(estimator: Any, X: Any, config: Mapping[str, Any]) -> Callable[[Any], Any] | None:
    """Return the function of the rows of a block X, if scikit-learn would turn them into NumPy's.

    The function checks the rows as scikit-learn does.
    """
    make = FUNCTIONS.get(type(estimator))
    theirs = isinstance(X, np.ndarray) or is_sparse(X) or not is_array(X)
    if make is None or theirs or config["array_api_dispatch"]:
        return None
    n_features = getattr(estimator, "n_features_in_", None)
    reader, function = Reader(type(estimator).__name__, n_features), make(estimator)
    return lambda rows: function(reader.rows(rows))
