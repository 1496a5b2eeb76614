"""Encoding of categories by the mean of the target."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from sklearn import preprocessing as theirs
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

from streamlearn import blocks as engine
from streamlearn._estimator.inputs import unchanged_on_error
from streamlearn._estimator.outputs import NamesOut, mapped
from streamlearn._estimator.table_transformer import TableStatistic
from streamlearn._estimator.tables import check_table
from streamlearn._sklearn import _raise_for_params
from streamlearn._validation.categories import Counts, Lookup, in_order
from streamlearn._validation.columns import Table
from streamlearn._validation.messages import no_target
from streamlearn.preprocessing.cross_fit_folds import (
    ALL_IN_ONE,
    CrossFitFolds,
    folds_in_memory,
    folds_of_blocks,
)
from streamlearn.preprocessing.cross_fitted import CrossFitted, rows_of, shrunk
from streamlearn.preprocessing.encoder import CategoryEncoder
from streamlearn.preprocessing.from_counts import TargetFromCounts
from streamlearn.preprocessing.target_state import (
    Params,
    State,
    merge,
    of_table,
    target_kind,
    type_of,
)
from streamlearn.preprocessing.target_sums import Counted, GroupMoments

MOST_CELLS = 100_000_000
"""The largest number of encodings of a column, which is categories times classes."""


class TargetEncoder(NamesOut, CategoryEncoder):
    """Encode each category as the mean of the target in its rows, shrunk towards the overall mean.

    ``fit_transform`` encodes a row by the targets of other rows [1]_ (cross-fitting). So a learner
    that follows does not see the row's own target. Use it, and not ``fit(X, y).transform(X)``, for
    the rows that the learner learns from.

    Parameters
    ----------
    categories : "auto" or list of array-like, default="auto"
        The categories of each column. "auto" takes those of the rows. Numbers must be sorted.
    target_type : {"auto", "continuous", "binary", "multiclass"}, default="auto"
        The type of y. "auto" takes whole numbers and text for classes.
    smooth : "auto" or float, default="auto"
        The weight of the overall mean, in rows: the mean of a category is mixed with that many
        rows of the overall mean. "auto" is an empirical Bayes estimate [1]_. It shrinks categories
        that have few rows, or whose targets differ much.
    cv : int, cross-validation generator or iterable, default=5
        The folds of ``fit_transform``. A collection takes a number, None, `KFold` and
        `StratifiedKFold`.
    shuffle : bool, default="deprecated"
        Whether rows are dealt to folds at random, which is the default. scikit-learn will drop it:
        give `KFold` as ``cv``.
    random_state : int, RandomState instance or None, default="deprecated"
        The seed of the folds. scikit-learn will drop it: give `KFold` as ``cv``.

    Attributes
    ----------
    encodings_ : list of ndarray
        The numbers of the categories, an array for each feature. With three or more classes there
        is an array for each feature and class. The classes of a feature follow each other.
    categories_ : list of ndarray
        The categories of each feature, in order.
    target_type_ : {"continuous", "binary", "multiclass"}
        The type of the target of ``fit``.
    target_mean_ : float or ndarray of shape (n_classes,)
        The overall mean. It encodes categories that were not fitted.
    classes_ : ndarray of shape (n_classes,) or None
        The classes, sorted. It is None if the target is continuous.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        The names of the features. It exists only if X was a frame whose column names are all
        strings.

    Notes
    -----
    Each feature becomes one column. With three or more classes it becomes a column for each class,
    which is named ``feature_class``.

    In one pass, the target is summed up by value and fold in each block, and the sums are merged
    [2]_. The rows of a fold are encoded by the sums of all other folds. So ``fit_transform`` of a
    collection reads its blocks once more, lazily.

    Rows of a collection are dealt to folds at random in each block. If rows are not shuffled
    (``KFold(5)``, ``shuffle=False``), a fold is a set of blocks: with 5 folds block 7 is in fold 2.
    Then a category that occurs in one block only is encoded by the overall mean in this block.

    Differences from scikit-learn:

    - For a collection ``cv`` must be a number, `KFold` or `StratifiedKFold`.
    - For a collection `StratifiedKFold` deals rows as `KFold` does.
    - A splitter must train on all rows of the other folds. If not, it is an error.
    - Rows whose category is not in the given ``categories`` do not count for the first category. In
      ``fit_transform`` they become the mean of the rows of other folds.
    - ``target_type="multiclass"`` takes a target of two classes.
    - ``partial_fit`` learns from more rows.
    - pandas' NA counts as NaN. scikit-learn refuses it in columns of text.
    - If only one of None and NaN was fitted, both are taken for it. The reason is that dask and
      polars turn one into the other.

    References
    ----------
    .. [1] D. Micci-Barreca, "A preprocessing scheme for high-cardinality categorical attributes in
       classification and prediction problems", SIGKDD Explorations 3 (1), 2001.
    .. [2] T. F. Chan, G. H. Golub and R. J. LeVeque, "Algorithms for computing the sample variance:
       analysis and recommendations", The American Statistician 37 (3), 1983.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> import pandas as pd
    >>> from streamlearn.preprocessing import TargetEncoder
    >>> df = pd.DataFrame({"carrier": ["UA", "AA", "UA", "AA"], "delay": [9.5, 1.0, 8.5, 3.0]})
    >>> df = dd.from_pandas(df, npartitions=2)
    >>> encoder = TargetEncoder(smooth=0).fit(df[["carrier"]], df["delay"])
    >>> encoder.categories_, encoder.encodings_
    ([array(['AA', 'UA'], dtype=object)], [array([2., 9.])])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = theirs.TargetEncoder._parameter_constraints
    _theirs = TargetFromCounts
    _needs_y = True

    classes_: np.ndarray | None

    def __init__(
        self,
        categories: Any = "auto",
        target_type: str = "auto",
        smooth: Any = "auto",
        cv: Any = 5,
        shuffle: Any = "deprecated",
        random_state: Any = "deprecated",
    ) -> None:
        self.categories = categories
        self.smooth = smooth
        self.target_type = target_type
        self.cv = cv
        self.shuffle = shuffle
        self.random_state = random_state

    def _known_beforehand(self) -> bool:
        return True  # an encoding of a row needs the targets of all other rows

    def _fitted_to_columns(self, X: Any) -> None:
        """Return None: rows are needed, also where the categories are known."""

    def _table_statistic(self) -> TableStatistic:
        folds = folds_of_blocks(self.cv, self.shuffle, self.random_state) or ALL_IN_ONE
        return TableStatistic(Params(self.target_type, folds), of_table, merge)

    def fit(self, X: Any, y: Any) -> Self:  # type: ignore[override]
        """Learn from all rows, in one pass.

        Parameters
        ----------
        X : array, frame, dask array or dask DataFrame of shape (n_samples, n_features)
            Columns may hold numbers, text, categories, dates and missing values.
        y : array, Series, dask array or dask Series of shape (n_samples,)
            The target.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If a column mixes text and numbers.
        ValueError
            If there are no rows or no columns, if the target is of another type than
            ``target_type``, or if the parameters do not fit the rows.
        """
        return super().fit(*self._with_target(X, y))

    def partial_fit(self, X: Any, y: Any) -> Self:  # type: ignore[override]
        """Learn from more rows. Parameters and errors are those of `fit`."""
        return super().partial_fit(*self._with_target(X, y))

    def _with_target(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Return rows and their target, which can be cut. Raise an error if there is no target."""
        X, y, _ = engine.taken_apart(X, y)
        if y is None:
            raise no_target(type(self).__name__)
        return X, y if engine.is_collection(y) or hasattr(y, "__len__") else np.asarray(y)

    def fit_transform(self, X: Any, y: Any, **params: Any) -> Any:  # type: ignore[override]
        """Learn from all rows, and encode each row by the rows of other folds.

        Parameters
        ----------
        X : array, frame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows to learn from and to encode.
        y : array, Series, dask array or dask Series of shape (n_samples,)
            The target.
        **params : dict
            Metadata for the splitter ``cv`` of rows in memory, such as ``groups``, if metadata
            routing is enabled.

        Returns
        -------
        array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_encoded_features)
            It is lazy for dask, and is a second pass.

        Raises
        ------
        TypeError, ValueError
            If `fit` would raise it, if the folds are not made for cross-fitting, or if all rows are
            in one fold.
        """
        X, y = self._with_target(X, y)
        with unchanged_on_error(self):
            return self._cross_fitted(X, self._cross_fit(X, y, params))

    def _cross_fit(self, X: Any, y: Any, params: dict[str, Any] | None = None) -> CrossFitted:
        """Learn from all rows, and return the function that encodes these rows.

        ``params`` are those of `fit_transform`.
        """
        params = params or {}
        _raise_for_params(params, self, "fit_transform")
        X, y = self._with_target(X, y)
        self._validate_params()
        statistic, folds = self._table_statistic(), None
        if not engine.is_collection(X):
            kind = type_of(y, Params(self.target_type, ALL_IN_ONE))
            folds = folds_in_memory(self, X, y, kind, params)
            given = Params(self.target_type, CrossFitFolds(int(folds.max()) + 1, None), folds)
            statistic = statistic._replace(params=given)
        elif statistic.params.folds is ALL_IN_ONE:
            raise ValueError(
                f"cv={self.cv!r} lists rows, and those of a collection have no numbers. Give a "
                "number of folds, KFold or StratifiedKFold."
            )
        self._learn(X, y, reset=True, statistic=statistic)
        function = self._cross_fitted_function(folds)
        if self.shuffle != "deprecated" or self.random_state != "deprecated":
            warnings.warn(
                "`TargetEncoder.shuffle` and `TargetEncoder.random_state` are deprecated in "
                "scikit-learn 1.9 and will be removed in 1.11. Pass a cross-validation "
                "generator as `cv` instead: KFold(5, shuffle=True, random_state=0).",
                FutureWarning,
                stacklevel=3,
            )
        return function

    def _cross_fitted(self, X: Any, function: CrossFitted) -> Any:
        """Encode the rows of ``fit``: at once in memory, lazily if they are a collection."""

        def transform(X: Any, names: Any) -> Any:
            X, reader = check_table(self, X, reset=False)
            own = replace(function, reader=reader)
            return mapped(own if engine.is_collection(X) else own(None), X, self._nothing, names)

        return self._in_container(X, transform)

    def get_metadata_routing(self) -> Any:
        """Return the routing of metadata: that of ``fit_transform`` goes to the splitter.

        Returns
        -------
        MetadataRouter
            The router.
        """
        mapping = MethodMapping().add(caller="fit_transform", callee="split")
        return MetadataRouter(owner=self).add(splitter=self.cv, method_mapping=mapping)

    def _publish(self, state: State) -> None:
        self._publish_counts([Counts(one.values, rows_of(one)) for one in state.columns])
        columns = zip(self._lookups, state.columns, strict=True)
        self._places = [lookup.of_values(column.values) for lookup, column in columns]
        self.target_type_ = target_kind(self.target_type, state.labels)
        self.classes_ = None
        if state.labels is not None:
            self.classes_ = in_order(Counts(state.labels, np.zeros(len(state.labels)))).values
        found_cells = max(map(len, self.categories_)) * self._n_outputs
        if found_cells > MOST_CELLS:
            raise ValueError(
                f"y has {self._n_outputs:,} classes, and a column has "
                f"{max(map(len, self.categories_)):,} categories: a number for each pair would "
                'not fit in memory. If y holds values set target_type="continuous".'
            )
        self.encodings_, means = self._encodings(state)
        self.target_mean_ = np.asarray(means) if self.target_type_ == "multiclass" else means[0]

    @property
    def _n_outputs(self) -> int:
        """The number of columns that a feature becomes."""
        if self.target_type_ != "multiclass":
            return 1
        assert self.classes_ is not None
        return len(self.classes_)

    def _encodings(
        self, state: State, among: np.ndarray | None = None
    ) -> tuple[list[np.ndarray], list[Any]]:
        """Return the encodings and the means of the target in some folds, by default in all."""
        numbers: list[Any] = [None]
        if state.labels is not None:
            assert self.classes_ is not None
            place = Lookup(self.classes_).of_values(state.labels).astype(np.float64)
            several = self.target_type_ == "multiclass"
            numbers = [place == i for i in range(self._n_outputs)] if several else [place]
        out: list[Any] = [None] * (len(state.columns) * len(numbers))
        means = []
        for i, number in enumerate(numbers):
            for j, (column, places) in enumerate(zip(state.columns, self._places, strict=True)):
                if isinstance(column, Counted):
                    moments = column.moments(number.astype(np.float64), state.n_folds)
                else:
                    moments = column.moments
                some = moments.over(1, among)
                if not j:
                    y = GroupMoments(*(x[:, None] for x in some)).over(0)
                    y = GroupMoments(*(x[0] for x in y))
                    means.append(y.mean)
                some = GroupMoments(*(x[:, None] for x in some))
                some = some.grouped(places, len(self.categories_[j]))
                out[j * len(numbers) + i] = shrunk(some.over(1), y, self.smooth)
        return out, means

    def _cross_fitted_function(self, folds: np.ndarray | None) -> CrossFitted:
        """Return the function that encodes the rows of ``fit`` by the rows of other folds.

        ``folds`` are those of rows in memory.

        Raises
        ------
        ValueError
            If all rows are in one fold.
        """
        state = self._state
        column, tables = state.columns[0], []
        n = np.zeros(state.n_folds)
        if isinstance(column, Counted):
            n += np.bincount(column.fold, column.n, state.n_folds)
        else:
            n += column.moments.n.sum(axis=0)
        if np.count_nonzero(n) < 2:
            raise ValueError(
                f"All rows are in one of {state.n_folds} folds, so that a row cannot be encoded by "
                "others. Give at least two rows, and two blocks if a fold is a set of blocks. As "
                "cv give a number of folds, KFold or StratifiedKFold."
            )
        for fold in range(state.n_folds):
            among = np.arange(state.n_folds) != fold
            tables.append(self._tables(*self._encodings(state, among)))
        by_column = [np.stack(some) for some in zip(*tables, strict=True)]
        known = self._as_fitted()
        return CrossFitted(self._reader(), known, by_column, state.folds, state.rows, folds)

    def _tables(self, encodings: list[np.ndarray], means: list[Any]) -> list[np.ndarray]:
        """Return encodings with that of unknown categories at the end."""
        return [np.append(x, means[i % len(means)]) for i, x in enumerate(encodings)]

    def _codes(self, table: Table) -> list[np.ndarray]:
        return [
            lookup.codes(column)[0]
            for column, lookup in zip(table.columns, self._lookups, strict=True)
        ]

    def _transformed(self, table: Table, block: int | None) -> np.ndarray:
        codes, n = self._codes(table), self._n_outputs
        out = np.empty((table.n_rows, len(codes) * n))
        tables = self._tables(self.encodings_, list(np.atleast_1d(self.target_mean_)))
        for i, one in enumerate(tables):
            out[:, i] = one[codes[i // n]]
        return out

    def _nothing(self) -> Any:
        return np.empty((0, self.n_features_in_ * self._n_outputs))

    def _names_out(self, names: np.ndarray) -> Any:
        if self.target_type_ != "multiclass":
            return names
        assert self.classes_ is not None
        return [f"{name}_{label}" for name in names for label in self.classes_]

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags
