"""Choosing parameters from one read of the data: `StreamSearchCV`."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np

from streamlearn._sklearn import Interval, StrOptions
from streamlearn.model_selection.base_search import BaseSearch
from streamlearn.model_selection.halving import unknown_n_blocks
from streamlearn.model_selection.splitters import KFold


class StreamSearchCV(BaseSearch):
    """Choose parameters from one read of the data: all candidates learn from each block.

    With ``cv="progressive"`` each block is scored by every candidate before it learns from the
    block. So no rows are held out, and the scores are those of rows that a candidate has not seen.
    With ``cv=k`` blocks are folds. One read fits the models of all folds and, for ``refit``, one
    model of all blocks; a second read scores the folds.

    Parameters
    ----------
    estimator : object
        Anything with ``partial_fit``: a linear model, a net, a clusterer, a pipeline, or an
        estimator of scikit-learn. It is never changed. A pipeline of scikit-learn learns as
        `streamlearn.pipeline.Pipeline` does in one pass.
    parameters : dict or list of dict
        The values to try of each parameter, as for `sklearn.model_selection.GridSearchCV`. With
        ``n_iter``, values may be distributions with a method ``rvs``, as for
        `sklearn.model_selection.RandomizedSearchCV`.
    n_iter : int or None, default=None
        The number of candidates to draw. None tries every combination.
    scoring : str, callable, list, dict or None, default=None
        The score: the name of a scorer, a scorer ``(estimator, X, y)``, or None for the estimator's
        own score. A list of names or a dict of scorers is several scores.
    n_jobs : int or None, default=None
        The number of threads that the candidates share. None uses all processors.
    refit : bool, str or callable, default=True
        Whether ``best_estimator_`` is kept. It costs no further read. With several scores it is
        the name of the one that chooses. A callable gets ``cv_results_`` and returns the index of
        the best candidate.
    cv : "progressive", int or KFold, default="progressive"
        How candidates are scored. An int is the number of folds, to which blocks are dealt in turn.
        A `KFold` of this module deals them as it says.
    shuffle : bool, default=True
        Whether the blocks of a collection are read in random order. Their rows stay in order.
    random_state : int, RandomState instance or None, default=None
        The seed of the order, and of the parameters that are drawn.
    error_score : "raise" or float, default=numpy.nan
        The score of a candidate that is ended by an error. "raise" raises the error.
    verbose : int, default=0
        If it is not 0, print how far the reads are.

    Attributes
    ----------
    cv_results_ : dict of str to array
        A table of the candidates, as scikit-learn's. "n_blocks" is the number of blocks that a
        candidate has learned from. With ``cv="progressive"`` the mean score counts all blocks
        except the first one, each before it was learned from. The standard deviation is over the
        scores of blocks.
    best_estimator_ : object
        The best candidate, which has learned from all blocks.
    best_score_ : float
        Its mean score.
    best_params_ : dict
        Its parameters.
    best_index_ : int
        Its place in ``cv_results_``.
    progressive_scores_ : dict of str to ndarray of shape (n_candidates, n_blocks - 1)
        The scores of the blocks, in the order in which they were read. It exists only with
        ``cv="progressive"``.
    n_splits_ : int
        The number of folds, or 1.
    multimetric_ : bool
        Whether there are several scores.
    scorer_ : object
        ``scoring``.
    refit_time_ : float
        0 seconds, because the best candidate has learned with the others.

    Notes
    -----
    Rows in memory are cut into 20 blocks, in random order. A score that is one of
    `streamlearn.metrics` is that of all scored rows together, although each block is scored by
    another model. Other scores are averages over blocks, by rows.

    Candidates that are pipelines share their first steps, up to the first one that differs. A
    shared step learns from each block once. A step that draws random numbers is shared only if its
    ``random_state`` is a number.

    Differences from scikit-learn:

    - Candidates learn by ``partial_fit`` with each block. So ``max_iter`` and ``early_stopping`` of
      a candidate have no effect.
    - Folds are blocks: with an int, block b is in fold b modulo ``cv``.
    - ``n_jobs=None`` uses all processors, in threads.
    - `fit` first finds the labels in a pass over y, unless ``classes`` is given.

    References
    ----------
    Dawid, "Present position and potential developments: some personal views. Statistical theory:
    the prequential approach", 1984.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.linear_model import SGDClassifier
    >>> from streamlearn.model_selection import StreamSearchCV
    >>> X = da.random.default_rng(0).normal(size=(10_000, 3), chunks=(1_000, 3))
    >>> y = X[:, 0] + 0.1 * X[:, 1] > 0
    >>> search = StreamSearchCV(SGDClassifier(random_state=0), {"alpha": [1e-4, 1.0, 100.0]})
    >>> search.fit(X, y).best_params_
    {'alpha': 0.0001}
    >>> search.predict(X)
    dask.array<..., shape=(10000,), dtype=bool, chunksize=(1000,), chunktype=numpy.ndarray>
    """

    _parameter_constraints: dict[str, Any] = {
        **BaseSearch._parameter_constraints,
        "cv": [StrOptions({"progressive"}), Interval(Integral, 2, None, closed="left"), KFold],
    }

    def __init__(
        self,
        estimator: Any,
        parameters: Any,
        *,
        n_iter: Any = None,
        scoring: Any = None,
        n_jobs: Any = None,
        refit: Any = True,
        cv: Any = "progressive",
        shuffle: Any = True,
        random_state: Any = None,
        error_score: Any = np.nan,
        verbose: Any = 0,
    ) -> None:
        self.estimator = estimator
        self.parameters = parameters
        self.n_iter = n_iter
        self.scoring = scoring
        self.n_jobs = n_jobs
        self.refit = refit
        self.cv = cv
        self.shuffle = shuffle
        self.random_state = random_state
        self.error_score = error_score
        self.verbose = verbose

    def _folds(self, rows: Sequence[int | None] | None) -> tuple[int, tuple[int, ...] | None]:
        """Return the number of folds, and the fold of each block if they are not dealt in turn."""
        if isinstance(self.cv, str):
            return 0, None
        if not isinstance(self.cv, KFold):
            n = int(self.cv)
            if rows is not None and len(rows) < n:
                raise _too_few_blocks(self.cv, len(rows))
            return n, None
        n = self.cv.n_splits
        if rows is None:
            raise unknown_n_blocks(
                f"cv={self.cv}", f"Give cv={n}, which deals the blocks to the folds in turn."
            )
        of_blocks = self.cv.fold_of_blocks(rows)
        if of_blocks is None:
            raise _too_few_blocks(self.cv, sum(n != 0 for n in rows))
        return n, of_blocks


def _too_few_blocks(cv: Any, n_blocks: int) -> ValueError:
    return ValueError(
        f"cv={cv} needs as many blocks, because blocks are folds, and there are {n_blocks}. Give "
        "data in more blocks, fewer folds, or cv='progressive'."
    )
