"""Principal component analysis by `partial_fit`: `IncrementalPCA`."""

from __future__ import annotations

from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.utils import metadata_routing

from streamlearn._arrays import to_numpy
from streamlearn._sklearn import Interval
from streamlearn.core.statistics.comoments import Comoments
from streamlearn.decomposition.components import sums_of
from streamlearn.decomposition.principal import Principal
from streamlearn.decomposition.settings import Decomposition


class IncrementalPCA(Principal):
    """Principal component analysis with the names of scikit-learn's incremental one.

    It is `~sklearn.decomposition.IncrementalPCA` for arrays of any library, for sparse rows and for
    dask collections. scikit-learn's keeps the components alone between batches, and so it is an
    approximation. This one keeps the sums of products of all features, as `PCA` does. So its result
    is that of all rows in memory, whatever the batches and their order.

    Parameters
    ----------
    n_components : int or None, default=None
        The number of components. None means the lesser of the numbers of rows and features.
    whiten : bool, default=False
        Divide the scores by their standard deviations.
    copy : bool, default=True
        It has no effect, because the input is never changed.
    batch_size : int or None, default=None
        It has no effect on the result. Blocks are read as they come.

    Attributes
    ----------
    components_ : array of shape (n_components, n_features)
        The directions of largest variance. The entry of largest magnitude of each is positive.
    explained_variance_ : array of shape (n_components,)
        The variance along each component (``ddof=1``).
    explained_variance_ratio_ : array of shape (n_components,)
        Its share of the variance of all features.
    singular_values_ : array of shape (n_components,)
        The singular values of the rows less their means.
    mean_ : array of shape (n_features,)
        The mean of each feature.
    var_ : array of shape (n_features,)
        The variance of each feature (``ddof=0``).
    noise_variance_ : float
        The mean of the variances that are not explained. It is 0 if all components are kept.
    n_components_ : int
        The number of components.
    n_samples_seen_ : int
        The number of rows.
    batch_size_ : int
        ``batch_size``, or five times the number of features.
    n_reads_ : int
        How often the last fit has read the rows: 1 or 2, see `PCA`.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    See Also
    --------
    PCA : The same with a number of components that depends on the rows. Its Notes hold here, too.

    Notes
    -----
    Differences from scikit-learn:

    - The result is exact, and does not depend on batches. ``batch_size`` has no effect.
    - While `partial_fit` has seen fewer rows than ``n_components``, there are as many components as
      rows. In scikit-learn that is an error.
    - `partial_fit` takes sparse rows. ``check_input`` has no effect there.
    - ``n_components`` may be changed between calls of `partial_fit`, because all sums are kept.
    - `get_covariance` and `get_precision` do not depend on ``whiten``, see `PCA`.
    - A single row is an error in `fit`, because it has no variance.
    - `score`, `score_samples` and `merge` exist.

    Examples
    --------
    >>> import numpy as np
    >>> from streamlearn.decomposition import IncrementalPCA
    >>> pca = IncrementalPCA(n_components=1)
    >>> for block in ([[3.0, 4.0], [-3.0, -4.0]], [[6.0, 8.0], [-6.0, -8.0]]):
    ...     pca = pca.partial_fit(np.asarray(block))
    >>> pca.components_
    array([[0.6, 0.8]])
    """

    __metadata_request__partial_fit = {"check_input": metadata_routing.UNUSED}

    _parameter_constraints: dict[str, Any] = {
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "whiten": ["boolean"],
        "copy": ["boolean"],
        "batch_size": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        n_components: Any = None,
        *,
        whiten: Any = False,
        copy: Any = True,
        batch_size: Any = None,
    ) -> None:
        self.n_components = n_components
        self.whiten = whiten
        self.copy = copy
        self.batch_size = batch_size

    def partial_fit(self, X: Any, y: Any = None, check_input: Any = True) -> Self:
        """Find the components of these rows and those of earlier calls.

        Parameters
        ----------
        X : array, sparse rows, DataFrame, dask array or dask DataFrame \
                of shape (n_samples, n_features)
            Numbers. While there are fewer rows than components, there are as many components as
            rows.
        y : None
            It is ignored.
        check_input : bool, default=True
            It has no effect, because rows are always checked.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X holds NaN or infinity, if it has fewer features than components, or if it has
            other features than before.
        """
        return super().partial_fit(X)

    def _set(self, found: Decomposition) -> None:
        super()._set(found)
        assert isinstance(self._state, Comoments)
        sums = sums_of(self._state, centred=True)
        with np.errstate(over="ignore"):
            squares = np.diagonal(sums.xx) * sums.unit**2
            self.var_ = self._as_learned(squares / max(found.n_samples, 1))
        self.n_samples_seen_ = found.n_samples
        d = len(to_numpy(self._mean()))
        self.batch_size_ = 5 * d if self.batch_size is None else self.batch_size
