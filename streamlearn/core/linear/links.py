"""From the scores of a linear model to predictions: class codes and probabilities."""

from __future__ import annotations

from streamlearn._arrays import Array, argmax, default_int, namespace


def codes(scores: Array) -> Array:
    """Return the class code of each row from its scores (m, K), as integers of shape (m,).

    One column decides between 0 and 1 by its sign, as scikit-learn does: 1 where it is above 0.
    """
    if scores.shape[1] == 1:
        return namespace(scores).astype(scores[:, 0] > 0.0, default_int(scores))
    return argmax(scores, axis=1)


def above(scores: Array) -> Array:
    """Return for each column (m, K) whether its model says so, as booleans."""
    return scores > 0.0


def logistic(p: Array) -> Array:
    """Return ``1 / (1 + exp(-p))`` without overflow, and without cancellation at either end."""
    xp = namespace(p)
    e = xp.exp(-xp.abs(p))
    return xp.where(p < 0.0, e, xp.ones_like(e)) / (1.0 + e)


def probabilities(scores: Array, *, loss: str) -> Array:
    """Return the probability of each class from scores (m, K), as (m, max(K, 2)).

    Parameters
    ----------
    scores : array of shape (m, K)
    loss : {"log_loss", "modified_huber"}

    Notes
    -----
    One-vs-rest probabilities are normalized to sum to 1; where all are 0, which only the modified
    Huber loss can give, every class is equally likely.

    References
    ----------
    B. Zadrozny and C. Elkan, "Transforming classifier scores into accurate multiclass probability
    estimates", 2002. T. Zhang, "Statistical behavior and consistency of classification methods
    based on convex risk minimization", appendix B, 2004.

    Examples
    --------
    >>> import numpy as np
    >>> probabilities(np.asarray([[0.0], [800.0]]), loss="log_loss")
    array([[0.5, 0.5],
           [0. , 1. ]])
    """
    xp = namespace(scores)
    if loss == "log_loss":
        p = logistic(scores)
        if scores.shape[1] == 1:
            return xp.concat([logistic(-scores), p], axis=1)
    else:
        p = (xp.clip(scores, -1.0, 1.0) + 1.0) / 2.0
        if scores.shape[1] == 1:
            return xp.concat([1.0 - p, p], axis=1)
    total = xp.sum(p, axis=1, keepdims=True)
    p = xp.where(total > 0.0, p, xp.ones_like(p))
    return p / xp.sum(p, axis=1, keepdims=True)
