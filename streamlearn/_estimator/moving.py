"""Moving fitted estimators to another library or to another device.

scikit-learn's ``move_estimator_to`` makes a copy with moved arrays, too. By itself it finds
attributes that are arrays, and not the arrays inside a learner's state.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, clone

from streamlearn._arrays import Array, is_array
from streamlearn._arrays.elsewhere import empty, moved_to


def to_namespace(estimator: Any, xp: Any, *, device: Any = None) -> Any:
    """Return a copy of a fitted estimator whose learned arrays are of another library.

    A model that has learned on a GPU then predicts for NumPy's rows on a machine without one. It
    can also learn further there.

    Parameters
    ----------
    estimator : estimator
        The estimator. It is not changed. Estimators inside it move too: the steps of a pipeline,
        for example.
    xp : {"numpy", "torch", "cupy", "jax", "array_api_strict"} or module
        The library, by its name or its namespace.
    device : str or device, default=None
        The device. None means the default one of the library.

    Returns
    -------
    estimator
        The copy. Arrays of text and of objects stay in NumPy. On a device without 64 bits the
        arrays have the widest dtype that it has.

    Raises
    ------
    ImportError
        If the library is not installed.
    ValueError
        If the library is not one of these, or has no such device.
    TypeError
        If learned arrays are sparse, and the library is not NumPy.

    See Also
    --------
    save : Saves an estimator in a file.

    Examples
    --------
    >>> import array_api_strict as xp
    >>> import numpy as np
    >>> from streamlearn import to_namespace
    >>> from streamlearn.preprocessing import StandardScaler
    >>> there = StandardScaler().fit(xp.asarray([[1.0], [3.0]]))
    >>> here = to_namespace(there, "numpy")
    >>> here.transform(np.asarray([[2.0], [3.0]]))
    array([[0.],
           [1.]])
    """
    return moved(estimator, partial(moved_to, like=empty(xp, device)))


class Movable:
    """An estimator whose learned arrays can move. Arrays of text and objects stay in NumPy."""

    def __sklearn_array_api_convert__(self, converter: Callable[[Array], Array]) -> Any:
        """Return a copy with ``converter`` applied to all learned arrays."""
        out = clone(self)
        parameters = out.get_params(deep=False)
        for name, value in vars(self).items():
            if name not in parameters:
                setattr(out, name, moved(value, converter))
        return out


def moved(value: Any, converter: Callable[[Array], Array]) -> Any:
    """Return ``value`` with ``converter`` applied to its arrays.

    They are looked for in tuples, lists, dicts and estimators.

    Examples
    --------
    >>> import numpy as np
    >>> moved({"a": (np.asarray([1.0]), "b")}, lambda x: x + 1)
    {'a': (array([2.]), 'b')}
    """
    if isinstance(value, np.ndarray):
        # Some libraries refuse a view of some columns.
        return value if value.dtype.kind in "OUS" else converter(value.copy(order="C"))
    if isinstance(value, BaseEstimator):
        if hasattr(value, "__sklearn_array_api_convert__"):
            return value.__sklearn_array_api_convert__(converter)
        out = copy(value)
        vars(out).update({name: moved(x, converter) for name, x in vars(value).items()})
        return out
    if issparse(value) or (is_array(value) and not isinstance(value, np.generic | type)):
        return converter(value)
    if isinstance(value, dict):
        return {key: moved(x, converter) for key, x in value.items()}
    if isinstance(value, tuple | list):
        made = [moved(x, converter) for x in value]
        return type(value)(*made) if hasattr(value, "_fields") else type(value)(made)
    return value
