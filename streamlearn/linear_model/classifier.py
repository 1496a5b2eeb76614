"""Linear classifier that learns in one pass, block by block."""

from __future__ import annotations

from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from streamlearn import blocks as engine
from streamlearn import metrics
from streamlearn._arrays import Array, namespace, to_numpy
from streamlearn._estimator.inputs import unchanged_on_error
from streamlearn._sklearn import Options, StrOptions
from streamlearn._training.course import Learned
from streamlearn._validation.labels import (
    Labels,
    class_weights,
    declared,
    decode,
    discover,
    to_like,
)
from streamlearn.core.linear import links, sgd
from streamlearn.core.linear.losses import LOSSES
from streamlearn.core.scores import ACCURACY
from streamlearn.linear_model.base import SGD, one_column


class SGDClassifier(ClassifierMixin, SGD):
    """Linear classifier that learns by stochastic gradient steps, from data of any size.

    scikit-learn's `~sklearn.linear_model.SGDClassifier` for any array backend and for dask
    collections, which are read once, block by block, with a bounded number of blocks in memory.
    With its defaults there is no step size to tune and the scale of the features does not matter.

    Parameters
    ----------
    loss : {"hinge", "log_loss", "modified_huber", "squared_hinge", "perceptron", \
"squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive"}, default="hinge"
        Hinge is a linear support vector machine, log_loss logistic regression.
    penalty : {"l2", "l1", "elasticnet", None}, default="l2"
    alpha : float, default=0.0001
        Strength of the penalty.
    l1_ratio : float, default=0.15
        Share of l1 in elasticnet.
    fit_intercept : bool, default=True
    max_iter : int or "auto", default="auto"
        Epochs at most. "auto": one over a collection, 1000 with ``tol`` over an array in memory.
        (scikit-learn: 1000, which over a collection would be 1000 reads of the data.)
    tol : float or None, default=1e-3
        Stop when the objective has not improved by this much in ``n_iter_no_change`` epochs.
    shuffle : bool or "rows", default=True
        In memory, permute the rows before each epoch, in runs of 16 where there are 32,768 or more.
        Over a collection, permute the blocks, and the batches in a block, without copies; "rows"
        permutes the rows inside each block too. Row by row in memory each class learns from the
        rows in an order of its own, as scikit-learn draws them; under "rows" all in one, which is
        several times as fast.
    verbose : int, default=0
        Print progress at the end of each segment of 64 blocks.
    epsilon : float, default=0.1
        Threshold of the huber and epsilon-insensitive losses.
    n_jobs : {None, 1, -1}, default=None
        Has no effect: all classes are columns of one matrix and learn together.
    random_state : int, RandomState instance or None, default=None
    learning_rate : {"auto", "constant", "optimal", "invscaling", "adaptive", "pa1", "pa2"}, \
default="auto"
        "auto" is averaged stochastic Newton (`streamlearn.core.linear.newton`), which needs no step
        size and is blind to the scale and offset of features. The others are scikit-learn's
        schedules, applied to the mean gradient of each batch; "pa1" and "pa2" are
        passive-aggressive steps, row by row.
        (scikit-learn: "optimal", which needs alpha tuned and features scaled.)
    eta0 : float, default=0.01
    power_t : float, default=0.5
    early_stopping : bool, default=False
        Hold out rows of every block, score them after the block was learned from, and stop when
        the score of a segment of 64 blocks has not improved by ``tol`` for ``n_iter_no_change``
        segments. In memory hold out the rows that scikit-learn does, and watch each class's
        accuracy beside the rest at the end of each epoch.
    validation_fraction : float, default=0.1
        Share of each block's rows to hold out.
    n_iter_no_change : int, default=5
    class_weight : dict, "balanced" or None, default=None
        "balanced" counts each row as often as its ``sample_weight`` says, as
        `~sklearn.utils.compute_class_weight` does. (scikit-learn: each row once.)
    warm_start : bool, default=False
        Let ``fit`` start from the coefficients of the fit before.
    average : bool or int, default=False
        Answer with the mean of the coefficients over all rows, or from the n-th row on. Under
        "auto" False means a mean too, one that weighs the later coefficients more.
    batch_size : int or "auto", default="auto"
        Rows of one step. "auto": 64 at first, growing with the rows seen to what fits in cache. 1
        is scikit-learn's algorithm, row by row: the same coefficients to rounding, with
        ``shuffle=False`` also block by block. "pa1" and "pa2" are so under "auto" too. (Different:
        ``average`` over several calls: of ``partial_fit`` scikit-learn's classifiers begin each
        with the intercept of an earlier one, of ``fit`` under ``warm_start`` its regressors add a
        rest of the mean before; a class that stops before the ``average``-th row is answered by
        its last model, in scikit-learn by zeros; and ``early_stopping`` scores the
        model, where scikit-learn's loop leaves out the shrinking of the coefficients that the l2
        penalty has come to, and counts no row of class 0 right under log_loss.)
    classes : array-like or None, default=None
        The labels, where they are known: saves a pass over y, and a pass over y is a pass over
        the data where both come from the same files.

    Attributes
    ----------
    coef_ : array of shape (1, n_features) or (n_classes, n_features)
    intercept_ : array of shape (1,) or (n_classes,)
    classes_ : array of shape (n_classes,)
    n_iter_ : int
        Epochs begun.
    t_ : float
        1 + rows learned from; in memory those held out count too, as in scikit-learn.
    loss_curve_ : list of float
        Progressive loss, a value a block: the mean loss of its rows, each scored before it was
        learned from.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Only where X was a frame whose column names are all strings.

    Notes
    -----
    X may be sparse rows of scipy, in memory in any format, or as the blocks of a dask array
    (``X.map_blocks(scipy.sparse.csr_array)``). No block is ever made dense, results are those of
    dense rows to rounding, and predictions are dense. Under "auto", beyond some 2,000 features
    (times columns) only a diagonal of the curvature is kept; every sparse feature still moves from
    the first row on that has it. Intercepts learn at the same rate as for dense rows, where
    scikit-learn slows them down by 0.01. Row by row (``batch_size=1``, "pa1", "pa2") it is
    scikit-learn's loop over sparse rows: intercepts move by 0.01 of what they would, and an l1
    penalty cuts only the features that a row has, so that results are not those of dense rows.
    (Different: the objective that ends the epochs counts the l2 penalty of all coefficients,
    scikit-learn's that of the features of the row before.)

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
        "loss": [StrOptions(set(LOSSES))],
        "n_jobs": [Options(Integral, {1, -1}), None],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "classes": ["array-like", None],
    }

    _kind = "classes"
    _row_by_row_rate = "optimal"
    _metric = ACCURACY
    _predicted = staticmethod(links.codes)

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
        classes: Any = None,
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
        self.classes = classes

    def fit(
        self,
        X: Any,
        y: Any,
        coef_init: Any = None,
        intercept_init: Any = None,
        sample_weight: Any = None,
    ) -> SGDClassifier:
        """Fit to X and y, forgetting what was learned before unless ``warm_start``.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
        y : array, Series, dask array or dask Series of shape (n_samples,)
        coef_init : array of shape (n_classes, n_features), optional
        intercept_init : array of shape (n_classes,), optional
        sample_weight : array or dask array of shape (n_samples,), optional

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X and y do not line up, hold NaN or infinity, y has fewer than two classes or a
            label not in ``classes``, or the model overflows.
        """
        self._check(partial_fit=False)
        with unchanged_on_error(self):
            given = self._check_inputs(X, y, sample_weight, reset=True, target="labels")
            classes, found = declared(self, None, further=False), None
            balanced = self.class_weight == "balanced"
            if classes is None or balanced:
                # A collection's labels are found without reading its X.
                weight = sample_weight if balanced else None
                parts = (
                    engine.align(y=y, sample_weight=weight) if given.whole is None else given.blocks
                )
                found = discover(parts, weighted=balanced)
                classes = found.classes if classes is None else classes
            params = self._class_params(classes, found)
            n_outputs = _n_outputs(classes)
            learner = self._learner(params, coef_init, intercept_init)
            self._learn(given, learner, Learned(), n_outputs, classes, partial_fit=False)
            self.classes_ = to_like(classes, self.coef_)
        return self

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> SGDClassifier:
        """Learn from more rows, in one epoch.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
        y : array, Series, dask array or dask Series of shape (n_samples,)
        classes : array of shape (n_classes,), optional
            All labels there will ever be; needed in the first call, here or as a parameter.
        sample_weight : array or dask array of shape (n_samples,), optional

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As `fit`, and if the labels are not given or differ from those of the first call.
        """
        self._check(partial_fit=True)
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight 'balanced' is not supported for partial_fit. In order to use "
                "'balanced' weights, use compute_class_weight('balanced', classes=classes, y=y). "
                "In place of y you can use a large enough sample of the full training set target "
                "to properly estimate the class frequency distributions. Pass the resulting "
                "weights as the class_weight parameter."
            )
        first = not hasattr(self, "classes_")
        known = declared(self, classes, further=True)
        assert known is not None
        with unchanged_on_error(self):
            given = self._check_inputs(X, y, sample_weight, reset=first, target="labels")
            params = self._class_params(known, None)
            learner, learned = self._rule().learner(params), self._former(params)
            self._learn(given, learner, learned, _n_outputs(known), known, partial_fit=True)
            self.classes_ = to_like(known, self.coef_)
        return self

    def _class_params(self, classes: np.ndarray, found: Labels | None) -> sgd.Params:
        weights = class_weights(self.class_weight, classes, found)
        if weights is None:
            return self._params()
        if _n_outputs(classes) == 1:
            return self._params(positive=float(weights[1]), negative=float(weights[0]))
        return self._params(positive=weights)

    def decision_function(self, X: Any) -> Any:
        """Return the signed distance of each row to the hyperplane, times the norm of ``coef_``.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)

        Returns
        -------
        array or dask collection of shape (n_samples,) or (n_samples, n_classes)
            A column for each label of more than two; those of a dask DataFrame are a dask array.
        """
        check_is_fitted(self)
        return self._out("decision_function", X, one_column)

    def predict(self, X: Any) -> Any:
        """Return the label of each row.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)

        Returns
        -------
        array or dask collection of shape (n_samples,)
            Numbers in X's namespace and on its device, strings as NumPy; lazy for dask. That of a
            dask DataFrame is a Series with its index.
        """
        check_is_fitted(self)
        labels = to_numpy(self.classes_)
        return self._out("predict", X, partial(_labels, labels))

    def _has_probabilities(self) -> bool:
        if self.loss not in ("log_loss", "modified_huber"):
            raise AttributeError(
                f"probability estimates are not available for loss={self.loss!r}; use log_loss or "
                "modified_huber."
            )
        return True

    @available_if(_has_probabilities)
    def predict_proba(self, X: Any) -> Any:
        """Return the probability of each class, for the losses log_loss and modified_huber.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)

        Returns
        -------
        array or dask collection of shape (n_samples, n_classes)
            Classes in the order of ``classes_``; see `streamlearn.core.linear.links.probabilities`.
            That of a dask DataFrame is a dask array, whose chunks are the partitions.
        """
        return self._out("predict_proba", X, partial(links.probabilities, loss=self.loss))

    @available_if(_has_probabilities)
    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithm of `predict_proba`; -inf where that is 0."""
        return self._out("predict_log_proba", X, partial(_log_probabilities, self.loss))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of rows whose label is predicted right, in one pass.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
        y : array, Series, dask array or dask Series of shape (n_samples,)
        sample_weight : array or dask array of shape (n_samples,), optional
        """
        return metrics.accuracy_score(y, self.predict(X), sample_weight=sample_weight)


def _n_outputs(classes: np.ndarray) -> int:
    if len(classes) < 2:
        raise ValueError(
            f"The number of classes has to be greater than one; got {len(classes)} class: "
            f"{classes.tolist()}. Give rows of others too, or list all labels in classes."
        )
    return 1 if len(classes) == 2 else len(classes)


def _labels(classes: np.ndarray, p: Array) -> Array:
    return decode(classes, links.codes(p))


def _log_probabilities(loss: str, p: Array) -> Array:
    probabilities = links.probabilities(p, loss=loss)
    with np.errstate(divide="ignore"):
        return namespace(p).log(probabilities)
