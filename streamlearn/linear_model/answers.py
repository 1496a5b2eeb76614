"""What several linear models answer for the same rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from streamlearn._arrays import Array, batch_rows, namespace
from streamlearn.core.linear import links

SLICE_BYTES = 1 << 20
"""Bytes of the decisions of a slice of rows: few enough for a cache, enough for few calls.

R2 of 32 models on 50,000 rows takes 15.6 ns a number in slices of 256 KiB, 6.7 in those of 1 MiB,
and 8.2 in the longest that `batch_rows` makes. Measured outside of ``bench/``.
"""


class Answers(NamedTuple):
    """The answers of several linear models, from their decisions.

    They are made for some rows at a time, because those of all rows would leave the cache.

    Attributes
    ----------
    decisions : array of shape (n_rows, n_models * K)
        The scores of rows by the K columns of each model.
    n_models : int
    loss : str
    of_scores : callable
        It takes the scores (m, K) of rows by a model, and returns its predictions, (m,).
    classes : ndarray of shape (n_classes,) or None
        The labels of classifiers.
    """

    decisions: Array
    n_models: int
    loss: str
    of_scores: Callable[[Array], Array]
    classes: np.ndarray | None = None

    def slices(self) -> list[slice]:
        """Return all rows, in slices whose decisions fit a cache. There is at least one."""
        m, k = self.decisions.shape[0], batch_rows(self.decisions, budget=SLICE_BYTES)
        return [slice(start, min(start + k, m)) for start in range(0, max(m, 1), k)]

    def predict(self, rows: slice) -> Array:
        """Return the predictions of some rows, (m, n_models)."""
        xp, p = namespace(self.decisions), self.decisions[rows, :]
        n_columns = p.shape[1] // self.n_models
        found = self.of_scores(xp.reshape(p, (-1, n_columns)))
        return namespace(found).reshape(found, (-1, self.n_models))

    def own_probability(self, rows: slice, codes: Array) -> Array:
        """Return the probabilities of the classes ``codes`` (m,) of some rows, (m, n_models)."""
        p = self.decisions[rows, :]
        return links.own_probability(p, codes, loss=self.loss, n_models=self.n_models)
