"""Learning block by block with any estimator that has ``partial_fit``."""

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

from streamlearn._estimator.inputs import check_parameters, unchanged_on_error
from streamlearn._sklearn import HasMethods, Interval
from streamlearn._thirdparty.partial_fit import with_classes
from streamlearn._thirdparty.tags import at_hand
from streamlearn._training.epochs import Progress, train
from streamlearn._training.stopping import Never, NoBetterScore
from streamlearn.wrappers import scoring
from streamlearn.wrappers.block_learners import Fitted
from streamlearn.wrappers.post_fit import ParallelPostFit
from streamlearn.wrappers.split import Split, split_of


class Incremental(ParallelPostFit):
    """Let any estimator with ``partial_fit`` learn from collections, block by block.

    What is learned is exactly what a loop over the blocks makes of the estimator, one call of
    ``partial_fit`` a block. Few blocks are in memory at a time, and the next ones are loaded while
    one is learned from. Answers are lazy, as `ParallelPostFit` gives them. What is in memory is one
    block, and answered at once.

    Parameters
    ----------
    estimator : object
        Anything with ``partial_fit``. It is never changed: a copy learns.
    scoring : str, callable or None, default=None
        As `ParallelPostFit`; also what blocks that are held out are scored by.
    classes : array-like or None, default=None
        The labels, for a classifier whose ``partial_fit`` wants them: saves a pass over y. They can
        be passed to ``fit`` and ``partial_fit`` too.
    shuffle : bool, default=True
        Permute the blocks of a collection before each epoch. The rows in a block are not touched.
    max_iter : int, default=1
        Epochs at most.
    tol : float or None, default=1e-3
        What a better score is better by; None never to stop early.
    patience : int or None, default=None
        Stop when this many epochs in a row have brought no better score of blocks that are held
        out, and keep the estimator of the best epoch. None to hold nothing out and run all epochs.
    validation_fraction : float, default=0.1
        Share of the blocks to hold out if there is ``patience``, at least one; in memory, of the
        rows. Whole blocks, since the rows of one are often neighbours.
    random_state : int, RandomState instance or None, default=None
        Draws the order of the blocks, and what is held out.
    verbose : int, default=0
        Print progress at the end of each segment of blocks.
    predict_meta, predict_proba_meta, transform_meta : array, Series, DataFrame, default=None
        As `ParallelPostFit`.

    Attributes
    ----------
    estimator_ : object
        The copy that has learned. Its fitted attributes, such as ``coef_``, can be read on the
        wrapper as well.
    n_iter_ : int
        Epochs run.
    validation_scores_ : list of float
        The score of what is held out after each epoch; None without ``patience``.
    best_validation_score_ : float or None

    Notes
    -----
    Arguments of ``fit`` and ``partial_fit`` that have a value a row, such as ``sample_weight``, in
    memory or in a collection, are cut to blocks like X, others are passed on with every block.
    Blocks without rows are skipped.

    A block is learned from by a copy of the estimator, so that a task that is run twice does not
    learn twice: an estimator costs a copy a block.

    Other than with dask-ml's, ``shuffle`` is what was ``shuffle_blocks``, and chunks that do not
    line up are always an error, so that there is no ``assume_equal_chunks``.

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

    __metadata_request__fit = {"classes": UNUSED}  # ours, and not handed on as metadata is
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

    def fit(self, X: Any, y: Any = None, classes: Any = None, **params: Any) -> Incremental:
        """Let a fresh copy of the estimator learn.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame
            What the estimator takes, in memory or in blocks.
        y : array, Series, dask array or dask Series, optional
        classes : array of shape (n_classes,), optional
            The labels. Without them one pass over y finds them, where ``partial_fit`` wants them.
        **params : dict of str to object
            Further arguments of ``partial_fit``.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X, y and the arguments do not line up, or there are no rows.
        Exception
            What ``partial_fit`` raises, with a note that names the block.
        """
        return self._learn("fit", X, y, classes, params, further=False)

    def partial_fit(self, X: Any, y: Any = None, classes: Any = None, **params: Any) -> Incremental:
        """Let the estimator learn from more rows, in one epoch.

        Parameters
        ----------
        X, y
            As `fit`.
        classes : array of shape (n_classes,), optional
            All labels there will ever be, where ``partial_fit`` wants them in its first call.
        **params : dict of str to object
            As `fit`.

        Returns
        -------
        self

        Raises
        ------
        ValueError, Exception
            As `fit`; and if there is ``patience``, since one epoch has nothing to stop.
        """
        return self._learn("partial_fit", X, y, classes, params, further=True)

    def __sklearn_is_fitted__(self) -> bool:
        """Tell whether a copy has learned; one that was given fitted is not asked."""
        return "estimator_" in vars(self)

    def _learn(
        self, method: str, X: Any, y: Any, classes: Any, params: dict[str, Any], *, further: bool
    ) -> Incremental:
        check_parameters(self, again=not further)
        if further and self.patience is not None:
            raise ValueError(
                "patience should be None with partial_fit, which is one epoch: hold rows out and "
                "score them yourself, or use fit."
            )
        if self.patience is not None and not hasattr(self, "score"):
            raise ValueError(
                f"patience needs a score, and {type(self.estimator).__name__} has none. Give "
                "scoring=, or patience=None."
            )
        if np.isscalar(y):
            raise TypeError(f"y must hold one value a row, got {y!r}.")
        first = not further or "estimator_" not in vars(self)
        params = self._routed(method, params)
        classes = self.classes if classes is None else classes
        if classes is not None:
            params["classes"] = at_hand("classes", classes)
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
            )
            self._run(estimator, split, 1 if further else self.max_iter)
        return self

    def _run(self, estimator: Any, split: Split, max_iter: int) -> None:
        """Let copies of the estimator learn for some epochs, and keep the last or the best."""
        rule, scorer = Never(), scoring.scorer_of(self.scoring)
        if self.patience is not None:
            score = partial(split.score, scorer)
            tol = -np.inf if self.tol is None else self.tol
            rule = NoBetterScore(score, tol, self.patience)
        out = train(
            split.learner,
            split.blocks,
            Progress(Fitted(estimator, self._like), self._epoch),
            rule,
            max_iter=max_iter,
            observers=[Lines(split.total)] if self.verbose else (),
        )
        if self.patience is not None and self.tol is not None and not out.stopped:
            warnings.warn(
                "Maximum number of iteration reached before convergence. Consider increasing "
                "max_iter to improve the fit.",
                ConvergenceWarning,
                stacklevel=4,
            )
        self._epoch, self.n_iter_ = out.epoch, out.n_iter
        self.estimator_, self._like = out.learned
        scored = self.patience is not None
        self.validation_scores_ = list(out.scores) if scored else None
        self.best_validation_score_ = float(np.nanmax(out.scores)) if scored else None


class Lines:
    """The verbose lines.

    Parameters
    ----------
    total : int
        Blocks to learn from.
    """

    def __init__(self, total: int) -> None:
        self.total, self.started = total, time.time()

    def __call__(self, progress: Progress) -> None:
        """Print what has happened."""
        said = f"-- Epoch {progress.n_iter}:"
        if progress.at == "segment":
            print(  # noqa: T201
                f"{said} {progress.blocks} of {self.total} blocks, {progress.rows_read} rows, "
                f"{time.time() - self.started:.2f} seconds"
            )
        elif progress.at == "end" and progress.scores:
            print(f"{said} validation score {progress.scores[-1]:f}")  # noqa: T201
