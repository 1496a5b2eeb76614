"""Linear models that differ in numbers only, and learn from the same rows: columns of one model.

A product of the rows with all coefficients reads the rows once. The models learn by
``learning_rate="auto"``, or by an explicit schedule in batches. The steps of a model do not depend
on the other models, and their batches are the same. So each learns what it learns alone, except for
rounding.

These models cannot be columns of one:

- Models with a class weight of 0, or with no class weights while others have some: their rows count
  in another way.
- Models that learn row by row. scikit-learn's loop takes the rows for one model at a time.
- Models with ``loss="multinomial"``, whose columns depend on each other.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from copy import copy
from functools import partial
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import clone

from streamlearn._arrays import asarray, default_int, namespace, to_numpy
from streamlearn._estimator.inputs import CheckedInputs
from streamlearn._training.fit_settings import Learned
from streamlearn.blocks import Record, Watch, watching
from streamlearn.core.learner import Learner
from streamlearn.core.linear import newton_state, sgd
from streamlearn.core.linear.losses import LOSSES, SKLEARN_LOSSES
from streamlearn.core.linear.newton_schedule import LEAST_SAMPLE, WIDEST
from streamlearn.core.linear.rates import RATES
from streamlearn.core.linear.sgd import Params
from streamlearn.linear_model.answers import Answers
from streamlearn.linear_model.base import SGD
from streamlearn.linear_model.classifier import SGDClassifier
from streamlearn.linear_model.linear_scores import labels_of
from streamlearn.linear_model.regressor import SGDRegressor

NUMBERS = ("alpha", "l1_ratio", "epsilon", "quantile")
"""Parameters that may differ between the models."""

OF_SCHEDULES = ("eta0", "power_t")
"""Further ones with an explicit schedule. With ``learning_rate="auto"`` they change nothing."""

UNUSED = ("max_iter", "tol", "warm_start", "verbose", "refine", "n_parallel")
"""Parameters that change nothing in ``partial_fit`` of rows in memory."""

MOST_MODELS = 32
"""The largest number of models that are columns of one.

