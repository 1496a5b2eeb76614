"""The scores of a linear model, as a function of rows that joins the tasks of X."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from streamlearn._arrays import (
    Array,
    batch_rows,
    by_columns,
    cast,
    device,
    is_sparse,
    linear_predictor,
    namespace,
    sparse,
)
from streamlearn._validation.finite import finite_or_raise, sum_is_finite
from streamlearn.core.affine_map import AffineMap
from streamlearn.core.batches import cut


@dataclass(frozen=True, eq=False)
class Scores:
    """A function of the scores (m, K) of rows.

    Attributes
    ----------
    coef : array of shape (K, d)
        The coefficients.
    intercept : array of shape (K,)
        The intercepts.
    of_scores : callable
        It takes scores and returns an array over the same rows.
    centre : array of shape (d,), default=None
        It is subtracted from the rows first, in cache-sized batches.
    centred : bool, default=False
        Whether the intercept holds a scaler's offset. Sparse rows are then an error, because a
        scaler must not shift them.
    """

    coef: Array
    intercept: Array
    of_scores: Callable[[Array], Array]
    centre: Array | None = None
    centred: bool = False

    @np.errstate(over="ignore", invalid="ignore")  # infinity in X is found in the scores
    def __call__(self, X: Array) -> Array:
        """Return ``of_scores`` of the scores of the rows of X."""
        if is_sparse(X) and (self.centred or self.centre is not None):
            raise ValueError(sparse.CENTRED)
        xp = namespace(X)
        dtype = xp.result_type(X.dtype, self.coef.dtype)
        coef, intercept = (xp.astype(a, dtype, copy=False) for a in (self.coef, self.intercept))
        if self.centre is None:
            p = linear_predictor(cast(X, dtype), coef)
        else:
            centre = xp.astype(self.centre, X.dtype, copy=False)
            p = xp.concat(
                [
                    linear_predictor(
                        xp.astype(by_columns(x, ("subtract", centre)), dtype, copy=False), coef
                    )
                    for x, *_ in cut(X, None, None, seen=0, batch_size=batch_rows(X))
                ]
                or [xp.zeros((0, coef.shape[0]), dtype=dtype, device=device(X))]
            )
        p = p + intercept
        # NaN and infinity of X reach the scores, and these are fewer numbers to check.
        if not sum_is_finite(p):
            finite_or_raise(X, "X", None)
        return self.of_scores(p)

    def after(self, before: Any) -> Scores | None:
        """Return one function for a transformation and these scores. The scale goes into ``coef``.

        It is None if the coefficients would overflow.
        """
        if not isinstance(before, AffineMap) or self.centre is not None:
            return None
        coef, xp = self.coef, namespace(self.coef)
        if before.scale is not None:
            with np.errstate(over="ignore", invalid="ignore"):
                coef = coef / xp.astype(before.scale, coef.dtype, copy=False)
            if not sum_is_finite(coef):
                return None
        near = before.offset is not None and before.unbuilt(coef) is not None
        offset = before.whole_offset() if near else before.remainder
        intercept = self.intercept
        if offset is not None:
            intercept = intercept - coef @ xp.astype(offset, coef.dtype, copy=False)
        if near:
            return replace(self, coef=coef, intercept=intercept, centred=True)
        return replace(self, coef=coef, intercept=intercept, centre=before.offset)
