"""Linear classifiers and regressors that learn in one pass, block by block."""

from __future__ import annotations

import warnings
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state, compute_class_weight
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from streamlearn import blocks as engine
from streamlearn import fitting, metrics
from streamlearn.backend import Array, asarray, is_array, namespace, scores, to_numpy
from streamlearn.base import Given, rows_out, take_in
from streamlearn.core import linear, links, newton, tallies
from streamlearn.labels import beside, decode, discover


class _SGD(BaseEstimator):
    """What the classifier and the regressor share: parameters in, a fit, attributes out."""

    _tally: tallies.Tally
    _predicted: Any
    _losses: tuple[str, ...] = (
        "squared_error",
        "huber",
        "epsilon_insensitive",
        "squared_epsilon_insensitive",
    )

    _parameter_constraints: dict = {
        "loss": [StrOptions(set(_losses))],
        "penalty": [StrOptions({"l2", "l1", "elasticnet"}), None],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both"), None],
        "fit_intercept": ["boolean"],
        "max_iter": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "tol": [Interval(Real, 0, None, closed="left"), None],
        "shuffle": ["boolean", StrOptions({"rows"})],
        "verbose": ["verbose"],
        "epsilon": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
        "learning_rate": [
            StrOptions({"auto", "constant", "optimal", "invscaling", "adaptive", "pa1", "pa2"})
        ],
        "eta0": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, None, None, closed="neither")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "average": [Interval(Integral, 0, None, closed="neither"), "boolean"],
        "batch_size": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
    }

    def _check(self, *, partial_fit: bool) -> None:
        """Check the parameters, alone and together."""
        self._validate_params()
        if self.early_stopping and partial_fit:
            raise ValueError("early_stopping should be False with partial_fit")
        if self.learning_rate == "optimal" and self.alpha == 0:
            raise ValueError(
                "alpha must be > 0 since learning_rate is 'optimal'. alpha is used to compute the "
                "optimal learning rate."
            )
        if self.learning_rate in ("pa1", "pa2"):
            raise NotImplementedError(
                f"learning_rate={self.learning_rate!r} is a row-by-row algorithm and is not there "
                "yet. Use 'auto', 'optimal', 'constant', 'invscaling' or 'adaptive'."
            )
        if self.learning_rate == "auto" and self.penalty in ("l1", "elasticnet"):
            raise NotImplementedError(
                f"penalty={self.penalty!r} is not there yet with learning_rate='auto'. Use "
                "penalty='l2', or learning_rate='optimal'."
            )
        if self.penalty == "elasticnet" and self.l1_ratio is None:
            raise ValueError("l1_ratio must be set when penalty is 'elasticnet'")

    def _rule(self) -> Any:
        """Return the core module of the learning rate."""
        return newton if self.learning_rate == "auto" else linear

    def _params(self, kind: str, positive: Any = 1.0, negative: Any = 1.0) -> linear.Params:
        return linear.Params(
            loss=self.loss,
            kind=kind,
            penalty=self.penalty,
            alpha=float(self.alpha),
            l1_ratio=0.0 if self.l1_ratio is None else float(self.l1_ratio),
            epsilon=float(self.epsilon),
            learning_rate=self.learning_rate,
            eta0=float(self.eta0),
            power_t=float(self.power_t),
            average=int(self.average),
            fit_intercept=self.fit_intercept,
            positive_weight=positive,
            negative_weight=negative,
        )

    def _begin(
        self, coef_init: Any, intercept_init: Any, n_outputs: int, n_features: int
    ) -> fitting.Learned:
        """Return where ``fit`` starts: nowhere, or from given or former coefficients."""
        if self.warm_start and hasattr(self, "coef_"):
            coef_init = self.coef_ if coef_init is None else coef_init
            intercept_init = self.intercept_ if intercept_init is None else intercept_init
        if coef_init is None and intercept_init is None:
            return fitting.Learned()
        like = next((a for a in (coef_init, intercept_init) if is_array(a)), np.zeros(0))
        shapes = {"coef_init": (n_outputs, n_features), "intercept_init": (n_outputs,)}
        found = []
        for (name, shape), given in zip(shapes.items(), (coef_init, intercept_init), strict=True):
            values = np.zeros(shape) if given is None else to_numpy(asarray(given, like=like))
            if values.size != np.prod(shape):
                raise ValueError(
                    f"{name} has shape {values.shape}, which does not match the data: {shape}."
                )
            found.append(asarray(values.reshape(shape), like=like))
        return fitting.Learned(self._rule().start(self._params("values"), *found))

    def _learn(
        self,
        given: Given,
        params: linear.Params,
        n_outputs: int,
        classes: np.ndarray | None,
        learned: fitting.Learned,
        *,
        partial_fit: bool,
    ) -> None:
        """Run the fit and publish its result; on an error the estimator stays as it was."""
        rule = self._rule()
        resume = partial_fit and hasattr(self, "_learned")
        # One draw for all passes; each block's own draws come from it and the block's number.
        seed = (
            self._seed
            if resume
            else int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        )
        epoch = self._epoch if resume else 0
        if resume:
            learned = self._learned
            if not isinstance(learned.state, rule.State):
                former = linear if rule is newton else newton
                answer = former.answer(params, learned.state)
                learned = learned._replace(state=rule.start(params, *answer))
        shuffle = "rows" if self.shuffle == "rows" or not given.lazy else "batches"
        course = fitting.Course(
            rule.machine(params),
            n_outputs,
            given.reader,
            given.blocks.names,
            classes,
            batch_size=None if self.batch_size == "auto" else int(self.batch_size),
            shuffle=shuffle if self.shuffle else None,
            seed=seed,
            held_out=float(self.validation_fraction) if self.early_stopping else 0.0,
            tally=self._tally,
            predicted=self._predicted,
        )
        auto = self.max_iter == "auto"
        max_iter = (1 if given.lazy else 1000) if auto else self.max_iter
        stopping = fitting.Stopping(
            1 if partial_fit else max_iter,
            -np.inf if self.tol is None else self.tol,
            self.n_iter_no_change,
            self.early_stopping,
        )
        outcome = fitting.fit(
            course, learned, given.blocks, stopping, epoch=epoch, verbose=self.verbose
        )
        self._seed, self._learned, self._epoch = seed, outcome.learned, epoch + outcome.n_iter
        self._publish(*rule.answer(params, outcome.learned.state))
        self.n_iter_ = outcome.n_iter
        self.t_ = 1.0 + outcome.learned.rows
        self.loss_curve_ = outcome.losses
        promised = not partial_fit and self.tol is not None and not (auto and given.lazy)
        if promised and not outcome.stopped:
            warnings.warn(
                "Maximum number of iteration reached before convergence. Consider increasing "
                "max_iter to improve the fit.",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _publish(self, coef: Array, intercept: Array) -> None:
        self.coef_, self.intercept_ = coef, intercept

    def _out(self, X: Any, of_scores: Any, **how: Any) -> Any:
        """Apply a function of the scores (m, K) to the rows of X, lazily for collections."""
        check_is_fitted(self)
        coef = self.coef_ if self.coef_.ndim == 2 else self.coef_[None, :]
        return rows_out(
            self,
            X,
            partial(_score_rows, coef, self.intercept_, of_scores),
            beside=coef,
            attribute="coef_",
            **how,
        )

    def __sklearn_tags__(self):
        """Return scikit-learn's tags."""
        tags = super().__sklearn_tags__()
        tags.array_api_support = True
        return tags


def _score_rows(coef: Array, intercept: Array, of_scores: Any, X: Array) -> Array:
    X = namespace(X).astype(X, coef.dtype, copy=False)
    return of_scores(scores(X, coef) + intercept)


def _one_column(p: Array) -> Array:
    return p[:, 0] if p.shape[1] == 1 else p


def _labels(classes: Array, p: Array) -> Array:
    return decode(classes, links.codes(p))


def _log_probabilities(loss: str, p: Array) -> Array:
    probabilities = links.probabilities(p, loss=loss)
    with np.errstate(divide="ignore"):
        return namespace(p).log(probabilities)


class SGDClassifier(ClassifierMixin, _SGD):
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
        In memory, permute the rows before each epoch. Over a collection, permute the blocks, and
        the batches in a block, without copies; "rows" permutes the rows inside each block too.
    verbose : int, default=0
        Print progress at the end of each segment of blocks.
    epsilon : float, default=0.1
        Threshold of the huber and epsilon-insensitive losses.
    n_jobs : {None, 1, -1}, default=None
        Has no effect: all classes are columns of one matrix and learn together.
    random_state : int, RandomState instance or None, default=None
    learning_rate : {"auto", "constant", "optimal", "invscaling", "adaptive"}, default="auto"
        "auto" is averaged stochastic Newton (`streamlearn.core.newton`), which needs no step size
        and is blind to the scale and offset of features; it knows the penalties l2 and None. The
        others are scikit-learn's schedules, applied to the mean gradient of each batch.
        (scikit-learn: "optimal", which needs alpha tuned and features scaled.)
    eta0 : float, default=0.01
    power_t : float, default=0.5
    early_stopping : bool, default=False
        Hold out rows of every block, score them after the block was learned from, and stop when
        the score of a segment of blocks (an epoch, in memory) has not improved by ``tol`` for
        ``n_iter_no_change`` segments.
    validation_fraction : float, default=0.1
        Share of each block's rows to hold out.
    n_iter_no_change : int, default=5
    class_weight : dict, "balanced" or None, default=None
    warm_start : bool, default=False
        Let ``fit`` start from the coefficients of the fit before.
    average : bool or int, default=False
        Answer with the mean of the coefficients over all rows, or from the n-th row on. Under
        "auto" False means a mean too, one that weighs the later coefficients more.
    batch_size : int or "auto", default="auto"
        Rows of one step. "auto": 64 at first, growing with the rows seen to what fits in cache. 1
        is scikit-learn's row by row.
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
        1 + rows learned from.
    loss_curve_ : list of float
        Progressive loss, a value a block: the mean loss of its rows, each scored before it was
        learned from.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Only where X was a frame whose column names are all strings.

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

    _parameter_constraints: dict = {
        **_SGD._parameter_constraints,
        "loss": [
            StrOptions(
                {
                    "hinge",
                    "squared_hinge",
                    "perceptron",
                    "log_loss",
                    "modified_huber",
                    *_SGD._losses,
                }
            )
        ],
        "n_jobs": [Integral, None],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "classes": ["array-like", None],
    }

    _tally = tallies.ACCURACY
    _predicted = staticmethod(links.codes)

    def __init__(
        self,
        loss="hinge",
        *,
        penalty="l2",
        alpha=0.0001,
        l1_ratio=0.15,
        fit_intercept=True,
        max_iter="auto",
        tol=1e-3,
        shuffle=True,
        verbose=0,
        epsilon=0.1,
        n_jobs=None,
        random_state=None,
        learning_rate="auto",
        eta0=0.01,
        power_t=0.5,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=5,
        class_weight=None,
        warm_start=False,
        average=False,
        batch_size="auto",
        classes=None,
    ):
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
        NotImplementedError
            For ``learning_rate`` pa1 and pa2, and l1 and elasticnet under "auto".
        """
        self._check(partial_fit=False)
        given = take_in(self, X, y, sample_weight, reset=True, needs_y=True, as_rows=True)
        labels = None
        if self.classes is None or self.class_weight == "balanced":
            labels = discover(engine.align(y=y) if given.lazy else given.blocks)
        classes = labels.classes if self.classes is None else _sorted_classes(self.classes)
        counts = None
        if labels is not None:
            found = dict(zip(to_numpy(labels.classes).tolist(), labels.counts, strict=True))
            counts = [found.get(c, 0) for c in to_numpy(classes).tolist()]
        n_outputs = self._n_outputs(classes)
        learned = self._begin(coef_init, intercept_init, n_outputs, self.n_features_in_)
        return self._run(given, classes, counts, learned, partial_fit=False)

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
                "'balanced' weights, use compute_class_weight('balanced', classes=classes, y=y) on "
                "a large enough sample and pass the resulting weights as class_weight."
            )
        first = not hasattr(self, "classes_")
        if classes is None:
            classes = self.classes
        if first and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        if classes is not None:
            classes = _sorted_classes(classes)
            if not first and not np.array_equal(to_numpy(self.classes_), to_numpy(classes)):
                raise ValueError(
                    f"`classes={classes!r}` is not the same as on last call to partial_fit, was: "
                    f"{self.classes_!r}"
                )
        given = take_in(self, X, y, sample_weight, reset=first, needs_y=True, as_rows=True)
        if not first:
            classes = self.classes_
        elif is_array(y) and not given.lazy:
            classes = beside(to_numpy(classes), y)
        learned = fitting.Learned()
        return self._run(given, classes, None, learned, partial_fit=True)

    @staticmethod
    def _n_outputs(classes: Array) -> int:
        if classes.shape[0] < 2:
            raise ValueError(
                f"The number of classes has to be greater than one; got {classes.shape[0]} class"
            )
        return 1 if classes.shape[0] == 2 else classes.shape[0]

    def _run(
        self,
        given: Given,
        classes: Array,
        counts: Any,
        learned: fitting.Learned,
        *,
        partial_fit: bool,
    ) -> SGDClassifier:
        if self.n_jobs not in (None, 1, -1):
            raise ValueError(
                f"n_jobs={self.n_jobs!r}: only None, 1 and -1 are accepted. All classes are "
                "columns of one matrix and learn together, so there is nothing to spread over jobs."
            )
        known = to_numpy(classes)
        n_outputs = self._n_outputs(classes)
        if self.class_weight == "balanced":
            if not all(counts):
                missing = known[np.asarray(counts) == 0].tolist()
                raise ValueError(f"class_weight='balanced', and y has no rows of class {missing}.")
            of_class = sum(counts) / (len(known) * np.asarray(counts, dtype=np.float64))
        else:
            of_class = compute_class_weight(self.class_weight, classes=known, y=known)
        positive, negative = of_class, 1.0
        if n_outputs == 1:
            negative, positive = float(of_class[0]), float(of_class[1])
        if self.class_weight is None:
            positive = negative = 1.0
        params = self._params("classes", positive, negative)
        self._learn(given, params, n_outputs, known, learned, partial_fit=partial_fit)
        self.classes_ = classes
        return self

    def decision_function(self, X: Any) -> Any:
        """Return the signed distance of each row to the hyperplane, times the norm of ``coef_``.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)

        Returns
        -------
        array or dask collection of shape (n_samples,) or (n_samples, n_classes)
        """
        check_is_fitted(self)
        n = self.coef_.shape[0]
        return self._out(X, _one_column, columns=None if n == 1 else n)

    def predict(self, X: Any) -> Any:
        """Return the label of each row.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)

        Returns
        -------
        array or dask collection of shape (n_samples,)
            Numbers in X's namespace and on its device, strings as NumPy; lazy for dask.
        """
        check_is_fitted(self)
        return self._out(X, partial(_labels, self.classes_), dtype=to_numpy(self.classes_).dtype)

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
            Classes in the order of ``classes_``; see `streamlearn.core.links.probabilities`.
        """
        check_is_fitted(self)
        return self._out(
            X,
            partial(links.probabilities, loss=self.loss),
            columns=self.classes_.shape[0],
        )

    @available_if(_has_probabilities)
    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithm of `predict_proba`; -inf where that is 0."""
        check_is_fitted(self)
        return self._out(X, partial(_log_probabilities, self.loss), columns=self.classes_.shape[0])

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of rows whose label is predicted right, in one pass.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
        y : array, Series, dask array or dask Series of shape (n_samples,)
        sample_weight : array or dask array of shape (n_samples,), optional
        """
        return metrics.accuracy_score(y, self.predict(X), sample_weight=sample_weight)


