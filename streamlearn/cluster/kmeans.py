"""k-means over all rows at a time: `KMeans`."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, ClusterMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from streamlearn import blocks as engine
from streamlearn._arrays import Array, asarray, namespace, to_numpy
from streamlearn._estimator.callbacks import watched
from streamlearn._estimator.inputs import (
    CheckedInputs,
    check_inputs,
    check_parameters,
    unchanged_on_error,
)
from streamlearn._estimator.outputs import Transformer
from streamlearn._sklearn import Interval, StrOptions
from streamlearn._validation.messages import few_rows
from streamlearn.cluster.lloyd import Algorithm, Rule, Run
from streamlearn.cluster.nearest_centers import NearestCenters
from streamlearn.cluster.seeding import given_centers
from streamlearn.cluster.starts import starts_of
from streamlearn.core import kmeans

ROUNDING = 1e-10
"""Starts whose inertias differ by at most this part have found the same clusters."""


class KMeans(NearestCenters, ClassNamePrefixFeaturesOutMixin, ClusterMixin, Transformer):
    """k-means by Lloyd's algorithm, from data of any size.

    It is scikit-learn's `~sklearn.cluster.KMeans` for arrays of any library and for dask
    collections. Each iteration is one pass over the blocks, in parallel, so that its result is that
    of all rows in memory. Over an array in memory `fit` draws what scikit-learn draws and ends with
    the same clusters.

    Parameters
    ----------
    n_clusters : int, default=8
        The number of clusters.
    init : {"auto", "k-means++", "random", "k-means||"}, callable or array of shape \
