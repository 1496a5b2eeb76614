"""Checks of inputs that all estimators share. An error does not change an estimator.

Arrays of NumPy and frames of pandas in memory go through scikit-learn's own checks. Collections are
checked twice: their metadata at once, and their values inside the task of each block
(`streamlearn._validation.reader`). `streamlearn._estimator.outputs` has the outputs.
"""

from __future__ import annotations

from numbers import Real
from operator import is_
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, validate_data

from streamlearn import blocks as engine
from streamlearn._arrays import Array, is_array, row_major, to_numpy
from streamlearn._arrays.plain import known_or_raise, plain, rows_or_raise
from streamlearn._arrays.sparse import csr, is_sparse
from streamlearn._sklearn import _check_feature_names, _check_n_features, _check_sample_weight
from streamlearn._validation.advice import with_advice
from streamlearn._validation.arrays import DENSE, as_array, dense_or_raise
from streamlearn._validation.finite import sum_is_finite
from streamlearn._validation.labels import Labels, discover
from streamlearn._validation.messages import no_features, no_rows, no_target, no_vector
from streamlearn._validation.reader import Reader
from streamlearn._validation.tables import dtypes_or_raise, is_table, names_of
from streamlearn.stages import Flow


class CheckedInputs(NamedTuple):
    """Checked and aligned containers, and how to read them.

    Attributes
    ----------
    blocks : Blocks
        The blocks of X, y and the weights.
    reader : Reader
        How the rows are read and checked.
    n_features : int or None
        The number of features. None if stages ahead have yet to determine it.
    flow : Flow or None
        The stages ahead.
    """

    blocks: engine.Blocks
    reader: Reader
    n_features: int | None
    flow: Flow | None = None

    @property
    def whole(self) -> engine.Block | None:
        """All rows if they are in memory and no stages are ahead, otherwise None."""
        return self.blocks.whole if self.flow is None else None


def check_inputs(
    estimator: BaseEstimator,
    X: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    reset: bool,
    target: str | None = None,
    allow_nan: bool = False,
    lazy_rows: bool = False,
    multi_output: bool = False,
    finite: bool = True,
) -> CheckedInputs:
    """Check the arguments of ``fit`` or ``partial_fit``. Set ``n_features_in_`` if ``reset``.

    Parameters
    ----------
    estimator : BaseEstimator
        The estimator that they are for.
    X, y, sample_weight : containers over the same rows
        They are in memory, dask collections or sources of blocks. y and the weights may be None.
    reset : bool
        Whether these are the first rows that the estimator sees.
    target : {"labels", "values"} or None
        What y holds. None if the estimator takes no y.
    allow_nan : bool, default=False
        Whether X may hold NaN.
    lazy_rows : bool, default=False
        Whether a lazily transformed X arrives as `streamlearn.blocks.LazyRows`.
    multi_output : bool, default=False
        Whether y may have several columns.
    finite : bool, default=True
        Whether to look for NaN and infinity in X. It is False if the learner does so.

    Returns
    -------
    CheckedInputs

    Raises
    ------
    ValueError, TypeError
        Those of scikit-learn's estimators, and if collections do not line up.
    """
    name = type(estimator).__name__
    X, y, sample_weight = engine.taken_apart(X, y, sample_weight)
    rows_or_raise(X)
    if target is not None and y is None:
        raise no_target(name)
    if isinstance(sample_weight, Real) and not isinstance(sample_weight, bool | np.bool_):
        sample_weight = _same_weight(X.X if isinstance(X, Flow) else X, float(sample_weight))
    for what, part in (("y", y), ("sample_weight", sample_weight)):
        if np.isscalar(part):
            raise no_vector(what, part)
    if isinstance(X, Flow):
        parts = {"X": X.X, "y": y, "sample_weight": sample_weight, **X.given}
        blocks = engine.align(lazy_rows=("X",), coded=X.coded(), **parts)
        return CheckedInputs(blocks, X.reader, None, X)
    y, sample_weight = plain(y), plain(sample_weight)
    for what, part in (("y", y), ("sample_weight", sample_weight)):
        known_or_raise(part, what, sparse=False)
    X, y, reader = check_rows(
        estimator,
        X,
        y,
        reset=reset,
        allow_nan=allow_nan,
        finite=finite,
        y_numeric=target == "values",
        multi_output=multi_output,
    )
    if engine.is_collection(X):
        names = ("X",) if lazy_rows else ()
        blocks = engine.align(lazy_rows=names, X=X, y=y, sample_weight=sample_weight)
    else:
        sample_weight = _weight_in_memory(estimator, X, sample_weight)
        blocks = engine.align(X=X, y=y, sample_weight=sample_weight)
    return CheckedInputs(blocks, reader, reader.n_features)


