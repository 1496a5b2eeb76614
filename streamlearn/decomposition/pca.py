"""Principal component analysis: `PCA`."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from streamlearn._estimator.mergeable import MergeableTransformer
from streamlearn._sklearn import Interval, StrOptions
from streamlearn.decomposition.principal import Principal
from streamlearn.decomposition.ranges import MANY, RandomVectors, seed_of
from streamlearn.decomposition.settings import Decomposition


class PCA(Principal):
    """Principal component analysis of data of any size, exact in one pass.

    It is scikit-learn's `~sklearn.decomposition.PCA` for arrays of any library, for sparse rows and
    for dask collections. The blocks of a collection are summed in parallel, and the sums are merged
    in a fixed order. So `partial_fit` and `merge` give the same result as one fit to all rows.

    Parameters
    ----------
    n_components : int, float, "mle" or None, default=None
        The number of components. A number between 0 and 1 is a share: the components that explain
        more than this share of the variance are kept. "mle" is the number of the largest likelihood
        [1]_. None means the lesser of the numbers of rows and features.
    copy : bool, default=True
        It has no effect, because the input is never changed.
    whiten : bool, default=False
        Divide the scores by their standard deviations.
    svd_solver : {"auto", "full", "covariance_eigh", "randomized"}, default="auto"
        "full" and "covariance_eigh" find all components exactly. "covariance_eigh" reads the rows
        once. "full" reads them a second time if small components would lose digits without it, see
        the Notes. "randomized" finds the first components by random vectors, in
        ``iterated_power + 1`` reads. "auto" is "randomized" for more than 5,000 features if
        ``n_components`` is a number, and otherwise "full".
    tol : float, default=0.0
        It has no effect. In scikit-learn it is for the solver "arpack".
    iterated_power : int or "auto", default="auto"
        The number of reads after the first one, for "randomized". "auto" is 1 over a collection. In
        memory it is scikit-learn's: 7 if ``n_components`` is less than a tenth of the numbers of
        rows and features, otherwise 4.
    n_oversamples : int, default=10
        How many more random vectors than components there are, for "randomized".
    power_iteration_normalizer : {"auto", "QR", "LU", "none"}, default="auto"
        It has no effect. For "randomized" vectors are made orthonormal after each read.
    random_state : int, RandomState instance or None, default=None
        The seed of the random vectors, for "randomized".

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
    n_components_ : int
        The number of components.
    n_samples_ : int
        The number of rows.
    noise_variance_ : float
        The mean of the variances that are not explained, by probabilistic PCA [2]_. It is 0 if all
        components are kept.
    n_reads_ : int
        How often the last fit has read the rows: 1 or 2, and ``iterated_power + 1`` for
        "randomized".
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features. It exists only if X was a DataFrame whose column names are all
        strings.

    Notes
    -----
    The sums are the co-moments of the features (`streamlearn.core.statistics.comoments`). Rows are
    shifted before they are summed, so that an offset costs no digit. Scales of features that differ
    by orders of magnitude cost none either, up to 500 features
    (`streamlearn.decomposition.spectrum`). If features are nearly linear functions of each other,
    with a condition number above 1,000, variances of less than a millionth of the largest lose
    digits. If one of them counts, `fit` reads all rows again. `partial_fit` and `merge` cannot do
    that, nor can `fit` where several steps of a pipeline share a read.

    A matrix of features times features is kept in each task, except for "randomized". At most
    16,384 features are accepted, and beyond some 5,000 its decomposition takes minutes.

    "randomized" keeps the products of all features with ``n_components + n_oversamples`` vectors.
    Its components are those of scikit-learn's randomized solver with the same ``iterated_power``
    [3]_, which multiplies by the rows twice as often as this reads them. It is for variances that
    decay. Let each of 300 variances be 0.8 times the one before. The tenth component then has a
    relative error of 0.12 in its variance after 1 read, of 3e-3 after 2 reads, of 4e-5 after 3 and
    of 3e-7 after 4. The first component has 7e-3, 8e-7, 1e-10 and no error. More reads are needed
    for variances that are almost the same. Variances below 1e-14 of the largest one are lost.
    `partial_fit`, `merge` and several steps of a pipeline that share a read find all components.

    Before a learner in one pass, all components are found first, in a read of their own: directions
    turn with each block, and no learner can follow that. So the width is known, also if
    ``n_components`` is a share.

    Differences from scikit-learn:

    - The solver "arpack" is an error, because all components are found exactly.
    - "auto" is "randomized" for more than 5,000 features only.
    - A single row is an error in `fit`, because it has no variance.
    - In `get_precision` and the scores, a direction in which rows do not vary counts as if it had
      the variance of rounding: 2.2e-16 of the largest. scikit-learn inverts what rounding left.
    - `score_samples` takes sparse rows, and the solver "full" does so, too.
    - `get_covariance`, `get_precision` and the scores do not depend on ``whiten``. In scikit-learn
      variances are squared if ``whiten=True``.
    - `partial_fit` and `merge` exist. While `partial_fit` has seen fewer rows than
      ``n_components``, there are as many components as rows.

    References
    ----------
    .. [1] T. P. Minka, "Automatic Choice of Dimensionality for PCA", NIPS 2000, pages 598-604.
    .. [2] M. E. Tipping and C. M. Bishop, "Probabilistic Principal Component Analysis", Journal of
       the Royal Statistical Society B 61(3), 1999.
    .. [3] N. Halko, P.-G. Martinsson and J. A. Tropp, "Finding structure with randomness", SIAM
       Review 53(2), 2011; J. A. Tropp, A. Yurtsever, M. Udell and V. Cevher, "Fixed-rank
       approximation of a positive-semidefinite matrix from streaming data", NIPS 2017.

    Examples
    --------
    >>> import dask.array as da
    >>> from streamlearn.decomposition import PCA
    >>> X = da.from_array([[3.0, 4.0], [-3.0, -4.0], [6.0, 8.0], [-6.0, -8.0]], chunks=(2, 2))
    >>> pca = PCA(n_components=1).fit(X)
    >>> pca.components_
    array([[0.6, 0.8]])
    >>> pca.transform(X).compute()
    array([[  5.],
           [ -5.],
           [ 10.],
           [-10.]])
    """

    n_samples_: int

    _parameter_constraints: dict[str, Any] = {
        "n_components": [
            Interval(Integral, 0, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
            StrOptions({"mle"}),
            None,
        ],
        "copy": ["boolean"],
        "whiten": ["boolean"],
        "svd_solver": [StrOptions({"auto", "full", "covariance_eigh", "arpack", "randomized"})],
        "tol": [Interval(Real, 0, None, closed="left")],
        "iterated_power": [StrOptions({"auto"}), Interval(Integral, 0, None, closed="left")],
        "n_oversamples": [Interval(Integral, 1, None, closed="left")],
        "power_iteration_normalizer": [StrOptions({"auto", "QR", "LU", "none"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_components: Any = None,
        *,
        copy: Any = True,
        whiten: Any = False,
        svd_solver: Any = "auto",
        tol: Any = 0.0,
        iterated_power: Any = "auto",
        n_oversamples: Any = 10,
        power_iteration_normalizer: Any = "auto",
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.copy = copy
        self.whiten = whiten
        self.svd_solver = svd_solver
        self.tol = tol
        self.iterated_power = iterated_power
        self.n_oversamples = n_oversamples
        self.power_iteration_normalizer = power_iteration_normalizer
        self.random_state = random_state

    def _validate_params(self) -> None:
        super()._validate_params()
        if self.svd_solver == "arpack":
            raise ValueError(
                "svd_solver='arpack' is not supported, because all components are found exactly, "
                "by sums over the rows. Set svd_solver='auto'."
            )
        n = self.n_components
        if self.svd_solver == "randomized" and n is not None and not isinstance(n, Integral):
            raise ValueError(
                f"n_components={n!r} is not supported with svd_solver='randomized', which does not "
                "find all components. Set n_components to a number, or svd_solver='full'."
            )

        if self.svd_solver == "randomized" and n == 0:
            raise ValueError(
                "n_components=0 must be between 1 and min(n_samples, n_features) with "
                "svd_solver='randomized'. Set n_components to a number above 0."
            )

    def _reads_several(self, n_features: int) -> bool:
        if self.svd_solver == "auto":
            return n_features > MANY and isinstance(self.n_components, Integral)
        return self.svd_solver == "randomized"

    def _draws_for(self, n_features: int) -> RandomVectors | None:
        n = self.n_components
        if not self._reads_several(n_features):
            return None
        if n is None:
            MergeableTransformer._few_or_raise(self, n_features)
        more = n_features if n is None else int(n)
        return RandomVectors(seed_of(self.random_state), more + int(self.n_oversamples))

    def _power_iterations(self, n_samples: int, n_features: int, *, in_memory: bool) -> int:
        if self.iterated_power != "auto":
            return int(self.iterated_power)
        few = 0.1 * min(n_samples, n_features)
        n = n_features if self.n_components is None else self.n_components
        return (7 if n < few else 4) if in_memory else 1

    @property
    def _one_read(self) -> bool:  # type: ignore[override]
        return self.svd_solver == "covariance_eigh"

    def _enough_or_raise(self, n_samples: int, n_features: int) -> None:
        if self.n_components == "mle" and n_samples < n_features:
            raise ValueError(
                "n_components='mle' is only supported if n_samples >= n_features, and there are "
                f"{n_samples} rows of {n_features} features. Set n_components to a number or a "
                "share."
            )
        super()._enough_or_raise(n_samples, n_features)

    def _set(self, found: Decomposition) -> None:
        super()._set(found)
        self.n_samples_ = found.n_samples
