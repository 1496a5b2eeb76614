"""Singular value decomposition of rows that are not centred: `TruncatedSVD`."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from streamlearn._sklearn import Interval, StrOptions
from streamlearn.decomposition.components import Components
from streamlearn.decomposition.ranges import MANY, RandomVectors, seed_of
from streamlearn.decomposition.settings import ComponentSettings, Decomposition


class TruncatedSVD(Components):
    """The largest singular values of data of any size and their directions, exact in one pass.

    It is scikit-learn's `~sklearn.decomposition.TruncatedSVD` for arrays of any library, for sparse
    rows and for dask collections. Rows are not centred, so that sparse rows such as counts of words
    stay sparse. `partial_fit` and `merge` give the same result as one fit to all rows.

    Parameters
    ----------
    n_components : int, default=2
        The number of components. It is at most the number of features.
    algorithm : {"arpack", "randomized"}, default="randomized"
        Both find the same components, exactly, for at most 5,000 features. For more features
        "randomized" finds them by random vectors, in ``n_iter + 1`` reads. "arpack" keeps a matrix
        of features times features, and accepts at most 16,384 features.
    n_iter : int, default=5
        The number of reads after the first one, for "randomized" and more than 5,000 features.
    n_oversamples : int, default=10
        How many more random vectors than components there are, in the same case.
    power_iteration_normalizer : {"auto", "QR", "LU", "none"}, default="auto"
        It has no effect. Vectors are made orthonormal after each read.
    random_state : int, RandomState instance or None, default=None
        The seed of the random vectors, in the same case.
    tol : float, default=0.0
        It has no effect. In scikit-learn it is for "arpack".

    Attributes
    ----------
    components_ : array of shape (n_components, n_features)
        The right singular vectors. The entry of largest magnitude of each is positive.
    explained_variance_ : array of shape (n_components,)
        The variance of the scores of each component (``ddof=0``).
    explained_variance_ratio_ : array of shape (n_components,)
        Its share of the variance of all features.
    singular_values_ : array of shape (n_components,)
        The largest singular values of the rows.
    n_reads_ : int
        How often the last fit has read the rows: 1 or 2, and ``n_iter + 1`` if vectors are random.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    See Also
    --------
    PCA : The same for centred rows. Its Notes on accuracy, memory and pipelines hold here, too.

    Notes
    -----
    The sums of products about zero come from the co-moments of the features
    (`streamlearn.core.statistics.comoments`).

    Differences from scikit-learn:

    - For at most 5,000 features the components are exact. ``algorithm`` has no effect then, nor
      have ``n_iter``, ``n_oversamples``, ``power_iteration_normalizer``, ``random_state`` and
      ``tol``.
    - With random vectors the explained variances belong to the approximation. They are smaller than
      the variances of the scores by its error. So no read more is needed.
    - One feature is enough, and "arpack" may find as many components as there are features.
    - `partial_fit` and `merge` exist. While `partial_fit` has seen fewer rows than components, some
      singular values are 0.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from streamlearn.decomposition import TruncatedSVD
    >>> X = csr_array([[3.0, 0.0, 4.0], [0.0, 2.0, 0.0], [0.0, 0.0, 0.0]])
    >>> svd = TruncatedSVD(n_components=2).fit(X)
    >>> svd.singular_values_
    array([5., 2.])
    >>> svd.transform(X)
    array([[5., 0.],
           [0., 2.],
           [0., 0.]])
    """

    _parameter_constraints: dict[str, Any] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "algorithm": [StrOptions({"arpack", "randomized"})],
        "n_iter": [Interval(Integral, 0, None, closed="left")],
        "n_oversamples": [Interval(Integral, 1, None, closed="left")],
        "power_iteration_normalizer": [StrOptions({"auto", "QR", "LU", "none"})],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        n_components: Any = 2,
        *,
        algorithm: Any = "randomized",
        n_iter: Any = 5,
        n_oversamples: Any = 10,
        power_iteration_normalizer: Any = "auto",
        random_state: Any = None,
        tol: Any = 0.0,
    ) -> None:
        self.n_components = n_components
        self.algorithm = algorithm
        self.n_iter = n_iter
        self.n_oversamples = n_oversamples
        self.power_iteration_normalizer = power_iteration_normalizer
        self.random_state = random_state
        self.tol = tol

    def _settings(self) -> ComponentSettings:
        return ComponentSettings(self.n_components, centred=False)

    def _reads_several(self, n_features: int) -> bool:
        return self.algorithm == "randomized" and n_features > MANY

    def _draws_for(self, n_features: int) -> RandomVectors | None:
        if not self._reads_several(n_features):
            return None
        return RandomVectors(
            seed_of(self.random_state), int(self.n_components) + int(self.n_oversamples)
        )

    def _power_iterations(self, n_samples: int, n_features: int, *, in_memory: bool) -> int:
        return int(self.n_iter)

    def _set(self, found: Decomposition) -> None:
        self.components_ = self._as_learned(found.components)
        self.explained_variance_ = self._as_learned(found.variance)
        self.explained_variance_ratio_ = self._as_learned(found.ratio)
        self.singular_values_ = self._as_learned(found.singular)
