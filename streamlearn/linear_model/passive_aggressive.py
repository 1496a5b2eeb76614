"""The passive-aggressive classifier and regressor, which learn row by row."""

from __future__ import annotations

from numbers import Real
from typing import Any

from streamlearn._sklearn import Interval, StrOptions
from streamlearn.linear_model.classifier import SGDClassifier
from streamlearn.linear_model.regressor import SGDRegressor

SHARED = (
    "fit_intercept", "max_iter", "tol", "early_stopping", "validation_fraction",
    "n_iter_no_change", "shuffle", "verbose", "random_state", "warm_start", "average",
    "n_parallel",
)  # fmt: skip
"""Parameters with the same meaning as in `SGDClassifier` and `SGDRegressor`."""


class PassiveAggressive:
    """The common part of both classes: row-by-row steps whose length depends on the row's loss.

    ``C`` bounds the step of the first variant and damps the step of the second.
    """

    alpha = 1.0
    penalty = None
    l1_ratio = 0.0
    power_t = 0.5
    batch_size = 1

    C: float
    loss: str
    _hinge_like: str  # the loss of both variants, and the value of `loss` for the first one

    @property
    def eta0(self) -> float:
        """The name of C in the schedules "pa1" and "pa2"."""
        return self.C

    @property
    def learning_rate(self) -> str:
        """The schedule for ``loss``."""
        return "pa1" if self.loss == self._hinge_like else "pa2"

    def _loss(self) -> str:
        return self._hinge_like


