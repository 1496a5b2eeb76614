"""Whether an estimator is fitted, also while another thread fits it."""

from __future__ import annotations


class Fitted:
    """An estimator that answers scikit-learn's ``check_is_fitted`` in any thread."""

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether there is an attribute that ends with an underscore."""
        # scikit-learn loops over the dict itself: an error if another thread adds an attribute
        return any(name.endswith("_") and not name.startswith("__") for name in list(vars(self)))
