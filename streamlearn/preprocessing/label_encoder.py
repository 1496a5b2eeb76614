"""Labels of a target as whole numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_is_fitted

from streamlearn import blocks as engine
from streamlearn._arrays import is_array, namespace, to_numpy
from streamlearn._arrays.plain import plain
from streamlearn._arrays.sparse import is_sparse
from streamlearn._estimator.callbacks import watched
from streamlearn._estimator.estimator import Estimator
from streamlearn._estimator.inputs import is_foreign, unchanged_on_error
from streamlearn._estimator.merging import Merging
from streamlearn._estimator.outputs import mapped
from streamlearn._validation.arrays import as_vector
from streamlearn._validation.categories import Counts, Lookup, count, in_order, merge
from streamlearn._validation.columns import is_column
from streamlearn._validation.label_codes import codes_of, decode, labels_like
from streamlearn._validation.messages import no_rows


class LabelEncoder(Merging, TransformerMixin, Estimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Encode the sorted labels of a target as 0, 1, 2..., also for dask collections.

    It is for y. `OrdinalEncoder` is for the columns of X.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
        The labels, sorted.

    Notes
    -----
    Labels are found in each block and merged, in one pass.

    Differences from scikit-learn:

    - ``partial_fit`` learns from more rows. The numbers of the labels may change with it.
    - ``transform`` does not convert labels to the type of those in fit: the text "1" is not 1.
    - pandas' NA counts as NaN.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.preprocessing import LabelEncoder
    >>> y = da.asarray(["yes", "no", "yes"]).rechunk(2)
    >>> encoder = LabelEncoder().fit(y)
    >>> encoder.classes_
    array(['no', 'yes'], dtype='<U3')
    >>> encoder.transform(y).compute()
    array([1, 0, 1])
    """

    _takes_collections = True

    classes_: Any
    _state: Counts

    def fit(self, y: Any) -> Self:
        """Find the labels, in one pass.

        Parameters
        ----------
        y : array, Series, dask array, dask Series or source of blocks of shape (n_samples,)
            The labels: numbers, or text.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If text and numbers are mixed.
        ValueError
            If y has several columns, or is a collection without rows.
        """
        return self._learn(y, reset=True)

    def partial_fit(self, y: Any) -> Self:
        """Find more labels. Parameters and errors are those of `fit`."""
        return self._learn(y, reset=not hasattr(self, "_state"))

    @watched
    def _learn(self, y: Any, *, reset: bool) -> Self:
        with unchanged_on_error(self):
            y = vector(y)
            found = engine.reduce(_of_block, merge, engine.align(y=y), name="labels")
            if found is None:
                if engine.is_collection(y):
                    raise no_rows(type(self).__name__, " in y")
                found = Counts(np.asarray(y), np.zeros(0, dtype=np.int64))
            self._state = in_order(found if reset else merge(self._state, found))
            classes = self._state.values
            self.classes_ = labels_like(classes, y) if is_foreign(y) else classes
        return self

    def _merge_from(self, a: Any, b: Any) -> None:
        self._state = in_order(merge(a._state, b._state))
        self.classes_ = labels_like(self._state.values, a.classes_)

    def transform(self, y: Any) -> Any:
        """Return the numbers of labels.

        Parameters
        ----------
        y : array, Series, dask array or dask Series of shape (n_samples,)
            The labels, which `fit` has seen.

        Returns
        -------
        array of int, dask array or dask Series of shape (n_samples,)
            Lazy for dask.

        Raises
        ------
        ValueError
            If a label was not fitted.
        """
        check_is_fitted(self)
        function = LabelFunction(Lookup(to_numpy(self.classes_)))
        return mapped(function, vector(y), lambda: np.empty(0, dtype=np.int64))

    def fit_transform(self, y: Any) -> Any:
        """Find the labels, then return their numbers. These are two passes, and the second is lazy.

        Parameters
        ----------
        y : array, Series, dask array or dask Series of shape (n_samples,)
            The labels: numbers, or text.

        Returns
        -------
        array of int, dask array or dask Series of shape (n_samples,)
            The numbers, as `transform` returns them.

        Raises
        ------
        TypeError, ValueError
            If `fit` would raise them.
        """
        return self.fit(y).transform(y)

    def inverse_transform(self, y: Any) -> Any:
        """Return the labels for numbers.

        Parameters
        ----------
        y : array, Series, dask array or dask Series of int of shape (n_samples,)
            The numbers of labels.

        Returns
        -------
        array, dask array or dask Series of shape (n_samples,)
            Lazy for dask.

        Raises
        ------
        ValueError
            If a number is not that of a label.
        """
        check_is_fitted(self)
        classes = to_numpy(self.classes_)
        return mapped(Decoding(classes), vector(y), lambda: classes[:1])

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags."""
        tags = super().__sklearn_tags__()
        tags.array_api_support = True
        tags.input_tags.two_d_array = False
        tags.target_tags.one_d_labels = True
        return tags


def vector(y: Any) -> Any:
    """Return a target in memory as a column or an array, or a collection as it is.

    Raises
    ------
    ValueError
        If it has several columns.
    """
    if type(y) is not np.ndarray:  # the reader of arrays of NumPy looks for pandas' NA
        y = plain(y)
    if engine.is_collection(y) or is_column(y):
        return y
    return as_vector(y, "y") if is_foreign(y) else column_or_1d(y, warn=True)


def _of_block(block: engine.Block) -> Counts:
    return count(read_target(block.y, block.named))


def read_target(y: Any, block: int | None = None) -> Any:
    """Return the plain target of a block as a column or an array of NumPy."""
    known = is_column(y) or (type(y) is np.ndarray and y.ndim == 1)
    return y if known else to_numpy(as_vector(y, "y", block))


@dataclass(frozen=True, eq=False)
class LabelFunction:
    """A function that turns the labels of a block into numbers.

    Attributes
    ----------
    lookup : Lookup
    strict : bool
        Whether an unknown label is an error. If not, it becomes -1.
    """

    lookup: Lookup
    strict: bool = True

    whole = True

    def __call__(self, y: Any) -> Any:
        """Return the number of each label, in the library of an array."""
        y, classes = plain(y), self.lookup.categories
        if is_array(y) and not isinstance(y, np.ndarray) and not is_sparse(y):
            y, xp = as_vector(y, "y"), namespace(y)
            codes, wrong = codes_of(classes, y)
            if self.strict and bool(xp.any(wrong)):
                raise unseen(np.unique(to_numpy(y)[to_numpy(wrong)]))
            return codes if self.strict else xp.where(wrong, -1, codes)
        codes, unknown = self.lookup.codes(read_target(y))
        if self.strict and len(unknown):
            raise unseen(unknown)
        return codes


@dataclass(frozen=True, eq=False)
class Decoding:
    """A function that turns the numbers of a block into labels.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
    """

    classes: np.ndarray

    whole = True

    def __call__(self, y: Any) -> Any:
        """Return the label of each number, in the library of an array."""
        y = as_vector(y, "y")
        codes = to_numpy(y)
        if not len(codes):
            return labels_like(self.classes, y)[:0]
        wrong = np.setdiff1d(codes, np.arange(len(self.classes)))
        if len(wrong):
            raise unseen(wrong)
        xp = namespace(y)
        return decode(
            self.classes, y if xp.isdtype(y.dtype, "integral") else xp.astype(y, xp.int64)
        )


def unseen(labels: np.ndarray) -> ValueError:
    """Return the error for labels that were not fitted."""
    return ValueError(
        f"y contains previously unseen labels: {labels.tolist()[:20]}. Fit to rows that have them."
    )
