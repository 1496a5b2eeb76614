"""The first models of a mixture: from given parameters, from clusters, or from rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from streamlearn._arrays import asarray, default_int, rows_at, to_float, to_numpy
from streamlearn._estimator.inputs import CheckedInputs
from streamlearn.cluster import lloyd
from streamlearn.cluster.starts import starts_of
from streamlearn.mixture.em import Algorithm, NearestResponsibilities, RandomResponsibilities
from streamlearn.mixture.given import GivenStart, expected_shape
from streamlearn.mixture.model import (
    FEW,
    Model,
    cholesky_of,
    cholesky_of_inverse,
    covariances_of,
    inverses,
)

KMEANS = lloyd.Rule(300, 1e-4, False)
"""The defaults of scikit-learn's KMeans, which "kmeans" runs."""


def first_models(
    how: str,
    n_components: int,
    given: CheckedInputs,
    algorithm: Algorithm,
    start: GivenStart,
    draws: np.random.RandomState,
    n_init: int,
) -> list[Model]:
    """Return the first model of each start.

    Parameters
    ----------
    how : {"kmeans", "k-means++", "random", "random_from_data"}
    n_components : int
    given : CheckedInputs
        The rows.
    algorithm : Algorithm
        It reads them.
    start : GivenStart
        What the user gives, which replaces what is found.
    draws : RandomState
        The source of the draws. In memory they are scikit-learn's.
    n_init : int

    Raises
    ------
    ValueError
        If there are fewer rows than components, or if a covariance is singular.
    """
    rule, found = algorithm.rule, list[tuple[Any, Any, Any]]()
    if start.complete:
        found.append((start.weights, start.means, None))
    elif how in ("kmeans", "random"):
        found = _by_shares(how, n_components, given, algorithm, draws, n_init)
    else:
        rows = _rows(how, n_components, given, draws, n_init)
        found = [_of_rows(rule.kind, rule.reg_covar, each) for each in rows]
    return [_model(rule.kind, start, *each) for each in found]


def _model(
    kind: str,
    start: GivenStart,
    weights: np.ndarray,
    means: np.ndarray,
    covariances: np.ndarray | None,
) -> Model:
    """Return a model, of which a part is given."""
    weights = weights if start.weights is None else start.weights
    means = (means if start.means is None else start.means).astype(np.float64)
    if start.precisions is None:
        assert covariances is not None
        return Model(weights, means, covariances, cholesky_of_inverse(kind, covariances))
    cholesky = cholesky_of(kind, start.precisions)
    return Model(weights, means, inverses(kind, cholesky, of_covariances=True), cholesky)


def _by_shares(
    how: str,
    k: int,
    given: CheckedInputs,
    algorithm: Algorithm,
    draws: np.random.RandomState,
    n_init: int,
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return weights, means and covariances by the responsibilities of all rows, in one read."""
    kind, shares = algorithm.rule.kind, list[Any]()
    if how == "random":
        for _ in range(n_init):
            whole = given.whole
            if whole is not None:
                shares.append(
                    RandomResponsibilities(kind, k, draws.uniform(size=(whole.X.shape[0], k)))
                )
            else:
                shares.append(
                    RandomResponsibilities(kind, k, int(draws.randint(np.iinfo(np.int32).max)))
                )
    else:
        first = "k-means++" if given.whole is not None else "k-means||"
        starts = starts_of(first, k, given, draws, n_init)
        clusters, _ = lloyd.Algorithm(given.blocks, given.reader, KMEANS).run(starts)
        shares = [NearestResponsibilities(kind, each.centers) for each in clusters]
    found = []
    for sums in algorithm.read(shares, "first model"):
        weight, means, covariances = covariances_of(kind, sums, algorithm.rule.reg_covar)
        found.append((weight / to_float(sums.rows[0]), means, covariances))
    return found


def _rows(
    how: str, k: int, given: CheckedInputs, draws: np.random.RandomState, n_init: int
) -> list[np.ndarray]:
    """Return k of the rows for each start."""
    if how == "random_from_data" and given.whole is not None:
        X = given.whole.X
        at = [draws.choice(X.shape[0], size=k, replace=False) for _ in range(n_init)]
        return [
            to_numpy(rows_at(X, asarray(each, like=X, dtype=default_int(X)))).astype(np.float64)
            for each in at
        ]
    return starts_of("k-means++" if how == "k-means++" else "random", k, given, draws, n_init)


def _of_rows(
    kind: str, reg_covar: float, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return weights, means and covariances of components that have one row each."""
    k, d = rows.shape
    covariances = np.full(expected_shape(kind, k, d), float(reg_covar))
    if kind in ("full", "tied"):
        covariances = covariances * np.eye(d)
    return np.full(k, 1.0 / k), rows * (1.0 / (1.0 + FEW)), covariances
