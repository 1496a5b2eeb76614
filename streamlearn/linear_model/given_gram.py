"""A Gram matrix that a caller has computed: it must be that of the rows, from which it is known."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from streamlearn._arrays import Array, to_numpy
from streamlearn.linear_model.least_squares import Problem


def check_gram(given: Any, problem: Problem, like: Array, *, weighted: bool) -> None:
    """Check a Gram matrix against the sums of products of the features.

    Parameters
    ----------
    given : array of shape (n_features, n_features), or bool or str
        The parameter ``precompute``.
    problem : Problem
        The sums of the rows.
    like : array
        It has the float dtype of the rows, which says how many digits must be the same.
    weighted : bool
        Whether rows have weights. Then the matrix may be in any unit, because scikit-learn divides
        weights by their mean.

    Raises
    ------
    ValueError
        If the matrix is another one.
    """
    if isinstance(given, bool | str):
        return
    d = problem.d
    gram = (to_numpy(given) if hasattr(given, "shape") else np.asarray(given)).astype(np.float64)
    if gram.shape != (d, d):
        raise ValueError(
            f"The Gram matrix passed in via 'precompute' has shape {gram.shape}, and X has {d} "
            "features. Give the products of the features, or set precompute=False."
        )
    unit = problem.unit[:d]
    if problem.mean[:d].any() and not np.allclose(problem.mean[:d], 0.0):
        warnings.warn(
            "Gram matrix was provided but X was centered to fit intercept: recomputing Gram "
            "matrix.",
            stacklevel=2,
        )
        return
    known = problem.xx * unit * unit[:, None]
    if weighted and np.trace(gram) > 0:
        gram = gram * (np.trace(known) / np.trace(gram))
    single = str(like.dtype).endswith("32") or str(getattr(given, "dtype", "")).endswith("32")
    apart = ~np.isclose(known, gram, rtol=1e-4 if single else 1e-7, atol=1e-5)
    if apart.any():
        i, j = (int(at[0]) for at in np.nonzero(apart))
        raise ValueError(
            "Gram matrix passed in via 'precompute' parameter did not pass validation. Check that "
            f"it was computed properly, or set precompute=False. For element ({i},{j}) we computed "
            f"{known[i, j]} but the user-supplied value was {gram[i, j]}."
        )
