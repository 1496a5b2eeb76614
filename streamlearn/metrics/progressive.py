"""Scores of a stream: of all rows so far, of the last ones, and of rows that fade."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from numbers import Integral, Real
from typing import Any, NamedTuple, Self

import numpy as np

from streamlearn import blocks as engine
from streamlearn._arrays import to_numpy
from streamlearn._validation.arrays import as_vector
from streamlearn._validation.messages import no_weight
from streamlearn.metrics.forgetting import Fading, Window, merged
from streamlearn.metrics.over_blocks import (
    Asked,
    Metric,
    StatisticStates,
    aligned,
    asked_by,
    merge_states,
    metric_of,
    states_of_block,
    warnings_of,
)
from streamlearn.metrics.scorers import made_by_name


class _Scored(NamedTuple):
    """A metric, the sign of its score, and whether it takes weights."""

    metric: Metric
    sign: int
    weighted: bool


class _Rows(NamedTuple):
    """Rows of a block, and the number of rows before them in the stream."""

    block: engine.Block
    start: int


class Progressive:
    """Scores of a stream, block by block: test first, then learn.

    Each block is first predicted, then scored here, and then learned from. So every row is one that
    the model has not seen, and no rows are held out. This is also known as prequential evaluation.
    `streamlearn.model_selection.StreamSearchCV` scores its candidates in the same way.

    Parameters
    ----------
    metrics : str, callable, or dict of str to these
        What is computed: the name of a scorer of scikit-learn, a function of `streamlearn.metrics`
        or a `functools.partial` object of one. A dict holds several. All of them are made of the
        same sums of a block where that is possible.
    window : int, default=None
        The number of rows of `window_score`. The rows themselves are kept, and no more than them
        and a block.
    fading_factor : float, default=None
        What the weight of a row in `faded_score` is multiplied by with each row that follows. It is
        greater than 0 and less than 1. With 0.999, the last 1,000 rows have 63 % of the weight.

    Attributes
    ----------
    n_rows_ : int
        The number of rows so far.
    n_blocks_ : int
        The number of blocks so far that had rows.

    Raises
    ------
    TypeError
        If a metric is not a function of `streamlearn.metrics`, or if a parameter is not a number.
    ValueError
        If there is no metric or no such scorer. If ``window`` is less than 1. If ``fading_factor``
        is not between 0 and 1, or if a metric has no weights and so no rows can fade.

    Notes
    -----
    Scores are those of all rows together, such as the F1 score of their counts. They
    are not means of the scores of blocks. They do not depend on how the stream is cut into blocks.

    Sums of blocks merge, and those of a window are kept in two stacks (Tangwongsan et al., 2015).
    So a block costs two merges, for any window. Rows that fade are summed twice. Their scores are
    exact up to 2**-53 of the weight.

    References
    ----------
    A. P. Dawid, "Present position and potential developments: some personal views: statistical
    theory: the prequential approach", Journal of the Royal Statistical Society A 147, 1984.

    J. Gama, R. Sebastiao and P. P. Rodrigues, "On evaluating stream learning algorithms", Machine
    Learning 90, 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.linear_model import SGDClassifier
    >>> from streamlearn.metrics import Progressive
    >>> model = SGDClassifier(classes=[False, True], random_state=0)
    >>> scores = Progressive("accuracy", window=500, fading_factor=0.99)
    >>> for day in range(20):
    ...     X = np.random.default_rng(day).normal(size=(200, 3))
    ...     y = X[:, 0] > 0 if day < 10 else X[:, 0] < 0
    ...     if day:
    ...         scores = scores.update(y, model.predict(X))
    ...     model = model.partial_fit(X, y)
    >>> scores.n_rows_
    3800
    >>> scores.score() < scores.window_score()
    True
    """

    def __init__(
        self, metrics: Any, *, window: int | None = None, fading_factor: float | None = None
    ) -> None:
        self.metrics = metrics
        self.window = window
        self.fading_factor = fading_factor
        self._alone = not isinstance(metrics, Mapping)
        given = {"": metrics} if self._alone else dict(metrics)
        if not given:
            raise ValueError("metrics is empty. Give at least one, as in {'accuracy': 'accuracy'}.")
        self._scored = {name: _scored(name, metric) for name, metric in given.items()}
        _check_window(window)
        _check_factor(fading_factor, self._scored)
        self.n_rows_ = self.n_blocks_ = 0
        self._asked: Asked | None = None
        self._parts: dict[str, str] = {}
        self._all: StatisticStates | None = None
        self._window: Window | None = None
        self._fading: Fading | None = None
        self._has_unit_checked = False

    def __repr__(self) -> str:
        """Return how this was made."""
        how = f"window={self.window!r}, fading_factor={self.fading_factor!r}"
        return f"{type(self).__name__}({self.metrics!r}, {how})"

    def update(self, y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> Self:
        """Add a block of targets and of predictions that were made before it was learned from.

        Parameters
        ----------
        y_true : array, DataFrame or Series of shape (n_samples,) or (n_samples, n_outputs)
            The true targets. A block without rows changes nothing.
        y_pred : container or dict of str to container
            The predictions, or a dict of them as in `streamlearn.metrics.compute`.
        sample_weight : array of shape (n_samples,), default=None
            The weight of each row. None means 1 for every row.

        Returns
        -------
        Progressive
            This object.

        Raises
        ------
        TypeError
            If a container is a collection, or for the reasons that a metric has.
        ValueError
            If the containers do not line up, or for the reasons that a metric has. If a metric
            returns sums of weights, which have no unit when rows fade.
        """
        for name, x in {"y_true": y_true, "y_pred": y_pred, "sample_weight": sample_weight}.items():
            for each in x.values() if isinstance(x, Mapping) else (x,):
                if engine.is_collection(each):
                    raise TypeError(
                        f"{name} is a collection ({type(each).__name__}), and a stream is scored "
                        "block by block. Give one block in memory, or use "
                        "streamlearn.metrics.compute, which reads all of them."
                    )
        block = self._block(y_true, y_pred, sample_weight)
        rows = engine.n_rows(block.parts["y_true"])
        if rows:
            self._add(rows, block)
        return self

    def _block(self, y_true: Any, y_pred: Any, sample_weight: Any) -> engine.Block:
        if y_true is None:
            raise ValueError("A score compares predictions with y_true, which is None. Give it.")
        metrics = {name: scored.metric for name, scored in self._scored.items()}
        containers, parts = aligned(metrics, y_true, y_pred, sample_weight)
        if self._asked is None:
            self._parts, self._asked = parts, asked_by(metrics, parts)
        elif parts != self._parts:
            raise ValueError(
                f"The predictions are {', '.join(sorted(set(parts.values())))}, and those of "
                f"earlier blocks were {', '.join(sorted(set(self._parts.values())))}. Give the "
                "same ones for each block."
            )
        whole = engine.align(**containers).whole
        assert whole is not None
        return engine.Block(self.n_blocks_, whole.parts)

    def _add(self, rows: int, block: engine.Block) -> None:
        assert self._asked is not None
        merge = partial(merge_states, self._asked)
        if self._window is None and self.window is not None:
            self._window = Window(self.window, merge)
        if self._fading is None and self.fading_factor is not None:
            self._fading = Fading(self.fading_factor, merge)
        whole = _Rows(block, self.n_rows_)
        sums = self._sums_of(whole)
        if self._fading is not None:
            if not self._has_unit_checked:
                self._check_unit(whole)
            self._fading.add(rows, partial(self._faded, whole))
        self._all = merged(merge, self._all, sums)
        if self._window is not None:
            last = min(rows, self._window.size)
            # a copy, because the caller may fill the same array with the next block
            kept = _last_rows(whole, last)
            sums = sums if last == rows else self._sums_of(kept)
            self._window.add(last, kept, sums)
        self.n_rows_ += rows
        self.n_blocks_ += 1

    def _sums_of(self, rows: _Rows) -> StatisticStates:
        assert self._asked is not None
        return states_of_block(self._asked, rows.start, rows.block)

    def _faded(self, rows: _Rows, some: range, weight: np.ndarray) -> StatisticStates:
        """Return the sums of some rows with these weights, times their own."""
        block = _some_rows(rows, some)
        own = block.block.sample_weight
        if own is not None:
            own = as_vector(own, "sample_weight", block.block.number)
            weight = weight * to_numpy(own).astype(np.float64)
        parts = block.block.parts | {"sample_weight": weight}
        return self._sums_of(block._replace(block=block.block._replace(parts=parts)))

    def _check_unit(self, rows: _Rows) -> None:
        """Raise if a score depends on the unit of the weights.

        A multiple of all weights by a power of two changes no bit of another score.
        """
        some = range(engine.n_rows(rows.block.parts["y_true"]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sums = [self._faded(rows, some, np.full(len(some), unit)) for unit in (1.0, 2.0)]
            try:
                once, twice = map(self._values, sums)
            except ValueError:
                return  # The first block may lack a class, and the next one is checked.
        self._has_unit_checked = sums[0].weighted
        for name in once:
            if repr(once[name]) != repr(twice[name]):
                raise ValueError(
                    f"{_called(name)} returns sums of weights, which have no unit if rows fade. "
                    "Give a parameter that divides them by their sum, such as normalize='all' of "
                    "confusion_matrix, or leave fading_factor out."
                )

    def score(self) -> Any:
        """Return the score of all rows so far.

        Returns
        -------
        object
            What the metric returns, with the sign of the scorer. If ``metrics`` is a dict, it is a
            dict.

        Raises
        ------
        ValueError
            If there are no rows, or none with a weight.
        """
        return self._result(self._all)

    def window_score(self) -> Any:
        """Return the score of the last ``window`` rows, or of all rows if there are fewer.

        Returns
        -------
        object
            As in `score`.

        Raises
        ------
        ValueError
            If ``window`` is None, or if there are no rows, or none with a weight.
        """
        if self.window is None:
            raise ValueError("window is None. Give a number of rows, for example window=1_000.")
        sums = None if self._window is None else self._window.sums(self._of_last_rows)
        return self._result(sums)

    def _of_last_rows(self, kept: _Rows, n: int) -> StatisticStates:
        return self._sums_of(_last_rows(kept, n))

    def faded_score(self) -> Any:
        """Return the score of all rows so far, whose weights fade.

        Returns
        -------
        object
            As in `score`.

        Raises
        ------
        ValueError
            If ``fading_factor`` is None, or if there are no rows, or none with a weight.
        """
        if self.fading_factor is None:
            raise ValueError("fading_factor is None. Give a number below 1, for example 0.999.")
        return self._result(None if self._fading is None else self._fading.sums())

    def _result(self, sums: StatisticStates | None) -> Any:
        if sums is None:
            raise ValueError("There are no rows yet, so there is no score. Call update first.")
        if not sums.weighted:
            raise no_weight()
        # A warning points to the caller of a public method.
        with warnings_of(stacklevel=3):
            values = self._values(sums)
        return values[""] if self._alone else values

    def _values(self, sums: StatisticStates) -> dict[str, Any]:
        assert self._asked is not None
        states = dict(zip(self._asked, sums.states, strict=True))
        found = {}
        for name, (metric, sign, _) in self._scored.items():
            value = metric.result(states[metric.statistic, self._parts[name]])
            if isinstance(value, Metric):
                raise TypeError(
                    f"{_called(name)} reads the data twice, and a stream is read once. Use "
                    "streamlearn.metrics.compute for it."
                )
            found[name] = value if sign == 1 else -value
        return found


def _scored(name: str, metric: Any) -> _Scored:
    sign = 1
    if isinstance(metric, str):
        made = made_by_name(metric)
        metric, sign = partial(made.metric, **made.arguments), made.sign
    found = metric_of(name, metric)
    function: Callable[..., Any] = getattr(metric, "func", metric)
    return _Scored(found, sign, "sample_weight" in inspect.signature(function).parameters)


def _called(name: str) -> str:
    return f"metrics[{name!r}]" if name else "The metric"


def _check_window(window: Any) -> None:
    if window is None:
        return
    if not isinstance(window, Integral) or isinstance(window, bool):
        raise TypeError(f"window must be a number of rows or None, got {window!r}.")
    if window < 1:
        raise ValueError(f"window={window} must be at least 1. It is a number of rows.")


def _check_factor(factor: Any, scored: Mapping[str, _Scored]) -> None:
    if factor is None:
        return
    if not isinstance(factor, Real) or isinstance(factor, bool):
        raise TypeError(f"fading_factor must be a number or None, got {factor!r}.")
    if not 0 < float(factor) < 1:
        raise ValueError(
            f"fading_factor={factor} must be greater than 0 and less than 1. Leave it out if rows "
            "must not fade."
        )
    for name, each in scored.items():
        if not each.weighted:
            raise ValueError(
                f"{_called(name)} takes no weights, so its rows cannot fade. Leave fading_factor "
                "out, and give window to see the last rows."
            )


def _some_rows(rows: _Rows, some: range) -> _Rows:
    """Return a copy of some of the rows."""
    parts = {name: engine.some_rows(part, some) for name, part in rows.block.parts.items()}
    return _Rows(rows.block._replace(parts=parts), rows.start + some.start)


def _last_rows(rows: _Rows, n: int) -> _Rows:
    n_rows = engine.n_rows(rows.block.parts["y_true"])
    return _some_rows(rows, range(n_rows - n, n_rows))
