"""The scores of classes by the categories of a row."""

from __future__ import annotations

from typing import NamedTuple

from streamlearn._arrays import Array, cast, namespace, to_numpy
from streamlearn.core.batches import cut
from streamlearn.core.statistics.category_counts import MOST_CATEGORIES, categories, too_large

ROWS = 1 << 12
"""The number of rows that are scored at a time: few enough for their scores to stay in a cache."""


class CategoryScores(NamedTuple):
    """Scores that are sums over the features of a number for each category.

    Attributes
    ----------
    tables : tuple of arrays of shape (n_classes, n_categories)
        The numbers, for each feature.
    constant : array of shape (n_classes,)
    """

    tables: tuple[Array, ...]
    constant: Array

    def __call__(self, X: Array) -> Array:
        """Return the scores of the rows of X, (m, n_classes).

        Raises
        ------
        ValueError
            If a number is negative, is no category, or is too large for one.

        Examples
        --------
        >>> import numpy as np
        >>> scores = CategoryScores((np.asarray([[1.0, 2.0]]),), np.asarray([5.0]))
        >>> scores(np.asarray([[1], [0]]))
        array([[7.],
               [6.]])
        """
        if X.shape[0]:
            self._known_or_raise(X)
        return self.unchecked(X)

    def unchecked(self, X: Array) -> Array:
        """Return the scores, those of the last category for numbers that are none."""
        xp, out = namespace(X), []
        for batch in cut(X, None, None, seen=0, batch_size=ROWS):
            at, _ = categories(batch.X)
            total = 0.0 * cast(at[:, :1], self.constant.dtype) + self.constant
            for j, table in enumerate(self.tables):
                last = xp.full_like(at[:, j], table.shape[1] - 1)
                each = xp.matrix_transpose(table)
                total = total + xp.take(each, xp.minimum(at[:, j], last), axis=0)
            out.append(total)
        if not out:
            return 0.0 * cast(X[:, :1], self.constant.dtype) + self.constant
        return out[0] if len(out) == 1 else xp.concat(out)

    def _known_or_raise(self, X: Array) -> None:
        xp = namespace(X)
        at, least = categories(X)
        least = float(xp.min(least))
        if least < 0:
            raise ValueError(
                f"Negative values in data passed to CategoricalNB (input X): {least:.6g} is the "
                "least. Categories are the numbers 0, 1, 2 and so on: encode them by "
                "OrdinalEncoder."
            )
        largest = to_numpy(xp.max(at, axis=0)).tolist()
        for j, (most, table) in enumerate(zip(largest, self.tables, strict=True)):
            if most >= MOST_CATEGORIES:  # `categories` knows no larger number
                raise too_large(j)
            if most >= table.shape[1]:
                raise ValueError(
                    f"Feature {j} holds the category {most}, and fit has seen {table.shape[1]} "
                    f"categories there, from 0. Give min_categories={most + 1} or more to fit, or "
                    "rows with this category."
                )
