"""Sparse coefficients: scikit-learn's methods ``sparsify`` and ``densify``."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array
from sklearn.utils.validation import check_is_fitted

from streamlearn._arrays import namespace
from streamlearn._arrays.sparse import is_sparse
from streamlearn._sklearn import _align_api_if_sparse


class SparseCoef:
    """A linear model whose ``coef_`` can be sparse."""

    coef_: Any

    def sparsify(self) -> Any:
        """Convert ``coef_`` to a sparse array of scipy.

        This saves memory if most coefficients are 0, as with an L1 penalty. Predictions stay the
        same. The state from which ``partial_fit`` continues stays dense. So memory is saved only in
        ``coef_`` and its copies. The next fit makes ``coef_`` dense again.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If ``coef_`` is an array of another library than NumPy.
        """
        check_is_fitted(self)
        if isinstance(self.coef_, np.ndarray):
            made = csr_array(self.coef_)
            self.coef_ = _align_api_if_sparse(made) if made.ndim == 2 else made
        elif not is_sparse(self.coef_):
            raise TypeError(
                f"coef_ is an array of {namespace(self.coef_).__name__}, and sparse rows are "
                "scipy's. Fit on NumPy arrays, or leave it dense."
            )
        return self

    def densify(self) -> Any:
        """Convert ``coef_`` to a dense array, as a fit makes it.

        Returns
        -------
        self
        """
        check_is_fitted(self)
        if is_sparse(self.coef_):
            self.coef_ = self.coef_.toarray()
        return self
