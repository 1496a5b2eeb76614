"""Expectation maximization over blocks: each iteration is one mergeable pass for all starts."""

from __future__ import annotations

from time import time
from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays import Array, asarray, cast, device, namespace, to_float, widest_float
from streamlearn._training.fit_settings import generator
from streamlearn._training.summed import example_of, wider
from streamlearn._validation.messages import diverged, no_rows
from streamlearn._validation.reader import Reader, same_place_or_raise
from streamlearn.blocks import Block, Blocks, reduce
from streamlearn.cluster.passes import rows_and_weight
from streamlearn.cluster.relocation import clusters_like
from streamlearn.core import kmeans, mixture
from streamlearn.core.class_scores import common
from streamlearn.mixture.model import Model, model_of, scores


class Rule(NamedTuple):
    """How a model is fitted, when that ends, and what is printed.

    Attributes
    ----------
    kind : {"full", "tied", "diag", "spherical"}
    reg_covar : float
        It is added to the variances.
    max_iter : int
        The largest number of iterations.
    tol : float
        It ends if the mean log-likelihood changes by less.
    verbose, interval : int
        Whether to print scikit-learn's lines, and after how many iterations.
    """

    kind: str
    reg_covar: float
    max_iter: int
    tol: float
    verbose: int
    interval: int


class Run(NamedTuple):
    """What is found from one start.

    Attributes
    ----------
    model : Model
    bound : float
        The mean log-likelihood of the rows by the model before the last iteration.
    bounds : tuple of float
        The bounds of all iterations.
    converged, ended : bool
        Whether the bound has converged, and whether there is nothing more to do.
    """

    model: Model
    bound: float
    bounds: tuple[float, ...] = ()
    converged: bool = False
    ended: bool = False


class PassSums(NamedTuple):
    """What a pass finds of some rows: the sums of each start, and an array like the rows."""

    sums: tuple[mixture.Sums, ...]
    like: Array


class ModelResponsibilities(NamedTuple):
    """Responsibilities by a model."""

    kind: str
    model: Model

    def sums(self, X: Array, block: Block) -> mixture.Sums:
        """Return the sums of the rows of a block."""
        weights, means, _, cholesky = self.model
        like = asarray(np.zeros(1), like=X, dtype=widest_float(X))
        function: Any = scores(self.kind, weights, means, cholesky, like)
        return mixture.of_block(self.kind, function, len(weights), X)


class NearestResponsibilities(NamedTuple):
    """All of a row belongs to the nearest of some centres (k, d), which are on the host."""

    kind: str
    centers: np.ndarray

    def sums(self, X: Array, block: Block) -> mixture.Sums:
        """Return the sums of the rows of a block."""
        state, xp = clusters_like(self.centers, X), namespace(X)
        labels = kmeans.labels(state, X, absent=kmeans.twins(state.centers))
        known = xp.arange(len(self.centers), dtype=labels.dtype, device=device(labels))
        return mixture.of_given(self.kind, X, xp.astype(labels[:, None] == known, X.dtype))


class RandomResponsibilities(NamedTuple):
    """Responsibilities that are drawn. For blocks there is a seed instead of numbers."""

    kind: str
    n_components: int
    drawn: np.ndarray | int

    def sums(self, X: Array, block: Block) -> mixture.Sums:
        """Return the sums of the rows of a block."""
        shares = self.drawn
        if not isinstance(shares, np.ndarray):
            shape = X.shape[0], self.n_components
            shares = generator(shares, 0, block.number).uniform(size=shape)
        shares = shares / shares.sum(axis=1, keepdims=True)
        return mixture.of_given(self.kind, X, asarray(shares, like=X, dtype=widest_float(X)))


class Pass(NamedTuple):
    """A read of all blocks, with the responsibilities of each start."""

    reader: Reader
    responsibilities: tuple[
        ModelResponsibilities | NearestResponsibilities | RandomResponsibilities, ...
    ]

    def __call__(self, block: Block) -> PassSums:
        """Return the sums of a block."""
        X, _ = rows_and_weight(self.reader, block)
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            return PassSums(
                tuple(each.sums(X, block) for each in self.responsibilities), example_of(X)
            )

    def merge(self, a: PassSums, b: PassSums) -> PassSums:
        """Return the sums of the rows of both."""
        same_place_or_raise(b.like, a.like, self.reader.estimator, "fit")
        with np.errstate(over="ignore", invalid="ignore"):
            return PassSums(tuple(map(mixture.merge, a.sums, b.sums)), wider(a.like, b.like))

    def of(self, blocks: Blocks, name: str) -> PassSums:
        """Return the sums of all blocks.

        Raises
        ------
        ValueError
            If there are fewer than two rows, or fewer than components, or if squares overflow.
        """
        of_block: Any = self
        found: PassSums | None = reduce(of_block, self.merge, blocks, name=name)
        if found is None:
            raise no_rows(self.reader.estimator)
        first = found.sums[0]
        enough_or_raise(self.reader.estimator, round(to_float(first.rows[0])), first.mean.shape)
        for sums in found.sums:
            xp = namespace(sums.scatter)
            whole = sums.log_likelihood[0] + xp.sum(sums.scatter) + xp.sum(sums.mean)
            if not np.isfinite(to_float(whole)):
                raise diverged("in the squared distances of rows from means")
        return found


