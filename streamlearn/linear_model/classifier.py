"""The linear classifier, which learns in one pass, block by block."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin

from streamlearn import blocks as engine
from streamlearn import metrics
from streamlearn._estimator.callbacks import watched
from streamlearn._estimator.inputs import labels_of_target, unchanged_on_error
from streamlearn._sklearn import Options, StrOptions
from streamlearn._training.fit_settings import Learned
from streamlearn._validation.labels import (
    Labels,
    class_weights,
    declared,
    fixed_weights_or_raise,
    two_classes_or_raise,
)
from streamlearn.core.linear import links, sgd
from streamlearn.core.linear.losses import SKLEARN_LOSSES
from streamlearn.core.scores import ACCURACY
from streamlearn.linear_model.base import SGD, WHY_UNSIGNED
from streamlearn.linear_model.linear_scores import ProbableClassifier


class SGDClassifier(ClassifierMixin, ProbableClassifier, SGD):
    """Linear classifier that learns by stochastic gradient steps, from data of any size.

    It is scikit-learn's `~sklearn.linear_model.SGDClassifier` for arrays of any library and for
    dask collections. A collection is read once, block by block, with a bounded number of blocks in
    memory. With the default parameters there is no step size to tune, and the features need no
    scaling.

    Parameters
    ----------
    loss : {"hinge", "log_loss", "multinomial", "modified_huber", "squared_hinge", "perceptron", \
"squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive"}, default="hinge"
        The loss function. "hinge" is a linear support vector machine, and "log_loss" is logistic
        regression. More than two classes are one class against the rest each. "multinomial" is
        logistic regression of all classes together: softmax with cross-entropy, which is
        "log_loss" for two classes. "modified_huber" suits data in which some labels are wrong.
        "perceptron" is the loss of the perceptron. The last four are losses of regression.
    penalty : {"l2", "l1", "elasticnet", None}, default="l2"
        The penalty on the coefficients. "elasticnet" mixes "l1" and "l2". None means no penalty.
    alpha : float, default=0.0001
        The strength of the penalty, 0 or more. The schedule "optimal" computes its step sizes from
        it, and needs more than 0.
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
        Whether to permute the rows before each epoch.

        - In memory the rows are permuted. With ``batch_size="auto"`` many rows are permuted in runs
          of neighbouring rows, which is faster: 65,536 rows in runs of 16 in the first epoch.
        - Over a collection True permutes the blocks, and the batches inside each block, without
          copies. "rows" permutes the rows inside each block too. True does so row by row, and for
          the default rule on sparse rows with more than 511 features.
        - Row by row in memory, True gives each class an order of its own, as scikit-learn does.
          "rows" gives all classes the same order, which is several times as fast if the rows are
          not in NumPy.
    verbose : int, default=0
        If it is not 0, print how far a pass is, and scikit-learn's lines at the end of each segment
        of 64 blocks. If scikit-learn's loop learns from rows in memory, it prints its own lines.
    epsilon : float, default=0.1
        The threshold of the losses "huber", "epsilon_insensitive" and
        "squared_epsilon_insensitive".
    n_jobs : {None, 1, -1}, default=None
        It has no effect, because all classes are columns of one matrix and learn together.
    random_state : int, RandomState instance or None, default=None
        The seed of the permutations and of the held-out rows. An int makes every fit give the same
        result.
    learning_rate : {"auto", "constant", "optimal", "invscaling", "adaptive", "pa1", "pa2"}, \
