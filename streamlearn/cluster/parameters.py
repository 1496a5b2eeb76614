"""The parameters of k-means: allowed values, how a fit starts by them and when it stops."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any

import numpy as np

from streamlearn._estimator.inputs import CheckedInputs
from streamlearn._sklearn import Interval, StrOptions
from streamlearn.cluster import kmeans_parallel, passes, steps
from streamlearn.cluster.random_stream import value_of
from streamlearn.cluster.seeding import Start, given_centers
from streamlearn.cluster.stopping import Convergence
from streamlearn.core import kmeans


class Parameters:
    """The parameters of `MiniBatchKMeans`."""

    batch_size: Any
    init: Any
    init_size: Any
    max_iter: Any
    max_no_improvement: Any
    n_clusters: Any
    n_init: Any
    reassignment_ratio: Any
    tol: Any
    verbose: Any

    _parameter_constraints: dict[str, Any] = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "init": [StrOptions({"k-means++", "random", "k-means||"}), callable, "array-like"],
        "max_iter": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "verbose": ["verbose"],
        "compute_labels": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "max_no_improvement": [Interval(Integral, 0, None, closed="left"), None],
        "init_size": [Interval(Integral, 1, None, closed="left"), None],
        "n_init": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "reassignment_ratio": [Interval(Real, 0, None, closed="left")],
        "n_parallel": [Interval(Integral, 1, None, closed="left")],
    }

    def _max_iter(self, *, lazy: bool) -> int:
        return (1 if lazy else 100) if self.max_iter == "auto" else int(self.max_iter)

    def _convergence(self, given: CheckedInputs, n_rows: int, n_steps: int) -> Convergence:
        """Return the stopping rule."""
        tol = float(self.tol)
        if tol:
            if given.flow is not None:
                raise NotImplementedError(
                    "tol is relative to the variance of the transformed rows, which one pass does "
                    'not know beforehand. Use tol=0, or schedule="per-step".'
                )
            tol *= passes.mean_variance(given.blocks, given.reader)
        return Convergence(n_rows, n_steps, tol, self.max_no_improvement)

    def _core(self) -> kmeans.Params:
        return kmeans.Params(reassignment_ratio=float(self.reassignment_ratio))

    def _start(self, how: Any, tries: int | None = None) -> Start:
        size = self.init_size or 3 * self.batch_size
        size = 3 * self.n_clusters if size < self.n_clusters else size
        return Start(self.n_clusters, how, size, tries, bool(self.verbose))

    def _params(
        self, given: CheckedInputs, draws: np.random.RandomState, *, partial_fit: bool
    ) -> steps.Params:
        """Return the parameters of steps that start from no clusters."""
        how, tries = self.init, self.n_init
        listed = not isinstance(how, str) and not callable(how)
        if tries == "auto":
            tries = 1 if listed or how in ("k-means++", "k-means||") else 3
        if self.init_size is not None and self.init_size < self.n_clusters:
            warnings.warn(
                f"init_size={self.init_size} should be larger than n_clusters={self.n_clusters}. "
                "Setting it to min(3*n_clusters, n_samples)",
                RuntimeWarning,
                stacklevel=4,
            )
        if listed:
            if tries != 1:
                warnings.warn(
                    "Explicit initial center position passed: performing only one init in "
                    f"{type(self).__name__} instead of n_init={tries}.",
                    RuntimeWarning,
                    stacklevel=4,
                )
            how, tries = given_centers(how, self.n_clusters, given.n_features), 1
        elif isinstance(how, str) and how == "k-means||":
            if given.flow is not None:
                raise NotImplementedError(
                    'init="k-means||" reads the data several times, and a pipeline in one pass '
                    'cannot do so. Use init="k-means++", or schedule="per-step".'
                )
            how = kmeans_parallel.centers_of(
                given.blocks, given.reader, self.n_clusters, draws, tries
            )
            tries = 1
        if partial_fit:
            tries = None
        elif not given.blocks.in_memory and isinstance(how, np.ndarray):
            tries = 0
        start, blocks = self._start(how, tries), not given.blocks.in_memory
        from_all = blocks and isinstance(self.init, str) and self.init == "k-means||"
        return steps.Params(self._core(), start, self.batch_size, value_of(draws), from_all)
