"""Functions that return whether an estimator learns block by block, or learns nothing from rows."""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

from streamlearn._thirdparty.tags import is_stateless


def _has_categories(encoder: Any) -> bool:
    """Return whether the parameters of an encoder contain all categories that it needs."""
    counts = (encoder.min_frequency, encoder.max_categories)
    return not isinstance(encoder.categories, str) and counts == (None, None)


def _is_seeded(estimator: Any) -> bool:
    """Return whether an estimator that draws random numbers draws the same ones in each fit."""
    return isinstance(estimator.random_state, Integral)


def _is_seeded_projection(projection: Any) -> bool:
    return _is_seeded(projection) and isinstance(projection.n_components, Integral)


FITTED_BY_ANY_ROW: dict[str, Callable[[Any], bool]] = {
    "PolynomialFeatures": lambda step: True,
    "SplineTransformer": lambda step: not isinstance(step.knots, str),
    "OneHotEncoder": _has_categories,
    "OrdinalEncoder": _has_categories,
    "CountVectorizer": lambda step: step.vocabulary is not None,
    "TfidfVectorizer": lambda step: step.vocabulary is not None and not step.use_idf,
    "TfidfTransformer": lambda step: not step.use_idf,
    "SimpleImputer": lambda step: (
        step.strategy == "constant" and step.keep_empty_features and not step.add_indicator
    ),
    "MissingIndicator": lambda step: step.features == "all",
    "SelectFromModel": lambda step: step.prefit,
    "RBFSampler": lambda step: _is_seeded(step) and isinstance(step.gamma, Real),
    "SkewedChi2Sampler": _is_seeded,
    "PolynomialCountSketch": _is_seeded,
    "GaussianRandomProjection": _is_seeded_projection,
    "SparseRandomProjection": _is_seeded_projection,
}
"""Names of classes of scikit-learn whose ``fit`` reads only the columns and dtype of the rows.

The function returns whether that is so with the parameters of an estimator. A subclass may learn
more."""


def learns_nothing(estimator: Any) -> bool:
    """Return whether an estimator learns nothing from rows: any row fits it as well as all rows.

    Examples
    --------
    >>> from sklearn.preprocessing import OneHotEncoder
    >>> learns_nothing(OneHotEncoder(categories=[["a", "b"]])), learns_nothing(OneHotEncoder())
    (True, False)
    """
    kind = type(estimator)
    theirs = kind.__module__.partition(".")[0] == "sklearn"
    enough = FITTED_BY_ANY_ROW.get(kind.__name__) if theirs else None
    ours = getattr(estimator, "_learns_nothing", False)
    return ours or is_stateless(estimator) or (enough is not None and enough(estimator))


def learns_in_blocks(estimator: Any) -> bool:
    """Return whether an estimator has a ``partial_fit`` that works.

    In some packages ``partial_fit`` exists but only raises NotImplementedError.
    """
    method = getattr(estimator, "partial_fit", None)
    code = getattr(inspect.unwrap(method), "__code__", None) if callable(method) else None
    if code is None or "NotImplementedError" not in code.co_names:
        return method is not None
    return any(step.opname.startswith("RETURN") for step in dis.get_instructions(code))
