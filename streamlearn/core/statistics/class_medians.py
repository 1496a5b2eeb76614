"""The medians of each feature in each class, with their moments, which merge in any order.

The numbers of each class are kept in a summary (`streamlearn.core.statistics.quantile_summary`). As
long as all different numbers of a class fit, medians are exact.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from streamlearn._arrays import Array, namespace
from streamlearn.core.learner import Learner
from streamlearn.core.mergeable import mergeable
from streamlearn.core.statistics import block_summary, class_moments, moments, quantile_summary
from streamlearn.core.statistics.block_comoments import Centred
from streamlearn.core.statistics.by_class import rows_by_class
from streamlearn.core.statistics.class_moments import ClassMoments, Params
from streamlearn.core.statistics.quantile_summary import QuantileSummary, Sketch
from streamlearn.core.statistics.quantiles import weighted_quantile

SKETCH = Sketch()


class ClassMedians(NamedTuple):
    """The statistic of some rows.

    Attributes
    ----------
    moments : ClassMoments
    numbers : QuantileSummary
        The numbers of all features of the first class, then those of the next one.
    """

    moments: ClassMoments
    numbers: QuantileSummary


def init(params: Params, n_features: int, n_outputs: int = 1, *, like: Array) -> ClassMedians:
    """Return the statistic of no rows, in the library and on the device of ``like``."""
    return ClassMedians(
        class_moments.init(params, n_features, like=like),
        quantile_summary.init(SKETCH, params.n_classes * n_features, like=like),
    )


def of_block(params: Params, X: Array, weight: Array | None, codes: Array) -> ClassMedians:
    """Return the statistic of a block, whose rows have the ``codes`` of classes, (n_rows,).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.asarray([[1.0], [7.0], [2.0], [90.0], [9.0]])
    >>> medians(of_block(Params(2), X, None, np.asarray([0, 1, 0, 0, 1])))
    array([[2.],
           [8.]])
    """
    parts = rows_by_class(X, weight, codes, params.n_classes)
    each = [block_summary.of_block(SKETCH, rows, their) for rows, their in parts]
    return ClassMedians(
        class_moments.of_block(params, X, weight, codes), quantile_summary.together(each)
    )


def merge(a: ClassMedians, b: ClassMedians) -> ClassMedians:
    """Return the statistic of the rows of both."""
    return ClassMedians(
        class_moments.merge(a.moments, b.moments), quantile_summary.merge(a.numbers, b.numbers)
    )


def medians(state: ClassMedians) -> Array:
    """Return the weighted medians, (n_classes, n_features). They are NaN without a row.

    A weight of 2 counts as two rows.
    """
    found = weighted_quantile(state.numbers, [0.5], averaged=True)
    return namespace(found).reshape(found, state.moments.each.mean.shape)


def _n_features(state: ClassMedians) -> int:
    return class_moments.n_features(state.moments)


def _is_finite(state: ClassMedians) -> Array:
    return class_moments.is_finite(state.moments)


def _is_clean(state: ClassMedians, n_rows: int) -> Array:
    return class_moments.is_clean(state.moments, n_rows)


def _is_empty(state: ClassMedians) -> Array:
    return class_moments.is_empty(state.moments)


def _applied(params: Any, state: ClassMedians) -> Centred:
    return Centred(moments.mean(state.moments.plain))


def learner(n_classes: int) -> Learner:
    """Return a mergeable learner of the medians of each class."""
    return mergeable(
        Params(n_classes),
        init=init,
        of_block=of_block,
        merge=merge,
        applied=_applied,
        n_features=_n_features,
        is_finite=_is_finite,
        is_clean=_is_clean,
        is_empty=_is_empty,
        sparse=True,
        supervised=True,
    )