def check_rows(
    estimator: BaseEstimator,
    X: Any,
    y: Any = None,
    *,
    reset: bool,
    named: bool = True,
    allow_nan: bool = False,
    finite: bool = True,
    **of_y: Any,
) -> tuple[Any, Any, Reader]:
    """Check rows and their y, as far as they are in memory.

    Parameters
    ----------
    estimator, reset, allow_nan, finite
        See `check_inputs`.
    X, y : containers
        The rows and their targets.
    named : bool, default=True
        Whether a frame must have the column names of fit.
    **of_y
        Arguments of scikit-learn's ``check_X_y`` about y.

    Returns
    -------
    X : array, or collection of whole rows
        The checked rows.
    y : container
        The checked targets.
    reader : Reader
        How the rows are read. Rows in memory are read already.

    Raises
    ------
    ValueError, TypeError
        Those of scikit-learn's estimators.
    """
    X = plain(X)
    known_or_raise(X)
    if engine.is_collection(X):
        X = engine.whole_rows(X)
        # A frame of transformed rows stands for an array, which would have no names.
        named = named and engine.is_named(X)
        reader = check_declared(estimator, X, reset=reset, allow_nan=allow_nan, named=named)
        return X, y, reader._replace(finite=finite)
    if is_foreign(X):
        reader = check_declared(estimator, X, reset=reset, allow_nan=allow_nan, named=named)
        reader = reader._replace(finite=finite)
        X = reader.rows(X)
        if X.shape[0] == 0:
            raise no_rows(reader.estimator, f" (shape={tuple(X.shape)})")
        return X, y, reader._replace(checked=True)
    dense_or_raise(X, sparse_advice(estimator))
    checks = {
        "accept_sparse": "csr" if sparse_advice(estimator) is None else False,
        "dtype": [np.float64, np.float32],
        "ensure_all_finite": "allow-nan" if allow_nan else finite,
    }
    if not engine.is_collection(y):
        # X is in NumPy, and y must be in the namespace of X.
        y = to_numpy(y) if is_foreign(y) else as_array(y, "y") if is_table(y) else y
    columns = names_of(X)
    dtypes_or_raise(X, "X")
    if reset or not needs_no_checks(estimator, X, y, finite=finite):
        with with_advice(X):
            if not named:
                X = check_array(X, estimator=estimator, input_name="X", **checks)
                _check_n_features(estimator, X, reset=reset)
            elif y is None or engine.is_collection(y):
                X = validate_data(estimator, X, reset=reset, **checks)
            else:
                X, y = validate_data(estimator, X, y, reset=reset, **of_y, **checks)
    X = csr(X) if is_sparse(X) else row_major(X)
    name = type(estimator).__name__
    return X, y, Reader(name, X.shape[1], columns, allow_nan, checked=True, finite=finite)


class SameWeight(NamedTuple):
    """The function of rows that gives each the same weight."""

    weight: float

    def __call__(self, X: Any) -> np.ndarray:
        """Return the weights."""
        return np.full(engine.n_rows(X), self.weight)


def _same_weight(X: Any, weight: float) -> Any:
    """Return the weights of rows that have the same weight. Streams keep the number."""
    if isinstance(X, engine.StreamedRows):
        return weight
    function: Any = SameWeight(weight)
    if engine.is_collection(X):
        return engine.map_rows(function, X, meta=np.ones(1))
    return function(X)


def _weight_in_memory(estimator: BaseEstimator, X: Array, weight: Any) -> Any:
    """Return the weights of rows in memory after scikit-learn's checks."""
    if weight is None:
        return None
    dtypes_or_raise(weight, "sample_weight")
    if engine.is_collection(weight) or is_foreign(X):
        return weight
    # The split of held-out rows has its own error for weights that are all 0.
    zeros = bool(getattr(estimator, "early_stopping", False))
    with with_advice(X):
        return _check_sample_weight(
            to_numpy(weight) if is_foreign(weight) else weight,
            X,
            dtype=X.dtype,
            allow_all_zero_weights=zeros,
        )