class SGDRegressor(RegressorMixin, _SGD):
    """Linear regressor that learns by stochastic gradient steps, from data of any size.

    scikit-learn's `~sklearn.linear_model.SGDRegressor` for any array backend and for dask
    collections; see `SGDClassifier` for what is different and why.

    Parameters
    ----------
    loss : {"squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive"}, \
default="squared_error"
    penalty : {"l2", "l1", "elasticnet", None}, default="l2"
    alpha : float, default=0.0001
    l1_ratio : float, default=0.15
    fit_intercept : bool, default=True
    max_iter : int or "auto", default="auto"
    tol : float or None, default=1e-3
    shuffle : bool or "rows", default=True
    verbose : int, default=0
    epsilon : float, default=0.1
    random_state : int, RandomState instance or None, default=None
    learning_rate : {"auto", "constant", "optimal", "invscaling", "adaptive"}, default="auto"
        (scikit-learn: "invscaling".)
    eta0 : float, default=0.01
    power_t : float, default=0.25
    early_stopping : bool, default=False
    validation_fraction : float, default=0.1
    n_iter_no_change : int, default=5
    warm_start : bool, default=False
    average : bool or int, default=False
    batch_size : int or "auto", default="auto"

    Attributes
    ----------
    coef_ : array of shape (n_features,)
    intercept_ : array of shape (1,)
    n_iter_ : int
    t_ : float
    loss_curve_ : list of float
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.linear_model import SGDRegressor
    >>> X = np.random.default_rng(0).normal(size=(1_000, 2))
    >>> y = 3 * X[:, 0] - X[:, 1] + 1
    >>> SGDRegressor(alpha=0, random_state=0).fit(X, y).coef_.round(3)
    array([ 3., -1.])
    """

    _tally = tallies.R2
    _predicted = staticmethod(_one_column)

    def __init__(
        self,
        loss="squared_error",
        *,
        penalty="l2",
        alpha=0.0001,
        l1_ratio=0.15,
        fit_intercept=True,
        max_iter="auto",
        tol=1e-3,
        shuffle=True,
        verbose=0,
        epsilon=0.1,
        random_state=None,
        learning_rate="auto",
        eta0=0.01,
        power_t=0.25,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=5,
        warm_start=False,
        average=False,
        batch_size="auto",
    ):
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
        self.random_state = random_state
        self.learning_rate = learning_rate
        self.eta0 = eta0
        self.power_t = power_t
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.average = average
        self.batch_size = batch_size

    def fit(
        self,
        X: Any,
        y: Any,
        coef_init: Any = None,
        intercept_init: Any = None,
        sample_weight: Any = None,
    ) -> SGDRegressor:
        """Fit to X and y, forgetting what was learned before unless ``warm_start``.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
        y : array, Series, dask array or dask Series of shape (n_samples,)
        coef_init : array of shape (n_features,), optional
        intercept_init : array of shape (1,), optional
        sample_weight : array or dask array of shape (n_samples,), optional

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X and y do not line up or hold NaN or infinity, or the model overflows.
        NotImplementedError
            For ``learning_rate`` pa1 and pa2, and l1 and elasticnet under "auto".
        """
        self._check(partial_fit=False)
        given = take_in(
            self, X, y, sample_weight, reset=True, needs_y=True, as_rows=True, numeric_y=True
        )
        learned = self._begin(coef_init, intercept_init, 1, self.n_features_in_)
        self._learn(given, self._params("values"), 1, None, learned, partial_fit=False)
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> SGDRegressor:
        """Learn from more rows, in one epoch; the same parameters and errors as `fit`."""
        self._check(partial_fit=True)
        first = not hasattr(self, "coef_")
        given = take_in(
            self, X, y, sample_weight, reset=first, needs_y=True, as_rows=True, numeric_y=True
        )
        learned = fitting.Learned()
        self._learn(given, self._params("values"), 1, None, learned, partial_fit=True)
        return self

    def _publish(self, coef: Array, intercept: Array) -> None:
        self.coef_, self.intercept_ = coef[0, :], intercept

    def predict(self, X: Any) -> Any:
        """Return the value of each row.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)

        Returns
        -------
        array or dask collection of shape (n_samples,)
            In X's namespace and on its device; lazy for dask.
        """
        return self._out(X, _one_column)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the coefficient of determination R2 of the prediction, in one pass.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
        y : array, Series, dask array or dask Series of shape (n_samples,)
        sample_weight : array or dask array of shape (n_samples,), optional
        """
        return metrics.r2_score(y, self.predict(X), sample_weight=sample_weight)


def _sorted_classes(classes: Any) -> np.ndarray:
    return np.unique(to_numpy(classes) if is_array(classes) else np.asarray(classes))
