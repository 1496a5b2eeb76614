"""k-means by mini-batches: `MiniBatchKMeans`."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, ClusterMixin
from sklearn.utils import check_random_state

from streamlearn import blocks as engine
from streamlearn._estimator.callbacks import watched
from streamlearn._estimator.inputs import (
    CheckedInputs,
    check_inputs,
    check_parameters,
    unchanged_on_error,
)
from streamlearn._estimator.outputs import Transformer
from streamlearn._training.ahead import hand_back
from streamlearn._training.epochs import Progress, Publish
from streamlearn._training.fit_settings import FitSettings, Learned, Shuffle, Target
from streamlearn._training.parallel import n_side_by_side
from streamlearn._validation.messages import few_rows
from streamlearn.cluster import fits, passes, steps
from streamlearn.cluster.nearest_centers import NearestCenters
from streamlearn.cluster.parameters import Parameters
from streamlearn.cluster.random_stream import forward, value_of
from streamlearn.core import kmeans
from streamlearn.stages import Flow


class MiniBatchKMeans(
    Parameters, NearestCenters, ClassNamePrefixFeaturesOutMixin, ClusterMixin, Transformer
):
    """k-means by mini-batches, from data of any size.

    It is scikit-learn's `~sklearn.cluster.MiniBatchKMeans` for arrays of any library and for dask
    collections. A collection is read block by block, in order, with a bounded number of blocks in
    memory. Over an array in memory `fit` draws what scikit-learn draws and ends with the same
    centres. `partial_fit` does so too, one block at a time.

    Parameters
    ----------
    n_clusters : int, default=8
        The number of clusters.
    init : {"k-means++", "random", "k-means||"}, callable or array of shape \
