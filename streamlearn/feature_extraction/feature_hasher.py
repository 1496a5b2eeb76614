"""Named values as counts of hashed names: `FeatureHasher`."""

from __future__ import annotations

from copy import copy
from typing import Any, Self

from sklearn.feature_extraction import FeatureHasher as TheirHasher

from streamlearn._estimator.callbacks import watched
from streamlearn.feature_extraction.hashed import Hashed, some_or_raise
from streamlearn.feature_extraction.of_documents import OfDocuments, Reading


class FeatureHasher(OfDocuments, TheirHasher):
    """Hash the names of values to columns, on lists, dask collections and sources of blocks.

    It is scikit-learn's `~sklearn.feature_extraction.FeatureHasher`, lazy for collections.

    Parameters
    ----------
    n_features : int, default=1048576
        The number of columns.
    input_type : {"dict", "pair", "string"}, default="dict"
        What a sample is: a mapping of names to values, pairs (name, value), or names.
    dtype : dtype, default=numpy.float64
        The dtype of the result.
    alternate_sign : bool, default=True
        Whether the hash decides the sign of a value, so that collisions cancel in the mean.

    Notes
    -----
    Nothing is learned. So `transform` works without a fit, and a pipeline reads the samples once.

    Differences from scikit-learn:

    - Collections are taken: a dask Bag, Series or array of objects, and sources of blocks.

    Examples
    --------
    >>> import dask.bag
    >>> from streamlearn.feature_extraction import FeatureHasher
    >>> bag = dask.bag.from_sequence([{"dog": 1, "cat": 2}, {"run": 5}], npartitions=2)
    >>> FeatureHasher(n_features=4).transform(bag).compute().toarray()
    array([[ 0., -1.,  0.,  2.],
           [-5.,  0.,  0.,  0.]])
    """

    _learns_nothing = True

    @watched
    def fit(self, X: Any = None, y: Any = None) -> Self:
        """Check the parameters. No samples are read.

        Parameters
        ----------
        X : object, default=None
            It is ignored.
        y : object, default=None
            It is ignored.

        Returns
        -------
        self
        """
        return super().fit()

    def transform(self, raw_X: Any) -> Any:
        """Return a row for each sample.

        Parameters
        ----------
        raw_X : list, array or Series of objects, dask Bag, Series or array, or source of blocks, \
                of shape (n_samples,)
            Samples, as ``input_type`` says.

        Returns
        -------
        sparse rows (CSR) or dask array of shape (n_samples, n_features)
            It is lazy for a collection: a dask array whose blocks are sparse rows.

        Raises
        ------
        ValueError
            If a sample is one string, or X is in memory and has no samples.
        """
        return self._rows(some_or_raise(self._opened(raw_X)), self.n_features)

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Check the parameters, then return the rows of X as `transform` does.

        Parameters
        ----------
        X : list, array or Series of objects, dask Bag, Series or array, or source of blocks, of \
                shape (n_samples,)
            Samples.
        y : object, default=None
            It is ignored.
        **fit_params : dict of str to object
            Further arguments of `fit`, which has none.

        Returns
        -------
        sparse rows (CSR) or dask array of shape (n_samples, n_features)
        """
        return self.fit(X, y, **fit_params).transform(X)

    def _is_block(self, first: Any) -> bool:
        return False  # samples are sequences, too

    def _rows_function(self) -> Reading:
        return Reading(Hashed(TheirHasher.transform, copy(self)), checked=False)
