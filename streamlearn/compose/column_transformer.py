"""scikit-learn's ColumnTransformer, which also fits to collections, block by block."""

from __future__ import annotations

from typing import Any, Self

from sklearn import compose as theirs
from sklearn.utils.validation import check_is_fitted

from streamlearn import blocks as engine
from streamlearn._estimator.callbacks import CallbackSupportMixin, watched
from streamlearn._estimator.fitted import Fitted
from streamlearn._estimator.inputs import unchanged_on_error
from streamlearn._estimator.versions import Versioned
from streamlearn._thirdparty.lazy import ask
from streamlearn._validation.advice import with_advice
from streamlearn._validation.missing import frame_of
from streamlearn.pipeline import one_pass
from streamlearn.pipeline.rows_of_fit import of_flow, rows_of_fit


class ColumnTransformer(  # type: ignore[call-arg]
    CallbackSupportMixin, Fitted, Versioned, theirs.ColumnTransformer, auto_wrap_output_keys=None
):
    """scikit-learn's ColumnTransformer, which also fits to dask collections, block by block.

    Each transformer learns from its own columns. The results for a row are put side by side.

    Parameters
    ----------
    transformers : list of (name, transformer, columns) tuples
        A transformer is one of streamlearn's, anything with ``partial_fit``, anything that learns
        nothing from rows, a pipeline of such transformers, "drop" or "passthrough". ``columns`` is
        a name, a list of names or of places, a slice, a mask, or a function of the table, such as
        `make_column_selector` returns.
    remainder : {"drop", "passthrough"} or transformer, default="drop"
        What is done with the other columns.
    sparse_threshold : float, default=0.3
        The result is sparse if a transformer makes sparse rows, and if the share of stored numbers
        is smaller than this. Over a collection the share is that of the first two rows.
    n_jobs : int, default=None
        The number of processes for rows in memory. Over a collection dask's threads or workers do
        the work.
    transformer_weights : dict of str to float, default=None
        The factor by which the result of a transformer is multiplied.
    verbose : bool, default=False
        Whether to print how long each transformer takes.
    verbose_feature_names_out : bool, str or callable, default=True
        Whether names of the result begin with the names of the transformers.

    Attributes
    ----------
    transformers_ : list of (name, fitted transformer, columns) tuples
        The fitted transformers, in the order of the result.
    named_transformers_ : Bunch
        The fitted transformers by name.
    sparse_output_ : bool
        Whether the result is sparse.
    output_indices_ : dict of str to slice
        The columns of each transformer in the result.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        The names of the features. It exists only if X was a frame whose column names are all
        strings.

    Notes
    -----
    In ``fit`` over a collection each statistic is one of all rows. If a transformer follows another
    one in its branch, the first one is fitted beforehand, in a pass over the columns of the branch.
    Before a learner, in a `streamlearn.pipeline.Pipeline`, only transformers that must be known
    beforehand take such a pass.

    Differences from scikit-learn:

    - It takes dask arrays and DataFrames, and ``transform`` of them is lazy.
    - Over a collection each transformer must learn block by block, or without rows. If one cannot,
      it is an error.
    - Over a collection ``fit`` takes no further arguments.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> import pandas as pd
    >>> from streamlearn.compose import make_column_transformer
    >>> from streamlearn.preprocessing import OneHotEncoder, StandardScaler
    >>> df = pd.DataFrame({"miles": [100.0, 300.0, 200.0], "carrier": ["UA", "AA", "UA"]})
    >>> columns = make_column_transformer(
    ...     (StandardScaler(), ["miles"]), (OneHotEncoder(sparse_output=False), ["carrier"])
    ... )
    >>> columns.fit(dd.from_pandas(df, npartitions=2)).transform(df).round(2)
    array([[-1.22,  0.  ,  1.  ],
           [ 1.22,  1.  ,  0.  ],
           [ 0.  ,  0.  ,  1.  ]])
    """

    _takes_collections = True

    @watched
    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Fit all transformers.

        Parameters
        ----------
        X : array, frame, dask array or dask DataFrame of shape (n_samples, n_features)
            The table to learn from.
        y : array, Series, dask array or dask Series of shape (n_samples,), optional
            The target, for transformers that need it.
        **params : dict of str to object
            Further arguments of the transformers, if metadata routing is enabled.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If a transformer needs rows, and cannot learn block by block.
        """
        if not engine.is_collection(X):
            with with_advice(X):
                return super().fit(frame_of(self, X), y, **params)
        self._fit_lazily(X, y, params)
        return self

    def _fit_lazily(self, X: Any, y: Any, params: dict[str, Any]) -> Any:
        """Fit to a collection, and return the flow of its rows through the transformers."""
        _none_or_raise(params)
        X, y, _ = engine.taken_apart(X, y)
        self._validate_params()
        with unchanged_on_error(self):
            return one_pass.fit_alone("columntransformer", self, X, y)

    @watched
    def fit_transform(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Fit all transformers, then transform X. If X is a collection, the result is lazy."""
        if not engine.is_collection(X):
            with unchanged_on_error(self), with_advice(X):
                return super().fit_transform(frame_of(self, X), y, **params)
        X, y, _ = engine.taken_apart(X, y)
        return rows_of_fit(of_flow(self._fit_lazily(X, y, params)), self.transform, X)

    def transform(self, X: Any, **params: Any) -> Any:
        """Transform each part of the columns, and put the results side by side.

        Parameters
        ----------
        X : array, frame, dask array or dask DataFrame of shape (n_samples, n_features)
            The table, with the columns of `fit`.
        **params : dict of str to object
            Further arguments of the transformers, if metadata routing is enabled.

        Returns
        -------
        array, sparse rows or frame
            The results side by side. They are lazy for dask.

        Raises
        ------
        ValueError
            If X lacks a column, or if a transformer raises it.
        """
        if not engine.is_collection(X):
            return super().transform(frame_of(self, X), **params)
        check_is_fitted(self)
        _none_or_raise(params)
        return ask(self, "transform", X)


# scikit-learn's wrapper around ``transform`` would compute lazy results. The wrapper of each block
# makes the frames.
ColumnTransformer._sklearn_auto_wrap_output_keys = {"transform"}


def _none_or_raise(params: dict[str, Any]) -> None:
    if params:
        raise NotImplementedError(
            f"ColumnTransformer takes no {sorted(params)} over a collection. Set them as "
            "parameters of the transformers, or give X in memory."
        )


def make_column_transformer(
    *transformers: Any,
    remainder: Any = "drop",
    sparse_threshold: float = 0.3,
    n_jobs: int | None = None,
    verbose: bool = False,
    verbose_feature_names_out: Any = True,
) -> ColumnTransformer:
    """Return a `ColumnTransformer` whose transformers are named after their types.

    Parameters
    ----------
    *transformers : (transformer, columns) tuples
    remainder, sparse_threshold, n_jobs, verbose, verbose_feature_names_out
        As `ColumnTransformer`.

    Examples
    --------
    >>> from streamlearn.preprocessing import OneHotEncoder, StandardScaler
    >>> make_column_transformer((StandardScaler(), ["a"]), (OneHotEncoder(), ["b"]))
    ColumnTransformer(transformers=[('standardscaler', StandardScaler(), ['a']),
                                    ('onehotencoder', OneHotEncoder(), ['b'])])
    """
    named = theirs.make_column_transformer(*transformers).transformers
    return ColumnTransformer(
        named,
        remainder=remainder,
        sparse_threshold=sparse_threshold,
        n_jobs=n_jobs,
        verbose=verbose,
        verbose_feature_names_out=verbose_feature_names_out,
    )
