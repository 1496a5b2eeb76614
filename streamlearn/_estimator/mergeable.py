"""The base class of transformers that learn a mergeable statistic.

The statistic of each block is made in parallel, and the statistics are merged in a fixed order. A
one-pass pipeline uses the same statistic through `streamlearn.stages.stage.Mergeable`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Self

import numpy as np

from streamlearn._arrays import Array
from streamlearn._estimator.callbacks import watched
from streamlearn._estimator.inputs import check_inputs, check_parameters, unchanged_on_error
from streamlearn._estimator.outputs import RowFunction, Transformer, rows_out
from streamlearn._thirdparty.tags import has_parameter
from streamlearn._validation.arrays import DENSE
from streamlearn._validation.messages import no_rows, no_weight
from streamlearn._validation.reader import Reader, read_weight, same_place_or_raise
from streamlearn.blocks import Block, reduce, taken_apart
from streamlearn.core.learner import Learner, an_array
from streamlearn.stages import set_features
from streamlearn.stages.stage import may_be_refused


class MergeableTransformer(Transformer):
    """A transformer whose statistic can be merged.

    A subclass defines ``_statistic()``, which returns the learner of its core module with the
    parameters, and ``_publish()``, which sets the fitted attributes from ``_state``. A subclass
    that takes weights overrides ``fit`` and ``partial_fit``, so that their signatures have
    ``sample_weight``. ``_allow_nan`` says whether X may hold NaN. ``_dense`` says whether X must be
    dense.

    Attributes
    ----------
    _state : State of the learner
        The statistic of all rows so far.
    _weighted : bool
        Whether any rows came with weights.
    """

    _allow_nan = False

    _state: Any
    _weighted: bool

    def _statistic(self) -> Learner:
        """Return the mergeable learner with the present parameters."""
        raise NotImplementedError

    def _fitted_statistic(self) -> Learner:
        """Return the learner with the parameters with which rows are transformed."""
        return self._statistic()

    def _publish(self) -> None:
        """Set the fitted attributes from ``_state`` and ``_weighted``."""
        raise NotImplementedError

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

    @watched
    def _learn(self, X: Any, *, reset: bool, **metadata: Any) -> Self:
        """Learn from X, on top of the former statistic unless ``reset``.

        ``metadata`` holds the other arguments of ``fit``: ``sample_weight`` if it has one.
        """
        check_parameters(self, again=reset)
        learner = self._statistic()
        X, _, sample_weight = taken_apart(X, None, metadata.get("sample_weight"))
        if sample_weight is not None and not has_parameter(self.fit, "sample_weight"):
            sample_weight = None  # the blocks of X contain it for other steps
        with unchanged_on_error(self):
            given = check_inputs(
                self, X, None, sample_weight, reset=reset, allow_nan=self._allow_nan
            )
            name = type(self).__name__
            state = reduce(
                partial(_of_block, learner, given.reader),
                partial(_merge, learner, name),
                given.blocks,
            )
            if state is None:
                raise no_rows(name)
            weighted = sample_weight is not None
            if weighted:
                _weight_or_raise(learner, state)
            if not reset:
                assert learner.merge is not None
                here, there = an_array(state), an_array(self._state)
                same_place_or_raise(here, there, name, "partial_fit")
                state = learner.merge(self._state, state)
            self._keep(state, weighted=weighted or (not reset and self._weighted))
        return self

    def _learner_of_rows(self, weighted: bool) -> Learner:
        """Return the learner for a one-pass pipeline, whose rows have weights if ``weighted``."""
        self._validate_params()
        return self._statistic()

    def _former(self) -> Any:
        """Return the state from which ``partial_fit`` continues, or None."""
        return getattr(self, "_state", None)

    def _finish(self, state: Any, *, names: Any, weighted: bool) -> None:
        """Set the state that a pipeline has learned."""
        learner = self._statistic()
        assert learner.n_features is not None
        if weighted:
            _weight_or_raise(learner, state)
        set_features(self, learner.n_features(state), names)
        self._keep(state, weighted=weighted)

    def _keep(self, state: Any, *, weighted: bool) -> None:
        """Set the state, and forget the gaps in the rows of the former one."""
        self.__dict__.pop("_behind_fills", None)
        self._weighted = weighted
        self._state = state
        self._publish()

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


def _merge(learner: Learner, estimator: str, a: Any, b: Any) -> Any:
    assert learner.merge is not None
    same_place_or_raise(an_array(b), an_array(a), estimator, "fit")
    return learner.merge(a, b)


def _of_block(learner: Learner, reader: Reader, block: Block) -> Any:
    assert learner.of_block is not None
    X = reader._replace(finite=False).rows(block.X, block.named)
    weight = read_weight(block.sample_weight, X, block.named)
    with np.errstate(over="ignore", invalid="ignore"):
        state = learner.of_block(learner.params, X, weight)
    if may_be_refused(learner, state, X.shape[0], reader):
        reader.finite_or_raise(X, block.named)
    return state
