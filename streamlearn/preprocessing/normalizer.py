"""Normalizer."""

from __future__ import annotations

from typing import Any

from streamlearn._estimator.stateless import UnfittedTransformer
from streamlearn._sklearn import StrOptions
from streamlearn.core.rowwise_maps import NORMS, UnitRows


class Normalizer(UnfittedTransformer):
    """Divide each row by its norm.

    It is scikit-learn's `~sklearn.preprocessing.Normalizer` for arrays of any library, for sparse
    rows and for dask collections. The blocks of a collection are transformed lazily.

    Parameters
    ----------
    norm : {"l1", "l2", "max"}, default="l2"
        The sum of the magnitudes in the row, the root of the sum of its squares, or its largest
        magnitude.
    copy : bool, default=True
        It has no effect, because the input is never changed.

    Attributes
    ----------
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a frame whose column names are all
        strings.

    Notes
    -----
    Nothing is learned from rows. So `transform` works without a fit, and a pipeline in one pass
    takes this as a step. Rows of zeros do not change.

    Differences from scikit-learn:

    - A dense row is divided by its norm however small the norm is, as a sparse row is.
      scikit-learn does not change a dense row whose norm is below ten units of rounding at 1.
    - Norms do not overflow: a row of 1e200 is divided by its norm, too. scikit-learn makes it 0.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.preprocessing import Normalizer
    >>> X = da.from_array([[4, 1, 2, 2], [1, 3, 9, 3]], chunks=(1, 4))
    >>> Normalizer().fit_transform(X).compute()
    array([[0.8, 0.2, 0.4, 0.4],
           [0.1, 0.3, 0.9, 0.3]])
    """

    _parameter_constraints: dict[str, Any] = {
        "norm": [StrOptions(set(NORMS))],
        "copy": ["boolean"],
    }

    def __init__(self, norm: Any = "l2", *, copy: Any = True) -> None:
        self.norm = norm
        self.copy = copy

    def _function(self) -> UnitRows:
        return UnitRows(self.norm)
