"""Categories: the distinct values of a column, their counts, and the codes of values.

Counts of blocks merge exactly. Categories are sorted as in scikit-learn: numbers by size with NaN
last; text by its characters, then None, then NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays.plain import gaps
from streamlearn._validation.columns import factorize, mixed
from streamlearn.core.statistics.category_counts import MOST_CATEGORIES


class Counts(NamedTuple):
    """The distinct values of a column and their counts.

    Attributes
    ----------
    values : ndarray of shape (n_values,)
        The distinct values, in any order.
    counts : ndarray of shape (n_values,)
        The number of rows with each value.
    """

    values: np.ndarray
    counts: np.ndarray


def count(column: Any) -> Counts:
    """Count the values of a column.

    Examples
    --------
    >>> count(np.asarray([3, 1, 3]))
    Counts(values=array([3, 1]), counts=array([2, 1]))
    """
    codes, values = factorize(column)
    return Counts(values, np.bincount(codes, minlength=len(values)))


def merge(a: Counts, b: Counts) -> Counts:
    """Return the exact counts over the rows of both.

    Examples
    --------
    >>> merge(count(np.asarray([3, 1])), count(np.asarray([3, np.nan])))
    Counts(values=array([ 1.,  3., nan]), counts=array([1, 2, 1]))
    """
    codes, values = factorize(joined((a.values, b.values)))
    counts = np.concatenate([a.counts, b.counts])
    out = np.zeros(len(values), dtype=counts.dtype)
    np.add.at(out, codes, counts)
    return Counts(values, out)


def joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Return joined values of blocks, as objects if they are of different kinds."""
    kinds = {part.dtype.kind for part in parts if len(part)}
    numbers = kinds <= set("biuf")
    if len(kinds) > 1 and not numbers:
        parts = [part.astype(object) for part in parts]
    return np.concatenate([part for part in parts if len(part)] or [parts[0]])


HASH = (
    "for categories. Hash it, sklearn.feature_extraction.FeatureHasher(input_type='string'), or "
    "leave it out."
)


def few_or_raise(values: np.ndarray, where: str, advice: str = HASH) -> None:
    """Check that a column does not have more than `MOST_CATEGORIES` categories.

    Raises
    ------
    ValueError
        If it has more. The message names the column and gives advice.
    """
    if len(values) > MOST_CATEGORIES:
        raise ValueError(
            f"{where} has more than {MOST_CATEGORIES:,} distinct values, which are too many "
            f"{advice}"
        )


def in_order(found: Counts) -> Counts:
    """Return counts in the order of their values.

    Raises
    ------
    TypeError
        If the values have no order, for example text and numbers.
    """
    values = found.values
    if values.dtype.kind != "O":
        order = np.argsort(values, kind="stable")
        return Counts(values[order], found.counts[order])
    missing = gaps(values)
    try:
        places = sorted(np.flatnonzero(~missing).tolist(), key=values.__getitem__)
    except TypeError as error:
        raise mixed(values) from error
    places += sorted(np.flatnonzero(missing).tolist(), key=lambda i: values[i] is not None)
    return Counts(values[places], found.counts[places])


class Lookup:
    """A lookup of the codes of values: their indices among categories.

    Parameters
    ----------
    categories : ndarray of shape (n_categories,)
        Distinct values. All NaN are one value. If only one of None and NaN is a category, both are
        taken for it.
    """

    def __init__(self, categories: np.ndarray) -> None:
        self.categories = categories
        self._places: dict[Any, int] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Return the categories without the index, which is built again."""
        return {"categories": self.categories, "_places": None}

    def codes(self, column: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the codes of a column, and its unknown values.

        Returns
        -------
        codes : ndarray of int, shape (n_rows,)
            The index of each row's category, or -1 if its value is no category.
        unknown : ndarray
            The distinct values that are no categories.
        """
        codes, values = factorize(column)
        place = self.of_values(values)
        used = np.zeros(len(values), dtype=bool)
        if (place < 0).any():
            used[codes] = True
        return place[codes], values[used & (place < 0)]

    def of_values(self, values: np.ndarray) -> np.ndarray:
        """Return the index of each of some distinct values, or -1 if it is no category."""
        if self._places is None:
            at = {_key(value): i for i, value in enumerate(self.categories.tolist())}
            # dask turns None into NaN, and polars uses None for missing values. So each is taken
            # for the other.
            for a, b in ((None, _NAN), (_NAN, None)):
                if a in at and b not in at:
                    at[b] = at[a]
            self._places = at
        at = self._places
        if values.dtype.kind in "mM" and self.categories.dtype.kind in "mM":
            values = values.astype(self.categories.dtype)
        found = (at.get(_key(value), -1) for value in values.tolist())
        return np.fromiter(found, np.intp, len(values))


def _key(value: Any) -> Any:
    """Return the key of a value in the index. All NaN have the same key."""
    return _NAN if value != value else value


_NAN = object()
