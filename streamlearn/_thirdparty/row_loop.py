"""scikit-learn's compiled loop over rows, as the step of `streamlearn.core.linear.rowwise`.

The results are those of the sweeps of that module, up to rounding. The loop takes rows of NumPy and
of scipy. Each column of the model has an estimator of scikit-learn. Its attributes are set from the
state, it learns, and the next state is read from its attributes. The loop releases the lock of the
interpreter, so that other blocks load at the same time.

The loop differs from the sweeps in two ways:

- It reports no losses. So the rows are scored before it runs, by the models before the batch
  (`update`) or before the call (`OneCall`). This costs one product.
- Each run of the loop begins as if no L1 penalty had been applied before. So a call with an L1
  penalty has to be one run, which is `OneCall`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sklearn import config_context
from sklearn.base import ClassifierMixin
from sklearn.linear_model import SGDClassifier, SGDRegressor

from streamlearn._arrays import Array, asarray, cast, is_sparse, row_squares, to_numpy
from streamlearn._arrays.sparse import bytes_of_a_row, with_short_indices
from streamlearn._validation.finite import sum_is_finite
from streamlearn.core.batches import cut
from streamlearn.core.learner import Batch, Info, Learner
from streamlearn.core.linear import rowwise, sgd
from streamlearn.core.linear.losses import LOSSES
from streamlearn.core.linear.row_step import PASSIVE
from streamlearn.core.linear.sgd import Params
from streamlearn.core.rows import built, linear_predictor

NUMBERS = 1 << 21
"""Numbers in a batch. The loop takes some milliseconds for them, and a call 0.2 milliseconds."""

A_ROW = 32
"""The fixed cost of a row: it takes as long as this number of numbers."""

TINY = np.nextafter(0.0, 1.0)
"""A weight that changes no model. It replaces 0 if no row of a call has a weight.

