"""The neural network for classes: `MLPClassifier`."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from streamlearn import blocks as engine
from streamlearn import metrics
from streamlearn._arrays import Array, namespace, to_numpy
from streamlearn._estimator.inputs import CheckedInputs, labels_of_target
from streamlearn._validation.label_codes import decode, labels_like
from streamlearn._validation.labels import declared
from streamlearn._validation.reader import indicator_or_raise
from streamlearn.core.mlp import links
from streamlearn.core.scores import ACCURACY
from streamlearn.neural_network.base import MLP
from streamlearn.neural_network.targets import Goal, n_columns


class MLPClassifier(ClassifierMixin, MLP):
    """Multi-layer perceptron for classes, from data of any size.

    It is scikit-learn's `~sklearn.neural_network.MLPClassifier` for arrays of any library and for
    dask collections. A collection is read block by block, with a bounded number of blocks in
    memory.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(100,)
        The number of units of each hidden layer.
    activation : {"identity", "logistic", "tanh", "relu"}, default="relu"
        The activation function of the hidden layers.
    solver : {"lbfgs", "sgd", "adam"}, default="adam"
        How the weights are learned. "lbfgs" needs all rows at once, in memory.
    alpha : float, default=0.0001
        The strength of the L2 penalty, 0 or more. It is divided by the number of rows of a batch.
    batch_size : int or "auto", default="auto"
        The number of rows of one step. "auto" is 200. The rows that are left at the end of a block
        make a smaller step.
    learning_rate : {"constant", "invscaling", "adaptive"}, default="constant"
        The schedule of the step size of "sgd". "invscaling" divides ``learning_rate_init`` by
        ``(rows seen + 1) ** power_t`` at the end of each block, which in memory is an epoch.
        "adaptive" divides the step size by 5 whenever the others would stop.
    learning_rate_init : float, default=0.001
        The first step size of "sgd" and "adam", more than 0.
    power_t : float, default=0.5
        The exponent of "invscaling", 0 or more.
    max_iter : int or "auto", default="auto"
        The largest number of epochs of `fit`. "auto" is 1 for a collection and 200 for an array in
        memory.
    shuffle : bool or "rows", default=True
        Whether to permute the rows before each epoch. Over a collection True permutes the blocks,
        and the batches inside each block, without copies. "rows" permutes the rows inside each
        block too.
    random_state : int, RandomState instance or None, default=None
        The seed of the first weights, of the permutations and of the held-out rows. An int makes
        every fit give the same result.
    tol : float, default=1e-4
        `fit` stops when the loss of an epoch, or the score of held-out rows, has not improved by at
        least ``tol`` for more than ``n_iter_no_change`` epochs in a row.
    verbose : bool, default=False
        Whether to print the loss in scikit-learn's lines.
    warm_start : bool, default=False
        Whether `fit` starts from the weights of the fit before.
    momentum : float, default=0.9
        The momentum of "sgd", between 0 and 1.
    nesterovs_momentum : bool, default=True
        Whether "sgd" uses Nesterov's momentum.
    early_stopping : bool, default=False
        Whether `fit` holds out rows, and watches their score instead of the loss. In memory it
        scores them after each epoch. Over a collection it holds out rows of each block, and scores
        them after each segment of 64 blocks. The fit ends with the weights that had the best score.
        `partial_fit` does not support it.
    validation_fraction : float, default=0.1
        The share of the rows to hold out: of each block, or of all rows in memory.
    beta_1 : float, default=0.9
        The decay of the first moments of "adam", in [0, 1).
    beta_2 : float, default=0.999
        The decay of the second moments of "adam", in [0, 1).
    epsilon : float, default=1e-8
        It is added to the divisors of "adam", so that they are not 0.
    n_iter_no_change : int, default=10
        `fit` stops after more than this number of epochs (or of scores, see ``early_stopping``)
        without an improvement.
    max_fun : int, default=15000
        The largest number of evaluations of the loss by "lbfgs".
    classes : array-like or None, default=None
        The labels, if they are known. They save a pass over the y of a collection.
    n_parallel : int, default=1
        The number of blocks of a collection that are learned from side by side, each from the same
        net. The mean of the results, by the weights of the rows, is where the next blocks begin.
        The result depends on this number, and not on threads or workers. More than 1 uses more
        processors, but fewer steps follow one another. So a pass learns less with steps of the same
        length, and steps may be longer. No weight of a row may be negative then. An array in memory
        is one block, so that the number makes no difference there.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
        The labels, in sorted order. If y is an indicator, they are the numbers of its columns.
    coefs_ : list of arrays of shape (units below, units)
        The weights of each layer.
    intercepts_ : list of arrays of shape (units,)
        The biases of each layer.
    n_layers_ : int
        The number of layers, with the input and the output.
    n_outputs_ : int
        The number of outputs.
    out_activation_ : {"logistic", "softmax"}
        The activation function of the output.
    n_iter_ : int
        The number of epochs that the last call began.
    t_ : int
        The number of rows learned from.
    loss_ : float
        The loss of the last epoch: the mean of the losses of its batches, with the penalty. Each
        batch is scored before it is learned from.
    loss_curve_ : list of float
        The same loss for each block, which in memory is an epoch. It grows by 32 bytes with each
        ``partial_fit``. On a stream without end set it to an empty list from time to time.
    best_loss_ : float or None
        The smallest loss of an epoch. It is None with ``early_stopping``.
    validation_scores_ : list of float, or None
        The accuracy of the held-out rows. It is None without ``early_stopping``.
    best_validation_score_ : float or None
        The best of these scores. It is None without ``early_stopping``.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    Over an array in memory a fit with the same ``random_state`` is scikit-learn's, up to rounding,
    and so is `partial_fit`. Over a collection with ``shuffle=False`` a fit is scikit-learn's
    ``partial_fit`` on one block after the other.

    X may hold sparse rows of scipy: in memory in any format, or as the blocks of a dask array
    (``X.map_blocks(scipy.sparse.csr_array)``). No block is ever made dense. The results are those
    of dense rows up to rounding, and weights and predictions are dense.

    Fitted attributes are in the namespace and on the device of X.

    Differences from scikit-learn:

    - ``max_iter`` is "auto" by default instead of 200, because 200 epochs over a collection are up
      to 200 reads of the data.
    - ``shuffle`` may also be "rows". Over a collection True permutes only blocks and batches,
      because that needs no copies.
    - Over a collection ``early_stopping`` holds out rows of each block and scores them after each
      segment of 64 blocks, because a fit has one epoch by default.
    - The gradient of a batch is 0 if its rows have no weight. scikit-learn raises an error.
    - If a class is too small to hold out rows of it, the error names the label of the class. The
      error of scikit-learn names the code that it has given to the class.
    - The parameters ``classes`` and ``n_parallel`` are additions.

    References
    ----------
    Rumelhart, Hinton & Williams, "Learning representations by back-propagating errors", 1986.
    Kingma & Ba, "Adam: a method for stochastic optimization", 2014. Glorot & Bengio, "Understanding
    the difficulty of training deep feedforward neural networks", 2010.

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
        n_parallel: Any = 1,
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
        self.n_parallel = n_parallel

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> MLPClassifier:
        """Fit to X and y, and forget what was learned before unless ``warm_start``.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows to learn from: numbers without NaN and infinity, dense or sparse.
        y : array, Series, DataFrame or dask's, of shape (n_samples,) or (n_samples, n_labels)
            The label of each row, or an indicator with 0 or 1 for each label.
            None means that the blocks of X contain it.
        sample_weight : array or dask array of shape (n_samples,), default=None
            The weight of each row. None means 1 for every row.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X and y do not line up, if they hold NaN or infinity, if y has a label that is not in
            ``classes``, or if a weight of the net overflows.
        NotImplementedError
            If ``solver="lbfgs"`` and X is a collection.
        """
        self._fit(X, y, sample_weight, further=False)
        return self

    @available_if(MLP._can_partial_fit)
    def partial_fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, classes: Any = None
    ) -> MLPClassifier:
        """Learn from more rows, in one epoch. It does not exist for ``solver="lbfgs"``.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows to learn from: numbers without NaN and infinity, dense or sparse.
        y : array, Series, DataFrame or dask's, of shape (n_samples,) or (n_samples, n_labels)
            The label of each row, or an indicator with 0 or 1 for each label.
            None means that the blocks of X contain it.
        sample_weight : array or dask array of shape (n_samples,), default=None
            The weight of each row. None means 1 for every row.
        classes : array of shape (n_classes,), default=None
            All labels that will ever occur. The first call needs them, here or as the parameter of
            the estimator.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If `fit` would raise it, if the labels are not given, or if they differ from those of
            the first call.
        """
        self._fit(X, y, sample_weight, classes, further=True)
        return self

    def _goal(
        self, given: CheckedInputs, y: Any, classes: Any, *, restarts: bool, further: bool
    ) -> Goal:
        columns = n_columns(given, y)
        known = self._labels_of(given, y, columns, classes, further)
        if not (restarts or further) and not np.array_equal(known, to_numpy(self.classes_)):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {known}"
            )
        if columns > 1 and len(known) != columns:
            raise ValueError(
                f"y has {columns} columns, and there are {len(known)} classes. Name a label for "
                "each column, or leave classes out."
            )
        # They move to the namespace of X when the net is published.
        self.classes_ = known
        if columns > 1:
            return Goal("logistic", columns, None, indicator_or_raise, ACCURACY, links.indicator)
        if len(known) <= 2:
            return Goal("logistic", 1, known, None, ACCURACY, links.codes)
        return Goal("softmax", len(known), known, None, ACCURACY, links.codes)

    def _labels_of(
        self, given: CheckedInputs, y: Any, columns: int, classes: Any, further: bool
    ) -> np.ndarray:
        """Return the labels: those that are given, those of the fit before, or those of y."""
        known = declared(self, classes, further=further)
        if known is not None:
            return known
        if columns > 1:
            return np.arange(columns)
        return labels_of_target(given, y).classes

    def _of_net(self, net: Any, best: Any, goal: Goal) -> dict[str, Any]:
        classes = labels_like(self.classes_, net.weights[0])
        return {**super()._of_net(net, best, goal), "classes_": classes}

    def predict(self, X: Any) -> Any:
        """Return the label of each row, or an indicator of its labels.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.

        Returns
        -------
        array or dask collection of shape (n_samples,) or (n_samples, n_labels)
            The labels. Numbers are in the namespace and on the device of X, and strings are in
            NumPy. The result is lazy if X is a dask collection.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, has other features than in `fit`, or is in another namespace
            or on another device.
        """
        check_is_fitted(self)
        if self._has_indicator():
            return self._out("predict", X, links.indicator_of_integers)
        return self._out("predict", X, partial(_labels, to_numpy(self.classes_)))

    def _has_indicator(self) -> bool:
        return self.out_activation_ == "logistic" and self.n_outputs_ > 1

    def predict_proba(self, X: Any) -> Any:
        """Return the probability of each class, or of each label.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.

        Returns
        -------
        array or dask collection of shape (n_samples, n_classes) or (n_samples, n_labels)
            One column for each class, in the order of ``classes_``, in the namespace and on the
            device of X. The result is lazy if X is a dask collection. It is a dask array, with a
            chunk for each partition, if X is a dask DataFrame.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, has other features than in `fit`, or is in another namespace
            or on another device.
        """
        return self._out("predict_proba", X, links.probabilities)

    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithm of `predict_proba`.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.

        Returns
        -------
        array or dask collection of shape (n_samples, n_classes) or (n_samples, n_labels)
            One column for each class, as `predict_proba` returns them.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, has other features than in `fit`, or is in another namespace
            or on another device.
        """
        return self._out("predict_log_proba", X, _log_probabilities)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the accuracy: the share of rows whose label is predicted right.

        A row of an indicator is right if all its labels are. A collection is read once.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, with the features of `fit`.
        y : array, Series, DataFrame or dask's, of shape (n_samples,) or (n_samples, n_labels)
            The true labels.
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

    def __sklearn_tags__(self) -> Any:
        """Return the tags of the estimator."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _labels(classes: np.ndarray, P: Array) -> Array:
    codes = links.codes(P)
    return decode(classes, codes if len(classes) > 1 else 0 * codes)


def _log_probabilities(P: Array) -> Array:
    with np.errstate(divide="ignore"):
        return namespace(P).log(links.probabilities(P))
