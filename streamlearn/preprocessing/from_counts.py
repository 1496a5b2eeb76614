"""scikit-learn's encoders, fitted to counts of categories instead of rows.

scikit-learn's own code gives the parameters their meaning: ``drop``, ``min_frequency``,
``max_categories``, given categories and unknown ones. Three of its private methods are replaced.
``tests/test_sklearn_names.py`` fails if scikit-learn no longer calls them:

``_check_X``
    It returns the columns. Ours returns the distinct values of each column.
``_transform``
    It finds the category of each entry. Ours gets the codes that `Lookup` has found.
``_fit_infrequent_category_mapping``
    It gets the counts of the categories. Ours passes the true counts on.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from sklearn import preprocessing as theirs
from sklearn.utils import check_array

from streamlearn._validation.categories import Counts, Lookup, in_order


class Encoded(NamedTuple):
    """A table as the places of its entries among the categories.

    Attributes
    ----------
    codes : ndarray of int, shape (n_rows, n_features)
        The place of each entry's category. It is -1 if the category is unknown.
    unknown : list of ndarray
        The values of each column that are not categories.
    columns : list of str
        The names of the columns in errors.
    """

    codes: np.ndarray
    unknown: list[np.ndarray]
    columns: list[str]


class FromCounts:
    """The methods that replace those of an encoder of scikit-learn."""

    categories_: list[np.ndarray]

    def fit_counts(self, found: list[Counts], n_rows: int, names: Any = None) -> Any:
        """Fit to the counts of the values of columns, which may have names."""
        self._found, self._n_rows, self._names = found, n_rows, names
        try:
            self.fit(np.empty((1, len(found))))  # type: ignore[attr-defined]
        except TypeError:
            for counts in found:
                in_order(counts)  # its error says what to do if text and numbers are mixed
            raise
        finally:
            del self._found, self._n_rows, self._names
        return self

    def _check_X(self, X: Any, ensure_all_finite: Any = True) -> tuple[list[np.ndarray], int, int]:
        if self._names is not None:
            self.feature_names_in_ = self._names
        columns = [counts.values for counts in self._found]
        return columns, self._n_rows, len(columns)

    def _fit_infrequent_category_mapping(
        self, n_samples: int, category_counts: list[Any], missing_indices: Any
    ) -> None:
        true = []
        for categories, found in zip(self.categories_, self._found, strict=True):
            at = Lookup(categories).of_values(found.values)
            counts = np.zeros(len(categories), dtype=found.counts.dtype)
            counts[at[at >= 0]] = found.counts[at >= 0]
            true.append(counts)
        super()._fit_infrequent_category_mapping(  # type: ignore[misc]
            n_samples, true, missing_indices
        )

    def _transform(
        self,
        X: Encoded,
        handle_unknown: str = "error",
        ensure_all_finite: Any = True,
        warn_on_unknown: bool = False,
        ignore_category_indices: dict[int, int] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        known = X.codes >= 0
        unknown = [i for i, values in enumerate(X.unknown) if len(values)]
        if unknown and handle_unknown == "error":
            i = unknown[0]
            raise ValueError(
                f"Found unknown categories {X.unknown[i].tolist()[:20]} in {X.columns[i]} during "
                "transform. Fit to rows that have them, or set handle_unknown to another value."
            )
        if unknown and warn_on_unknown:
            becomes = "all zeros"
            if handle_unknown == "infrequent_if_exist":
                becomes = "the infrequent category"
            warnings.warn(
                f"Found unknown categories in columns {unknown} during transform. These unknown "
                f"categories will be encoded as {becomes}.",
                UserWarning,
                stacklevel=2,
            )
        codes = np.where(known, X.codes, 0) if unknown else X.codes
        self._map_infrequent_categories(codes, known, ignore_category_indices)  # type: ignore[attr-defined]
        return codes, known


class OneHotFromCounts(FromCounts, theirs.OneHotEncoder):
    """scikit-learn's OneHotEncoder, fitted to counts."""


class OrdinalFromCounts(FromCounts, theirs.OrdinalEncoder):
    """scikit-learn's OrdinalEncoder, fitted to counts."""

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Return the categories, and leave X as it is. scikit-learn's method writes into X."""
        return super().inverse_transform(check_array(X, copy=True, ensure_all_finite="allow-nan"))


class TargetFromCounts(FromCounts, theirs.TargetEncoder):
    """scikit-learn's TargetEncoder, whose categories are fitted to counts. Nothing else is."""

    def fit(self, X: Any, y: Any = None) -> Any:
        """Find the categories."""
        self._fit(X, handle_unknown="ignore", ensure_all_finite="allow-nan")
        return self
