"""Predictions from the scores of a linear model: class codes and probabilities."""

from __future__ import annotations

from streamlearn._arrays import Array, argmax, default_int, namespace


def codes(scores: Array) -> Array:
    """Return the class code of each row from its scores (m, K), as integers of shape (m,).

    With one column the code is 1 if the score is above 0, else 0, as in scikit-learn.
    """
    if scores.shape[1] == 1:
        return namespace(scores).astype(scores[:, 0] > 0.0, default_int(scores))
    return argmax(scores, axis=1)


def above(scores: Array) -> Array:
    """Return for each row and column whether its score is above 0, as bool of shape (m, K)."""
    return scores > 0.0


def logistic(p: Array) -> Array:
    """Return ``1 / (1 + exp(-p))`` without overflow, and without cancellation at either end."""
    xp = namespace(p)
    e = xp.exp(-xp.abs(p))
    return xp.where(p < 0.0, e, xp.ones_like(e)) / (1.0 + e)


def probabilities(scores: Array, *, loss: str) -> Array:
    """Return the probability of each class from scores.

    Parameters
    ----------
    scores : array of shape (m, K)
    loss : {"log_loss", "multinomial", "modified_huber"}

    Returns
    -------
    array of shape (m, max(K, 2))

    Notes
    -----
    The probabilities of "multinomial" are the softmax of the scores. One-vs-rest probabilities are
    normalized to sum to 1. If all of them are 0, every class is equally likely. That happens with
    the modified Huber loss only.

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
    if loss == "multinomial" and scores.shape[1] > 1:
        p = xp.exp(scores - xp.max(scores, axis=1, keepdims=True))
        return p / xp.sum(p, axis=1, keepdims=True)
    if loss != "modified_huber":
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
