"""Predictions from the scores of a linear model: class codes and probabilities."""

from __future__ import annotations

from streamlearn._arrays import Array, argmax, default_int, device, namespace


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
    # a second exponential takes less time than xp.where, which branches at every number
    return xp.exp(xp.minimum(p, 0.0)) / (1.0 + xp.exp(-xp.abs(p)))


def softmax(p: Array) -> Array:
    """Return the exponentials of scores p (m, K) over their sum in each row, without overflow."""
    xp = namespace(p)
    e = xp.exp(p - xp.max(p, axis=1, keepdims=True))
    return e / sums_of_rows(e)


def sums_of_rows(A: Array) -> Array:
    """Return the sums of A (m, K) over its columns, (m, 1).

    They are computed by a product: NumPy's sum takes five times as long for a few columns.
    """
    return A @ namespace(A).ones((A.shape[1], 1), dtype=A.dtype, device=device(A))


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
        return softmax(scores)
    if loss != "modified_huber":
        if scores.shape[1] == 1:
            return _of_two_classes(scores)
        p = logistic(scores)
    else:
        p = (xp.clip(scores, -1.0, 1.0) + 1.0) / 2.0
        if scores.shape[1] == 1:
            return xp.concat([1.0 - p, p], axis=1)
    total = xp.sum(p, axis=1, keepdims=True)
    p = xp.where(total > 0.0, p, xp.ones_like(p))
    return p / xp.sum(p, axis=1, keepdims=True)


def own_probability(scores: Array, codes: Array, *, loss: str, n_models: int = 1) -> Array:
    """Return the probability of the class that each row has, by each of several models.

    Parameters
    ----------
    scores : array of shape (m, n_models * K)
    codes : array of int of shape (m,)
        The class codes.
    loss : str
        As in `probabilities`.
    n_models : int, default=1

    Returns
    -------
    array of shape (m, n_models)

    Examples
    --------
    >>> import numpy as np
    >>> own_probability(np.asarray([[0.0, 800.0]]), np.asarray([1]), loss="log_loss", n_models=2)
    array([[0.5, 1. ]])
    """
    xp, (m, n_columns) = namespace(scores), scores.shape
    if n_columns == n_models:
        p = xp.where(codes[:, None] > 0, scores, -scores)
        return (xp.clip(p, -1.0, 1.0) + 1.0) / 2.0 if loss == "modified_huber" else logistic(p)
    P = probabilities(xp.reshape(scores, (m * n_models, -1)), loss=loss)
    classes = xp.arange(P.shape[1], dtype=codes.dtype, device=device(codes))
    own = (codes[:, None] == classes)[:, None, :]
    P = xp.reshape(P, (m, n_models, -1))
    return xp.sum(xp.where(own, P, xp.zeros_like(P)), axis=2)


def _of_two_classes(scores: Array) -> Array:
    """Return `logistic` of minus the scores and of the scores, (m, 1), from one exponential."""
    xp = namespace(scores)
    e = xp.exp(-xp.abs(scores))
    likely = 1.0 / (1.0 + e)
    unlikely, below = e * likely, scores < 0.0
    first, second = xp.where(below, likely, unlikely), xp.where(below, unlikely, likely)
    return xp.concat([first, second], axis=1)
