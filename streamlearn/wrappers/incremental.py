"""Learning block by block with any estimator that has ``partial_fit``: `Incremental`."""

from __future__ import annotations

import time
import warnings
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.metadata_routing import UNUSED

from streamlearn._arrays.plain import rows_or_raise
from streamlearn._estimator.callbacks import watched
from streamlearn._estimator.inputs import check_parameters, unchanged_on_error
from streamlearn._sklearn import HasMethods, Interval
from streamlearn._thirdparty.partial_fit import with_classes
from streamlearn._thirdparty.tags import labels_at_hand
from streamlearn._training.epochs import Progress, Publish, train
from streamlearn._training.stopping import Never, NoBetterScore
from streamlearn._validation.messages import no_vector
from streamlearn.blocks import Watch
from streamlearn.wrappers import scoring
from streamlearn.wrappers.block_learners import LearnedCopy
from streamlearn.wrappers.post_fit import ParallelPostFit, parts_and_params
from streamlearn.wrappers.split import BlockSplit, split_of


class Incremental(ParallelPostFit):
    """Let any estimator with ``partial_fit`` learn from collections, block by block.

    The result is exactly that of a loop over the blocks with one call of ``partial_fit`` for each
    block, unless ``n_parallel`` is more than 1. Few blocks are in memory at a time, and the next
    ones are loaded while the estimator learns from one. Predictions are lazy, as in
    `ParallelPostFit`. An array in memory is one block, and predictions for it are computed at once.

    Parameters
    ----------
    estimator : object
        Anything with ``partial_fit``. It is never changed, because a copy learns.
    scoring : str, callable or None, default=None
        What `score` returns: the name of a scorer, a scorer ``(estimator, X, y)``, or None for the
        estimator's own score. `sklearn.metrics.get_scorer_names` lists all names, and each works
        over collections. A callable must work on collections itself. None needs an estimator whose
        own score is accuracy or R2, if X is a collection. Held-out blocks are
        scored by it too.
    classes : array-like or None, default=None
        The labels, for a classifier whose ``partial_fit`` needs them. They save a pass over y. They
        can also be passed to `fit` and `partial_fit`.
    shuffle : bool, default=True
        Whether to permute the blocks of a collection before each epoch. The rows inside a block
        stay in order.
    max_iter : int, default=1
        The largest number of epochs.
    tol : float or None, default=1e-3
        A score counts as better if it is better by at least ``tol``. None never stops early.
    patience : int or None, default=None
        `fit` stops if the score of the held-out blocks has not become better in this number of
        epochs in a row. It keeps the estimator of the best epoch. None holds nothing out and runs
        all epochs.
    validation_fraction : float, default=0.1
        The share of the blocks to hold out if there is ``patience``, at least one block. In memory
        it is the share of the rows. Whole blocks are held out, because the rows of a block are
        often neighbours.
    random_state : int, RandomState instance or None, default=None
        The seed of the order of the blocks and of what is held out.
    verbose : int, default=0
        If it is not 0, print how far each epoch is, and its score.
    predict_meta : array, Series or DataFrame, default=None
        What `predict` returns for a collection. Its dtype, dimensions and columns matter, and its
        values do not. None finds it out with a row of ones.
    predict_proba_meta : array, Series or DataFrame, default=None
        The same for `predict_proba` and `predict_log_proba`.
    transform_meta : array, Series or DataFrame, default=None
        The same for `transform`.
    n_parallel : int, default=1
        The number of blocks of a collection that are learned from side by side, each by a copy of
        the same estimator. The mean of the copies' ``coef_`` and ``intercept_``, by the numbers of
        rows, is where the next blocks begin, and ``t_`` counts the rows of all. The result depends
        on this number, and not on threads or workers. More than 1 uses more processors, but fewer
        steps follow one another, so that a pass learns less. An array in memory is one block, so
        that the number makes no difference there.

        It needs an estimator that learns nothing else, such as scikit-learn's `SGDClassifier`,
        `SGDRegressor` and `Perceptron`, or one with a method ``merge(other, before)``. This method
        returns what two copies of ``before`` have learned, and changes none of the three.

    Attributes
    ----------
    estimator_ : object
        The copy that has learned. Its fitted attributes, such as ``coef_``, can be read on the
        wrapper as well.
    n_iter_ : int
        The number of epochs.
    validation_scores_ : list of float, or None
        The score of the held-out blocks after each epoch. It is None without ``patience``.
    best_validation_score_ : float or None
        The best of these scores. It is None without ``patience``.

    Notes
    -----
    Some arguments of `fit` and `partial_fit` have one value for each row, such as
    ``sample_weight``. They are cut to blocks like X, in memory or in a collection. Other arguments
    are passed on with every block. Blocks without rows are skipped.

    A copy of the estimator learns from each block, so that a task that runs twice does not learn
    twice. This costs one copy of the estimator for each block.

    Differences from scikit-learn:

    - scikit-learn has no such class. It is named after the class of dask-ml.
    - Predictions for a collection are lazy, because they may be larger than memory.

    Differences from dask-ml:

    - ``shuffle`` is dask-ml's ``shuffle_blocks``.
    - Chunks that do not line up are always an error, so there is no ``assume_equal_chunks``.

    Examples
    --------
    >>> import dask.array as da
    >>> from sklearn.linear_model import SGDClassifier
    >>> from streamlearn.wrappers import Incremental
    >>> X = da.random.default_rng(0).normal(size=(10_000, 3), chunks=(1_000, 3))
    >>> y = X[:, 0] > X[:, 1]
    >>> model = Incremental(SGDClassifier(random_state=0), random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.95
    True
    >>> model.coef_.shape
    (1, 3)
    """

    __metadata_request__fit = {"classes": UNUSED}  # an argument of this class, and no metadata
    __metadata_request__partial_fit = {"classes": UNUSED}

    _callees = {"fit": "partial_fit", "partial_fit": "partial_fit"}

    _parameter_constraints: dict[str, Any] = {
        **ParallelPostFit._parameter_constraints,
        "estimator": [HasMethods("partial_fit")],
        "classes": ["array-like", None],
        "shuffle": ["boolean"],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left"), None],
        "patience": [Interval(Integral, 1, None, closed="left"), None],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "n_parallel": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        scoring: Any = None,
        classes: Any = None,
        shuffle: Any = True,
        max_iter: Any = 1,
        tol: Any = 1e-3,
        patience: Any = None,
        validation_fraction: Any = 0.1,
        random_state: Any = None,
        verbose: Any = 0,
        predict_meta: Any = None,
        predict_proba_meta: Any = None,
        transform_meta: Any = None,
        n_parallel: Any = 1,
    ) -> None:
        super().__init__(
            estimator,
            scoring=scoring,
            predict_meta=predict_meta,
            predict_proba_meta=predict_proba_meta,
            transform_meta=transform_meta,
        )
        self.classes = classes
        self.shuffle = shuffle
        self.max_iter = max_iter
        self.tol = tol
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.verbose = verbose
        self.n_parallel = n_parallel

    def fit(self, X: Any, y: Any = None, classes: Any = None, **params: Any) -> Incremental:
        """Let a new copy of the estimator learn.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame
            The rows that the estimator takes, in memory or in blocks.
        y : array, Series, dask array or dask Series, default=None
            The targets.
        classes : array of shape (n_classes,), default=None
            The labels. If ``partial_fit`` needs them and they are None, one pass over y finds them.
        **params : dict of str to object
            Further arguments of ``partial_fit``.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X, y and the arguments do not line up, if there are no rows, or if ``n_parallel`` is
            more than 1 and the copies cannot be averaged.
        Exception
            If ``partial_fit`` raises it. A note names the block.
        """
        return self._learn("fit", X, y, classes, params, further=False)

    def partial_fit(self, X: Any, y: Any = None, classes: Any = None, **params: Any) -> Incremental:
        """Let the estimator learn from more rows, in one epoch.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame
            The rows that the estimator takes, in memory or in blocks.
        y : array, Series, dask array or dask Series, default=None
            The targets.
        classes : array of shape (n_classes,), default=None
            All labels that will ever occur, if ``partial_fit`` needs them in its first call.
        **params : dict of str to object
            Further arguments of ``partial_fit``.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If `fit` would raise it, or if ``patience`` is not None, because one epoch cannot stop
            early.
        Exception
            If ``partial_fit`` raises it. A note names the block.
        """
        return self._learn("partial_fit", X, y, classes, params, further=True)

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether a copy has learned. A fitted ``estimator`` does not count."""
        return "estimator_" in vars(self)

    @watched
    def _learn(
        self, method: str, X: Any, y: Any, classes: Any, params: dict[str, Any], *, further: bool
    ) -> Incremental:
        check_parameters(self, again=not further)
        if further and self.patience is not None:
            raise ValueError(
                "patience should be None with partial_fit, which is one epoch. Hold rows out and "
                "score them yourself, or use fit."
            )
        if self.patience is not None and not hasattr(self, "score"):
            raise ValueError(
                f"patience needs a score, and {type(self.estimator).__name__} has none. Give "
                "scoring=, or patience=None."
            )
        if np.isscalar(y):
            raise no_vector("y", y)
        first = not further or "estimator_" not in vars(self)
        X, y, params = parts_and_params(X, y, params)
        params = self._routed(method, params)
        if y is None:
            rows_or_raise(X)
        classes = self.classes if classes is None else classes
        if classes is not None:
            params["classes"] = labels_at_hand("classes", classes)
        with unchanged_on_error(self):
            estimator = self._fresh() if first else self.estimator_
            if first:
                self._seed = int(
                    check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
                )
                self._epoch, self._like = 0, None
            split = split_of(
                X,
                y,
                with_classes(estimator, params, y, further=further),
                seed=self._seed,
                shuffle=self.shuffle,
                held_out=None if self.patience is None else self.validation_fraction,
                n_parallel=int(self.n_parallel),
            )
            self._run(estimator, split, 1 if further else self.max_iter)
        return self

    def _run(self, estimator: Any, split: BlockSplit, max_iter: int) -> None:
        """Let copies of the estimator learn for some epochs, and keep the last or the best one."""
        rule, scorer = Never(), scoring.scorer_of(self.scoring)
        if self.patience is not None:
            score = partial(split.score, scorer)
            tol = -np.inf if self.tol is None else self.tol
            rule = NoBetterScore(score, tol, self.patience)
        out = train(
            split.learner,
            split.blocks,
            Progress(LearnedCopy(estimator, self._like), self._epoch),
            rule,
            max_iter=max_iter,
            watched_by=[Lines()] if self.verbose else (),
            publish=Publish(self, self._attributes),
        )
        if self.patience is not None and self.tol is not None and not out.stopped:
            warnings.warn(
                "Maximum number of iteration reached before convergence. Consider increasing "
                "max_iter to improve the fit.",
                ConvergenceWarning,
                stacklevel=5,
            )
        self.__dict__.update(self._attributes(out))

    def _attributes(self, progress: Progress) -> dict[str, Any]:
        """Return the fitted attributes."""
        scores = None if self.patience is None else list(progress.scores)
        return {
            "_epoch": progress.epoch,
            "n_iter_": progress.n_iter,
            "estimator_": progress.learned.estimator,
            "_like": progress.learned.like,
            "validation_scores_": scores,
            # A fit that was interrupted in its first epoch has no score.
            "best_validation_score_": float(np.nanmax(scores)) if scores else None,
        }


class Lines(Watch):
    """It prints the verbose lines of epochs."""

    def __init__(self) -> None:
        self.started = time.time()

    def progress_made(self, progress: Progress, publish: Any = None) -> None:
        """Print the progress."""
        said = f"-- Epoch {progress.n_iter}"
        if progress.at == "start":
            print(said)  # noqa: T201
        elif progress.at == "end":
            score = f", validation score {progress.scores[-1]:f}" if progress.scores else ""
            took = time.time() - self.started
            print(f"{said}: {progress.rows_read} rows, {took:.2f} seconds{score}")  # noqa: T201