(n_clusters, n_features), default="auto"
        How the first centres are found. An array holds the centres. A callable takes rows, the
        number of clusters and ``random_state``, and returns centres. "auto" is "k-means||" for a
        collection and "k-means++" for an array in memory.

        - "k-means||" draws from the rows of all blocks, in 7 passes.
        - Over a collection "k-means++", "random" and a callable look at a sample of all rows, which
          costs one pass. It has 4096 rows, or 32 for each cluster if that is more. It has all rows
          in their order if there are fewer.
    n_init : "auto" or int, default="auto"
        The number of starts. The result is the one with the least inertia. "auto" is 10 for
        "random" and a callable, and 1 otherwise. Over a collection all starts learn in the same
        reads.
    max_iter : int, default=300
        The largest number of iterations.
    tol : float, default=1e-4
        `fit` stops when the squared change of the centres is at most this part of the mean variance
        of the features. It also stops when no row changes its cluster.
    verbose : int, default=0
        If it is not 0, print scikit-learn's lines. Over blocks also print how far a pass is.
    random_state : int, RandomState instance or None, default=None
        The seed of all draws. An int makes every fit give the same result.
    copy_x : bool, default=True
        It has no effect, because the input is never changed.
    algorithm : {"lloyd", "elkan"}, default="lloyd"
        It has no effect. Elkan's algorithm keeps bounds for each row to find the same clusters, and
        blocks are not kept.

    Attributes
    ----------
    cluster_centers_ : array of shape (n_clusters, n_features)
        The centres of the clusters.
    labels_ : array or dask array of shape (n_samples,)
        The cluster of each row of X, as int32. They are lazy if X was a dask collection.
    inertia_ : float
        The sum of the squared distances of all rows to their nearest centres, by weight. If the
        centres have moved in the last iteration over a collection, it is computed, in one pass,
        when it is first read.
    n_iter_ : int
        The number of iterations.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    See Also
    --------
    MiniBatchKMeans : It learns in one pass over a collection, and has ``partial_fit``.

    Notes
    -----
    Each iteration reads every block once. It reads them once more if a cluster has lost all its
    rows: the cluster moves to the row that is farthest from its centre. The first iteration also
    finds the variance that ``tol`` refers to.

    X may hold sparse rows of scipy: in memory in any format, or as the blocks of a dask array
    (``X.map_blocks(scipy.sparse.csr_array)``). No block is ever made dense. The results are those
    of dense rows up to rounding, and centres and distances are dense.

    The result over blocks does not depend on threads or workers, to the bit. A pickle holds neither
    lazy labels nor the collection that they are made from. Fitted attributes are in the namespace
    and on the device of X. A pipeline over a collection fits the steps before it in passes of their
    own.

    Differences from scikit-learn:

    - ``init`` is "auto" by default, because "k-means++" needs a pass for each cluster. It may also
      be "k-means||".
    - ``algorithm="elkan"`` is accepted and runs Lloyd's algorithm, whose result is the same.
    - Distances are right far from zero. scikit-learn subtracts the mean of dense rows first, which
      is as good unless they have outliers, and subtracts nothing from sparse rows.
    - A callable ``init`` gets the rows as they are. scikit-learn gives it dense rows minus their
      mean.
    - A cluster that has lost all its rows does not move to a row of weight 0.
    - If there are more clusters than different rows, some have no rows. They get the centre of the
      heaviest cluster. scikit-learn gives some of them the sum of its rows instead of the mean.
    - If two rows that "k-means++" tries leave the same inertia, rounding chooses one of them. In
      scikit-learn rounding chooses too, and may choose the other.

    References
    ----------
    S. P. Lloyd, "Least squares quantization in PCM", IEEE Transactions on Information Theory 28(2),
    1982. "k-means++": D. Arthur and S. Vassilvitskii, "k-means++: the advantages of careful
    seeding", SODA 2007. "k-means||": B. Bahmani, B. Moseley, A. Vattani, R. Kumar and S.
    Vassilvitskii, "Scalable k-means++", PVLDB 5(7), 2012.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.cluster import KMeans
    >>> rng = da.random.default_rng(0)
    >>> X = rng.normal(1, 1, size=(10_000, 2), chunks=(1_000, 2))
    >>> X = X + 9 * rng.integers(0, 2, size=(10_000, 1))
    >>> model = KMeans(n_clusters=2, random_state=0).fit(X)
    >>> sorted(model.cluster_centers_[:, 0].round().tolist())
    [1.0, 10.0]
    >>> model.labels_
    dask.array<..., shape=(10000,), dtype=int32, chunksize=(1000,), chunktype=numpy.ndarray>
    """

    _several_passes = True
    _dense = None  # rows may be sparse

    _parameter_constraints: dict[str, Any] = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "init": [StrOptions({"auto", "k-means++", "random", "k-means||"}), callable, "array-like"],
        "n_init": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
        "copy_x": ["boolean"],
        "algorithm": [StrOptions({"lloyd", "elkan"})],
    }

    def __init__(
        self,
        n_clusters: Any = 8,
        *,
        init: Any = "auto",
        n_init: Any = "auto",
        max_iter: Any = 300,
        tol: Any = 1e-4,
        verbose: Any = 0,
        random_state: Any = None,
        copy_x: Any = True,
        algorithm: Any = "lloyd",
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.verbose = verbose
        self.random_state = random_state
        self.copy_x = copy_x
        self.algorithm = algorithm

    @watched
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> KMeans:
        """Find the clusters of X.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows to learn from: numbers without NaN and infinity, dense or sparse.
        y : None
            It is ignored.
        sample_weight : array or dask array of shape (n_samples,), default=None
            The weight of each row, 0 or more. None means 1 for every row.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X holds NaN, infinity or numbers whose squares overflow, or has fewer rows than
            clusters. If X and the weights do not line up. If all weights are 0, or one is negative.
            If ``init`` does not have the shape (n_clusters, n_features).

        Warns
        -----
        ConvergenceWarning
            If some clusters have no rows, because X has fewer different rows than clusters.
        """
        check_parameters(self, again=True)
        with unchanged_on_error(self), engine.one_blas_thread():
            X, _, sample_weight = engine.taken_apart(X, y, sample_weight)
            given = check_inputs(self, X, None, sample_weight, reset=True, lazy_rows=True)
            whole = given.whole is not None
            n_rows = given.blocks.rows[0] if whole else None
            if n_rows is not None and n_rows < self.n_clusters:
                raise few_rows(n_rows, self.n_clusters)
            how, n_init = self._start(given)
            self._n_init = n_init  # scikit-learn has the resolved value of "auto" under this name
            draws = check_random_state(self.random_state)
            starts = starts_of(how, self.n_clusters, given, draws, n_init)
            rule = Rule(self.max_iter, float(self.tol), bool(self.verbose))
            algorithm = Algorithm(given.blocks, given.reader, rule)
            if whole:
                run, like = self._best_in_memory(algorithm, starts)
            else:
                runs, like = algorithm.run(starts)
                runs = algorithm.inertias(runs) if len(runs) > 1 else runs
                run = _best(runs)
            self._publish(run, like)
            self._set_labels(run, X, sample_weight)
        return self

    def _start(self, given: CheckedInputs) -> tuple[Any, int]:
        """Return how the first centres are found, and the number of starts."""
        how, n_init = self.init, self.n_init
        listed = not isinstance(how, str) and not callable(how)
        if isinstance(how, str) and how == "auto":
            how = "k-means++" if given.whole is not None else "k-means||"
        if n_init == "auto":
            n_init = 1 if listed or how in ("k-means++", "k-means||") else 10
        if not listed:
            return how, n_init
        if n_init != 1:
            warnings.warn(
                "Explicit initial center position passed: performing only one init in "
                f"{type(self).__name__} instead of n_init={n_init}.",
                RuntimeWarning,
                stacklevel=5,
            )
        centers = given_centers(how, self.n_clusters, given.n_features)
        return centers.astype(np.float64), 1

    def _best_in_memory(self, algorithm: Algorithm, starts: list[np.ndarray]) -> tuple[Run, Array]:
        """Return the best result of starts that learn one after the other, as in scikit-learn."""
        best, like, least = None, None, float("inf")
        for centers in starts:
            if self.verbose:
                print("Initialization complete")  # noqa: T201
            runs, like = algorithm.run([centers])
            run = algorithm.inertias(runs)[0]
            assert run.inertia is not None
            if run.inertia < least and (
                best is None or not _same_clusters(run.labels, best.labels)
            ):
                best, least = run, run.inertia
        assert best is not None
        return best, like

    def _publish(self, run: Run, like: Array) -> None:
        centers = asarray(run.centers, like=like, dtype=like.dtype)
        self.cluster_centers_ = centers
        self.n_features_in_ = centers.shape[1]
        self.n_iter_ = run.n_iter
        assert run.weight is not None
        found = int(np.count_nonzero(run.weight))
        if run.labels is not None:
            found = np.unique(to_numpy(run.labels)).size
        if found < self.n_clusters:
            warnings.warn(
                f"Number of distinct clusters ({found}) found smaller than n_clusters "
                f"({self.n_clusters}). Possibly due to duplicate points in X.",
                ConvergenceWarning,
                stacklevel=5,
            )

    def _set_labels(self, run: Run, X: Any, sample_weight: Any) -> None:
        """Set the labels, and the inertia if it is known."""
        for name in ("labels_", "inertia_"):
            self.__dict__.pop(name, None)
        self._unread = None
        if run.inertia is not None:
            self.inertia_ = run.inertia
        if run.labels is not None:
            xp = namespace(run.labels)
            self.labels_ = xp.astype(run.labels, xp.int32, copy=False)
        else:
            self.labels_ = self.predict(X)
            self._unread = None if run.inertia is not None else (X, sample_weight)

    def _clusters(self) -> kmeans.State:
        return kmeans.start(self.cluster_centers_)


def _best(runs: list[Run]) -> Run:
    """Return the first of the runs with the least inertia, up to rounding."""
    if len(runs) == 1:
        return runs[0]
    least = min(run.inertia for run in runs if run.inertia is not None)
    enough = least + ROUNDING * least
    return next(run for run in runs if run.inertia is not None and run.inertia <= enough)


def _same_clusters(a: Array, b: Array) -> bool:
    """Return whether two labellings are the same up to the numbers of the clusters."""
    a, b = to_numpy(a), to_numpy(b)
    into = np.full(int(a.max()) + 1, -1, dtype=b.dtype)
    into[a] = b
    return bool(np.array_equal(into[a], b))
