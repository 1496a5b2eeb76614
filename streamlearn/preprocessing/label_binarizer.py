"""A column of a target for each label."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from scipy.sparse import csr_array
from sklearn import preprocessing as theirs
from sklearn.base import TransformerMixin
from sklearn.utils.multiclass import type_of_target, unique_labels
from sklearn.utils.validation import check_is_fitted

from streamlearn import blocks as engine
from streamlearn._arrays import namespace, to_numpy
from streamlearn._arrays.plain import plain
from streamlearn._arrays.sparse import is_sparse
from streamlearn._estimator.callbacks import watched
from streamlearn._estimator.estimator import Estimator
from streamlearn._estimator.inputs import is_foreign, unchanged_on_error
from streamlearn._estimator.outputs import mapped
from streamlearn._sklearn import _align_api_if_sparse
from streamlearn._validation.categories import Lookup
from streamlearn._validation.label_codes import labels_like
from streamlearn._validation.labels import discover
from streamlearn._validation.messages import no_rows
from streamlearn.preprocessing.label_columns import (
    INDICATOR,
    Binarized,
    Labelled,
    indicator_of_block,
    target_in_numpy,
    wider,
)


class LabelBinarizer(TransformerMixin, Estimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Make a column for each label of a target, also for dask collections.

    It is for y. `OneHotEncoder` is for the columns of X.

    Parameters
    ----------
    neg_label : int, default=0
        The number that marks rows with another label.
    pos_label : int, default=1
        The number that marks rows with the label.
    sparse_output : bool, default=False
        Return sparse rows (CSR) instead of dense ones.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
        The labels, sorted.
    y_type_ : {"binary", "multiclass", "multilabel-indicator"}
        The type of the target of ``fit``.
    sparse_input_ : bool
        Whether ``fit`` was given sparse rows.

    Notes
    -----
    Labels are found in each block and merged, in one pass. Two labels make one column.

    Differences from scikit-learn:

    - A label that was not fitted becomes a row of ``neg_label``.
    - A target of two labels always makes one column. scikit-learn makes two columns if a third
      label appears.
    - If the rows of a collection have several labels, the target must hold 0 and 1 only.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.preprocessing import LabelBinarizer
    >>> y = da.asarray([1, 6, 4, 6]).rechunk(2)
    >>> binarizer = LabelBinarizer().fit(y)
    >>> binarizer.classes_
    array([1, 4, 6])
    >>> binarizer.transform(y).compute()
    array([[1, 0, 0],
           [0, 0, 1],
           [0, 1, 0],
           [0, 0, 1]])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = theirs.LabelBinarizer._parameter_constraints
    _takes_collections = True

    classes_: Any
    y_type_: str
    sparse_input_: bool

    def __init__(
        self, *, neg_label: int = 0, pos_label: int = 1, sparse_output: bool = False
    ) -> None:
        self.neg_label = neg_label
        self.pos_label = pos_label
        self.sparse_output = sparse_output

    @watched
    def fit(self, y: Any) -> Self:
        """Find the labels, in one pass.

        Parameters
        ----------
        y : array, Series, sparse rows, dask collection or source of blocks of shape \
                (n_samples,) or (n_samples, n_classes)
            Labels, or a column for each label which marks the rows that have it.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If text and numbers are mixed.
        ValueError
            If there are no rows, y holds no labels or is one number, or the parameters do not go
            together.
        """
        self._validate_params()
        if self.neg_label >= self.pos_label:
            raise ValueError(
                f"neg_label={self.neg_label} must be strictly less than pos_label={self.pos_label}."
            )
        if self.sparse_output and (self.pos_label == 0 or self.neg_label != 0):
            raise ValueError(
                "Sparse binarization is only supported with non zero pos_label and zero neg_label, "
                f"got pos_label={self.pos_label} and neg_label={self.neg_label}. Set "
                "sparse_output=False."
            )
        y, *_ = engine.taken_apart(plain(y))
        self._place_or_raise(y)
        with unchanged_on_error(self):
            if engine.is_collection(y):
                self._learn_lazily(y)
            else:
                self._learn_in_memory(y)
        return self

    def _place_or_raise(self, y: Any) -> None:
        if self.sparse_output and is_foreign(y):
            raise ValueError(
                "`sparse_output=True` is not supported for array API namespace "
                f"{namespace(y).__name__}. Use `sparse_output=False` to return a dense array "
                "instead."
            )

    def _learn_in_memory(self, y: Any) -> None:
        here = target_in_numpy(y)
        if not is_sparse(here) and np.ndim(here) == 0:
            raise ValueError(f"y is {y!r}, expected an array of labels. Give one label a row.")
        if _is_text(here):
            if not len(here):
                raise ValueError(f"y has 0 samples: {here!r}. Give at least one row.")
            self.classes_ = discover(engine.align(y=here)).classes
            self.y_type_ = _type_of(self.classes_)
            self.sparse_input_ = False
            return
        with np.errstate(invalid="ignore"):  # scikit-learn looks for NaN afterwards
            self.y_type_ = type_of_target(here, input_name="y")
        if "multioutput" in self.y_type_:
            raise ValueError(
                "Multioutput target data is not supported with label binarization. Give one column."
            )
        if engine.n_rows(here) == 0:
            raise ValueError(f"y has 0 samples: {y!r}. Give at least one row.")
        self.sparse_input_ = is_sparse(here)
        self.classes_ = unique_labels(here)
        if is_foreign(y):
            self.classes_ = labels_like(self.classes_, y)

    def _learn_lazily(self, y: Any) -> None:
        several = y.ndim == 2 and y.shape[1] > 1
        blocks = engine.align(y=y)
        if not several:
            self.classes_ = discover(blocks).classes
            self.y_type_, self.sparse_input_ = _type_of(self.classes_), False
            return
        found = engine.reduce(indicator_of_block, wider, blocks, name="labels")
        if found is None:
            raise no_rows(type(self).__name__, " in y")
        self.y_type_, self.sparse_input_ = INDICATOR, found.sparse
        self.classes_ = np.arange(found.width)

    def fit_transform(self, y: Any) -> Any:
        """Find the labels, then make the columns. These are two passes, and the second is lazy.

        Parameters
        ----------
        y : array, Series, sparse rows or dask collection of shape (n_samples,) or \
                (n_samples, n_classes)
            Labels, as `fit` takes them.

        Returns
        -------
        array, sparse rows or dask collection of shape (n_samples, n_classes)
            The columns, as `transform` returns them.

        Raises
        ------
        TypeError, ValueError
            If `fit` would raise them.
        """
        return self.fit(y).transform(y)

    def transform(self, y: Any) -> Any:
        """Return a column for each label.

        Parameters
        ----------
        y : array, Series, sparse rows or dask collection of shape (n_samples,) or \
                (n_samples, n_classes)
            Labels, as `fit` takes them.

        Returns
        -------
        array, sparse rows or dask array of shape (n_samples, n_classes)
            It has one column if there are two labels. It is lazy for dask.

        Raises
        ------
        ValueError
            If y holds no labels, or if y has several labels a row but the y of fit had one.
        """
        check_is_fitted(self)
        y, *_ = engine.taken_apart(plain(y))
        self._place_or_raise(y)
        function = Binarized(
            Lookup(to_numpy(self.classes_)),
            self.y_type_,
            (self.neg_label, self.pos_label),
            self.sparse_output,
        )
        return mapped(function, y, partial(self._no_columns, y))

    def _no_columns(self, y: Any) -> Any:
        """Return an empty result of `transform`, which shows its type."""
        several = y.ndim == 2 and y.shape[1] > 1
        width = len(self.classes_) if several or len(self.classes_) > 2 else 1
        if self.sparse_output:
            return _align_api_if_sparse(csr_array((0, width), dtype=np.int64))
        dtype = getattr(y, "dtype", None)
        signed = isinstance(dtype, np.dtype) and dtype.kind == "i"
        return np.empty((0, width), dtype=dtype if signed else np.int64)

    def inverse_transform(self, Y: Any, threshold: float | None = None) -> Any:
        """Return the labels for columns.

        Parameters
        ----------
        Y : array, sparse rows or dask array of shape (n_samples, n_classes)
            The result of `transform`, or the scores of a classifier for each label.
        threshold : float, default=None
            It is used if there are two labels, or if a row may have several. A row has a label if
            its number is larger than the threshold. The default is half way between ``neg_label``
            and ``pos_label``. If there are more labels and a row has only one of them, it is the
            label with the largest number.

        Returns
        -------
        array, sparse rows or dask array of shape (n_samples,) or (n_samples, n_classes)
            Lazy for dask.

        Raises
        ------
        ValueError
            If Y has another number of columns.
        """
        check_is_fitted(self)
        Y = plain(Y)
        if self.sparse_input_ and is_foreign(Y):
            raise ValueError(
                "`LabelBinarizer` was fitted on a sparse matrix, and therefore cannot inverse "
                f"transform a {namespace(Y).__name__} array back to a sparse matrix."
            )
        if threshold is None:
            threshold = (self.pos_label + self.neg_label) / 2.0
        classes = to_numpy(self.classes_)
        function = Labelled(classes, self.y_type_, threshold, self.sparse_input_)
        return mapped(function, Y, partial(self._no_labels, classes))

    def _no_labels(self, classes: np.ndarray) -> Any:
        """Return an empty result of `inverse_transform`, which shows its type."""
        if self.y_type_ != INDICATOR:
            return classes[:1]
        nothing = np.empty((0, len(classes)), dtype=np.int64)
        return _align_api_if_sparse(csr_array(nothing)) if self.sparse_input_ else nothing

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.target_tags.one_d_labels = True
        return tags


def _is_text(y: Any) -> bool:
    """Return whether a target is one column of text. scikit-learn would sort all of its rows."""
    if is_sparse(y) or isinstance(y, list) or y.ndim != 1:
        return False
    return y.dtype.kind == "U" or (y.dtype.kind == "O" and len(y) > 0 and isinstance(y[0], str))


def _type_of(classes: np.ndarray) -> str:
    return "binary" if len(classes) < 3 else "multiclass"