class PassiveAggressiveClassifier(PassiveAggressive, SGDClassifier):
    """Linear classifier that moves just as far as each row's loss requires.

    It is scikit-learn's `~sklearn.linear_model.PassiveAggressiveClassifier` for arrays of any
    library and for dask collections. scikit-learn deprecates its class in favour of
    `SGDClassifier`. Here it is kept, because it is a short way to write::

        SGDClassifier(loss="hinge", penalty=None, learning_rate="pa1", eta0=C, batch_size=1)

    ``loss="squared_hinge"`` means ``learning_rate="pa2"`` there.

    Parameters
    ----------
    C : float, default=1.0
        The bound of a step (PA-I), or what damps a step (PA-II: the smaller ``C`` is, the shorter
        the steps are). It should be small if the data are noisy. It may be infinite.
    fit_intercept : bool, default=True
        Whether to learn an intercept.
    max_iter : int or "auto", default="auto"
        The largest number of epochs of `fit`. "auto" is 1 for a collection. It is 1000 for an array
        in memory, where ``tol`` may end the fit earlier.
    tol : float or None, default=1e-3
        `fit` stops when the objective has not improved by at least ``tol`` for ``n_iter_no_change``
        epochs in a row. None never stops early.
    early_stopping : bool, default=False
        Whether `fit` holds out rows, scores them, and stops when the score has not improved by at
        least ``tol`` for ``n_iter_no_change`` times in a row. Over a collection it holds out rows
        of every block and scores them after each segment of 64 blocks. In memory it holds out the
        rows that scikit-learn does, and scores the accuracy of each class against the rest at the
        end of each epoch. `partial_fit` does not support it.
    validation_fraction : float, default=0.1
        The share of the rows to hold out: of each block, or of all rows in memory.
    n_iter_no_change : int, default=5
        The number of epochs (or of scores, see ``early_stopping``) without an improvement after
        which `fit` stops.
    shuffle : bool or "rows", default=True
        Whether to permute the rows before each epoch. Over a collection the blocks are permuted,
        and the rows inside each block. In memory each class learns in the order that scikit-learn
        draws for it. "rows" gives all classes the same order, which is several times as fast if
        the rows are not in NumPy.
    verbose : int, default=0
        If it is not 0, print how far a pass is, and scikit-learn's lines at the end of each segment
        of 64 blocks. If scikit-learn's loop learns from rows in memory, it prints its own lines.
    loss : {"hinge", "squared_hinge"}, default="hinge"
        The variant of the algorithm: "hinge" is PA-I, and "squared_hinge" is PA-II.
    n_jobs : {None, 1, -1}, default=None
        It has no effect, because all classes are columns of one matrix and learn together.
    random_state : int, RandomState instance or None, default=None
        The seed of the permutations and of the held-out rows. An int makes every fit give the same
        result.
    warm_start : bool, default=False
        Whether `fit` starts from the coefficients of the fit before.
    class_weight : dict, "balanced" or None, default=None
        The weight of each class: a dict of label to weight, or None for 1 each. "balanced" weighs
        the classes inversely to how often they occur, and counts each row as often as its
        ``sample_weight`` says. `partial_fit` does not support "balanced".
    average : bool or int, default=False
        Whether ``coef_`` is the mean of the coefficients over all rows. An int n means the mean
        from the n-th row on.
    classes : array-like or None, default=None
        The labels, if they are known. They save a pass over y. If X and y come from the same files,
        that is a pass over the data.
    n_parallel : int, default=1
        The number of blocks of a collection that are learned from side by side, each from the same
        model. The mean of the results, by the weights of the rows, is where the next blocks begin.
        The result depends on this number, and not on threads or workers. More than 1 uses more
        processors, but fewer steps follow one another. So a pass learns less with steps of the same
        length, and steps may be longer. No weight of a row may be negative then. An array in memory
        is one block, so that the number makes no difference there.

    Attributes
    ----------
    coef_ : array of shape (1, n_features) or (n_classes, n_features)
        The coefficients: one row for two classes, otherwise one row for each class.
    intercept_ : array of shape (1,) or (n_classes,)
        The intercepts.
    classes_ : array of shape (n_classes,)
        The labels, in sorted order.
    n_iter_ : int
        The number of epochs that the last call began.
    t_ : float
        1 plus the number of rows learned from. In memory held-out rows count too, as in
        scikit-learn.
    loss_curve_ : list of float
        The progressive loss of the last call: for each block the mean loss of its rows, each scored
        before it was learned from. scikit-learn's loop reports no losses. If it learns, the rows of
        a batch are scored by the model before the batch. In memory all rows are scored by the model
        before the call, so that `fit` has one value.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    X may hold sparse rows of scipy, in memory or as the blocks of a dask array. They are learned
    from as in scikit-learn: a step moves the intercepts by 0.01 times the step for dense rows. See
    `SGDClassifier`.

    Fitted attributes are in the namespace and on the device of X.

    Differences from scikit-learn:

    - ``max_iter`` is "auto" by default instead of 1000, because 1000 epochs over a collection are
      1000 reads of the data.
    - `fit` and `partial_fit` also take ``sample_weight``, because those of `SGDClassifier` do.
    - The class is not deprecated here, because it is a short way to write five parameters of
      `SGDClassifier`.
    - ``shuffle`` may also be "rows", because one order for all classes is several times as fast if
      the rows are not in NumPy.
    - ``n_jobs`` has no effect and takes only None, 1 and -1, because all classes are columns of one
      matrix and learn together.
    - ``class_weight="balanced"`` counts each row as often as its ``sample_weight`` says, as
      `~sklearn.utils.compute_class_weight` does. scikit-learn counts each row once.
    - Over a collection ``early_stopping`` holds out rows of each block and scores them after each
      segment of 64 blocks, because a fit has one epoch by default.
    - With ``average``, calls of `partial_fit` continue one mean, as if all rows had come in one
      call. scikit-learn begins each call with the intercept of an earlier one.
    - A class that stops before the ``average``-th row keeps its last coefficients. In scikit-learn
      they are 0.
    - The parameters ``classes`` and ``n_parallel`` and the attribute ``loss_curve_`` are additions.

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
        n_parallel: Any = 1,
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
        self.n_parallel = n_parallel


class PassiveAggressiveRegressor(PassiveAggressive, SGDRegressor):
    """Linear regressor that moves just as far as each row's loss requires.

    It is scikit-learn's `~sklearn.linear_model.PassiveAggressiveRegressor` for arrays of any
    library and for dask collections. scikit-learn deprecates its class in favour of `SGDRegressor`.
    Here it is kept, because it is a short way to write::

        SGDRegressor(
            loss="epsilon_insensitive", penalty=None, learning_rate="pa1", eta0=C, batch_size=1
        )

    ``loss="squared_epsilon_insensitive"`` means ``learning_rate="pa2"`` there.

    Parameters
    ----------
    C : float, default=1.0
        The bound of a step (PA-I), or what damps a step (PA-II: the smaller ``C`` is, the shorter
        the steps are). It should be small if the data are noisy. It may be infinite.
    fit_intercept : bool, default=True
        Whether to learn an intercept.
    max_iter : int or "auto", default="auto"
        The largest number of epochs of `fit`. "auto" is 1 for a collection. It is 1000 for an array
        in memory, where ``tol`` may end the fit earlier.
    tol : float or None, default=1e-3
        `fit` stops when the objective has not improved by at least ``tol`` for ``n_iter_no_change``
        epochs in a row. None never stops early.
    early_stopping : bool, default=False
        Whether `fit` holds out rows, scores them, and stops when the score has not improved by at
        least ``tol`` for ``n_iter_no_change`` times in a row. Over a collection it holds out rows
        of every block and scores them after each segment of 64 blocks. In memory it holds out the
        rows that scikit-learn does, and scores R2 at the end of each epoch. `partial_fit` does not
        support it.
    validation_fraction : float, default=0.1
        The share of the rows to hold out: of each block, or of all rows in memory.
    n_iter_no_change : int, default=5
        The number of epochs (or of scores, see ``early_stopping``) without an improvement after
        which `fit` stops.
    shuffle : bool or "rows", default=True
        Whether to permute the rows before each epoch. Over a collection the blocks are permuted,
        and the rows inside each block. "rows" means the same.
    verbose : int, default=0
        If it is not 0, print how far a pass is, and scikit-learn's lines at the end of each segment
        of 64 blocks. If scikit-learn's loop learns from rows in memory, it prints its own lines.
    loss : {"epsilon_insensitive", "squared_epsilon_insensitive"}, default="epsilon_insensitive"
        The variant of the algorithm: the first is PA-I, and the second is PA-II.
    epsilon : float, default=0.1
        Rows whose error is at most this, in the unit of y, do not change the model.
    random_state : int, RandomState instance or None, default=None
        The seed of the permutations and of the held-out rows. An int makes every fit give the same
        result.
    warm_start : bool, default=False
        Whether `fit` starts from the coefficients of the fit before.
    average : bool or int, default=False
        Whether ``coef_`` is the mean of the coefficients over all rows. An int n means the mean
        from the n-th row on.
    n_parallel : int, default=1
        The number of blocks of a collection that are learned from side by side, each from the same
        model. The mean of the results, by the weights of the rows, is where the next blocks begin.
        The result depends on this number, and not on threads or workers. More than 1 uses more
        processors, but fewer steps follow one another. So a pass learns less with steps of the same
        length, and steps may be longer. No weight of a row may be negative then. An array in memory
        is one block, so that the number makes no difference there.

    Attributes
    ----------
    coef_ : array of shape (n_features,)
        The coefficients.
    intercept_ : array of shape (1,)
        The intercept.
    n_iter_ : int
        The number of epochs that the last call began.
    t_ : float
        1 plus the number of rows learned from. In memory held-out rows count too, as in
        scikit-learn.
    loss_curve_ : list of float
        The progressive loss of the last call: for each block the mean loss of its rows, each scored
        before it was learned from. scikit-learn's loop reports no losses. If it learns, the rows of
        a batch are scored by the model before the batch. In memory all rows are scored by the model
        before the call, so that `fit` has one value.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    X may hold sparse rows of scipy, in memory or as the blocks of a dask array. They are learned
    from as in scikit-learn: a step moves the intercepts by 0.01 times the step for dense rows. See
    `SGDClassifier`.

    Fitted attributes are in the namespace and on the device of X.

    Differences from scikit-learn:

    - ``max_iter`` is "auto" by default instead of 1000, because 1000 epochs over a collection are
      1000 reads of the data.
    - `fit` and `partial_fit` also take ``sample_weight``, because those of `SGDRegressor` do.
    - The class is not deprecated here, because it is a short way to write five parameters of
      `SGDRegressor`.
    - ``shuffle`` may also be "rows", as in `SGDRegressor`.
    - Over a collection ``early_stopping`` holds out rows of each block and scores them after each
      segment of 64 blocks, because a fit has one epoch by default.
    - With ``average`` and ``warm_start``, the mean of a fit does not depend on the mean before. In
      scikit-learn it contains a part of it.
    - The parameter ``n_parallel`` and the attribute ``loss_curve_`` are additions.

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
        n_parallel: Any = 1,
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
        self.n_parallel = n_parallel
