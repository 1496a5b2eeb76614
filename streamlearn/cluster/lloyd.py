"""Lloyd's algorithm over blocks: each iteration is one mergeable pass for all starts together."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from streamlearn._arrays import (
    Array,
    asarray,
    namespace,
    to_float,
    to_numpy,
    widest_float,
)
from streamlearn._training.summed import example_of, wider
from streamlearn._validation.messages import few_rows, no_rows, no_weight
from streamlearn._validation.reader import Reader, same_place_or_raise
from streamlearn.blocks import Block, Blocks, reduce
from streamlearn.cluster.passes import rows_and_weight
from streamlearn.cluster.relocation import clusters_like, farthest, relocated
from streamlearn.cluster.seeding import nonnegative_or_raise, overflown
from streamlearn.core import kmeans
from streamlearn.core.kmeans import lloyd
from streamlearn.core.statistics import block_moments, moments


class Rule(NamedTuple):
    """When an algorithm ends, and what it prints.

    Attributes
    ----------
    max_iter : int
        The largest number of iterations.
    tol : float
        It ends if the squared change of the centres is at most this part of the mean variance.
    verbose : bool
        Whether to print scikit-learn's lines.
    """

    max_iter: int
    tol: float
    verbose: bool


class Run(NamedTuple):
    """What the algorithm has found from one start.

    Attributes
    ----------
    centers : ndarray of shape (k, d)
        The centres.
    n_iter : int
        The number of iterations.
    weight : ndarray of shape (k,), or None
        The weight of the rows of each cluster in the last iteration, before the centres moved.
    inertia : float or None
        The inertia of the centres. None if it is not known yet: they have moved since.
    labels : array of shape (n_rows,), or None
        The nearest centres in the last iteration, of rows in memory.
    ended : bool
        Whether there is nothing more to do.
    """

    centers: np.ndarray
    n_iter: int = 0
    weight: np.ndarray | None = None
    inertia: float | None = None
    labels: Array | None = None
    ended: bool = False


class PassSums(NamedTuple):
    """What a pass finds of some rows.

    Attributes
    ----------
    sums : tuple of LloydSums
        The sums for each start.
    like : array of shape (0,)
        The library, the device and the float dtype of the rows.
    n_rows : int
        The number of rows.
    spread : Moments or None
        The moments of the rows, if they are asked for.
    labels : tuple of arrays of shape (n_rows,), or None
        The nearest centres for each start, of rows in memory.
    """

    sums: tuple[lloyd.LloydSums, ...]
    like: Array
    n_rows: int
    spread: moments.Moments | None = None
    labels: tuple[Array, ...] | None = None


class Pass(NamedTuple):
    """A read of all blocks.

    Attributes
    ----------
    reader : Reader
    centers : tuple of ndarray of shape (k, d)
        The centres of each start.
    first : bool
        Whether weights must be checked.
    spread : bool
        Whether the moments of the rows are wanted, too.
    labels : bool
        Whether labels are wanted. Rows are in memory then.
    """

    reader: Reader
    centers: tuple[np.ndarray, ...]
    first: bool = False
    spread: bool = False
    labels: bool = False

    def __call__(self, block: Block) -> PassSums:
        """Return the sums of a block."""
        X, weight = rows_and_weight(self.reader, block)
        if self.first and weight is not None:
            nonnegative_or_raise(weight)
        sums, labels, spread = [], [], None
        with np.errstate(over="ignore", invalid="ignore"):
            for centers in self.centers:
                state = clusters_like(centers, X)
                point = asarray(lloyd.point_of(centers), like=X, dtype=widest_float(X))
                absent = kmeans.twins(state.centers)
                found, near = lloyd.of_block(state, point, X, weight, absent)
                sums.append(found)
                labels.append(near.labels)
            if self.spread:
                spread = block_moments.of_block(X)
        kept = tuple(labels) if self.labels else None
        return PassSums(tuple(sums), example_of(X), X.shape[0], spread, kept)

    def merge(self, a: PassSums, b: PassSums) -> PassSums:
        """Return the sums of the rows of both."""
        same_place_or_raise(b.like, a.like, self.reader.estimator, "fit")
        spread = None
        if a.spread is not None and b.spread is not None:
            spread = moments.merge(a.spread, b.spread)
        sums = tuple(map(lloyd.merge, a.sums, b.sums))
        return PassSums(sums, wider(a.like, b.like), a.n_rows + b.n_rows, spread)

    def of(self, blocks: Blocks, name: str) -> PassSums:
        """Return the sums of all blocks.

        Raises
        ------
        ValueError
            If there are no rows, or if distances overflow.
        """
        of_block: Any = self
        found: PassSums | None = reduce(of_block, self.merge, blocks, name=name)
        if found is None:
            raise no_rows(self.reader.estimator)
        for sums in found.sums:
            if not np.isfinite(to_float(sums.inertia)):
                raise overflown()
        return found


class Algorithm:
    """Lloyd's algorithm from several starts, which learn in the same reads.

    Parameters
    ----------
    blocks : Blocks
        X, and sample_weight if any.
    reader : Reader
        How the blocks are read.
    rule : Rule
    """

    def __init__(self, blocks: Blocks, reader: Reader, rule: Rule) -> None:
        self.blocks, self.reader, self.rule = blocks, reader, rule
        self.tol: float | None = None if rule.tol else 0.0
        self.read = False

    def run(self, starts: list[np.ndarray]) -> tuple[list[Run], Array]:
        """Return what is found from each start, and an array like the rows.

        Raises
        ------
        ValueError
            If there are no rows, fewer rows than clusters, or no row with a weight, if a weight is
            negative, or if distances overflow.
        """
        runs = [Run(centers) for centers in starts]
        like = None
        while any(not run.ended for run in runs):
            at = [i for i, run in enumerate(runs) if not run.ended]
            found = self._pass([runs[i].centers for i in at])
            like = found.like
            moved = self._moved([runs[i] for i in at], found)
            for place, (i, centers) in enumerate(zip(at, moved, strict=True)):
                labels = None if found.labels is None else found.labels[place]
                runs[i] = self._step(runs[i], centers, found.sums[place], labels)
        return runs, like

    def inertias(self, runs: list[Run]) -> list[Run]:
        """Return the runs with the inertia of their centres, in one pass if any is not known."""
        at = [i for i, run in enumerate(runs) if run.inertia is None]
        if at:
            found = self._pass([runs[i].centers for i in at], name="inertia")
            for place, i in enumerate(at):
                labels = None if found.labels is None else found.labels[place]
                inertia = to_float(found.sums[place].inertia)
                runs[i] = runs[i]._replace(inertia=inertia, labels=labels)
        return runs

    def _pass(self, centers: list[np.ndarray], name: str = "iteration") -> PassSums:
        """Assign all rows. The first pass checks them, too."""
        first, spread = not self.read, self.tol is None
        reader = self.reader if first else self.reader._replace(finite=False)
        in_memory = self.blocks.whole is not None
        found = Pass(reader, tuple(centers), first, spread, in_memory).of(self.blocks, name)
        if first:
            self._check(found, centers[0].shape[0])
        if found.spread is not None:
            with np.errstate(over="ignore"):
                variance = float(np.mean(to_numpy(moments.variance(found.spread))))
            self.tol = self.rule.tol * variance
        self.read = True
        return found

    def _check(self, found: PassSums, n_clusters: int) -> None:
        if not np.any(to_numpy(found.sums[0].weight)):
            raise no_weight()
        if found.n_rows < n_clusters:
            raise few_rows(found.n_rows, n_clusters)

    def _moved(self, runs: list[Run], found: PassSums) -> list[np.ndarray]:
        """Return the centres after they have moved to the means of their rows."""
        sums = [(_host(each.total), _host(each.weight)) for each in found.sums]
        points = [lloyd.point_of(run.centers) for run in runs]
        empty = [int(np.count_nonzero(weight == 0)) for _, weight in sums]
        if any(empty):
            at = [i for i, n in enumerate(empty) if n]
            reader = self.reader._replace(finite=False)
            centers = [runs[i].centers for i in at]
            far = farthest(self.blocks, reader, centers, [empty[i] for i in at])
            for i, rows in zip(at, far, strict=True):
                sums[i] = relocated(*sums[i], points[i], rows)
        return [means(*each, point) for each, point in zip(sums, points, strict=True)]

    def _step(
        self, run: Run, centers: np.ndarray, sums: lloyd.LloydSums, labels: Array | None
    ) -> Run:
        """Return a run after an iteration that has moved its centres."""
        i, inertia = run.n_iter, to_float(sums.inertia)
        if self.rule.verbose:
            print(f"Iteration {i}, inertia {inertia}.")  # noqa: T201
        shift = float(np.sum((centers - run.centers) ** 2))
        if labels is None:
            strict = unmoved(run.centers, centers)
        else:  # as scikit-learn compares them
            strict = run.labels is not None and bool(namespace(labels).all(labels == run.labels))
        assert self.tol is not None
        ended = strict or shift <= self.tol
        if ended and self.rule.verbose:
            why = f"center shift {shift} within tolerance {self.tol}"
            print(f"Converged at iteration {i}: {'strict convergence' if strict else why}.")  # noqa: T201
        return Run(
            centers,
            i + 1,
            to_numpy(sums.weight),
            inertia if strict else None,
            labels,
            ended or i + 1 >= self.rule.max_iter,
        )


def _host(x: Array) -> np.ndarray:
    return to_numpy(x).astype(np.float64)


def means(total: np.ndarray, weight: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Return the centres (k, d). A cluster without weight gets the centre of the heaviest one."""
    has = weight > 0
    with np.errstate(over="ignore", invalid="ignore"):  # the next pass finds what overflows
        centers = point + total / np.where(has, weight, 1.0)[:, None]
    centers[~has] = centers[np.argmax(weight)]
    return centers


def unmoved(before: np.ndarray, after: np.ndarray) -> bool:
    """Return whether centres have moved by no more than rounding.

    If all rows keep their centres, the sums are the same, and no centre moves.
    """
    rounding = 4 * np.finfo(np.float64).eps * np.abs(before).max(axis=0)
    return bool(np.all(np.abs(after - before) <= rounding))