def check_declared(
    estimator: BaseEstimator, X: Any, *, reset: bool, allow_nan: bool, named: bool = True
) -> Reader:
    """Check or set the features from the metadata of a collection or an array."""
    name = type(estimator).__name__
    names: tuple[str, ...] | None
    meta = X
    if engine.is_frame(X) or isinstance(X, engine.StreamedRows):
        meta = engine.meta_of(X)
    names = names_of(meta)
    columns_or_raise(name, X, meta)
    n_features = meta.shape[1]
    if named:
        _check_feature_names(estimator, meta, reset=reset)
    elif reset:
        vars(estimator).pop("feature_names_in_", None)
    _check_n_features(estimator, meta, reset=reset)
    return Reader(name, n_features, names, allow_nan, dense=sparse_advice(estimator))


def columns_or_raise(estimator: str, X: Any, meta: Any) -> None:
    """Check that X has rows and columns, by its metadata, and a known number of columns.

    Raises
    ------
    ValueError
        If a check fails. The message says how to reshape X, or how to tell dask the number.
    """
    if len(meta.shape) != 2:
        raise ValueError(
            f"Expected 2D array, got {len(meta.shape)}D {type(X).__name__} instead. Reshape X with "
            "X.reshape(-1, 1) if it is a single feature, X.reshape(1, -1) if it is a single "
            "sample. Select columns of a frame with a list, X[['name']]."
        )
    n_features = meta.shape[1]
    if n_features != n_features:
        raise ValueError(
            "The number of features of X is unknown to dask. Give it when X is made, for instance "
            "with the shape= of dask.array.from_delayed."
        )
    if n_features == 0:
        raise no_features(estimator, tuple(meta.shape))


def sparse_advice(estimator: BaseEstimator) -> str | None:
    """Return the advice in the error about sparse rows, or None if the estimator takes them."""
    return getattr(estimator, "_dense", DENSE)


_checked: WeakKeyDictionary[BaseEstimator, list[Any]] = WeakKeyDictionary()
"""The parameters of each estimator in its last successful check.

They are not attributes of the estimator, because an error must leave those as they were.
"""


def check_parameters(estimator: BaseEstimator, *, again: bool) -> None:
    """Check the parameters. If they passed before, check them only if ``again``.

    The check takes as long as learning from 2,000 rows, and ``partial_fit`` is called in a loop.

    Raises
    ------
    ValueError
        The error of scikit-learn's check.
    """
    now = [getattr(estimator, name) for name in estimator._parameter_constraints]
    known = _checked.get(estimator)
    if again or known is None or not all(map(is_, now, known)):
        estimator._validate_params()
        _checked[estimator] = now


class unchanged_on_error:  # noqa: N801
    """Restore the attributes of ``estimator`` if the body raises.

    A fit replaces attributes and never changes them in place, so references are enough. All
    attributes are restored at once, so that another thread never finds one missing.
    """

    def __init__(self, estimator: BaseEstimator) -> None:
        self._estimator = estimator
        now = getattr(estimator, "__dict__", None)
        self._before = dict(now) if isinstance(now, dict) else None  # a step may be any object

    def __enter__(self) -> None:
        pass

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is not None and self._before is not None:
            self._estimator.__dict__ = self._before


def is_foreign(x: Any) -> bool:
    """Return whether ``x`` is an array in memory of another library than NumPy."""
    here = isinstance(x, np.ndarray) or is_sparse(x)
    return is_array(x) and not here and not engine.is_collection(x)


def labels_of_target(
    given: CheckedInputs, y: Any, sample_weight: Any = None, *, weighted: bool = False
) -> Labels:
    """Return the labels of y, and how often they occur by weight if ``weighted``.

    Those of a collection are found without reading X.
    """
    weight = sample_weight if weighted else None
    parts = engine.align(y=y, sample_weight=weight) if given.whole is None else given.blocks
    return discover(parts, weighted=weighted)


def needs_no_checks(
    estimator: BaseEstimator, X: Any, y: Any = None, *, finite: bool = True
) -> bool:
    """Return whether scikit-learn's checks would return X and y unchanged.

    Those checks take as long as learning from 2,000 rows.
    """
    return (
        type(X) is np.ndarray
        and X.dtype in (np.float64, np.float32)
        and X.ndim == 2
        and X.shape[0] > 0
        and X.shape[1] == getattr(estimator, "n_features_in_", None)
        and not hasattr(estimator, "feature_names_in_")
        and (not finite or sum_is_finite(X))
        and (y is None or _is_clean_target(y, X.shape[0]))
    )


def _is_clean_target(y: Any, n_rows: int) -> bool:
    return (
        type(y) is np.ndarray
        and y.shape == (n_rows,)
        and y.dtype.kind in "biuf"
        and sum_is_finite(y)
    )
