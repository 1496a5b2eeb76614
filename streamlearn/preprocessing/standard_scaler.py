"""Transformers that learn in one parallel pass."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from sklearn.base import OneToOneFeatureMixin
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils.validation import check_is_fitted

from streamlearn._arrays import to_numpy
from streamlearn._estimator.inputs import take_in, unchanged_on_error
from streamlearn._estimator.outputs import Transformer, rows_out
from streamlearn._validation.reader import (
    Reader,
    read_weight,
    same_place_or_raise,
    sum_is_finite,
)
from streamlearn.blocks import is_frame, reduce
from streamlearn.core.learner import Machine
from streamlearn.core.statistics import moments


class StandardScaler(CallbackSupportMixin, OneToOneFeatureMixin, Transformer):
    """Subtract the mean of each feature and divide by its standard deviation.

    scikit-learn's `~sklearn.preprocessing.StandardScaler` for any array backend and for dask
    collections, whose blocks are read in parallel and merged in a fixed order.

    Parameters
    ----------
    copy : bool, default=True
        Has no effect: input is never changed.
    with_mean : bool, default=True
        Subtract the mean.
    with_std : bool, default=True
        Divide by the standard deviation.

    Attributes
    ----------
    scale_ : array of shape (n_features,) or None
        Standard deviation, 1 for constant features; None if ``with_std=False``.
    mean_ : array of shape (n_features,) or None
        None if neither is asked for.
    var_ : array of shape (n_features,) or None
        None if ``with_std=False``.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Only where X was a frame whose column names are all strings.
    n_samples_seen_ : int, float or array of shape (n_features,)
        Rows that are not NaN, or the sum of their weights: one number where it is the same for
        all features.

    Notes
    -----
    NaN are counted out feature by feature in ``fit`` and stay NaN in ``transform``. Sums are kept
    in the widest float of the device, see `streamlearn.core.statistics.moments`. Fitted attributes
    are in the namespace and on the device of X.

    Different from scikit-learn: scale and mean are right at any offset and in any unit, also where
    the variance itself leaves the floats (0 or infinity). Weights that add up to 0 are an error.

    Rows of scipy.sparse, in memory or as blocks, need ``with_mean=False``, and stay sparse in
    ``transform``. Their zeros count.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.preprocessing import StandardScaler
    >>> X = da.from_array([[0.0, 0.0], [0.0, 0.0], [1.0, 1.0], [1.0, 1.0]], chunks=(2, 2))
    >>> scaler = StandardScaler().fit(X)
    >>> scaler.mean_
    array([0.5, 0.5])
    >>> scaler.transform(X)
    dask.array<..., shape=(4, 2), dtype=float64, chunksize=(2, 2), chunktype=numpy.ndarray>
    """

    _dense = None  # rows may be sparse

    _state: moments.Moments
    _weighted: bool

    _parameter_constraints: dict = {
        "copy": ["boolean"],
        "with_mean": ["boolean"],
        "with_std": ["boolean"],
    }

    def __init__(self, *, copy=True, with_mean=True, with_std=True):
        self.copy = copy
        self.with_mean = with_mean
        self.with_std = with_std

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> StandardScaler:
        """Learn mean and standard deviation of each feature, in one pass.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
        y : None
            Ignored.
        sample_weight : array or dask array of shape (n_samples,), optional

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X holds infinity, has no rows or features, or does not line up with the weights.
        """
        return self._learn(X, sample_weight, reset=True)

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> StandardScaler:
        """Learn from more rows; the same parameters and errors as `fit`."""
        return self._learn(X, sample_weight, reset=not hasattr(self, "n_samples_seen_"))

    @with_callbacks
    def _learn(self, X: Any, sample_weight: Any, *, reset: bool) -> StandardScaler:
        self._validate_params()
        context = self._init_callback_context()
        task = {"estimator": self, "X": X, "metadata": {"sample_weight": sample_weight}}
        context.call_on_fit_task_begin(**task)
        with unchanged_on_error(self):
            given = take_in(self, X, None, sample_weight, reset=reset, allow_nan=True)
            state = reduce(
                partial(_moments_of_block, self._params(), given.reader, given.blocks.names),
                partial(_merge, given.reader.estimator),
                given.blocks,
            )
            if state is None:
                raise ValueError(
                    "Found array with 0 sample(s) while a minimum of 1 is required by "
                    "StandardScaler."
                )
            if sample_weight is not None:
                _weight_or_raise(state)
            if not reset:
                same_place_or_raise(
                    state.mean, self._state.mean, given.reader.estimator, "partial_fit"
                )
                state = moments.merge(self._state, state)
            self._weighted = sample_weight is not None or (not reset and self._weighted)
            self._state = state
            self._publish()
        context.call_on_fit_task_end(**task, reconstruction_attributes={})
        return self

    def _params(self) -> moments.Params:
        return moments.Params(self.with_mean, self.with_std)

    def _machine_of_rows(self) -> Machine:
        """Return the machine, for a pipeline that learns in one pass."""
        self._validate_params()
        return moments.machine(self.with_mean, self.with_std)

    def _former(self) -> moments.Moments | None:
        """Return where ``partial_fit`` goes on."""
        return getattr(self, "_state", None)

    def _finish(self, state: moments.Moments, *, names: Any, weighted: bool) -> None:
        """Take over what a pipeline has learned."""
        if weighted:
            _weight_or_raise(state)
        self._weighted = weighted
        self._state = state
        self.n_features_in_ = state.mean.shape[0]
        if names is not None:
            self.feature_names_in_ = np.asarray(names, dtype=object)
        else:
            self.__dict__.pop("feature_names_in_", None)
        self._publish()

    def _publish(self) -> None:
        state, some = self._state, self.with_mean or self.with_std
        self.mean_ = moments.mean(state) if some else None
        with np.errstate(over="ignore"):  # in units where only the deviation is in the floats
            self.var_ = moments.variance(state) if self.with_std else None
        self.scale_ = moments.scale(state) if self.with_std else None
        seen = to_numpy(state.weight + state.weight_low)
        seen = seen if self._weighted else seen.astype(np.int64)
        self.n_samples_seen_ = seen[0] if np.all(seen == seen[0]) else seen

    def transform(self, X: Any, copy: bool | None = None) -> Any:
        """Subtract the mean and divide by the scale.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
        copy : bool or None, default=None
            Has no effect: input is never changed.

        Returns
        -------
        array, DataFrame, dask array or dask DataFrame
            In X's namespace and on its device; lazy for dask. ``set_output(transform="pandas")``
            makes a lazy dask DataFrame of a dask array.
        """
        return super().transform(X)

    def _transform(self, X: Any, names: Any) -> Any:
        function = moments.applied(self._params(), self._state)
        return self._rows("transform", function, X, names)

    def inverse_transform(self, X: Any, copy: bool | None = None) -> Any:
        """Undo `transform`: multiply by the scale and add the mean.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
        copy : bool or None, default=None
            Has no effect: input is never changed.

        Returns
        -------
        array, dask array or dask DataFrame
            In X's namespace and on its device; lazy for dask.
        """
        check_is_fitted(self)
        names = list(X.columns) if is_frame(X) else None
        function = partial(moments.restore, *moments.mean_and_scale(self._params(), self._state))
        return self._rows("inverse_transform", function, X, names, named=False)

    def _rows(self, method: str, function: Any, X: Any, names: Any, *, named: bool = True) -> Any:
        return rows_out(
            self,
            method,
            X,
            function,
            fitted=self._state.mean,
            names=names,
            named=named,
            allow_nan=True,
        )

    def __sklearn_tags__(self):
        """Return scikit-learn's tags: NaN are allowed, float dtypes kept."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = not self.with_mean
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.array_api_support = True
        return tags


def _weight_or_raise(state: moments.Moments) -> None:
    if not to_numpy(state.weight).any():
        raise ValueError(
            "Sample weights must contain at least one non-zero number, and must not add up to 0."
        )


def _merge(estimator: str, a: moments.Moments, b: moments.Moments) -> moments.Moments:
    same_place_or_raise(b.mean, a.mean, estimator, "fit")
    return moments.merge(a, b)


def _moments_of_block(
    params: moments.Params, reader: Reader, names: tuple[str, ...], index: int, parts: tuple
) -> moments.Moments:
    block = reader.block(index)
    X = reader._replace(finite=False).rows(parts[0], block)
    with np.errstate(over="ignore", invalid="ignore"):
        state = moments.of_block(params, X, read_weight(parts, names, X, block))
    # Infinity reaches the means, which are fewer.
    if not sum_is_finite(state.mean):
        reader.finite_or_raise(X, block)
    return state
