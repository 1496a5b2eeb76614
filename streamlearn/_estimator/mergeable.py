"""The base classes of estimators that learn a mergeable statistic.

The statistic of each block is made in parallel, and the statistics are merged in a fixed order. A
one-pass pipeline uses the statistic of a transformer through `streamlearn.stages.stage.Mergeable`.
`streamlearn._estimator.predictor` has the base classes of predictors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np

from streamlearn._arrays import Array, asarray, is_array
from streamlearn._estimator.callbacks import watched
from streamlearn._estimator.inputs import (
    CheckedInputs,
    check_inputs,
    check_parameters,
    unchanged_on_error,
)
from streamlearn._estimator.merging import Merging
from streamlearn._estimator.outputs import RowFunction, Transformer, rows_out
from streamlearn._thirdparty.tags import has_parameter
from streamlearn._training.fit_settings import FitSettings, Target
from streamlearn._training.summed import RowsStatistic, read_all, wider
from streamlearn._validation.arrays import DENSE
from streamlearn._validation.messages import no_weight
from streamlearn._validation.reader import Reader, same_place_or_raise
from streamlearn.blocks import taken_apart
from streamlearn.core.learner import Learner, an_array
from streamlearn.stages import set_features

MOST_FEATURES = 1 << 14
"""The largest number of features of which a matrix is kept: it takes 2 GB."""


class MergeableEstimator(Merging):
    """An estimator whose statistic can be merged.

    A subclass defines ``_statistic()``, which returns the learner of its core module with the
    parameters, and ``_publish()``, which sets the fitted attributes from ``_state``.
    ``_allow_nan`` says whether X may hold NaN. ``_dense`` says whether X must be dense.

    Attributes
    ----------
    _state : State of the learner
        The statistic of all rows so far.
    _like : array of shape (0,)
        The library, the device and the float dtype of these rows.
    _weighted : bool
        Whether any rows came with weights.
    """

    _allow_nan = False
    _multi_output = False
    _kind: str | None = None
    _unsigned = ""
    """Why no weight may be negative, and what to do. It is empty if they may."""

    _most_features: int | None = None
    """The largest number of features, if a matrix of features times features is kept."""
    _for_more_features = ""
    """What to do with more features."""

    _state: Any
    _like: Array
    _weighted: bool

    def _statistic(self) -> Learner:
        """Return the mergeable learner with the present parameters."""
        raise NotImplementedError

    def _publish(self) -> None:
        """Set the fitted attributes from ``_state`` and ``_weighted``."""
        raise NotImplementedError

    def _target(
        self, given: CheckedInputs, y: Any, sample_weight: Any, *, reset: bool, classes: Any = None
    ) -> tuple[Target, int]:
        """Return how y becomes the target, and the number of outputs. It may set attributes."""
        return Target(learned=False), 1

    def _n_folds(self) -> int:
        """Return the number of folds that are summed by themselves, 0 for none."""
        return 0

    def _learned_folds(self, folds: tuple[Any, ...] | None) -> None:
        """Use the statistics of the folds. ``_publish`` follows."""

    def _read_more(self, settings: FitSettings, given: CheckedInputs) -> None:
        """Read all rows once more, if ``fit`` needs that. The first state is published already."""

    @watched
    def _learn(self, X: Any, y: Any = None, *, reset: bool, **metadata: Any) -> Self:
        """Learn from X, on top of the former statistic unless ``reset``.

        ``metadata`` holds the other arguments of ``fit`` and ``partial_fit``, ``sample_weight`` and
        ``classes``, if they have these. ``whole`` is true if these are all rows, so that they may
        be read again.
        """
        check_parameters(self, again=reset)
        X, y, sample_weight = taken_apart(X, y, metadata.get("sample_weight"))
        if self._kind is None:
            y = None
        fit: Any = getattr(self, "fit")  # noqa: B009
        if sample_weight is not None and not has_parameter(fit, "sample_weight"):
            sample_weight = None  # the blocks of X contain it for other steps
        with unchanged_on_error(self):
            given = check_inputs(
                self,
                X,
                y,
                sample_weight,
                reset=reset,
                target=self._kind,
                allow_nan=self._allow_nan,
                multi_output=self._multi_output,
            )
            name, weighted = type(self).__name__, sample_weight is not None
            self._few_or_raise(given.n_features)
            former = None if reset else self._former()
            classes = metadata.get("classes")
            target, n_outputs = self._target(given, y, sample_weight, reset=reset, classes=classes)
            learner = self._statistic()
            settings = FitSettings(
                learner,
                n_outputs,
                given.reader,
                target=target,
                ahead=None if given.flow is None else given.flow.chain,
                weighted=weighted,
                unsigned=self._unsigned,
            )
            sums, former = read_all(
                settings, given.blocks, given.flow, y, former, n_folds=self._n_folds()
            )
            self._seen_or_raise(learner, given, sums, reset=reset)
            state, like = sums.state, sums.like
            if weighted:
                _weight_or_raise(learner, state)
            if former is not None:
                assert learner.merge is not None
                here, there = an_array(state), an_array(former)
                same_place_or_raise(here, there, name, "partial_fit")
                state = learner.merge(former, state)
                like = wider(getattr(self, "_like", like), like)
            self._like = like
            self._learned_folds(sums.folds)
            self._keep(state, weighted=weighted or (former is not None and self._weighted))
            if metadata.get("whole"):
                self._read_more(settings, given)
        return self

    def _few_or_raise(self, n_features: int | None) -> None:
        """Check that a matrix of features times features fits in memory."""
        most = self._most_features
        if most is not None and n_features is not None and n_features > most:
            raise ValueError(
                f"X has {n_features} features, and {type(self).__name__} keeps a matrix of "
                f"features times features, for at most {most} features. {self._for_more_features}"
            )

    def _seen_or_raise(
        self, learner: Learner, given: CheckedInputs, sums: RowsStatistic, *, reset: bool
    ) -> None:
        """Set the features behind stages, or check that they are those of earlier calls."""
        if given.flow is None:
            return
        assert learner.n_features is not None
        found, known = learner.n_features(sums.state), getattr(self, "n_features_in_", None)
        if not reset and known != found:
            raise ValueError(
                f"X has {found} features, but {type(self).__name__} is expecting {known} features "
                "as input."
            )
        set_features(self, found, sums.names)

    def _former(self) -> Any:
        """Return the state from which ``partial_fit`` continues, or None."""
        return getattr(self, "_state", None)

    def _keep(self, state: Any, *, weighted: bool) -> None:
        """Set the state, and forget the gaps in the rows of the former one."""
        self.__dict__.pop("_behind_fills", None)
        self._weighted = weighted
        self._state = state
        self._publish()

    def _as_learned(self, x: Any) -> Any:
        """Return numbers in the library, on the device and in the float dtype of the rows."""
        if not is_array(x) or isinstance(x, np.ndarray):
            x = np.array(x, order="C")  # torch takes no negative strides, not even of one number
        # behind the steps of a one-pass pipeline the dtype of the rows is that of the sums
        out = asarray(x, like=getattr(self, "_like", an_array(self._state)))
        return out[()] if isinstance(out, np.ndarray) and out.ndim == 0 else out

    def _merge_from(self, a: Any, b: Any) -> None:
        learner = self._statistic()
        assert learner.merge is not None
        assert learner.n_features is not None
        same_place_or_raise(an_array(b._state), an_array(a._state), type(self).__name__, "merge")
        if hasattr(a, "_like") and hasattr(b, "_like"):
            self._like = wider(a._like, b._like)
        state = learner.merge(a._state, b._state)
        self._keep(state, weighted=a._weighted or b._weighted)


class MergeableTransformer(MergeableEstimator, Transformer):
    """A transformer whose statistic can be merged, see `MergeableEstimator`.

    A subclass that takes weights overrides ``fit`` and ``partial_fit``, so that their signatures
    have ``sample_weight``.
    """

    def _fitted_statistic(self) -> Learner:
        """Return the learner with the parameters with which rows are transformed."""
        return self._statistic()

    def _function(self) -> Any:
        """Return the transformation that the state defines, as a function of rows."""
        learner = self._fitted_statistic()
        assert learner.applied is not None
        with np.errstate(over="ignore", invalid="ignore"):
            return learner.applied(learner.params, self._state)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from all rows, in one pass.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            Numbers, of which some may be NaN.
        y : None
            It is ignored.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X holds infinity, or has no rows or no features.
        """
        return self._learn(X, reset=True)

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Learn from more rows, on top of those of earlier calls.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            Numbers, of which some may be NaN.
        y : None
            It is ignored.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If `fit` would raise it, or if X has other features than before.
        """
        return self._learn(X, reset=self._former() is None)

    def _learner_of_rows(self, weighted: bool) -> Learner:
        """Return the learner for a one-pass pipeline, whose rows have weights if ``weighted``."""
        self._validate_params()
        return self._statistic()

    def _finish(self, state: Any, *, names: Any, weighted: bool) -> None:
        """Set the state that a pipeline has learned."""
        learner = self._statistic()
        assert learner.n_features is not None
        if weighted:
            _weight_or_raise(learner, state)
        set_features(self, learner.n_features(state), names)
        self._keep(state, weighted=weighted)

    def _rows_function(self) -> Any:
        """Return the transformation of the rows of blocks, together with their reader."""
        name, allow_nan = type(self).__name__, self._allow_nan
        reader = Reader(name, None, allow_nan=allow_nan, dense=getattr(self, "_dense", DENSE))
        return RowFunction(reader, self._function(), an_array(self._state), "transform")

    def _transform(self, X: Any, names: Any) -> Any:
        return self._rows("transform", self._function(), X, names)

    def _rows(
        self,
        method: str,
        function: Callable[[Array], Array],
        X: Any,
        names: Any,
        *,
        named: bool = True,
    ) -> Any:
        """Apply ``function`` to the rows of X; see `rows_out`."""
        return rows_out(
            self,
            method,
            X,
            function,
            fitted=an_array(self._state),
            names=names,
            named=named,
            allow_nan=self._allow_nan,
        )

    def __sklearn_tags__(self) -> Any:
        """Return the tags of the estimator."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self._allow_nan
        tags.array_api_support = True
        return tags


def _weight_or_raise(learner: Learner, state: Any) -> None:
    assert learner.is_empty is not None
    if bool(learner.is_empty(state)):
        raise no_weight(", and must not add up to 0")
