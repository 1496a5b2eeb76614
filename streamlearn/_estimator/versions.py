"""Saved estimators hold the version that saved them, and another version that reads them warns.

A state is a NamedTuple, which is saved by position. A version with other fields cannot read it, or
confuses its numbers. So a pickle names the fields, and they are compared before the learned state
is read.
"""

from __future__ import annotations

import importlib
import warnings
from typing import Any

from sklearn.exceptions import InconsistentVersionWarning as TheirWarning

from streamlearn import __version__

VERSION = "_streamlearn_version"
"""The key of the version in a saved state. Its value is None if a pickle was compared already."""

Layout = dict[tuple[str, str], tuple[str, ...]]


class InconsistentVersionWarning(TheirWarning):
    """Warning about an estimator that another version of streamlearn has saved.

    Parameters
    ----------
    estimator_name : str
        The name of the estimator's class.
    current_version : str
        The version that reads the estimator.
    original_version : str
        The version that saved the estimator.
    """

    def __init__(self, *, estimator_name: Any, current_version: Any, original_version: Any) -> None:
        super().__init__(
            estimator_name=estimator_name,
            current_sklearn_version=current_version,
            original_sklearn_version=original_version,
        )

    def __str__(self) -> str:
        return (
            f"{self.estimator_name} was saved by another version of streamlearn, "
            f"{self.original_sklearn_version}, than reads it, {self.current_sklearn_version}: it "
            "may fail, or give wrong answers. Fit it again, or read it with the version that saved "
            "it."
        )


class Versioned:
    """An estimator whose pickles and skops files hold the version that made them."""

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes and the version."""
        state: Any = super().__getstate__()
        return {**state, VERSION: __version__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Set the attributes. Warn if another version saved them."""
        saved = state.get(VERSION, "before 0.1.0")
        if saved is not None:
            _compare(type(self), saved, {})
        super().__setstate__({k: v for k, v in state.items() if k != VERSION})  # type: ignore[misc]

    def __reduce__(self) -> tuple[Any, ...]:
        """Return the contents of a pickle: first the version, then the attributes."""
        state = {**self.__getstate__(), VERSION: None}
        layout: Layout = {}
        _collect(state, layout)
        return _begin, (type(self), __version__, layout), state


def _begin(cls: Any, saved: str, layout: Layout) -> Any:
    """Return an estimator without attributes. Warn if another version saved the attributes."""
    _compare(cls, saved, layout)
    return cls.__new__(cls)


def _compare(cls: type, saved: str, layout: Layout) -> None:
    if saved == __version__:
        changed = [at for at, fields in layout.items() if _fields(*at) != fields]
        if not changed:
            return
        saved = f"{saved} with other fields in {', '.join(name for _, name in changed)}"
    warnings.warn(
        InconsistentVersionWarning(
            estimator_name=cls.__name__, current_version=__version__, original_version=saved
        ),
        stacklevel=3,
    )


def _fields(module: str, name: str) -> tuple[str, ...] | None:
    """Return the fields that a NamedTuple has in this version, or None if it does not exist."""
    try:
        return getattr(importlib.import_module(module), name)._fields
    except (ImportError, AttributeError):
        return None


def _collect(value: Any, layout: Layout) -> None:
    """Add the fields of the NamedTuples in ``value``, also of those inside tuples and dicts."""
    if isinstance(value, dict):
        for inner in value.values():
            if isinstance(inner, dict | tuple):  # a vocabulary has many numbers
                _collect(inner, layout)
    elif isinstance(value, tuple):
        if hasattr(value, "_fields"):
            layout[type(value).__module__, type(value).__qualname__] = value._fields
        for inner in value:
            _collect(inner, layout)
