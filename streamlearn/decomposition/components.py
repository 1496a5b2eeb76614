"""The base class of transformers that project rows on the directions of their co-moments."""

from __future__ import annotations

from copy import copy
from numbers import Integral
from typing import Any, NamedTuple, Self

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin
from sklearn.utils.validation import check_is_fitted

from streamlearn._arrays import Array, asarray, itemsize, namespace, to_numpy
from streamlearn._estimator.inputs import CheckedInputs
from streamlearn._estimator.mergeable import MOST_FEATURES, MergeableTransformer
from streamlearn._estimator.outputs import feature_names
from streamlearn._training.fit_settings import FitSettings
from streamlearn._training.summed import read_again
from streamlearn._validation.arrays import DENSE
from streamlearn.blocks import is_frame
from streamlearn.core.learner import Learner
from streamlearn.core.projection import Projection
from streamlearn.core.statistics import block_comoments, comoments, range_sums
from streamlearn.core.statistics.comoments import Comoments
from streamlearn.core.statistics.range_sums import RangeSums
from streamlearn.decomposition import ranges
from streamlearn.decomposition.n_components import number_of
from streamlearn.decomposition.settings import ComponentSettings, Decomposition
from streamlearn.decomposition.spectrum import root_again, spectrum, whitening


class ProductSums(NamedTuple):
    """Sums of products (d, d), in units of ``unit[i] * unit[j]``, and the number of rows."""

    xx: np.ndarray
    unit: np.ndarray
    n_samples: int


def sums_of(state: Comoments, *, centred: bool) -> ProductSums:
    """Return the sums of a state on the host."""
    found = comoments.about_mean(state) if centred else comoments.about_zero(state)
    unit = to_numpy(state.unit).astype(np.float64)
    n_samples = round(float(to_numpy(comoments.total_weight(state))[0]))
    xx = to_numpy(found[0]).astype(np.float64, copy=False)
    return ProductSums(xx, np.where(unit > 0, unit, 1.0), n_samples)


def decomposed(
    asked: ComponentSettings, state: Comoments, root: np.ndarray | None = None
) -> Decomposition:
    """Return the components of the rows of a state. ``root`` is that of a second read."""
    sums = sums_of(state, centred=asked.centred)
    (d, _), n, wanted = sums.xx.shape, sums.n_samples, asked.n_components
    rank = max(n - 1, 0) if asked.centred else n
    r = min(n, d)
    most = max(min(rank, d) - 1, 0)
    few = min(int(wanted), most) if isinstance(wanted, Integral) else most
    found = spectrum(sums.xx, sums.unit, few, root)
    found.values[rank:] = 0.0  # as is known without them
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if not asked.centred:
            k = min(int(wanted), len(found.values))
            return _about_zero(state, found.directions[:k], found.values[:k], found.accurate)
        rest = max(n - 1, 1)
        variances, total = found.values[:r] ** 2 / rest, found.total / rest
        k = number_of(wanted, variances, n)
        if wanted is None and k > 1:
            k -= asked.all_but
        left = total - variances[:k].sum()
        if len(variances) == r:
            total, left = variances.sum(), variances[k:].sum()
        noise = left / max(r - k, 1)
        return Decomposition(
            found.directions[:k],
            variances[:k],
            variances[:k] / np.float64(total),
            found.values[:k],
            max(float(noise), 0.0) if k < r else 0.0,
            n,
            found.accurate,
        )


def _about_zero(
    state: Comoments, directions: np.ndarray, values: np.ndarray, accurate: bool
) -> Decomposition:
    """Return components of sums about zero. Variances are those of scores less their means."""
    sums = sums_of(state, centred=True)
    V = directions * sums.unit
    variance = np.maximum(np.sum((V @ sums.xx) * V, axis=1), 0.0) / max(sums.n_samples, 1)
    total = np.sum(np.diagonal(sums.xx) * sums.unit**2) / max(sums.n_samples, 1)
    ratio = variance / np.float64(total)
    return Decomposition(directions, variance, ratio, values, 0.0, sums.n_samples, accurate)


def _applied(asked: ComponentSettings, state: Comoments) -> Projection:
    found, like = decomposed(asked, state), state.mean
    mean = comoments.mean(state) if asked.centred else None
    return _projection(asarray(found.components, like=like), mean, found.variance, asked.whiten)


