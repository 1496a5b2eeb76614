"""The estimators that users import."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

from sklearn.base import BaseEstimator

import streamlearn


def public_estimators() -> dict[str, type]:
    """Return the estimators of each public package, by name."""
    found = {}
    for module in pkgutil.iter_modules(streamlearn.__path__):
        unit = importlib.import_module(f"streamlearn.{module.name}")
        for name in () if module.name.startswith("_") else getattr(unit, "__all__", ()):
            cls = getattr(unit, name)
            if inspect.isclass(cls) and issubclass(cls, BaseEstimator):
                found[name] = cls
    return found
