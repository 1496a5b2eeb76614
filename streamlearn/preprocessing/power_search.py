"""The search for the lambdas of a power transformation over blocks, in a few passes.

The first pass finds the range of each feature and keeps some rows. The search for all rows starts
from the optimum of these rows. Each Newton step of
`streamlearn.core.statistics.likelihood_search` is one pass.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

from streamlearn._arrays import Array, namespace, to_numpy, widest_float
from streamlearn._validation.messages import no_rows
from streamlearn._validation.reader import Reader, same_place_or_raise
from streamlearn.blocks import Block, Blocks, reduce
from streamlearn.core.power_map import Origin, lambda_bounds, origin_of
from streamlearn.core.statistics import (
    block_moments,
    extremes,
    likelihood,
    likelihood_search,
    moments,
)

PILOT = 2048
"""The largest number of rows of a sample from all blocks, whose optimum is the starting point.

From there the search takes 2 to 4 passes, and 5 with heavy tails. From lambda = 1 it takes 2 to 8.
"""


class FirstLook(NamedTuple):
    """The result of the first pass, before the search.

    Attributes
    ----------
    moments : Moments
    extremes : Extremes
    sample : array of shape (at most PILOT, n_features)
        One of every ``one_in`` rows of all blocks.
    one_in : int
    """

    moments: moments.Moments
    extremes: extremes.Extremes
    sample: Array
    one_in: int

    @property
    def extent(self) -> np.ndarray:
        """Return the smallest and the largest number of each feature, (2, n_features)."""
        return np.stack([_host(end(self.extremes)) for end in (extremes.minimum, extremes.maximum)])


class Lambdas(NamedTuple):
    """The result of the search.

    Attributes
    ----------
    origin : Origin
        The argument of the logarithms of each feature.
    found : Found
        The most likely lambdas, and the moments of the transformed rows.
    bounded : bool
        Whether "box-cox" has a more likely lambda with which numbers would overflow.
    """

    origin: Origin
    found: likelihood.Optimum
    bounded: bool


def first_look(reader: Reader, blocks: Blocks) -> FirstLook:
    """Return the result of the first pass over all blocks.

    Raises
    ------
    ValueError
        If there are no rows.
    """
    first = reduce(partial(_of_block, reader), partial(_both, reader.estimator), blocks)
    if first is None:
        raise no_rows(reader.estimator)
    return first


def _of_block(reader: Reader, block: Block) -> FirstLook:
    X = reader.rows(block.X, block.named)
    with np.errstate(over="ignore", invalid="ignore"):
        look = FirstLook(
            block_moments.of_block(X),
            extremes.of_block(extremes.Range(), X),
            X,
            1,
        )
    return _thinned(look)


def _both(estimator: str, a: FirstLook, b: FirstLook) -> FirstLook:
    same_place_or_raise(b.sample, a.sample, estimator, "fit")
    one_in = max(a.one_in, b.one_in)
    dtype = widest_float(a.sample)
    parts = [s.sample[:: one_in // s.one_in, :] for s in (a, b)]
    xp = namespace(a.sample)
    return _thinned(
        FirstLook(
            moments.merge(a.moments, b.moments),
            extremes.merge(a.extremes, b.extremes),
            xp.concat([xp.astype(part, dtype, copy=False) for part in parts]),
            one_in,
        )
    )


def _thinned(look: FirstLook) -> FirstLook:
    sample, one_in = look.sample, look.one_in
    while sample.shape[0] > PILOT:
        sample, one_in = sample[::2, :], 2 * one_in
    xp = namespace(sample)  # a copy, as a view would keep the block
    return look._replace(sample=xp.asarray(sample, copy=True), one_in=one_in)


def most_likely(yeo_johnson: bool, first: FirstLook, reader: Reader, blocks: Blocks) -> Lambdas:
    """Return the most likely lambda of each feature, given the result of the first pass."""
    extent = first.extent
    low, high = extent
    origin = origin_of(yeo_johnson, low, high)
    least, most = lambda_bounds(yeo_johnson, low, high, to_numpy(first.extremes.low).dtype)
    if yeo_johnson:
        constant = _constant(first) | (low == high)
        least, most = (np.where(constant, 1.0, bound) for bound in (least, most))
    like = first.moments.mean
    close = likelihood_search.CLOSE if namespace(like).finfo(like.dtype).bits >= 64 else 1e-3
    seen = _host(first.sample)
    pilot = likelihood_search.begin(yeo_johnson, origin, np.ones_like(low), least, most, extent)
    few = likelihood_search.optimum(lambda params: likelihood.of_block(params, seen), pilot)

    def ask(params: likelihood.Params) -> likelihood.Sums:
        sums = reduce(
            partial(_sums, reader._replace(finite=False), params),
            partial(_merged, reader.estimator),
            blocks,
        )
        return likelihood.Sums(*map(_host, sums))

    start = likelihood_search.begin(yeo_johnson, origin, few.power, least, most, extent)
    found = likelihood_search.optimum(ask, start, close=close)
    bounded = not yeo_johnson and bool(np.any((found.power == least) | (found.power == most)))
    return Lambdas(origin, found, bounded)


def _constant(first: FirstLook) -> np.ndarray:
    """Return which features scikit-learn takes for constant."""
    count = _host(first.moments.weight + first.moments.weight_low)
    mean, variance = (_host(f(first.moments)) for f in (moments.mean, moments.variance))
    blur = count * np.finfo(np.float64).eps
    return variance <= blur * variance + (blur * mean) ** 2


def _sums(reader: Reader, params: likelihood.Params, block: Block) -> likelihood.Sums:
    X = reader.rows(block.X, block.named)
    with np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore"):
        return likelihood.of_block(params, X)


def _merged(estimator: str, a: likelihood.Sums, b: likelihood.Sums) -> likelihood.Sums:
    same_place_or_raise(b.gg, a.gg, estimator, "fit")
    return likelihood.merge(a, b)


def _host(x: Array) -> np.ndarray:
    return to_numpy(x).astype(np.float64)
