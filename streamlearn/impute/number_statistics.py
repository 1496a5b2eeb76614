"""The mean or the median of each column of a table of numbers, as a statistic that merges.

The numerics are those of `streamlearn.core.imputation`. This module reads the blocks. Its errors
have scikit-learn's messages.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from streamlearn._estimator.tables import TableReader
from streamlearn._validation.reader import Reader, same_place_or_raise
from streamlearn.core import imputation
from streamlearn.impute import seen

STRATEGIES = ("mean", "median")
"""Strategies that take only numbers."""


class Params(NamedTuple):
    """The parameters of the statistic.

    Attributes
    ----------
    strategy : {"mean", "median"}
        The statistic.
    placeholder : object
        The number that means missing.
    """

    strategy: str
    placeholder: Any


def of_rows(
    params: Params, X: Any, y: Any, table: TableReader, block: int | None
) -> imputation.Imputation:
    """Return the statistic of a block."""
    reader = table.floats(allow_nan=seen.allows_nan(params.placeholder))
    rows = _floats(params, X, reader, block)
    of = imputation.Params(params.strategy, seen.number_of(params.placeholder))
    with np.errstate(over="ignore", invalid="ignore"):
        state = imputation.of_block(of, rows)
    clean = reader.allow_nan and bool(imputation.is_finite(state))
    if not clean:
        reader.finite_or_raise(rows, block)
    seen.kinds_or_raise(np.dtype(np.float64), params.placeholder, reader.estimator)
    return imputation.with_exact_median(of, state, rows) if block is None else state


def merge(
    a: imputation.Imputation, b: imputation.Imputation, reader: TableReader
) -> imputation.Imputation:
    """Return the statistic of the rows of both."""
    same_place_or_raise(b.present, a.present, reader.estimator, "fit")
    return imputation.merge(a, b)


def _floats(params: Params, X: Any, reader: Reader, block: int | None) -> Any:
    """Return a block as floats. Their statistic shows whether they are finite."""
    try:
        return reader._replace(finite=False).rows(X, block)
    except ValueError as error:
        head, numeric, why = str(error).partition(" and is not numeric: ")
        if not numeric:
            raise
        raise ValueError(
            f"Cannot use {params.strategy} strategy with non-numeric data:\n{why} ({head}.)"
        ) from error
