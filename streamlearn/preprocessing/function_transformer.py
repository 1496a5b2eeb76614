"""FunctionTransformer."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from sklearn import preprocessing as theirs

from streamlearn import blocks as engine
from streamlearn._arrays import to_numpy
from streamlearn._estimator.callbacks import CallbackSupportMixin, watched
from streamlearn._estimator.inputs import (
    check_declared,
    check_rows,
    is_foreign,
    unchanged_on_error,
)
from streamlearn._estimator.moving import Movable
from streamlearn._estimator.versions import Versioned
from streamlearn._sklearn import _check_feature_names, _check_n_features
from streamlearn._thirdparty.lazy import ask


class FunctionTransformer(
    CallbackSupportMixin,
    Movable,
    Versioned,
    theirs.FunctionTransformer,
    auto_wrap_output_keys=None,  # type: ignore[call-arg]
):
    """Apply a function of your own to rows.

    It is scikit-learn's `~sklearn.preprocessing.FunctionTransformer` for arrays of any library and
    for dask collections. The function gets one block of a collection after the other, lazily.

    Parameters
    ----------
    func : callable, default=None
        It takes rows and returns the same number of rows. None does not change the rows. With a
        collection it is called for each block. A block is an array or a pandas frame, and may be
        empty. Each row of the result must depend on the same row only. If not, the result depends
        on the blocks.
    inverse_func : callable, default=None
        The same for `inverse_transform`.
    validate : bool, default=False
        Check rows before they go to the functions: two dimensions, numbers, neither NaN nor
        infinity.
    accept_sparse : bool, default=False
        Let sparse rows pass that check.
    check_inverse : bool, default=True
        Whether `fit` warns if ``inverse_func`` does not undo ``func`` on some rows. If X is a
        collection, its first block is read for this check.
    feature_names_out : callable, "one-to-one" or None, default=None
        The names of the columns of the result: a function ``(self, names_in) -> names``, or
        "one-to-one" for the names of the features.
    kw_args : dict, default=None
        Further arguments of ``func``.
    inv_kw_args : dict, default=None
        Further arguments of ``inverse_func``.

    Attributes
    ----------
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a frame whose column names are all
        strings.

    Notes
    -----
    Nothing is learned from rows. So `transform` works without a fit, and a pipeline in one pass
    takes this as a step. The function gets whole blocks there.

    The function is called on a row of ones to find the type of the result for a collection.

    Differences from scikit-learn:

    - With ``validate=True`` arrays of other libraries stay in their library and become floats.
      scikit-learn makes arrays of NumPy of them.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> from streamlearn.preprocessing import FunctionTransformer
    >>> X = da.from_array([[0.0, 1.0], [2.0, 3.0]], chunks=(1, 2))
    >>> FunctionTransformer(np.log1p, validate=True).fit_transform(X).compute()
    array([[0.        , 0.69314718],
           [1.09861229, 1.38629436]])
    """

    _takes_collections = True

    # scikit-learn's class has the same value. Its wrapper around `transform` runs in each block.
    _sklearn_auto_wrap_output_keys = {"transform"}

    @watched
    def fit(self, X: Any, y: Any = None) -> Self:
        """Look at the columns of X, and at some rows if ``check_inverse=True``.

        Parameters
        ----------
        X : array, sparse rows, DataFrame, dask array or dask DataFrame of shape \
                (n_samples, n_features)
            Rows. If ``validate=False``, anything that the functions take.
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If ``validate=True``, and X is not two-dimensional, or is in memory and holds NaN or
            infinity.
        """
        if not engine.is_collection(X) and not is_foreign(X):
            return super().fit(X, y)
        self._validate_params()
        X, _, _ = engine.taken_apart(X)
        with unchanged_on_error(self):
            if not engine.is_collection(X):
                X = check_rows(self, X, reset=True)[0] if self.validate else self._columns_of(X)
            elif self.validate:
                check_declared(self, engine.whole_rows(X), reset=True, allow_nan=False)
            else:
                self._columns_of(X)
            if self.check_inverse and self.func is not None and self.inverse_func is not None:
                self._check_inverse_of(engine.first_block(X) if engine.is_collection(X) else X)
        return self

    def _columns_of(self, X: Any) -> Any:
        """Set the features by the metadata of X, and return X."""
        streamed = isinstance(X, engine.StreamedRows)
        said = engine.meta_of(X) if streamed or engine.is_frame(X) else X
        _check_feature_names(self, said, reset=True)
        if len(said.shape) == 2:
            _check_n_features(self, said, reset=True)
        return X

    def _check_inverse_of(self, rows: Any) -> None:
        """Warn if ``inverse_func`` does not give some rows back. They may be of any library."""
        if rows is None:
            return
        if not is_foreign(rows):
            self._plain(check_inverse=True).fit(rows)
            return
        some = rows[:: max(1, rows.shape[0] // 100), ...]
        plain = self._plain()
        back = plain.inverse_transform(plain.transform(some))
        if not np.allclose(to_numpy(back), to_numpy(some), rtol=1e-7, atol=1e-9):
            warnings.warn(
                "The provided functions are not strictly inverse of each other. If that is "
                "intended, set check_inverse=False.",
                UserWarning,
                stacklevel=4,
            )

    def transform(self, X: Any) -> Any:
        """Apply ``func`` to the rows of X.

        Parameters
        ----------
        X : array, sparse rows, DataFrame, dask array or dask DataFrame of shape \
                (n_samples, n_features)
            The rows to transform.

        Returns
        -------
        array, sparse rows, DataFrame, dask array or dask DataFrame
            The result of ``func``. It is lazy for dask.
        """
        if engine.is_collection(X):
            return ask(self, "transform", X)
        if self.validate and is_foreign(X):
            rows, _, _ = check_rows(self, X, reset=False)
            return self._plain().transform(rows)
        return super().transform(X)

    def inverse_transform(self, X: Any) -> Any:
        """Apply ``inverse_func`` to the rows of X. Arguments and results are as in `transform`."""
        if engine.is_collection(X):
            return ask(self, "inverse_transform", X)
        if self.validate and is_foreign(X):
            rows, _, _ = check_rows(self, X, reset=False, named=False)
            return self._plain().inverse_transform(rows)
        return super().inverse_transform(X)

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Fit to X, then transform it."""
        X, y, _ = engine.taken_apart(X, y)
        return self.fit(X, y, **fit_params).transform(X)

    def _plain(self, *, check_inverse: bool = False) -> Any:
        """Return scikit-learn's transformer, for rows that have been checked."""
        params = {**self.get_params(), "validate": False, "check_inverse": check_inverse}
        out = theirs.FunctionTransformer(**params)
        config = getattr(self, "_sklearn_output_config", None)
        if config is not None:
            out._sklearn_output_config = dict(config)
        return out
