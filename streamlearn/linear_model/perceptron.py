"""The perceptron, which learns row by row."""

from __future__ import annotations

from numbers import Real
from typing import Any

from streamlearn._sklearn import Interval
from streamlearn.linear_model.classifier import SGDClassifier


class Perceptron(SGDClassifier):
    """Linear classifier that learns from its mistakes only, row by row.

    It is scikit-learn's `~sklearn.linear_model.Perceptron` for arrays of any library and for dask
    collections. It is `SGDClassifier` with ``loss="perceptron"``, ``learning_rate="constant"`` and
    ``batch_size=1``.

    Parameters
    ----------
    penalty : {"l2", "l1", "elasticnet", None}, default=None
        The penalty on the coefficients. "elasticnet" mixes "l1" and "l2". None means no penalty.
    alpha : float, default=0.0001
        The strength of the penalty, 0 or more.
    l1_ratio : float, default=0.15
        The share of "l1" in "elasticnet", between 0 and 1.
    fit_intercept : bool, default=True
        Whether to learn an intercept.
    max_iter : int or "auto", default="auto"
        The largest number of epochs of `fit`. "auto" is 1 for a collection. It is 1000 for an array
        in memory, where ``tol`` may end the fit earlier.
    tol : float or None, default=1e-3
        `fit` stops when the objective has not improved by at least ``tol`` for ``n_iter_no_change``
        epochs in a row. None never stops early.
    shuffle : bool or "rows", default=True
        Whether to permute the rows before each epoch. Over a collection the blocks are permuted,
        and the rows inside each block. In memory each class learns in the order that scikit-learn
        draws for it. "rows" gives all classes the same order, which is several times as fast if
        the rows are not in NumPy.
    verbose : int, default=0
        If it is not 0, print how far a pass is, and scikit-learn's lines at the end of each segment
        of 64 blocks. If scikit-learn's loop learns from rows in memory, it prints its own lines.
    eta0 : float, default=1.0
        The step size: how far a row that is predicted wrong moves the coefficients.
    n_jobs : {None, 1, -1}, default=None
        It has no effect, because all classes are columns of one matrix and learn together.
    random_state : int, RandomState instance or None, default=0
        The seed of the permutations and of the held-out rows. An int makes every fit give the same
        result.
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
    class_weight : dict, "balanced" or None, default=None
        The weight of each class: a dict of label to weight, or None for 1 each. "balanced" weighs
        the classes inversely to how often they occur, and counts each row as often as its
        ``sample_weight`` says. `partial_fit` does not support "balanced".
    warm_start : bool, default=False
        Whether `fit` starts from the coefficients of the fit before.
    batch_size : int or "auto", default=1
        The number of rows of one step. With more than 1 the coefficients move by the mean of the
        rows. "auto" is 64 at first, and grows with the rows seen up to what fits in the cache.
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
    - ``shuffle`` may also be "rows", because one order for all classes is several times as fast if
      the rows are not in NumPy.
    - ``n_jobs`` has no effect and takes only None, 1 and -1, because all classes are columns of one
      matrix and learn together.
    - ``class_weight="balanced"`` counts each row as often as its ``sample_weight`` says, as
      `~sklearn.utils.compute_class_weight` does. scikit-learn counts each row once.
    - Over a collection ``early_stopping`` holds out rows of each block and scores them after each
      segment of 64 blocks, because a fit has one epoch by default.
    - ``early_stopping`` scores the model itself. scikit-learn's loop leaves out how much the L2
      penalty has shrunk the coefficients so far.
    - The parameters ``batch_size``, ``classes`` and ``n_parallel`` and the attribute
      ``loss_curve_`` are additions.

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
        if name not in ("loss", "epsilon", "learning_rate", "power_t", "average", "refine")
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
        n_parallel: Any = 1,
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
        self.n_parallel = n_parallel