def enough_or_raise(estimator: str, n_rows: int, shape: tuple[int, ...]) -> None:
    """Check that there are at least two rows, and as many as components.

    ``shape`` is that of the means.
    """
    if n_rows < 2:
        raise ValueError(
            f"Found array with {n_rows} sample(s) (shape=({n_rows}, {shape[1]})) while a minimum "
            f"of 2 is required by {estimator}."
        )
    if n_rows < shape[0]:
        raise ValueError(
            f"Expected n_samples >= n_components but got n_components = {shape[0]}, n_samples = "
            f"{n_rows}"
        )


class Algorithm:
    """Expectation maximization from several starts, which learn in the same reads.

    Parameters
    ----------
    blocks : Blocks
        X.
    reader : Reader
        How the blocks are read.
    rule : Rule
    """

    def __init__(self, blocks: Blocks, reader: Reader, rule: Rule) -> None:
        self.blocks, self.reader, self.rule = blocks, reader, rule
        self.like: Array | None = None

    def run(self, models: list[Model], bound: float = -np.inf) -> list[Run]:
        """Return what is found from each start, after ``bound`` was found before.

        Raises
        ------
        ValueError
            If there are too few rows, if a covariance is singular, or if squares overflow.
        """
        rule, began = self.rule, time()
        runs = [Run(model, bound, ended=not rule.max_iter) for model in models]
        while any(not run.ended for run in runs):
            at, then = [i for i, run in enumerate(runs) if not run.ended], time()
            sums = self.read(
                [ModelResponsibilities(rule.kind, runs[i].model) for i in at], "iteration"
            )
            for i, found in zip(at, sums, strict=True):
                runs[i] = self._step(runs[i], found, then, began)
        return runs

    def read(self, shares: list[Any], name: str) -> tuple[mixture.Sums, ...]:
        """Return the sums of all rows by some responsibilities. The first read checks them, too."""
        reader = self.reader if self.like is None else self.reader._replace(finite=False)
        found = Pass(reader, tuple(shares)).of(self.blocks, name)
        self.like = found.like
        return found.sums

    def example(self, model: Model) -> Array:
        """Return an array like the rows. If nothing was read yet, one read checks the rows."""
        if self.like is None:
            self.read([ModelResponsibilities(self.rule.kind, model)], "check")
        assert self.like is not None
        return self.like

    def _step(self, run: Run, sums: mixture.Sums, then: float, began: float) -> Run:
        """Return a run after an iteration."""
        rule, bound = self.rule, to_float(sums.log_likelihood[0]) / to_float(sums.rows[0])
        change, bounds = bound - run.bound, (*run.bounds, bound)
        converged = abs(change) < rule.tol
        ended = converged or len(bounds) >= rule.max_iter
        if rule.verbose and len(bounds) % rule.interval == 0:
            more = f"\t time lapse {time() - then:.5f}s\t ll change {change:.5f}"
            print(f"  Iteration {len(bounds)}{more if rule.verbose > 1 else ''}")  # noqa: T201
        if rule.verbose and ended:
            more = f" time lapse {time() - began:.5f}s\t lower bound {bound:.5f}."
            how = "converged." if converged else "did not converge."
            print(f"Initialization {how}{more if rule.verbose > 1 else ''}")  # noqa: T201
        return Run(model_of(rule.kind, sums, rule.reg_covar), bound, bounds, converged, ended)


class LogDensity(NamedTuple):
    """The logarithm of the density of each row, from the logarithms of weighted densities."""

    scores: Any

    def __call__(self, X: Array) -> Array:
        """Return the logarithms for the rows of X, (m,)."""
        found = self.scores(X)
        return mixture.responsibilities(found)[0][:, 0]


class Rounded(NamedTuple):
    """A function of rows, rounded to the float dtype of the rows and of a fitted array.

    Attributes
    ----------
    function : callable
    fitted : array
    """

    function: Any
    fitted: Array

    def __call__(self, X: Array) -> Array:
        """Return the rounded numbers for the rows of X."""
        return cast(self.function(X), common(X, self.fitted))
