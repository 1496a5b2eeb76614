"""Net for classes."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from streamlearn import blocks as engine
from streamlearn import metrics
from streamlearn._arrays import Array, argmax, default_int, namespace, to_numpy
from streamlearn._estimator.inputs import Given
from streamlearn._validation.labels import declared, decode, discover, to_like
from streamlearn._validation.reader import indicator_or_raise
from streamlearn.core.scores import ACCURACY
from streamlearn.neural_network.base import MLP
from streamlearn.neural_network.targets import Goal, n_columns


class MLPClassifier(ClassifierMixin, MLP):
    """Multi-layer perceptron for classes, from data of any size.

    scikit-learn's `~sklearn.neural_network.MLPClassifier` for any array backend and for dask
    collections, which are read block by block with a bounded number of blocks in memory. Over an
    array in memory a fit with the same ``random_state`` is scikit-learn's, to rounding; so is
    `partial_fit`. Over a collection, in order, a fit is scikit-learn's ``partial_fit`` on one block
    after the other.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(100,)
    activation : {"identity", "logistic", "tanh", "relu"}, default="relu"
        Of the hidden layers.
    solver : {"lbfgs", "sgd", "adam"}, default="adam"
        "lbfgs" needs all rows at once, in memory.
    alpha : float, default=0.0001
        Strength of the L2 penalty, which a batch of more rows feels less.
    batch_size : int or "auto", default="auto"
        Rows of one step; what is left of a block makes a smaller one. "auto" is 200.
    learning_rate : {"constant", "invscaling", "adaptive"}, default="constant"
        For "sgd". "invscaling" divides ``learning_rate_init`` by ``(rows seen + 1) ** power_t`` at
        the end of each block, which in memory is an epoch; "adaptive" divides it by 5 whenever the
        others would stop.
    learning_rate_init : float, default=0.001
    power_t : float, default=0.5
    max_iter : int or "auto", default="auto"
        Epochs at most. "auto": one over a collection, 200 over an array in memory.
        (scikit-learn: 200, which over a collection would be up to 200 reads of the data.)
    shuffle : bool or "rows", default=True
        In memory, permute the rows before each epoch. Over a collection, permute the blocks, and
        the batches in a block, without copies; "rows" permutes the rows inside each block too.
    random_state : int, RandomState instance or None, default=None
    tol : float, default=1e-4
        Stop when the loss of an epoch, or the score of held-out rows, has not improved by this much
        for more than ``n_iter_no_change`` epochs.
    verbose : bool, default=False
    warm_start : bool, default=False
        Let ``fit`` start from the weights of the fit before.
    momentum : float, default=0.9
    nesterovs_momentum : bool, default=True
        These two are for "sgd".
    early_stopping : bool, default=False
        Watch the score of held-out rows: after each epoch in memory, after each segment of 64
        blocks of a collection, of whose blocks each has its share held out. The fit ends with the
        weights that had the best score.
    validation_fraction : float, default=0.1
    beta_1 : float, default=0.9
    beta_2 : float, default=0.999
    epsilon : float, default=1e-8
        These three are for "adam".
    n_iter_no_change : int, default=10
    max_fun : int, default=15000
        Evaluations at most, for "lbfgs".
    classes : array-like or None, default=None
        The labels, where they are known: saves a pass over the y of a collection.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
        Of an indicator, the numbers of its columns.
    coefs_ : list of arrays of shape (units below, units)
    intercepts_ : list of arrays of shape (units,)
    n_layers_, n_outputs_ : int
    out_activation_ : {"logistic", "softmax"}
    n_iter_ : int
        Epochs begun.
    t_ : int
        Rows learned from.
    loss_ : float
        Of the last epoch: the mean of its batches' losses, with the penalty, each batch scored
        before it was learned from.
    loss_curve_ : list of float
        The same, a value a block, which in memory is an epoch.
    best_loss_ : float or None
        None under ``early_stopping``, without which the next two are None.
    validation_scores_ : list of float, or None
        Accuracy of the held-out rows.
    best_validation_score_ : float or None
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Only where X was a frame whose column names are all strings.

    Notes
    -----
    Sparse matrices are not supported. A batch whose rows have no weight has no gradient, where
    scikit-learn raises.

    References
    ----------
    Rumelhart, Hinton & Williams, "Learning representations by back-propagating errors", 1986.
    Kingma & Ba, "Adam: a method for stochastic optimization", 2014. Glorot & Bengio,
    "Understanding the difficulty of training deep feedforward neural networks", 2010.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.neural_network import MLPClassifier
    >>> X = da.random.default_rng(0).normal(size=(40_000, 2), chunks=(4_000, 2))
    >>> y = X[:, 0] * X[:, 1] > 0
    >>> net = MLPClassifier(classes=[False, True], learning_rate_init=0.01, random_state=0)
    >>> net.fit(X, y).score(X, y) > 0.98
    True
    >>> net.predict_proba(X)
    dask.array<..., shape=(40000, 2), dtype=float64, chunksize=(4000, 2), chunktype=numpy.ndarray>
    """

    _parameter_constraints: dict[str, Any] = {
        **MLP._parameter_constraints,
        "classes": ["array-like", None],
    }

    _target = "labels"

    classes_: Array

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: Any = 0.0001,
        batch_size: Any = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: Any = 0.001,
        power_t: Any = 0.5,
        max_iter: Any = "auto",
        shuffle: Any = True,
        random_state: Any = None,
        tol: Any = 1e-4,
        verbose: Any = False,
        warm_start: Any = False,
        momentum: Any = 0.9,
        nesterovs_momentum: Any = True,
        early_stopping: Any = False,
        validation_fraction: Any = 0.1,
        beta_1: Any = 0.9,
        beta_2: Any = 0.999,
        epsilon: Any = 1e-8,
        n_iter_no_change: Any = 10,
        max_fun: Any = 15000,
        classes: Any = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.classes = classes

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPClassifier:
        """Fit to X and y, forgetting what was learned before unless ``warm_start``.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
        y : array, Series, DataFrame or dask's, of shape (n_samples,) or (n_samples, n_labels)
            Labels; or an indicator, 0 or 1 for each label.
        sample_weight : array or dask array of shape (n_samples,), optional

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X and y do not line up, hold NaN or infinity, y has a label that is not in
            ``classes``, or a weight of the net overflows.
        NotImplementedError
            For ``solver="lbfgs"`` and a collection.
        """
        self._fit(X, y, sample_weight, further=False)
        return self

    @available_if(MLP._can_partial_fit)
    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None
    ) -> MLPClassifier:
        """Learn from more rows, in one epoch.

        Parameters
        ----------
        X, y, sample_weight
            As `fit`.
        classes : array of shape (n_classes,), optional
            All labels there will ever be; needed in the first call, here or as a parameter.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As `fit`, and if the labels are not given or differ from those of the first call.
        """
        self._fit(X, y, sample_weight, classes, further=True)
        return self

    def _goal(self, given: Given, y: Any, classes: Any, *, anew: bool, further: bool) -> Goal:
        columns = n_columns(given, y)
        known = self._labels_of(given, y, columns, classes, further)
        if not (anew or further) and not np.array_equal(known, to_numpy(self.classes_)):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {known}"
            )
        if columns > 1 and len(known) != columns:
            raise ValueError(
                f"y has {columns} columns, and there are {len(known)} classes. Name a label for "
                "each column, or leave classes out."
            )
        # Beside X once the net is.
        self.classes_ = known
        if columns > 1:
            return Goal("logistic", columns, None, indicator_or_raise, ACCURACY, _indicator)
        if len(known) <= 2:
            return Goal("logistic", 1, known, None, ACCURACY, _codes)
        return Goal("softmax", len(known), known, None, ACCURACY, _codes)

    def _labels_of(
        self, given: Given, y: Any, columns: int, classes: Any, further: bool
    ) -> np.ndarray:
        """Return the labels: those that are given, else those of the fit before, or of y."""
        known = declared(self, classes, further=further)
        if known is not None:
            return known
        if columns > 1:
            return np.arange(columns)
        # A collection's labels are found without reading its X.
        return discover(engine.align(y=y) if given.whole is None else given.blocks).classes

    def _publish(self, net: Any, best: Any) -> None:
        super()._publish(net, best)
        self.classes_ = to_like(self.classes_, self.coefs_[0])

    def predict(self, X: Any) -> Any:
        """Return the label of each row, or an indicator of its labels.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)

        Returns
        -------
        array or dask collection of shape (n_samples,) or (n_samples, n_labels)
            Numbers in X's namespace and on its device, strings as NumPy; lazy for dask.
        """
        check_is_fitted(self)
        if self._has_indicator():
            return self._out("predict", X, _indicator_of_integers)
        return self._out("predict", X, partial(_labels, to_numpy(self.classes_)))

    def _has_indicator(self) -> bool:
        return self.out_activation_ == "logistic" and self.n_outputs_ > 1

    def predict_proba(self, X: Any) -> Any:
        """Return the probability of each class, or of each label.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)

        Returns
        -------
        array or dask collection of shape (n_samples, n_classes) or (n_samples, n_labels)
            In X's namespace and on its device; lazy for dask. That of a dask DataFrame is a dask
            array, whose chunks are the partitions.
        """
        return self._out("predict_proba", X, _probabilities)

    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithm of `predict_proba`."""
        return self._out("predict_log_proba", X, _log_probabilities)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of rows whose label, or all of whose labels, are predicted right.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
        y : array, Series, DataFrame or dask's, of shape (n_samples,) or (n_samples, n_labels)
        sample_weight : array or dask array of shape (n_samples,), optional
        """
        return metrics.accuracy_score(y, self.predict(X), sample_weight=sample_weight)

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _codes(P: Array) -> Array:
    if P.shape[1] == 1:
        return namespace(P).astype(P[:, 0] > 0.5, default_int(P))
    return argmax(P, axis=1)


def _labels(classes: np.ndarray, P: Array) -> Array:
    codes = _codes(P)
    return decode(classes, codes if len(classes) > 1 else 0 * codes)


def _indicator(P: Array) -> Array:
    return namespace(P).astype(P > 0.5, P.dtype)


def _indicator_of_integers(P: Array) -> Array:
    return namespace(P).astype(P > 0.5, default_int(P))


def _probabilities(P: Array) -> Array:
    return namespace(P).concat([1.0 - P, P], axis=1) if P.shape[1] == 1 else P


def _log_probabilities(P: Array) -> Array:
    with np.errstate(divide="ignore"):
        return namespace(P).log(_probabilities(P))
