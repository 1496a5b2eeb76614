"""Passive-aggressive classifier and regressor, row by row."""

from __future__ import annotations

from numbers import Real
from typing import Any

from streamlearn._sklearn import Interval, StrOptions
from streamlearn.linear_model.classifier import SGDClassifier
from streamlearn.linear_model.regressor import SGDRegressor

SHARED = (
    "fit_intercept", "max_iter", "tol", "early_stopping", "validation_fraction",
    "n_iter_no_change", "shuffle", "verbose", "random_state", "warm_start", "average",
)  # fmt: skip
"""Parameters that mean what they mean for `SGDClassifier` and `SGDRegressor`."""


class PassiveAggressive:
    """Row-by-row steps that are as long as the row's loss asks for.

    ``C`` bounds the step of the first variant and damps that of the second.
    """

    alpha = 1.0
    penalty = None
    l1_ratio = 0.0
    power_t = 0.5
    batch_size = 1

    C: float
    loss: str
    _hinge_like: str  # the loss of both variants, and what `loss` is for the first

    @property
    def eta0(self) -> float:
        """What "pa1" and "pa2" call C."""
        return self.C

    @property
    def learning_rate(self) -> str:
        """The variant that ``loss`` asks for."""
        return "pa1" if self.loss == self._hinge_like else "pa2"

    def _loss(self) -> str:
        return self._hinge_like


class PassiveAggressiveClassifier(PassiveAggressive, SGDClassifier):
    """Linear classifier that moves just as far as each row's loss asks for.

    scikit-learn's `~sklearn.linear_model.PassiveAggressiveClassifier`, which it deprecates in
    favour of `SGDClassifier`, for any array backend and for dask collections. It is kept here as
    the short way to write what that takes five parameters for::

        SGDClassifier(loss="hinge", penalty=None, learning_rate="pa1", eta0=C, batch_size=1)

    with ``learning_rate="pa2"`` for ``loss="squared_hinge"``.

    Parameters
    ----------
    C : float, default=1.0
        Bound on the step (PA-I), or what damps it where small (PA-II). Small where data is noisy.
    fit_intercept : bool, default=True
    max_iter : int or "auto", default="auto"
        Epochs at most. "auto": one over a collection, 1000 with ``tol`` over an array in memory.
        (scikit-learn: 1000.)
    tol : float or None, default=1e-3
    early_stopping : bool, default=False
    validation_fraction : float, default=0.1
    n_iter_no_change : int, default=5
    shuffle : bool or "rows", default=True
        Permute rows; over a collection the blocks, and the rows in each. In memory each class
        learns in the order that scikit-learn draws for it; under "rows" all in one, which is
        several times as fast.
    verbose : int, default=0
    loss : {"hinge", "squared_hinge"}, default="hinge"
        "hinge" is PA-I, "squared_hinge" PA-II.
    n_jobs : {None, 1, -1}, default=None
        Has no effect.
    random_state : int, RandomState instance or None, default=None
    warm_start : bool, default=False
    class_weight : dict, "balanced" or None, default=None
    average : bool or int, default=False
    classes : array-like or None, default=None
        The labels, where they are known: saves a pass over y.

    Attributes
    ----------
    coef_ : array of shape (1, n_features) or (n_classes, n_features)
    intercept_ : array of shape (1,) or (n_classes,)
    classes_ : array of shape (n_classes,)
    n_iter_ : int
    t_ : float
    loss_curve_ : list of float
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)

    Notes
    -----
    Sparse rows of scipy are learned from as scikit-learn does, whose intercepts move by 0.01 of
    what they would for dense rows; see `SGDClassifier`.

    References
    ----------
    Crammer, Dekel, Keshet, Shalev-Shwartz & Singer, "Online passive-aggressive algorithms", 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.linear_model import PassiveAggressiveClassifier, SGDClassifier
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> y = X[:, 0] > X[:, 1]
    >>> short = PassiveAggressiveClassifier(C=0.5, random_state=0).fit(X, y)
    >>> how = dict(loss="hinge", penalty=None, learning_rate="pa1", eta0=0.5, batch_size=1)
    >>> np.array_equal(short.coef_, SGDClassifier(**how, random_state=0).fit(X, y).coef_)
    True
    """

    _parameter_constraints: dict[str, Any] = {
        **{name: SGDClassifier._parameter_constraints[name] for name in SHARED},
        **{
            name: SGDClassifier._parameter_constraints[name]
            for name in ("n_jobs", "class_weight", "classes")
        },
        "loss": [StrOptions({"hinge", "squared_hinge"})],
        "C": [Interval(Real, 0, None, closed="right")],
    }

    _hinge_like = "hinge"
    epsilon = 0.1

    def __init__(
        self,
        *,
        C: Any = 1.0,
        fit_intercept: Any = True,
        max_iter: Any = "auto",
        tol: Any = 1e-3,
        early_stopping: Any = False,
        validation_fraction: Any = 0.1,
        n_iter_no_change: Any = 5,
        shuffle: Any = True,
        verbose: Any = 0,
        loss: Any = "hinge",
        n_jobs: Any = None,
        random_state: Any = None,
        warm_start: Any = False,
        class_weight: Any = None,
        average: Any = False,
        classes: Any = None,
    ) -> None:
        self.C = C
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.shuffle = shuffle
        self.verbose = verbose
        self.loss = loss
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.warm_start = warm_start
        self.class_weight = class_weight
        self.average = average
        self.classes = classes