def _projection(
    components: Array, mean: Array | None, variance: np.ndarray, whiten: bool
) -> Projection:
    """Return the function of rows. Whitened scores without a variance are not divided by 0."""
    if not whiten:
        return Projection(components, mean)
    scale = np.maximum(np.sqrt(variance), float(namespace(components).finfo(components.dtype).eps))
    return Projection(components, mean, asarray(scale, like=components))


def learner(asked: ComponentSettings) -> Learner:
    """Return a mergeable learner of co-moments, which projects rows on components."""
    return block_comoments.learner()._replace(params=asked, applied=_applied)


SEVERAL = (
    "reads rows once, and the range finder for many features reads them several times. Use fit, or "
    'set svd_solver="full" (in TruncatedSVD algorithm="arpack"), which keeps all sums.'
)


class Components(ClassNamePrefixFeaturesOutMixin, MergeableTransformer):
    """A transformer whose components are the main directions of the co-moments of rows.

    A subclass defines ``_settings()`` and ``_set(found)``.

    Attributes
    ----------
    n_reads_ : int
        How often the last fit has read the rows.
    """

    _dense = None  # rows may be sparse
    _most_features = MOST_FEATURES
    _for_more_features = "Leave features out, for example with a transformer of features before it."
    _one_read = False
    """Whether rows are never read a second time."""
    _drawn: ranges.RandomVectors | None = None
    """The first vectors of the range finder. None if all components are found."""
    _several = False
    """Whether the rows of this fit may be read several times."""

    _state: Comoments | RangeSums
    components_: Array
    explained_variance_: Array

    def _settings(self) -> ComponentSettings:
        """Return which components the parameters ask for."""
        raise NotImplementedError

    def _set(self, found: Decomposition) -> None:
        """Set the fitted attributes."""
        raise NotImplementedError

    def _reads_several(self, n_features: int) -> bool:
        """Return whether ``fit`` uses the range finder for rows of some features.

        The parameters may be unchecked yet. A ``RandomState`` among them stays as it is.
        """
        return False

    def _draws_for(self, n_features: int) -> ranges.RandomVectors | None:
        """Return the first vectors for rows of some features. None to find all components."""
        return None

    def _power_iterations(self, n_samples: int, n_features: int, *, in_memory: bool) -> int:
        """Return the number of reads after the first one, for the range finder."""
        raise NotImplementedError

    def _few_or_raise(self, n_features: int | None) -> None:
        self._drawn = None
        if self._several and n_features is not None:
            self._drawn = self._draws_for(n_features)
        if self._drawn is None:
            super()._few_or_raise(n_features)

    def _learner_of_rows(self, weighted: bool) -> Learner:
        self._drawn = None  # steps that share a read find all components
        return super()._learner_of_rows(weighted)

    def _enough_or_raise(self, n_samples: int, n_features: int) -> None:
        """Check the rows of ``fit``, which are all."""

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find the components of all rows.

        Parameters
        ----------
        X : array, sparse rows, DataFrame, dask array or dask DataFrame \
                of shape (n_samples, n_features)
            Numbers.
        y : None
            It is ignored.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X holds NaN or infinity, or if it has fewer rows or features than components.
        """
        self._several = True
        try:
            return self._learn(X, reset=True, whole=True)
        finally:
            for name in ("_several", "_drawn"):
                self.__dict__.pop(name, None)
            ranges.drawn.cache_clear()  # the vectors take as much memory as the sums

    def fit_transform(self, X: Any, y: Any = None) -> Any:  # type: ignore[override]
        """Find the components of all rows, then return their scores.

        A collection is read a second time for the scores, which are lazy.

        Parameters
        ----------
        X : array, sparse rows, DataFrame, dask array or dask DataFrame \
                of shape (n_samples, n_features)
            The rows.
        y : None
            It is ignored.

        Returns
        -------
        array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_components)
            As `transform` returns them.

        Raises
        ------
        ValueError
            If `fit` or `transform` would raise it.
        """
        return super().fit_transform(X)

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Find the components of these rows and those of earlier calls.

        Parameters
        ----------
        X : array, sparse rows, DataFrame, dask array or dask DataFrame \
                of shape (n_samples, n_features)
            Numbers. While there are fewer rows than components, there are as many components as
            rows.
        y : None
            It is ignored.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X holds NaN or infinity, if it has fewer features than components, or if it has
            other features than before.
        """
        former = self._former()
        if isinstance(former, RangeSums):
            raise TypeError(f"partial_fit {SEVERAL}")
        return self._learn(X, reset=former is None)

    def _merge_from(self, a: Any, b: Any) -> None:
        if isinstance(a._state, RangeSums) or isinstance(b._state, RangeSums):
            raise TypeError(f"merge {SEVERAL}")
        super()._merge_from(a, b)

    def _statistic(self) -> Learner:
        if self._drawn is not None:
            return range_sums.learner(self._drawn)
        return learner(self._settings())

    def _publish(self) -> None:
        n = self._settings().n_components
        d = self._state.mean.shape[0]
        if self._several:
            self._enough_or_raise(self._n_rows(), d)
        if isinstance(n, Integral) and int(n) > d:
            raise ValueError(
                f"n_components={n} must be at most the number of features, and X has {d}. Set "
                f"n_components={d} or less."
            )
        if not isinstance(self._state, RangeSums):  # those are published after their last read
            self._shown(decomposed(self._settings(), self._state), 1)

    def _n_rows(self) -> int:
        state = self._state
        weight = state.weight if isinstance(state, RangeSums) else comoments.total_weight(state)
        return round(float(to_numpy(weight)[0]))

    def _shown(self, found: Decomposition, n_reads: int) -> None:
        self.n_reads_ = n_reads
        self._accurate = found.accurate
        self._set(found)

    def _read_more(self, settings: FitSettings, given: CheckedInputs) -> None:
        asked = self._settings()
        if isinstance(self._state, RangeSums):
            self._read_ranges(self._state, settings, given)
            return
        sums = sums_of(self._state, centred=asked.centred)
        # Float32 does not show what a second read would add.
        single = itemsize(self._like.dtype, namespace(self._like)) < 8
        if self._accurate or self._one_read or single:
            return
        turned = asarray(whitening(sums.xx, sums.unit), like=self._state.mean)
        mean = comoments.mean(self._state) if asked.centred else None
        again = read_again(settings, given.blocks, given.flow, Projection(turned, mean))
        zz, unit, _ = sums_of(again.state, centred=asked.centred)
        root = root_again(sums.xx, zz * unit * unit[:, None])
        self._shown(decomposed(asked, self._state, root), self.n_reads_ + 1)

    def _read_ranges(self, state: RangeSums, settings: FitSettings, given: CheckedInputs) -> None:
        """Multiply the vectors of the range finder by the rows, in further reads."""
        asked, drawn, d = self._settings(), self._drawn, state.mean.shape[0]
        assert drawn is not None
        n = self._n_rows()

        def read(vectors: np.ndarray) -> RangeSums:
            again = settings._replace(learner=range_sums.learner(vectors))
            found: RangeSums = read_again(again, given.blocks, given.flow, None).state
            return found

        more = self._power_iterations(n, d, in_memory=given.whole is not None)
        state, vectors = ranges.found_in_reads(read, state, drawn(d), more, centred=asked.centred)
        self._state = state
        self._shown(ranges.decomposed(asked, state, vectors), 1 + more)

    def _mean(self) -> Array:
        """Return the mean of the rows, in the widest float."""
        if isinstance(self._state, RangeSums):
            return range_sums.mean_of(self._state)
        return comoments.mean(self._state)

    def _function(self) -> Projection:
        asked = self._settings()
        mean = self._mean() if asked.centred else None
        variance = to_numpy(self.explained_variance_)
        return _projection(self.components_, mean, variance, asked.whiten)

    def inverse_transform(self, X: Any) -> Any:
        """Return the rows that have these scores, with nothing across the components.

        Parameters
        ----------
        X : array, DataFrame, dask array or dask DataFrame of shape (n_samples, n_components)
            Scores, as `transform` returns them.

        Returns
        -------
        array, dask array or dask DataFrame of shape (n_samples, n_features)
            The rows, in the namespace and on the device of X. They are lazy if X is a dask
            collection.

        Raises
        ------
        ValueError
            If X has another number of columns than there are components, or is in another namespace
            or on another device.
        """
        check_is_fitted(self)
        shown, names = copy(self), None
        shown.n_features_in_ = self._n_features_out
        shown._dense = DENSE  # type: ignore[assignment]
        if is_frame(X):
            names = feature_names(self, self.n_features_in_)
        function = self._function().inverse
        return shown._rows("inverse_transform", function, X, names, named=False)

    @property
    def _n_features_out(self) -> int:
        return self.components_.shape[0]

    def _known_beforehand(self) -> bool:
        """Return True: a learner in one pass cannot follow directions that turn with each block."""
        return True

    def __sklearn_tags__(self) -> Any:
        """Return the tags: rows may be sparse, and float dtypes are kept."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
