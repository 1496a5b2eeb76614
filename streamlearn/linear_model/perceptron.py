"""The perceptron, row by row."""

from __future__ import annotations

from numbers import Real
from typing import Any

from streamlearn._sklearn import Interval
from streamlearn.linear_model.classifier import SGDClassifier


class Perceptron(SGDClassifier):
    """Linear classifier that learns from its mistakes alone, row by row.

    scikit-learn's `~sklearn.linear_model.Perceptron` for any array backend and for dask
    collections: `SGDClassifier` with ``loss="perceptron"``, ``learning_rate="constant"`` and
    ``batch_size=1``, and its other parameters.

    Parameters
    ----------
    penalty : {"l2", "l1", "elasticnet", None}, default=None
    alpha : float, default=0.0001
        Strength of the penalty.
    l1_ratio : float, default=0.15
        Share of l1 in elasticnet.
    fit_intercept : bool, default=True
    max_iter : int or "auto", default="auto"
        Epochs at most. "auto": one over a collection, 1000 with ``tol`` over an array in memory.
        (scikit-learn: 1000.)
    tol : float or None, default=1e-3
    shuffle : bool or "rows", default=True
        Permute rows; over a collection the blocks, and the rows in each. In memory each class
        learns in the order that scikit-learn draws for it; under "rows" all in one, which is
        several times as fast.
    verbose : int, default=0
    eta0 : float, default=1.0
        What a row's mistake moves the coefficients by.
    n_jobs : {None, 1, -1}, default=None
        Has no effect.
    random_state : int, RandomState instance or None, default=0
    early_stopping : bool, default=False
    validation_fraction : float, default=0.1
    n_iter_no_change : int, default=5
    class_weight : dict, "balanced" or None, default=None
    warm_start : bool, default=False
    batch_size : int or "auto", default=1
        Rows of one step; with more than 1 their mean moves the coefficients. See `SGDClassifier`.
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
    F. Rosenblatt, "The perceptron: a probabilistic model for information storage and organization
    in the brain", 1958.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.linear_model import Perceptron
    >>> X = np.array([[2.0, 1.0], [1.0, 3.0], [-1.0, -2.0], [-3.0, 1.0]])
    >>> model = Perceptron(shuffle=False).fit(X, ["up", "up", "down", "down"])
    >>> model.coef_
    array([[2., 1.]])
    >>> model.predict([[4.0, -1.0]])
    array(['up'], dtype='<U4')
    """

    _parameter_constraints: dict[str, Any] = {
        name: constraint
        for name, constraint in SGDClassifier._parameter_constraints.items()
        if name not in ("loss", "epsilon", "learning_rate", "power_t", "average")
    }
    _parameter_constraints["l1_ratio"] = [Interval(Real, 0, 1, closed="both")]

    loss = "perceptron"
    learning_rate = "constant"
    epsilon = 0.1
    power_t = 0.5
    average = False

    def __init__(
        self,
        *,
        penalty: Any = None,
        alpha: Any = 0.0001,
        l1_ratio: Any = 0.15,
        fit_intercept: Any = True,
        max_iter: Any = "auto",
        tol: Any = 1e-3,
        shuffle: Any = True,
        verbose: Any = 0,
        eta0: Any = 1.0,
        n_jobs: Any = None,
        random_state: Any = 0,
        early_stopping: Any = False,
        validation_fraction: Any = 0.1,
        n_iter_no_change: Any = 5,
        class_weight: Any = None,
        warm_start: Any = False,
        batch_size: Any = 1,
        classes: Any = None,
    ) -> None:
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.shuffle = shuffle
        self.verbose = verbose
        self.eta0 = eta0
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.batch_size = batch_size
        self.classes = classes