class PassiveAggressiveRegressor(PassiveAggressive, SGDRegressor):
    """Linear regressor that moves just as far as each row's loss asks for.

    scikit-learn's `~sklearn.linear_model.PassiveAggressiveRegressor`, which it deprecates in favour
    of `SGDRegressor`, for any array backend and for dask collections. It is kept here as the short
    way to write::

        SGDRegressor(
            loss="epsilon_insensitive", penalty=None, learning_rate="pa1", eta0=C, batch_size=1
        )

    with ``learning_rate="pa2"`` for ``loss="squared_epsilon_insensitive"``.

    Parameters
    ----------
    C : float, default=1.0
        Bound on the step (PA-I), or what damps it where small (PA-II). Small where data is noisy.
    fit_intercept : bool, default=True
    max_iter : int or "auto", default="auto"
        Epochs at most. "auto": one over a collection, 1000 with ``tol`` over an array in memory.
        (scikit-learn: 1000.)
    tol : float or None, default=1e-3
    early_stopping : bool, default=False
    validation_fraction : float, default=0.1
    n_iter_no_change : int, default=5
    shuffle : bool or "rows", default=True
        Permute rows; over a collection the blocks, and the rows in each.
    verbose : int, default=0
    loss : {"epsilon_insensitive", "squared_epsilon_insensitive"}, default="epsilon_insensitive"
        The first is PA-I, the second PA-II.
    epsilon : float, default=0.1
        Errors up to this move nothing.
    random_state : int, RandomState instance or None, default=None
    warm_start : bool, default=False
    average : bool or int, default=False

    Attributes
    ----------
    coef_ : array of shape (n_features,)
    intercept_ : array of shape (1,)
    n_iter_ : int
    t_ : float
    loss_curve_ : list of float
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)

    Notes
    -----
    Sparse rows of scipy are learned from as scikit-learn does, whose intercepts move by 0.01 of
    what they would for dense rows; see `SGDClassifier`.

    References
    ----------
    Crammer, Dekel, Keshet, Shalev-Shwartz & Singer, "Online passive-aggressive algorithms", 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.linear_model import PassiveAggressiveRegressor
    >>> X = np.random.default_rng(0).normal(size=(500, 2))
    >>> y = 3 * X[:, 0] - X[:, 1] + 1
    >>> PassiveAggressiveRegressor(C=0.01, epsilon=0, random_state=0).fit(X, y).coef_.round(1)
    array([ 3., -1.])
    """

    _parameter_constraints: dict[str, Any] = {
        **{name: SGDRegressor._parameter_constraints[name] for name in (*SHARED, "epsilon")},
        "loss": [StrOptions({"epsilon_insensitive", "squared_epsilon_insensitive"})],
        "C": [Interval(Real, 0, None, closed="right")],
    }

    _hinge_like = "epsilon_insensitive"

    def __init__(
        self,
        *,
        C: Any = 1.0,
        fit_intercept: Any = True,
        max_iter: Any = "auto",
        tol: Any = 1e-3,
        early_stopping: Any = False,
        validation_fraction: Any = 0.1,
        n_iter_no_change: Any = 5,
        shuffle: Any = True,
        verbose: Any = 0,
        loss: Any = "epsilon_insensitive",
        epsilon: Any = 0.1,
        random_state: Any = None,
        warm_start: Any = False,
        average: Any = False,
    ) -> None:
        self.C = C
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.shuffle = shuffle
        self.verbose = verbose
        self.loss = loss
        self.epsilon = epsilon
        self.random_state = random_state
        self.warm_start = warm_start
        self.average = average
