"""The scores of classes as functions of rows, and what is predicted from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from streamlearn._arrays import (
    Array,
    argmax,
    batch_rows,
    by_columns,
    cast,
    dense,
    device,
    float_dtype,
    linear_predictor,
    namespace,
)
from streamlearn.core.batches import cut
from streamlearn.core.linear.links import sums_of_rows


class LinearScores(NamedTuple):
    """Scores that are linear in the features.

    Attributes
    ----------
    coef : array of shape (n_classes, n_features)
    intercept : array of shape (n_classes,)
    """

    coef: Array
    intercept: Array

    def __call__(self, X: Array) -> Array:
        """Return the scores of the rows of X, (m, n_classes).

        Examples
        --------
        >>> import numpy as np
        >>> LinearScores(np.asarray([[1.0, 2.0]]), np.asarray([3.0]))(np.asarray([[1, 1]]))
        array([[6.]])
        """
        dtype = common(X, self.coef)
        coef, intercept = (cast(a, dtype) for a in self)
        return linear_predictor(cast(X, dtype), coef) + intercept


class CentredScores(NamedTuple):
    """Scores that are linear in the features, whose rows are centred first.

    Attributes
    ----------
    centre : array of shape (n_features,)
    slope : array of shape (n_scores, n_features)
    offset : array of shape (n_scores,)
    fitted : array
        An array in the float dtype of the rows of the fit.
    """

    centre: Array
    slope: Array
    offset: Array
    fitted: Array

    def __call__(self, X: Array) -> Array:
        """Return the scores of the rows of X, (m, n_scores)."""
        dtype = common(X, self.fitted)
        centre, slope, offset = (cast(a, dtype) for a in self[:3])
        return linear_predictor(by_columns(cast(X, dtype), ("subtract", centre)), slope) + offset


class SquaredScores(NamedTuple):
    """Scores that are weighted sums of squared distances to a centre of each class.

    Attributes
    ----------
    centre : array of shape (n_classes, n_features)
    factor : array of shape (n_classes, n_features)
    constant : array of shape (n_classes,)
    """

    centre: Array
    factor: Array
    constant: Array

    def __call__(self, X: Array) -> Array:
        """Return the scores of the rows of X, (m, n_classes), some rows at a time.

        Rows are subtracted from each centre, so that no digit cancels.

        Examples
        --------
        >>> import numpy as np
        >>> one = np.asarray([[2.0, 0.0]])
        >>> SquaredScores(1e8 * one, one, np.asarray([5.0]))(np.asarray([[2e8 + 1, 3.0]]))
        array([[7.]])
        """
        dtype = common(X, self.centre)
        centre, factor, constant = (cast(a, dtype) for a in self)

        def of_class(rows: Array, k: int) -> Array:
            D = rows - centre[k, :]
            return (D * D) @ factor[k, :]

        return _by_class(X, of_class, constant)


class AbsoluteScores(NamedTuple):
    """Scores that are constants less the squared sum of absolute distances to a centre.

    Attributes
    ----------
    centre : array of shape (n_classes, n_features)
    factor : array of shape (n_features,)
    constant : array of shape (n_classes,)
    """

    centre: Array
    factor: Array
    constant: Array

    def __call__(self, X: Array) -> Array:
        """Return the scores of the rows of X, (m, n_classes), some rows at a time.

        Examples
        --------
        >>> import numpy as np
        >>> scores = AbsoluteScores(np.asarray([[2.0, 0.0]]), np.ones(2), np.asarray([5.0]))
        >>> scores(np.asarray([[1.0, 3.0]]))
        array([[-11.]])
        """
        dtype = common(X, self.centre)
        centre, factor, constant = (cast(a, dtype) for a in self)

        def of_class(rows: Array, k: int) -> Array:
            distance = namespace(rows).abs(rows - centre[k, :]) @ factor
            return -distance * distance

        return _by_class(X, of_class, constant)


class RotatedScores(NamedTuple):
    """Scores that are constants less half the squared lengths of rows in the axes of a class.

    Attributes
    ----------
    centre : array of shape (n_classes, n_features)
    axes : array of shape (n_classes, n_features, n_axes)
    constant : array of shape (n_classes,)
    """

    centre: Array
    axes: Array
    constant: Array

    def __call__(self, X: Array) -> Array:
        """Return the scores of the rows of X, (m, n_classes), some rows at a time.

        Examples
        --------
        >>> import numpy as np
        >>> axes = np.asarray([[[2.0, 0.0], [0.0, 1.0]]])
        >>> scores = RotatedScores(np.zeros((1, 2)), axes, np.asarray([1.0]))
        >>> scores(np.asarray([[1.0, 1.0]]))
        array([[-1.5]])
        """
        dtype = common(X, self.centre)
        centre, axes, constant = (cast(a, dtype) for a in self)

        def of_class(rows: Array, k: int) -> Array:
            D = (rows - centre[k, :]) @ axes[k, ...]
            return -0.5 * sums_of_rows(D * D)[:, 0]

        return _by_class(X, of_class, constant)


class FunctionOfScores(NamedTuple):
    """A function of scores after the scores of rows.

    Attributes
    ----------
    scores : callable
        ``(X) -> array of shape (m, n_classes)``.
    of_scores : callable
    """

    scores: Callable[[Array], Array]
    of_scores: Callable[[Array], Array]

    def __call__(self, X: Array) -> Array:
        """Return the function of the scores of the rows of X."""
        return self.of_scores(self.scores(X))

    def unchecked(self, X: Array) -> Array:
        """Return the same without checks of values, if the scores have any."""
        return self.of_scores(getattr(self.scores, "unchecked", self.scores)(X))


def _by_class(X: Array, of_class: Callable[[Array, int], Array], constant: Array) -> Array:
    """Return the constants plus a function of the rows of X for each class, (m, n_classes).

    ``of_class`` takes some of the rows, dense and in the dtype of the constants, and the number of
    a class.
    """
    xp, dtype, n_classes = namespace(X), constant.dtype, constant.shape[0]
    out = []
    for batch in cut(X, None, None, seen=0, batch_size=batch_rows(X)):
        rows = cast(dense(batch.X), dtype)
        out.append(xp.stack([of_class(rows, k) for k in range(n_classes)], axis=1) + constant)
    return xp.concat(out) if out else xp.zeros((0, n_classes), dtype=dtype, device=device(X))


def common(X: Array, fitted: Array) -> Any:
    """Return the float dtype in which rows X and a fitted array are combined."""
    return namespace(fitted).result_type(float_dtype(X), fitted.dtype)


def largest(scores: Array) -> Array:
    """Return the code of the class of the largest score of each row, (m,).

    Examples
    --------
    >>> import numpy as np
    >>> largest(np.asarray([[-3.0, -1.0], [-2.0, -2.0]]))
    array([1, 0])
    """
    return argmax(scores, axis=1)


def as_they_are(scores: Array) -> Array:
    """Return the scores themselves."""
    return scores


def difference(scores: Array) -> Array:
    """Return the score of the second of two classes less that of the first, (m,)."""
    return scores[:, 1] - scores[:, 0]


def log_probabilities(scores: Array) -> Array:
    """Return the logarithms of probabilities from logarithms up to a constant of each row.

    Examples
    --------
    >>> import numpy as np
    >>> np.exp(log_probabilities(np.asarray([[1000.0, 1000.0]])))
    array([[0.5, 0.5]])
    """
    xp = namespace(scores)
    shifted = scores - xp.max(scores, axis=1, keepdims=True)
    return shifted - xp.log(sums_of_rows(xp.exp(shifted)))


def probabilities(scores: Array) -> Array:
    """Return probabilities from their logarithms up to a constant of each row."""
    return namespace(scores).exp(log_probabilities(scores))