(n_clusters, n_features), default="k-means++"
        How the first centres are found. An array holds the centres. A callable takes rows, the
        number of clusters and ``random_state``, and returns centres.

        - Over a collection "k-means++", "random" and a callable look at rows of the first block. If
          a block has fewer rows than there are clusters, the next blocks are joined to it.
        - "k-means||" draws from the rows of all blocks, in 7 more passes. Use it if rows are
          sorted, because the first block does not show all clusters then.
    max_iter : int or "auto", default="auto"
        The largest number of epochs of `fit`. "auto" is 1 for a collection and 100 for an array in
        memory.
    batch_size : int, default=1024
        The number of rows of one step in `fit`. The rows that are left at the end of a block make a
        smaller step. In `partial_fit` an array in memory is one step, and so is each block of a
        collection.
    verbose : int, default=0
        If it is not 0, print scikit-learn's lines. Over blocks print how far a pass is, and the
        mean inertia at the end of each segment of 64 blocks.
    compute_labels : bool, default=True
        Whether to set ``labels_``, and ``inertia_`` over all rows.
    random_state : int, RandomState instance or None, default=None
        The seed of all draws. An int makes every fit give the same result.
    tol : float, default=0.0
        `fit` stops when the squared change of the centres is at most this part of the mean variance
        of the features. Over a collection the variance costs one pass. 0 never stops by it.
    max_no_improvement : int or None, default=10
        `fit` stops when this number of batches in a row has not improved the smoothed inertia. None
        never stops by it. Over a collection ``tol`` and ``max_no_improvement`` start in the second
        epoch, so that every row is read.
    init_size : int or None, default=None
        The number of rows to look at for the first centres. None means 3 times ``batch_size``, or 3
        times ``n_clusters`` if that is less than ``n_clusters``.
    n_init : "auto" or int, default="auto"
        How many starts are drawn, of which the best is kept. "auto" is 3 for "random" and a
        callable, and 1 otherwise.
    reassignment_ratio : float, default=0.01
        A cluster moves to another row if its weight is less than this part of the largest cluster's
        weight. Over a collection the clusters of "k-means||" do not move in the first epoch,
        because the rows of a cluster may come last. If rows are sorted, set it to 0 to keep centres
        that are given as ``init``.
    n_parallel : int, default=1
        The number of blocks of a collection that are learned from side by side, each from the same
        centres. Then the counts and the sums of all their rows are added up, so that the centres
        are again the means of all rows that were ever assigned to them. The result depends on this
        number, and not on threads or workers. An array in memory is one block, so that the number
        makes no difference there. The first block of all is learned from alone.

        - Each block may move clusters of little weight. A cluster that was moved stays where its
          block has moved it, the first one if several have. Rows that other blocks have assigned to
          its former place are forgotten.
        - For ``tol`` and ``max_no_improvement`` the blocks count as one batch.

    Attributes
    ----------
    cluster_centers_ : array of shape (n_clusters, n_features)
        The centres of the clusters.
    labels_ : array or dask array of shape (n_samples,)
        The cluster of each row of X, as int32. They are lazy if X was a dask collection. They do
        not exist with ``compute_labels=False``, nor after a one-pass pipeline. Such a pipeline can
        predict them.
    inertia_ : float
        The sum of the squared distances of all rows to the nearest of the final centres, by weight.
        For a collection it is computed, in one pass, when it is first read. If there are no
        ``labels_``, it is an estimate from the batches before their steps, as in scikit-learn. For
        a collection it is the mean over the last epoch, and in memory an exponentially weighted
        mean.
    n_iter_ : int
        The number of epochs that were begun. It is 1 after `partial_fit`.
    n_steps_ : int
        The number of batches learned from.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    X may hold sparse rows of scipy: in memory in any format, or as the blocks of a dask array
    (``X.map_blocks(scipy.sparse.csr_array)``). No block is ever made dense. The results are those
    of dense rows up to rounding, and centres and distances are dense.

    A pickle holds neither lazy labels nor the collection that they are made from. Fitted attributes
    are in the namespace and on the device of X.

    Differences from scikit-learn:

    - ``max_iter`` is "auto" by default instead of 100, because 100 epochs over a collection are up
      to 100 reads of the data.
    - ``init`` may also be "k-means||", because sorted rows need a start from all blocks.
    - Over a collection batches are neighbouring rows, because blocks are read in order.
      scikit-learn draws batches with replacement, and so does `fit` in memory.
    - Over a collection no rows are drawn for an array ``init``, so that the length of the first
      block does not matter. scikit-learn draws rows for it too.
    - Over a collection no stopping rule ends the first epoch, because every row is to be read.
    - Distances are right far from zero. scikit-learn's lose all digits at offsets of 1e8, or of 1e4
      in float32. For sparse rows this holds where all rows of a batch have an entry.
    - If two rows that "k-means++" tries leave the same inertia, rounding chooses one of them. In
      scikit-learn rounding chooses too, and may choose the other.
    - The parameter ``n_parallel`` is an addition.

    References
    ----------
    D. Sculley, "Web-scale k-means clustering", WWW 2010. "k-means++": D. Arthur and S.
    Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007. "k-means||": B.
    Bahmani, B. Moseley, A. Vattani, R. Kumar and S. Vassilvitskii, "Scalable k-means++", PVLDB
    5(7), 2012.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.cluster import MiniBatchKMeans
    >>> rng = da.random.default_rng(0)
    >>> X = rng.normal(1, 1, size=(10_000, 2), chunks=(1_000, 2))
    >>> X = X + 9 * rng.integers(0, 2, size=(10_000, 1))
    >>> model = MiniBatchKMeans(n_clusters=2, random_state=0).fit(X)
    >>> sorted(model.cluster_centers_[:, 0].round().tolist())
    [1.0, 10.0]
    >>> model.labels_
    dask.array<..., shape=(10000,), dtype=int32, chunksize=(1000,), chunktype=numpy.ndarray>
    """

    _takes_flow = True  # X may be a `streamlearn.stages.Flow`
    _dense = None  # rows may be sparse

    _learned: Learned  # `partial_fit` continues from it

    def __init__(
        self,
        n_clusters: Any = 8,
        *,
        init: Any = "k-means++",
        max_iter: Any = "auto",
        batch_size: Any = 1024,
        verbose: Any = 0,
        compute_labels: Any = True,
        random_state: Any = None,
        tol: Any = 0.0,
        max_no_improvement: Any = 10,
        init_size: Any = None,
        n_init: Any = "auto",
        reassignment_ratio: Any = 0.01,
        n_parallel: Any = 1,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.verbose = verbose
        self.compute_labels = compute_labels
        self.random_state = random_state
        self.tol = tol
        self.max_no_improvement = max_no_improvement
        self.init_size = init_size
        self.n_init = n_init
        self.reassignment_ratio = reassignment_ratio
        self.n_parallel = n_parallel

    @watched
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> MiniBatchKMeans:
        """Find the clusters of X, and forget what was learned before.

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
            clusters. If X and the weights do not line up, if all weights are 0, or if one is
            negative. If ``init`` does not have the shape (n_clusters, n_features).
        NotImplementedError
            In a one-pass pipeline, for ``init="k-means||"`` and for ``tol`` with a second epoch.
        """
        check_parameters(self, again=True)
        with unchanged_on_error(self):
            X, y, sample_weight = engine.taken_apart(X, y, sample_weight)
            given = self._check_inputs(X, y, sample_weight, reset=True)
            draws = check_random_state(self.random_state)
            shuffles = given.blocks.in_memory and given.flow is not None
            seed = int(draws.randint(np.iinfo(np.int32).max)) if shuffles else 0
            params = self._params(given, draws, partial_fit=False)
            if given.whole is not None:
                X_, weight = passes.rows_and_weight(given.reader, given.whole)
                # scikit-learn has the resolved values of "auto" and None under these names.
                self._init_size = min(params.start.size, X_.shape[0])
                self._n_init = params.start.tries
                max_iter = self._max_iter(lazy=False)
                convergence = partial(self._convergence, given)
                publish = Publish(self, self._attributes_of)
                out = fits.over_drawn_batches(
                    params, draws, given.blocks, X_, weight, max_iter, convergence, publish
                )
            else:
                out = self._fit_blocks(given, params, Learned(), seed=seed)
                forward(draws, out.learned.state.draws)
            # After a fit scikit-learn's partial_fit starts from ``random_state`` again.
            state = out.learned.state._replace(draws=None)
            self._publish(out._replace(learned=out.learned._replace(state=state)))
            self._label(given, X, sample_weight, out)
        return self

    @watched
    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> MiniBatchKMeans:
        """Learn from more rows. An array in memory is one batch, and so is each block.

        BLAS runs on one thread.

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
            If `fit` would raise it, or if X has other features than before.
        NotImplementedError
            In a one-pass pipeline, for ``init="k-means||"``.
        """
        check_parameters(self, again=False)
        # Products of a few thousand rows are too short for threads of BLAS, which wait by spinning.
        with unchanged_on_error(self), engine.one_blas_thread():
            X, y, sample_weight = engine.taken_apart(X, y, sample_weight)
            first = not hasattr(self, "cluster_centers_")
            given = self._check_inputs(X, y, sample_weight, reset=first)
            learned, draws = Learned() if first else self._learned, None
            params = steps.Params(self._core(), self._start(None), 0, None)
            if first:
                draws = check_random_state(self.random_state)
                params = self._params(given, draws, partial_fit=True)
            elif learned.state.draws is None:
                draws = check_random_state(self.random_state)
                state = learned.state._replace(draws=value_of(draws))
                learned = learned._replace(state=state)
            if given.whole is not None:
                rows = passes.rows_and_weight(given.reader, given.whole)
                out = fits.of_one_batch(
                    params, learned, *rows, type(self).__name__, labelled=self.compute_labels
                )
            else:
                out = self._fit_blocks(given, params, learned, partial_fit=True)
            if draws is not None:
                forward(draws, out.learned.state.draws)
            self._publish(out)
            self._label(given, X, sample_weight, out)
        return self

    def _check_inputs(self, X: Any, y: Any, sample_weight: Any, *, reset: bool) -> CheckedInputs:
        """Check the arguments. Only stages ahead use y."""
        y = y if isinstance(X, Flow) else None
        given = check_inputs(self, X, y, sample_weight, reset=reset, lazy_rows=True)
        n_rows = given.blocks.rows[0] if given.blocks.in_memory else None
        if reset and n_rows is not None and n_rows < self.n_clusters:
            raise few_rows(n_rows, self.n_clusters)
        return given

    def _fit_blocks(
        self,
        given: CheckedInputs,
        params: steps.Params,
        learned: Learned,
        *,
        seed: int = 0,
        partial_fit: bool = False,
    ) -> fits.Outcome:
        """Fit to the blocks one after the other. ``seed`` shuffles the rows of X in memory."""
        flow, in_order = given.flow, partial_fit or not given.blocks.in_memory
        settings = FitSettings(
            steps.learner(params),
            self.n_clusters,
            given.reader,
            target=Target(learned=False),
            batch_size=sys.maxsize if partial_fit else self.batch_size,
            shuffle=Shuffle(None if in_order else "rows", seed),
            ahead=None if flow is None else flow.chain,
            weighted="sample_weight" in given.blocks.names,
            n_parallel=n_side_by_side(self.n_parallel, given.blocks),
        )
        if flow is not None:
            learned = learned._replace(ahead=flow.states)
        max_iter = 1 if partial_fit else self._max_iter(lazy=in_order)
        out = fits.over_blocks(
            settings,
            learned,
            given.blocks,
            max_iter,
            partial(self._convergence, given),
            Publish(self, self._attributes_of, flow),
            verbose=bool(self.verbose),
        )
        if flow is None:
            return out
        n_features = out.learned.state.clusters.centers.shape[1]
        return out._replace(learned=hand_back(flow, self, out.learned, n_features))

    def _clusters(self) -> kmeans.State:
        clusters: kmeans.State = self._learned.state.clusters
        return clusters

    def _absent(self) -> Any:
        return super()._absent() if self._learned.state.twins else None

    def _publish(self, out: fits.Outcome) -> None:
        self.__dict__.update(self._attributes(out.learned, out.n_iter))

    def _attributes_of(self, progress: Progress) -> dict[str, Any] | None:
        """Return the fitted attributes of an unfinished fit, or None before the first clusters."""
        learned = progress.learned
        if learned.state is None:
            return None
        state = learned.state._replace(convergence=None)
        return self._attributes(
            learned._replace(state=state, ahead=None, names=None), progress.n_iter
        )

    def _attributes(self, learned: Learned, n_iter: int) -> dict[str, Any]:
        """Return the fitted attributes, without the labels."""
        centers = learned.state.clusters.centers
        return {
            "_learned": learned,
            "cluster_centers_": centers,
            "n_features_in_": centers.shape[1],
            "n_iter_": n_iter,
            "n_steps_": learned.state.steps,
        }
