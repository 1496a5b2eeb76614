"""Features that matter to a model: `SelectFromModel`."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from operator import attrgetter
from typing import Any, Self

import numpy as np
from sklearn.feature_selection import SelectFromModel as TheirSelector
from sklearn.utils import get_tags

from streamlearn import blocks as engine
from streamlearn._arrays import is_array, to_numpy
from streamlearn._arrays.sparse import is_sparse
from streamlearn._estimator.callbacks import watched
from streamlearn._estimator.inputs import unchanged_on_error
from streamlearn._thirdparty.tags import takes_collections
from streamlearn.feature_selection.selector import Selector


class Importances:
    """Importances in NumPy, of a model whose attributes may be of any library.

    Parameters
    ----------
    getter : "auto", str or callable
        As in `SelectFromModel`.
    """

    def __init__(self, getter: str | Callable[[Any], Any]) -> None:
        self.getter = getter

    def __call__(self, estimator: Any) -> Any:
        """Return the importances."""
        if callable(self.getter):
            found = self.getter(estimator)
        else:
            found = attrgetter(self.getter)(estimator)
        return to_numpy(found) if is_array(found) and not is_sparse(found) else found


class SelectFromModel(Selector, TheirSelector):
    """Keep the features that matter to a fitted model, on arrays and dask collections.

    It is scikit-learn's `~sklearn.feature_selection.SelectFromModel`. Over a collection the model
    is one of streamlearn, which reads it as it does alone.

    Parameters
    ----------
    estimator : estimator
        A model that has ``coef_`` or ``feature_importances_`` when it is fitted.
    threshold : str or float, default=None
        Features of a smaller importance are left out: a number, "mean", "median", or a multiple of
        them such as "1.25*mean". None is 1e-5 for models with an L1 penalty, and "mean" for others.
    prefit : bool, default=False
        Whether the model is fitted already.
    norm_order : non-zero int, inf or -inf, default=1
        The norm of the coefficients of a feature, if there are several.
    max_features : int or callable, default=None
        The largest number of features, or a function of X that returns it. None means no limit.
    importance_getter : str or callable, default="auto"
        The name of the attribute with the importances, or a function of the model. "auto" is
        ``coef_`` or ``feature_importances_``.

    Attributes
    ----------
    estimator_ : estimator
        The fitted model.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.
    threshold_ : float
        The threshold as a number.

    Notes
    -----
    With ``max_features`` the attribute ``max_features_`` is its number. A pipeline over a
    collection fits this beforehand, in passes of its own.

    Differences from scikit-learn:

    - Over a collection, a model that takes no collections is an error.
    - Rows of a collection become floats.
    - Infinity is an error, also if the model takes NaN.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.feature_selection import SelectFromModel
    >>> from streamlearn.linear_model import Ridge
    >>> X = da.random.default_rng(0).normal(size=(1_000, 3), chunks=(100, 3))
    >>> selector = SelectFromModel(Ridge()).fit(X, 2 * X[:, 1])
    >>> selector.get_support()
    array([False,  True, False])
    >>> selector.transform(X).shape
    (1000, 1)
    """

    @property
    def _allow_nan(self) -> bool:  # type: ignore[override]
        return bool(get_tags(self).input_tags.allow_nan)

    @watched
    def fit(self, X: Any, y: Any = None, **fit_params: Any) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array, sparse rows, DataFrame, dask array or dask DataFrame of shape \
                (n_samples, n_features)
            What the model takes.
        y : array, Series, dask array or dask Series of shape (n_samples,), default=None
            The target of each row. None means that the blocks of X contain it.
        **fit_params : dict of str to object
            Further arguments of the ``fit`` of the model.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If X is a collection and the model takes none.
        NotFittedError
            If ``prefit=True`` and the model is not fitted.
        """
        with unchanged_on_error(self):
            self._collection_or_raise(X)
            return super().fit(X, y, **fit_params)

    def _collection_or_raise(self, X: Any) -> None:
        model = self.estimator
        if engine.is_collection(X) and not self.prefit and not takes_collections(model):
            name = type(model).__name__
            raise TypeError(
                f"X is a {type(X).__name__}, and {name} takes no collections. Use a model of "
                f"streamlearn, Incremental({name}(...)) if it has partial_fit, or fit it to some "
                "rows beforehand and give prefit=True."
            )

    def transform(self, X: Any) -> Any:
        """Return the features that matter.

        Parameters
        ----------
        X : array, sparse rows, DataFrame, dask array or dask DataFrame of shape \
                (n_samples, n_features)
            The rows to transform.

        Returns
        -------
        array, sparse rows, dask array or dask DataFrame of shape (n_samples, n_selected_features)
            They are lazy if X is a collection.

        Raises
        ------
        NotFittedError
            If the model is not fitted.
        ValueError
            If X has other features than in `fit`.
        """
        if self.prefit and not hasattr(self, "estimator_"):
            self.get_support()  # raises the errors of a model that is not fitted
            return super(SelectFromModel, copy(self).fit(X)).transform(X)
        return super().transform(X)

    def _get_support_mask(self) -> np.ndarray:
        return super(SelectFromModel, self._in_numpy())._get_support_mask()

    @property
    def threshold_(self) -> float:
        """The threshold of importances."""
        return float(super(SelectFromModel, self._in_numpy()).threshold_)

    def _in_numpy(self) -> Self:
        """Return a copy that finds importances in NumPy, whatever the library of the model is."""
        out, model = copy(self), getattr(self, "estimator_", self.estimator)
        getter = self.importance_getter
        if getter == "auto":
            getter = next(
                (name for name in ("coef_", "feature_importances_") if hasattr(model, name)), "auto"
            )
        if getter != "auto":
            out.importance_getter = Importances(getter)
        return out
