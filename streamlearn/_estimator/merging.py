"""The method ``merge``: two fitted estimators become one that is fitted to the rows of both."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from streamlearn._arrays import is_array, to_numpy
from streamlearn.blocks.fingerprint import fingerprint

WITHOUT_EFFECT = ("copy", "copy_X", "n_jobs", "verbose")
"""Parameters that do not change what is learned."""


class Merging:
    """An estimator with the method ``merge``. A subclass defines ``_merge_from(a, b)``."""

    def merge(self, other: Self) -> Self:
        """Return an estimator that is fitted to the rows of this one and of another.

        The two may have been fitted on different machines, to different rows. Neither of them is
        changed. The result is the same as a fit to all rows, up to rounding, and it learns further
        with ``partial_fit``.

        Parameters
        ----------
        other : estimator
            A fitted estimator of the same class, with the same parameters and features.

        Returns
        -------
        estimator
            A new fitted estimator.

        Raises
        ------
        TypeError
            If ``other`` is of another class.
        ValueError
            If the parameters, the features or the classes differ, or if the learned arrays are in
            different libraries or on different devices.
        NotFittedError
            If one of them is not fitted.

        Examples
        --------
        >>> from streamlearn.preprocessing import StandardScaler
        >>> here, there = StandardScaler().fit([[1.0], [3.0]]), StandardScaler().fit([[8.0]])
        >>> here.merge(there).mean_, here.mean_
        (array([4.]), array([2.]))
        """
        _same_kind_or_raise(self, other)
        out = clone(self)
        parameters = out.get_params(deep=False)
        fitted = {
            name: value
            for name, value in vars(self).items()
            if name not in parameters and "callback" not in name
        }
        vars(out).update(fitted)
        counts = [getattr(each, "n_blocks_skipped_", None) for each in (self, other)]
        known = [count for count in counts if count is not None]
        if known:
            vars(out)["n_blocks_skipped_"] = sum(known)
        out._merge_from(self, other)
        return out

    def _merge_from(self, a: Any, b: Any) -> None:
        """Set the state and the fitted attributes to those of the rows of a and b."""
        raise NotImplementedError


def _same_kind_or_raise(a: Any, b: Any) -> None:
    """Check that two fitted estimators can be merged.

    Raises
    ------
    TypeError, ValueError, NotFittedError
        If they cannot. The message says what differs, and what to do.
    """
    name = type(a).__name__
    if type(b) is not type(a):
        raise TypeError(f"merge takes another fitted {name}, got {type(b).__name__}.")
    for each in (a, b):
        check_is_fitted(each)
        if "_behind_fills" in vars(each):
            raise ValueError(
                f"{name} was fitted behind an imputer in one pass, and its statistic is that of "
                "the rows as this imputer fills them. Fit the pipeline to all rows, or fit it with "
                'schedule="per-step".'
            )
    known, found = (fingerprint(each.get_params(deep=False)) for each in (a, b))
    differ = sorted(
        key
        for key in known.keys() | found.keys()
        if known.get(key) != found.get(key) and key.partition(".")[0] not in WITHOUT_EFFECT
    )
    if differ:
        said = ", ".join(f"{key}={known.get(key)} and {found.get(key)}" for key in differ[:3])
        raise ValueError(
            f"merge needs two {name} with the same parameters, got {said}. Fit both with the same, "
            "clone(estimator) makes a copy to fit."
        )
    here, there = (_names(each) for each in (a, b))
    if here != there:
        raise ValueError(
            f"merge needs two {name} with the same features in the same order, got {here} and "
            f"{there}. Fit both to the same columns."
        )
    if hasattr(a, "classes_") and name != "LabelEncoder" and not _equal(a.classes_, b.classes_):
        first, second = (to_numpy(each.classes_).tolist() for each in (a, b))
        raise ValueError(
            f"merge needs two {name} with the same classes, got {first[:5]} and {second[:5]}. Fit "
            "both with all labels in the parameter classes, or in partial_fit(X, y, classes=...)."
        )


def _names(estimator: Any) -> Any:
    """Return the names of the features, or their number if they have none."""
    names = getattr(estimator, "feature_names_in_", None)
    number = getattr(estimator, "n_features_in_", None)
    return f"{number} features without names" if names is None else names.tolist()


def _equal(a: Any, b: Any) -> bool:
    here, there = (to_numpy(each) if is_array(each) else np.asarray(each) for each in (a, b))
    return here.dtype.kind == there.dtype.kind and np.array_equal(here, there)
