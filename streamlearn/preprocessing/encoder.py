"""The base class of encoders, which count the values of each column and look them up."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from streamlearn._estimator.table_transformer import TableStatistic, TableTransformer
from streamlearn._estimator.tables import TableReader, check_table
from streamlearn._validation.categories import Counts, Lookup, count, few_or_raise, merge
from streamlearn._validation.columns import Table
from streamlearn.blocks import is_collection, meta_of
from streamlearn.preprocessing.from_counts import Encoded


class CategoryEncoder(TableTransformer):
    """An encoder that knows the categories of each column.

    A subclass defines ``_theirs``, scikit-learn's encoder that is fitted to counts. If it has a
    parameter ``dtype``, it defines ``_no_rows(n_columns)``, too.
    """

    _theirs: Any
    _takes_codes = True

    categories: Any
    min_frequency: Any
    max_categories: Any

    categories_: list[np.ndarray]

    def _known_beforehand(self) -> bool:
        """Return whether a pipeline must fit this before its learner sees a row."""
        return isinstance(self.categories, str) or self._counts()

    def _fitted_to_columns(self, X: Any) -> Self | None:
        """Return a copy that knows all categories without a row of X, or None if rows are needed.

        No rows are needed if the categories are given. Those of a categorical dtype are not enough,
        because it does not say which of them have rows, and whether values are missing.
        """
        if self._known_beforehand() or not is_collection(X):
            return None
        rows = meta_of(X)
        dtypes = rows.dtypes if hasattr(rows, "dtypes") else [rows.dtype] * X.shape[1]
        values = [np.empty(0, dtype if isinstance(dtype, np.dtype) else object) for dtype in dtypes]
        out = clone(self)
        out._validate_params()
        check_table(out, X, reset=True)
        out._state = tuple(Counts(known, np.zeros(len(known), dtype=int)) for known in values)
        out._publish(out._state)
        return out

    def _no_rows(self, n_columns: int) -> Any:
        """Return an empty result with some columns."""
        return np.empty((0, n_columns))

    def _validate_params(self) -> None:
        super()._validate_params()
        try:
            self._no_rows(1)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"The 'dtype' parameter of {type(self).__name__} must be a dtype of numbers, such "
                f"as numpy.float64 or int. Got {self.dtype!r} instead."
            ) from error

    def _counts(self) -> bool:
        """Return whether the result depends on the number of rows of a category."""
        return (self.min_frequency, self.max_categories) != (None, None)

    def _table_statistic(self) -> TableStatistic:
        return TableStatistic(None, _count, _merge)

    def _publish(self, state: Any) -> None:
        self._publish_counts(list(state))

    def _publish_counts(self, found: list[Counts]) -> None:
        """Set the categories, given the counts of each column's values."""
        n_rows = int(found[0].counts.sum())
        names = getattr(self, "feature_names_in_", None)
        encoder = self._theirs(**self.get_params(deep=False))
        self._encoder = encoder.fit_counts(found, n_rows, names)
        self.categories_ = encoder.categories_
        self._lookups = [Lookup(categories) for categories in encoder.categories_]

    @property
    def infrequent_categories_(self) -> list[np.ndarray | None]:
        """The infrequent categories of each feature, None where there are none."""
        check_is_fitted(self)
        return self._encoder.infrequent_categories_

    def _encoded(self, table: Table, block: int | None) -> Encoded:
        """Return the categories of a block's entries."""
        codes = np.empty((table.n_rows, len(table.columns)), dtype=np.int64)
        unknown = []
        for j, (column, lookup) in enumerate(zip(table.columns, self._lookups, strict=True)):
            codes[:, j], more = lookup.codes(column)
            unknown.append(more)
        reader = self._reader()
        return Encoded(codes, unknown, [reader.column(j) for j in range(len(unknown))])


def _count(
    params: None, table: Table, y: Any, reader: TableReader, block: int | None
) -> tuple[Counts, ...]:
    found = tuple(count(column) for column in table.columns)
    for j, one in enumerate(found):
        few_or_raise(one.values, reader.column(j))
    return found


def _merge(a: tuple[Counts, ...], b: tuple[Counts, ...], reader: TableReader) -> tuple[Counts, ...]:
    merged = tuple(merge(*both) for both in zip(a, b, strict=True))
    for j, one in enumerate(merged):
        few_or_raise(one.values, reader.column(j))
    return merged