default="auto"
        How long the steps are.

        - "auto" is stochastic Newton (`streamlearn.core.linear.newton`). It needs no step
          size, and does not depend on the scale and the offset of the features. With
          ``batch_size=1`` it means scikit-learn's default, "optimal".
        - "constant", "optimal", "invscaling" and "adaptive" are scikit-learn's schedules.
          ``batch_size`` says how many rows a step has.
        - "pa1" and "pa2" are passive-aggressive steps, row by row. They need ``loss="hinge"``.
    eta0 : float, default=0.01
        The step size of "constant", and the first one of "invscaling" and "adaptive". It must be
        more than 0. "pa1" and "pa2" use it as their C, see `PassiveAggressiveClassifier`.
    power_t : float, default=0.5
        The exponent of "invscaling", 0 or more.
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
    average : bool or int, default=False
        Whether ``coef_`` is the mean of the coefficients over all rows. An int n means the mean
        from the n-th row on. With ``learning_rate="auto"`` False means a mean too, which weighs the
        later coefficients more.
    batch_size : int or "auto", default="auto"
        The number of rows of one step.

        - 1 is scikit-learn's algorithm, row by row. It gives the same coefficients up to rounding,
          with ``shuffle=False`` also block by block. scikit-learn's compiled loop learns from rows
          of NumPy and scipy. Arrays of other libraries take 3 to 50 times as long.
        - "auto" with an explicit schedule is 1 wherever that loop can learn, on rows of NumPy and
          scipy. With an L1 penalty it can learn only in memory and without ``early_stopping``.
        - Elsewhere "auto" is 64 at first, and grows with the rows seen up to what fits in the
          cache. Such a step moves the coefficients by the mean of the steps of its rows. A read of
          the data is faster, but an explicit schedule needs more of them. On 400 rows of a linear
          target "invscaling" has an R2 of 0.73 after 1,000 epochs. Row by row it is 1.0 after 12.
        - With "pa1" and "pa2" "auto" is 1.
    refine : int, default=0
        The number of further reads of all rows in `fit`, after the epochs. After each read the
        coefficients move to the minimum of an approximation of the objective, which has its exact
        gradient and curvature. Two reads end within about 1e-6 of the optimum, relative to the
        objective. `partial_fit` does not refine.

        It needs ``learning_rate="auto"`` and not too many features: about 2,000, or 511 for sparse
        rows. With "multinomial", features times classes are 2,000 at most. It also needs a smooth
        loss: "log_loss", "multinomial", "squared_hinge" or "modified_huber". A loss with a kink,
        such as "hinge", has no curvature there.
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
        ``learning_rate="auto"`` learns side by side without it, and takes only 1.

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
    X may hold sparse rows of scipy: in memory in any format, or as the blocks of a dask array
    (``X.map_blocks(scipy.sparse.csr_array)``). No block is ever made dense, and predictions are
    dense. The results are those of dense rows up to rounding. With "auto" and more than about 2,000
    features (times rows of ``coef_``) only a diagonal of the curvature is kept. The coefficient of
    a sparse feature still moves from the first row that has the feature.

    Row by row (see ``batch_size``) sparse rows give other results than dense rows: the results of
    scikit-learn's loop over sparse rows. There a step moves the intercepts by 0.01 times the step
    for dense rows, and an L1 penalty cuts only the features that a row has.

    Fitted attributes are in the namespace and on the device of X.

    Differences from scikit-learn:

    - ``max_iter`` is "auto" by default instead of 1000, because 1000 epochs over a collection are
      1000 reads of the data.
    - ``learning_rate`` is "auto" by default instead of "optimal", because "auto" needs no step
      size, no tuned ``alpha`` and no scaled features.
    - If scikit-learn's loop cannot learn, a step of an explicit schedule moves by the mean gradient
      of a batch of rows, because single rows are slow without the loop. ``batch_size=1`` is
      scikit-learn's algorithm for all rows.
    - In batches of more rows, ``average`` with an L1 penalty is the mean of the coefficients.
      scikit-learn subtracts the whole accumulated penalty from it.
    - In batches of more rows, intercepts learn at the same rate from sparse rows as from dense
      rows, so that both give the same results. scikit-learn slows them down by 0.01.
    - ``shuffle`` may also be "rows". Over a collection True permutes only blocks and batches,
      because that needs no copies.
    - ``n_jobs`` has no effect and takes only None, 1 and -1, because all classes are columns of one
      matrix and learn together.
    - ``class_weight="balanced"`` counts each row as often as its ``sample_weight`` says, as
      `~sklearn.utils.compute_class_weight` does. scikit-learn counts each row once.
    - Negative weights are an error with "auto", because it draws rows by their weights.
    - Over a collection ``early_stopping`` holds out rows of each block and scores them after each
      segment of 64 blocks, because a fit has one epoch by default.
    - ``early_stopping`` scores the model itself. scikit-learn's loop leaves out how much the L2
      penalty has shrunk the coefficients so far, and with "log_loss" it counts no row of class 0 as
      right.
    - With ``average``, calls of `partial_fit` continue one mean, as if all rows had come in one
      call. scikit-learn begins each call with the intercept of an earlier one.
    - A class that stops before the ``average``-th row keeps its last coefficients. In scikit-learn
      they are 0.
    - ``loss`` may also be "multinomial", which has all classes in one loss.
    - The parameters ``batch_size``, ``refine``, ``classes`` and ``n_parallel`` and the attribute
      ``loss_curve_`` are additions.

    References
    ----------
    "auto": Bercu, Godichon-Baggioni & Portier, "An efficient stochastic Newton algorithm for
    parameter estimation in logistic regressions", 2020. "optimal": L. Bottou, "Stochastic Gradient
    Descent Tricks", 2012. "pa1" and "pa2": Crammer, Dekel, Keshet, Shalev-Shwartz & Singer, "Online
    passive-aggressive algorithms", 2006.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.linear_model import SGDClassifier
    >>> rng = da.random.default_rng(0)
    >>> X = rng.normal(size=(10_000, 3), chunks=(1_000, 3))
    >>> y = X[:, 0] + 2 * X[:, 1] > 0
    >>> model = SGDClassifier(loss="log_loss", classes=[False, True], random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.99
    True
    >>> model.predict(X)
    dask.array<..., shape=(10000,), dtype=bool, chunksize=(1000,), chunktype=numpy.ndarray>
    """

    _parameter_constraints: dict[str, Any] = {
        **SGD._parameter_constraints,
        "loss": [StrOptions({*SKLEARN_LOSSES, "multinomial"})],
        "n_jobs": [Options(Integral, {1, -1}), None],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "classes": ["array-like", None],
    }

    _kind = "classes"
    _row_by_row_rate = "optimal"
    _metric = ACCURACY

    def __init__(
        self,
        loss: Any = "hinge",
        *,
        penalty: Any = "l2",
        alpha: Any = 0.0001,
        l1_ratio: Any = 0.15,
        fit_intercept: Any = True,
        max_iter: Any = "auto",
        tol: Any = 1e-3,
        shuffle: Any = True,
        verbose: Any = 0,
        epsilon: Any = 0.1,
        n_jobs: Any = None,
        random_state: Any = None,
        learning_rate: Any = "auto",
        eta0: Any = 0.01,
        power_t: Any = 0.5,
        early_stopping: Any = False,
        validation_fraction: Any = 0.1,
        n_iter_no_change: Any = 5,
        class_weight: Any = None,
        warm_start: Any = False,
        average: Any = False,
        batch_size: Any = "auto",
        refine: Any = 0,
        classes: Any = None,
        n_parallel: Any = 1,
    ) -> None:
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.shuffle = shuffle
        self.verbose = verbose
        self.epsilon = epsilon
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.learning_rate = learning_rate
        self.eta0 = eta0
        self.power_t = power_t
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.average = average
        self.batch_size = batch_size
        self.refine = refine
        self.classes = classes
        self.n_parallel = n_parallel

    @watched
    def fit(
        self,
        X: Any,
        y: Any = None,
        coef_init: Any = None,
        intercept_init: Any = None,
        sample_weight: Any = None,
    ) -> SGDClassifier:
        """Fit to X and y, and forget what was learned before unless ``warm_start``.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows to learn from: numbers without NaN and infinity, dense or sparse.
        y : array, Series, dask array or dask Series of shape (n_samples,)
            The label of each row: whole numbers, booleans or strings.
            None means that the blocks of X contain it.
        coef_init : array of shape (n_classes, n_features), default=None
            The coefficients to start from, with one row for two classes. None starts from 0.
        intercept_init : array of shape (n_classes,), default=None
            The intercepts to start from, one for two classes. None starts from 0.
        sample_weight : array or dask array of shape (n_samples,), default=None
            The weight of each row. None means 1 for every row.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X and y do not line up, or hold NaN or infinity. If y has fewer than two classes, or
            a label that is not in ``classes``. If the model overflows.
        """
        self._check(partial_fit=False)
        with unchanged_on_error(self):
            X, y, sample_weight = engine.taken_apart(X, y, sample_weight)
            given = self._check_inputs(X, y, sample_weight, reset=True, target="labels")
            classes, found = declared(self, None, further=False), None
            balanced = self.class_weight == "balanced"
            if classes is None or balanced:
                found = labels_of_target(given, y, sample_weight, weighted=balanced)
                classes = found.classes if classes is None else classes
            params = self._class_params(classes, found)
            n_outputs = _n_outputs(classes)
            learner = self._learner(given, params, coef_init, intercept_init)
            self._learn(given, learner, Learned(), n_outputs, classes, partial_fit=False)
        return self

    @watched
    def partial_fit(
        self, X: Any, y: Any = None, classes: Any = None, sample_weight: Any = None
    ) -> SGDClassifier:
        """Learn from more rows, in one epoch.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows to learn from: numbers without NaN and infinity, dense or sparse.
        y : array, Series, dask array or dask Series of shape (n_samples,)
            The label of each row: whole numbers, booleans or strings.
            None means that the blocks of X contain it.
        classes : array of shape (n_classes,), default=None
            All labels that will ever occur. The first call needs them, here or as the parameter of
            the estimator.
        sample_weight : array or dask array of shape (n_samples,), default=None
            The weight of each row. None means 1 for every row.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If `fit` would raise it, if the labels are not given, or if they differ from those of
            the first call.
        """
        self._check(partial_fit=True)
        fixed_weights_or_raise(self.class_weight)
        first = not hasattr(self, "classes_")
        known = declared(self, classes, further=True)
        assert known is not None
        with unchanged_on_error(self):
            given = self._check_inputs(X, y, sample_weight, reset=first, target="labels")
            params = self._class_params(known, None)
            learned = self._former(given, params)
            learner = self._algorithm(given, learned.state).learner(params)
            self._learn(given, learner, learned, _n_outputs(known), known, partial_fit=True)
        return self

    def _predicted(self) -> Any:
        return links.codes

    def _class_weights(self, classes: np.ndarray, found: Labels | None) -> np.ndarray | None:
        """Return the weight of each class, or None if all are 1."""
        why = WHY_UNSIGNED if self.learning_rate == "auto" else ""
        return class_weights(self.class_weight, classes, found, unsigned=why)

    def _class_params(self, classes: np.ndarray, found: Labels | None) -> sgd.Params:
        weights = self._class_weights(classes, found)
        if _n_outputs(classes) > 1:
            return self._params() if weights is None else self._params(positive=weights)
        negative, positive = (1.0, 1.0) if weights is None else map(float, weights)
        params = self._params(positive=positive, negative=negative)
        # one column has the score of class 1 less that of class 0
        return params._replace(loss="log_loss") if self.loss == "multinomial" else params

    def _has_probabilities(self) -> bool:
        if self.loss not in ("log_loss", "multinomial", "modified_huber"):
            raise AttributeError(
                f"probability estimates are not available for loss={self.loss!r}; use log_loss, "
                "multinomial or modified_huber."
            )
        return True

    def _loss_of_scores(self) -> str:
        return str(self.loss)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the accuracy: the share of rows whose label is predicted right.

        A collection is read once.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.
        y : array, Series, dask array or dask Series of shape (n_samples,)
            The true label of each row.
            None means that the blocks of X contain it.
        sample_weight : array or dask array of shape (n_samples,), default=None
            The weight of each row. None means 1 for every row.

        Returns
        -------
        float
            A number between 0 and 1.

        Raises
        ------
        ValueError
            If X and y do not line up, or if `predict` would raise it.
        """
        X, y, sample_weight = engine.taken_apart(X, y, sample_weight)
        return metrics.accuracy_score(y, self.predict(X), sample_weight=sample_weight)


def _n_outputs(classes: np.ndarray) -> int:
    two_classes_or_raise(classes)
    return 1 if len(classes) == 2 else len(classes)
