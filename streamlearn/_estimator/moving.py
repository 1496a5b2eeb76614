"""Moving fitted estimators to another library or to another device.

scikit-learn's ``move_estimator_to`` makes a copy with moved arrays, so that a model that was fitted
on a GPU predicts on the CPU. By itself it finds attributes that are arrays, and does not find the
arrays inside a learner's state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import clone

from streamlearn._arrays import Array, is_array


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
    """Return ``value`` with ``converter`` applied to its arrays, through tuples, lists and dicts.

    Examples
    --------
    >>> import numpy as np
    >>> moved({"a": (np.asarray([1.0]), "b")}, lambda x: x + 1)
    {'a': (array([2.]), 'b')}
    """
    if isinstance(value, np.ndarray):
        # Some libraries refuse a view of some columns.
        return value if value.dtype.kind in "OUS" else converter(value.copy(order="C"))
    if is_array(value) and not isinstance(value, np.generic):
        return converter(value)
    if isinstance(value, dict):
        return {key: moved(x, converter) for key, x in value.items()}
    if isinstance(value, tuple | list):
        made = [moved(x, converter) for x in value]
        return type(value)(*made) if hasattr(value, "_fields") else type(value)(made)
    return value
