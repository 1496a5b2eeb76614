"""Which columns of a table the estimators inside an estimator get."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

Names = Sequence[Hashable] | None


def inside(estimator: Any, names: Names) -> Iterator[tuple[Any, Names]]:
    """Yield a fitted estimator and all estimators inside it, with the columns that each gets.

    Parameters
    ----------
    estimator : estimator, or list, tuple or dict of estimators
    names : sequence or None
        The names of the columns that the estimator gets.

    Yields
    ------
    estimator : estimator
    names : sequence or None
        Its columns. A step behind another one is taken to get the same columns if it has as many
        features. The names are None if they are not known.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.compose import make_column_transformer
    >>> from sklearn.preprocessing import OneHotEncoder
    >>> frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    >>> columns = make_column_transformer((OneHotEncoder(), [1])).fit(frame)
    >>> for one, names in inside(columns, ["a", "b"]):
    ...     print(type(one).__name__, list(names))
    ColumnTransformer ['a', 'b']
    OneHotEncoder ['b']
    """
    if isinstance(estimator, list | tuple):
        for one in estimator:
            yield from inside(one, names)
    elif isinstance(estimator, dict):
        yield from inside(list(estimator.values()), names)
    elif hasattr(estimator, "get_params") and not isinstance(estimator, type):
        own = vars(estimator)
        known = own.get("feature_names_in_", names)
        known = known.tolist() if isinstance(known, np.ndarray) else known
        if known is not None and own.get("n_features_in_", len(known)) != len(known):
            known = None
        yield estimator, known
        if "transformers_" in own:
            for _, one, columns in own["transformers_"]:
                yield from inside(one, _chosen(known, columns))
        else:
            yield from inside(own, known)


def _chosen(names: Names, columns: Any) -> Names:
    """Return the names of the columns that a ColumnTransformer passes to a transformer."""
    if isinstance(columns, str):
        return [columns]
    if isinstance(columns, list) and columns and all(isinstance(name, str) for name in columns):
        return columns
    if names is not None:
        with suppress(IndexError, TypeError):
            found = np.empty(len(names), dtype=object)
            found[:] = list(names)
            return np.atleast_1d(found[columns]).tolist()
    return None


def known_values(estimator: Any, names: Sequence[Hashable]) -> dict[Hashable, Any]:
    """Return a value of each column that the encoders inside a fitted estimator take.

    Columns that no encoder gets have none.
    """
    found: dict[Hashable, Any] = {}
    for inner, columns in inside(estimator, names):
        all_categories = vars(inner).get("categories_")
        if columns is None or not isinstance(all_categories, list):
            continue
        for name, categories in zip(columns, all_categories, strict=False):
            if len(categories):
                found.setdefault(name, categories[0])
    return found
