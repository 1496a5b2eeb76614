"""The classes and functions that a file may name. All others are refused, in both directions.

A file names this library's own classes and the functions of its core, scikit-learn's public
estimators, NumPy's universal functions and types of numbers, and a few types of Python. None of
them runs code of a file, and none reads or writes another file when it is named or made.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import is_dataclass
from types import FunctionType
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from streamlearn._sklearn import LOSSES, OPTIMIZERS

BUILTINS = {kind.__name__: kind for kind in (bool, int, float, complex, str, object)}
"""Types of Python, which parameters such as dtype hold."""

PARTS = {f"sklearn:{kind.__name__}": kind for kind in (*LOSSES, *OPTIMIZERS)}
"""Parts of fitted estimators of scikit-learn that are no estimators."""

OURS = re.compile(r"streamlearn(\.[a-z]\w*|\._[a-z]\w*)*")
THEIRS = re.compile(r"sklearn(\.(?!tests|externals|experimental|conftest|callback)[a-z]\w*)+")

NUMERICS = ("streamlearn.core.", "streamlearn.feature_selection.")
"""The modules whose functions a file may name. They compute, and do nothing else."""


class NotAllowedError(ValueError):
    """A name that files may not hold."""


def name_of(x: Any) -> str | None:
    """Return the name of a class or a function in a file, or None if it may have none.

    Examples
    --------
    >>> import os
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> name_of(np.log1p), name_of(LogisticRegression), name_of(os.system)
    ('numpy:log1p', 'sklearn.linear_model:LogisticRegression', None)
    """
    if isinstance(x, np.ufunc) or (isinstance(x, type) and issubclass(x, np.generic)):
        name = f"numpy:{x.__name__}"
    elif x in BUILTINS.values():
        name = f"builtins:{x.__name__}"
    elif x in PARTS.values():
        name = f"sklearn:{x.__name__}"
    else:
        name = _public_name(x)
    try:
        return name if named(name) is x else None
    except NotAllowedError:
        return None


def _public_name(x: Any) -> str:
    """Return the name of a class or a function of a module. scikit-learn's modules are public."""
    module, qualname = getattr(x, "__module__", None), getattr(x, "__qualname__", "")
    if isinstance(module, str) and module.startswith("sklearn."):
        module = module.partition("._")[0]
    return f"{module}:{qualname}"


def named(name: str) -> Any:
    """Return the class or the function that a file names.

    Raises
    ------
    NotAllowedError
        If files may not name it, or if it does not exist in the installed version.
    """
    module, _, qualname = str(name).partition(":")
    found = PARTS.get(name)
    if module == "builtins":
        found = BUILTINS.get(qualname)
    elif module == "numpy":
        found = getattr(np, qualname, None) if qualname.isidentifier() else None
        if not (isinstance(found, np.ufunc) or _is_subclass(found, np.generic)):
            found = None
    elif OURS.fullmatch(module):
        found = _ours(module, qualname)
    elif THEIRS.fullmatch(module):
        found = _theirs(module, qualname)
    if found is None:
        raise NotAllowedError(
            f"it names {name!r}, which files may not name, or which does not exist in the "
            "installed version. Files name classes of streamlearn, public estimators of "
            "scikit-learn, and universal functions of NumPy."
        )
    return found


def _ours(module: str, qualname: str) -> Any:
    """Return a class or a function that is defined in a module of this library."""
    found: Any = _module(module)
    for part in qualname.split("."):
        found = vars(found).get(part) if hasattr(found, "__dict__") else None
    if isinstance(found, FunctionType) and not module.startswith(NUMERICS):
        return None
    defined = isinstance(found, type | FunctionType) and found.__module__ == module
    return found if defined else None


def _theirs(module: str, qualname: str) -> Any:
    """Return an estimator that a public module of scikit-learn exports."""
    unit = _module(module)
    exported = unit is not None and qualname in getattr(unit, "__all__", ())
    found = getattr(unit, qualname) if exported else None
    return found if _is_subclass(found, BaseEstimator) else None


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def made_of_attributes(cls: Any) -> bool:
    """Return whether files may hold objects of a class: they are their attributes, and no more.

    These are estimators, dataclasses, and classes that say what of their objects is saved.
    """
    if cls in OPTIMIZERS:
        return True
    plain: Any = object.__new__
    if not isinstance(cls, type) or cls.__new__ is not plain:
        return False
    own = is_dataclass(cls) or "__getstate__" in vars(cls)
    return issubclass(cls, BaseEstimator) or (own and cls.__module__.startswith("streamlearn."))


def _is_subclass(x: Any, of: type) -> bool:
    return isinstance(x, type) and issubclass(x, of)