scikit-learn raises an error for such calls.
"""


class ColumnLoop(ClassifierMixin, SGDRegressor):
    """One column of a classifier.

    scikit-learn's classifier searches the labels for classes, which takes as long as the loop. Its
    regressor does not.
    """

    loss_functions = SGDClassifier.loss_functions


class Seed(np.random.RandomState):
    """A random state for scikit-learn. It returns a seed that was drawn before."""

    def __init__(self, seed: int) -> None:
        super().__init__(BITS)
        self.seed_ = seed

    def randint(self, *bounds: Any) -> Any:
        """Return the seed."""
        return self.seed_


BITS = np.random.MT19937(0)
"""The bit generator of all `Seed` objects, which do not use it. To make one costs 1,000 rows."""


class Called(NamedTuple):
    """The result of `OneCall`: the next state, and the number of epochs."""

    state: rowwise.State
    n_iter: int


class Model(NamedTuple):
    """A column: its coefficients (d,) and intercept, their means, and the number of epochs."""

    coef: np.ndarray
    intercept: float
    mean_coef: np.ndarray
    mean_intercept: float
    n_iter: int


def takes_rows(X: Any) -> bool:
    """Return whether the loop takes rows like X. It has 32 bits for the indices of sparse rows."""
    return max(X.nnz, *X.shape) < 1 << 31 if is_sparse(X) else isinstance(X, np.ndarray)


def fixed(X: Array, n_outputs: int) -> int | None:
    """Return the number of rows of each batch, or None if the loop does not take the rows."""
    if not takes_rows(X):
        return None
    numbers = bytes_of_a_row(X) // 8 if is_sparse(X) else X.shape[1]
    return max(1, NUMBERS // (A_ROW + numbers))


def fixed_or_swept(X: Array, n_outputs: int) -> int:
    """Return the number of rows of each batch. The sweeps learn if the loop cannot."""
    return fixed(X, n_outputs) or rowwise.fixed(X, n_outputs)


def looped(learner: Learner) -> Learner:
    """Return a learner of `rowwise` that uses the loop for the rows that it takes."""
    return learner._replace(update=update, fixed=fixed_or_swept)


def update(params: Params, state: rowwise.State, batch: Batch) -> tuple[rowwise.State, Info]:
    """Learn from the rows of a batch one after the other, as `rowwise.update` does.

    ``info`` has the losses of the models before the batch.
    """
    X = built(batch.X)
    if not takes_rows(X):
        return rowwise.update(params, state, batch._replace(X=X))
    batch = batch._replace(X=_as_the_loop_has_them(X), seen=batch.seen - int(state.skipped))
    info = _losses(params, state, batch)
    try:
        models = [_model(params, state, batch, k, shuffle=False) for k in _moving(state)]
    except ValueError as error:
        if "overflow" not in str(error):
            raise
        return state, info._replace(loss=np.nan * info.loss)
    passed = _passed(params, batch.X)
    new = _joined(params, state, models, batch.seen + batch.X.shape[0] - passed)
    state = state._replace(skipped=state.skipped + passed, **new)
    return state, rowwise.nan_if_lost(state, info)


@dataclass(frozen=True, eq=False)
class OneCall:
    """An update like that of `rowwise`, with all rows and all epochs of a call in one batch.

    scikit-learn draws the orders of the rows and decides when the epochs end.

    Attributes
    ----------
    seeds : tuple of int
        The seeds of the orders of the rows: one for each column, or one for all.
    rule : dict or None
        The parameters ``max_iter``, ``tol`` and ``n_iter_no_change`` of a call of ``fit``. It is
        None for a call of ``partial_fit``.
    shuffle : bool
    verbose : int
    advice : str
        The note in the error if the model overflows.
    """

    seeds: tuple[int, ...]
    rule: dict[str, Any] | None
    shuffle: bool
    verbose: int
    advice: str

    def __call__(self, params: Params, state: rowwise.State, batch: Batch) -> tuple[Called, Info]:
        """Learn from all rows of the call."""
        given, state = state, _in_numpy(state)
        X, target, weight = (
            a if a is None else to_numpy(a) for a in (built(batch.X), batch.target, batch.weight)
        )
        batch = Batch(_as_the_loop_has_them(X), target, weight, batch.seen)
        info, models = _losses(params, state, batch), []
        if not sum_is_finite(info.objective) and not sum_is_finite(batch.X):
            return Called(given, 1), info  # the caller looks for the numbers that are not finite
        for k in _moving(state):
            how = {
                "seed": self.seeds[k % len(self.seeds)],
                "shuffle": self.shuffle,
                "verbose": self.verbose,
            }
            try:
                models.append(_model(params, state, batch, k, self.rule, **how))
            except ValueError as error:
                error.add_note(self.advice)
                raise
        passed, n = _passed(params, batch.X), batch.X.shape[0]
        counted = [batch.seen + one.n_iter * (n - passed) for one in models]
        new = _joined(params, state, models, np.asarray(counted))
        info = rowwise.nan_if_lost(state._replace(**new), info)
        new = {name: asarray(a, like=given.coef) for name, a in new.items()}  # where rows were
        return Called(given._replace(**new), max(one.n_iter for one in models)), info


def _as_the_loop_has_them(X: Array) -> Array:
    """Return rows in the dtype, the memory order and the indices that the loop needs."""
    X = cast(X, np.float64)
    return with_short_indices(X) if is_sparse(X) else np.ascontiguousarray(X)


def _in_numpy(part: Any) -> Any:
    """Return a state whose arrays are in NumPy."""
    if isinstance(part, tuple):
        return type(part)(*map(_in_numpy, part))
    return part if part is None else to_numpy(part)


def _moving(state: rowwise.State) -> list[int]:
    return np.flatnonzero(state.active > 0.0).tolist()


def _losses(params: Params, state: rowwise.State, batch: Batch) -> Info:
    """Return the report on rows that are scored by the models of ``state``.

    Its objective is NaN if a score is not finite. The losses do not always show this.
    """
    w, loss, finite = state.coef, LOSSES[params.loss], True
    total: tuple[Array, ...] = ()
    size = fixed(batch.X, w.shape[0])
    for X, target, weight, *_ in cut(*batch[:3], seen=batch.seen, batch_size=size):
        p = linear_predictor(X, w, state.intercept)
        y = sgd.targets(params, target, w)
        weight = sgd.row_weights(params, y, weight)
        sums = sgd.loss_sums(loss.value(p, y, params.epsilon), weight)
        total = tuple(a + b for a, b in zip(total, sums, strict=True)) if total else sums
        finite = finite and sum_is_finite(p)
    if params.learning_rate in PASSIVE:
        params = params._replace(penalty=None)
    info = sgd.report(params, w, batch.X.shape[0], *total)
    return info if finite else info._replace(objective=np.nan * info.objective)


def _passed(params: Params, X: Array) -> int:
    """Return the number of rows of zeros, if the mean does not count them. It is so with "pa1"."""
    if params.learning_rate != "pa1" or not params.average:
        return 0
    return X.shape[0] - np.count_nonzero(row_squares(X))


def _model(
    params: Params,
    state: rowwise.State,
    batch: Batch,
    k: int,
    rule: dict[str, Any] | None = None,
    *,
    seed: int = 0,
    **how: Any,
) -> Model:
    """Return column k after it has learned from the rows."""
    values: list[Any] = [a[k] if isinstance(a, np.ndarray) and a.ndim else a for a in params]
    params = Params(*values)
    w, b = state.coef[k, :].copy(), state.intercept[k : k + 1].copy()
    target: Any = batch.target
    if state.coef.shape[0] > 1:
        target = target == k if params.kind == "classes" else target[:, k]
    y = sgd.targets(params, target, w[None, :])
    weight = sgd.row_weights(params, y, batch.weight)
    if weight is not None:
        weight = weight[:, 0] if weight.any() else np.full(y.shape[0], TINY)
    y = y[:, 0] if params.loss != "log_loss" else 0.5 * (y[:, 0] + 1.0)
    estimator = (ColumnLoop if params.kind == "classes" else SGDRegressor)(
        **{name: getattr(params, name) for name in SHARED},
        eta0=state.eta[k] if params.learning_rate == "adaptive" else params.eta0,
        random_state=Seed(seed),
        **how,
        **(rule or {}),
    )
    averaged = params.average > 0
    with config_context(assume_finite=True, skip_parameter_validation=True):
        if rule is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the caller warns
                estimator.fit(batch.X, y, coef_init=w, intercept_init=b, sample_weight=weight)
        else:
            estimator.coef_, estimator.intercept_, estimator.t_ = w, b, 1.0 + batch.seen
            if averaged:
                begun = batch.seen >= params.average
                means = state.mean_coef[k, :], state.mean_intercept[k : k + 1]
                estimator._standard_coef, estimator._standard_intercept = w, b
                estimator._average_coef, estimator._average_intercept = (
                    a.copy() if begun else np.zeros_like(a) for a in means
                )
            estimator.partial_fit(batch.X, y, sample_weight=weight)
    last = estimator.coef_, estimator.intercept_
    mean = last
    if averaged:
        last = estimator._standard_coef, estimator._standard_intercept
        mean = estimator._average_coef, estimator._average_intercept
    return Model(last[0], last[1][0], mean[0], mean[1][0], estimator.n_iter_)


def _joined(
    params: Params, state: rowwise.State, models: list[Model], counted: Any
) -> dict[str, Any]:
    """Return the arrays of the state with the new models of the columns that have not stopped.

    ``counted`` is the number of rows so far. The mean begins with row ``params.average``.
    """
    at, new = _moving(state), dict[str, Any]()
    begun = np.broadcast_to(np.asarray(counted) >= max(params.average, 1), len(models))
    for name in ("coef", "intercept"):
        last, mean = (
            np.asarray([getattr(one, of) for one in models]) for of in (name, f"mean_{name}")
        )
        mean = np.where(begun[:, None] if mean.ndim == 2 else begun, mean, last)
        for field, values in ((name, last), (f"mean_{name}", mean)):
            new[field] = getattr(state, field).copy()
            new[field][at, ...] = values
    return new


SHARED = (
    "loss", "penalty", "alpha", "l1_ratio", "epsilon", "learning_rate", "power_t", "average",
    "fit_intercept",
)  # fmt: skip
"""Parameters of scikit-learn's estimators whose names are those of `Params`."""