With 64, 32, 16 and 8, a search among 64 candidates takes 6.9, 6.8, 7.9 and 9.2 s of CPU time
(``bench/search.py --rows 200000 --features 200 --contenders progressive``, with this constant
changed). With 64 they are one group, and one thread.
"""

OF_COLUMNS = {"coef_", "intercept_", "loss_curve_", "_learned", "members", "curves"}
"""Attributes that depend on the columns."""


def common(estimator: Any) -> Hashable:
    """Return what models must have in common to be columns of one, or None if it cannot be."""
    if type(estimator) not in (SGDClassifier, SGDRegressor):
        return None
    params = estimator.get_params()
    seed = params["random_state"]
    if not (seed is None or isinstance(seed, int | np.integer)) or not _by_columns(estimator):
        return None
    try:
        estimator._check(partial_fit=True)
    except ValueError:  # the model says so itself
        return None
    apart = {*NUMBERS, *OF_SCHEDULES, *UNUSED}
    if _are_positive(params.get("class_weight")):
        apart.add("class_weight")
    return (
        type(estimator),
        "class_weight" in apart,
        *((name, repr(value)) for name, value in sorted(params.items()) if name not in apart),
    )


def _by_columns(estimator: Any) -> bool:
    """Return whether the steps of a model are products with rows, and it has columns of its own."""
    loss = LOSSES.get(estimator.loss)
    if loss is None or loss.joint:
        return False
    rate, batches = estimator._rate(), estimator.batch_size not in (1, "auto")
    return rate == "auto" or (rate in RATES and (batches or estimator.loss not in SKLEARN_LOSSES))


def _are_positive(weights: Any) -> bool:
    """Return whether class weights are positive numbers that are not all 1.

    A row of weight 0 is not counted, and rows without weights are learned from in another way.
    """
    if not isinstance(weights, Mapping):
        return False
    values: list[Any] = list(weights.values())
    numbers = all(isinstance(value, Real) for value in values)
    return numbers and all(value > 0 for value in values) and any(value != 1 for value in values)


def most_models(model: Any, n_features: int, n_classes: int) -> int:
    """Return the number of models like ``model`` that may be columns of one.

    With ``learning_rate="auto"`` there is a matrix for each.
    """
    if model._rate() != "auto":
        return MOST_MODELS
    D = n_features + 1
    columns = 1 if n_classes <= 2 else n_classes
    return min(MOST_MODELS, max(1, WIDEST // (D * max(D, LEAST_SAMPLE) * columns)))


class ManyModels(SGD):
    """The columns of several models. It is one of the estimators below."""

    members: tuple[Any, ...]
    curves: list[list[float]]
    coef_: Any
    intercept_: Any
    _learned: Any

    def of(self, members: Iterable[Any]) -> Any:
        """Take unfitted models as the members. Return self."""
        self.members = tuple(members)
        self.curves = [[] for _ in self.members]
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """Return a copy with the same arrays: `partial_fit` replaces them, and changes none."""
        return copy(self)

    def _several(self, params: Params, n_classes: int = 1) -> Params:
        """Return the parameters of all columns."""
        numbers: dict[str, Any] = {}
        used = {name: name for name in ("alpha", "l1_ratio", *OF_SCHEDULES)}
        used["epsilon"] = LOSSES[params.loss].parameter
        for name, parameter in used.items():
            given = [getattr(member, parameter) for member in self.members]
            values = np.asarray([0.0 if v is None else float(v) for v in given])
            if (values != values[0]).any():
                numbers[name] = np.repeat(values, n_classes)
        return params._replace(n_models=len(self.members), **numbers)

    def _learn(
        self,
        given: CheckedInputs,
        learner: Learner,
        learned: Learned,
        n_outputs: int,
        classes: np.ndarray | None = None,
        *,
        partial_fit: bool,
    ) -> None:
        losses = Losses(len(self.members))
        n_columns = n_outputs * len(self.members)
        with watching(losses):
            super()._learn(given, learner, learned, n_columns, classes, partial_fit=partial_fit)
        self.curves = losses.found

    def _coefficients(self, coef: Any, intercept: Any) -> dict[str, Any]:
        return {"coef_": coef, "intercept_": intercept}

    def _columns_of(self, numbers: Sequence[int]) -> Any:
        """Return the columns of some members, an array of int."""
        K = self.coef_.shape[0] // len(self.members)
        at = np.asarray([number * K + k for number in numbers for k in range(K)])
        return asarray(at, like=self.coef_, dtype=default_int(self.coef_))

    def scores(self, X: Any) -> Any:
        """Return the scores of rows by all columns, (m, n_columns)."""
        return self._out("predict", X, lambda p: p)

    def answers(self, p: Any) -> Answers:
        """Return the answers of all members, from the scores of rows by all columns."""
        classes = getattr(self, "classes_", None)
        classes = None if classes is None else to_numpy(classes)
        return Answers(p, len(self.members), self.loss, self._link(), classes)

    def _link(self) -> Callable[[Any], Any]:
        """Return the function from the scores of a member to its predictions."""
        return self._predicted()

    def of_scores(self, number: int, p: Any) -> tuple[Any, Any]:
        """Return the scores of a member among those of all columns, and a model of such rows."""
        at = self._columns_of([number])
        model = self._published(number)
        xp, K = namespace(self.coef_), at.shape[0]
        one = asarray(np.eye(K), like=self.coef_, dtype=self.coef_.dtype)
        model.__dict__.update(model._coefficients(one, xp.zeros_like(one[:, 0])))
        model.n_features_in_ = K
        vars(model).pop("feature_names_in_", None)
        return xp.take(p, at, axis=1), model

    def model(self, number: int) -> Any:
        """Return a member as a fitted model, which can learn on."""
        model = self._published(number)
        coef, intercept, learned = self._taken([number])
        model.__dict__.update(model._coefficients(coef, intercept))
        model._learned, model.loss_curve_ = learned, self.curves[number]
        return model

    def _taken(self, numbers: Sequence[int]) -> tuple[Any, Any, Learned]:
        """Return the coefficients, the intercepts and what was learned of some members."""
        xp, at = namespace(self.coef_), self._columns_of(numbers)
        state = self._learned.state
        some_columns = (sgd if isinstance(state, sgd.State) else newton_state).some_columns
        learned = self._learned._replace(state=some_columns(state, at))
        return xp.take(self.coef_, at, axis=0), xp.take(self.intercept_, at), learned

    def alone(self, number: int) -> Any:
        """Return a member as a model, fitted if this one is."""
        return self.model(number) if hasattr(self, "_learned") else clone(self.members[number])

    def _published(self, number: int) -> Any:
        """Return a member with the attributes that do not depend on its columns."""
        model = clone(self.members[number])
        own = vars(model)
        own.update({k: v for k, v in vars(self).items() if k not in OF_COLUMNS and k not in own})
        return model

    def kept(self, numbers: Sequence[int]) -> Any:
        """Return the columns of some members alone."""
        out = many_models([self.members[k] for k in numbers])
        if not hasattr(self, "_learned"):
            return out
        out.__dict__.update({k: v for k, v in vars(self).items() if k not in OF_COLUMNS})
        out.curves = [self.curves[k] for k in numbers]
        out.coef_, out.intercept_, out._learned = self._taken(numbers)
        return out


class Losses(Watch):
    """It collects the mean loss of each model on each block, before the block was learned from."""

    def __init__(self, n_models: int) -> None:
        self.found: list[list[float]] = [[] for _ in range(n_models)]

    def block_done(self, record: Record) -> None:
        """Add the losses of a block."""
        if record.report is None or record.report.sums is None:
            return
        sums = record.report.sums
        loss, weight = (to_numpy(a).reshape(len(self.found), -1) for a in (sums.loss, sums.weight))
        for curve, lost, of in zip(self.found, loss.sum(1), weight.sum(1), strict=True):
            curve.append(float(lost / of) if of else 0.0)


class ManyClassifiers(ManyModels, SGDClassifier):
    """Classifiers as columns of one model."""

    def _link(self) -> Callable[[Any], Any]:
        return partial(labels_of, to_numpy(self.classes_))

    def _class_params(self, classes: np.ndarray, found: Any) -> Params:
        n_columns = 1 if len(classes) == 2 else len(classes)
        params = self._several(super()._class_params(classes, found), n_columns)
        weights = (member._class_weights(classes, found) for member in self.members)
        of_each = [of_model for of_model in weights if of_model is not None]
        if not of_each:
            return params
        if n_columns > 1:
            return params._replace(positive_weight=np.concatenate(of_each))
        if all(np.array_equal(of_model, of_each[0]) for of_model in of_each):
            return params
        negative, positive = np.stack(of_each, axis=1)
        return params._replace(positive_weight=positive, negative_weight=negative)


class ManyRegressors(ManyModels, SGDRegressor):
    """Regressors as columns of one model."""

    def _params(self, positive: Any = 1.0, negative: Any = 1.0) -> Params:
        return self._several(super()._params(positive, negative))


def many_models(members: Sequence[Any]) -> Any:
    """Return models, which have a `common` thing, as columns of one."""
    first = members[0]
    cls = ManyClassifiers if isinstance(first, SGDClassifier) else ManyRegressors
    return cls(**first.get_params()).of(members)
