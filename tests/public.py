"""What users import."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any

from sklearn.base import BaseEstimator

import streamlearn


def public_things() -> Iterator[tuple[str, Any]]:
    """Yield the names of each public package, with what they name."""
    for module in pkgutil.iter_modules(streamlearn.__path__):
        unit = importlib.import_module(f"streamlearn.{module.name}")
        for name in () if module.name.startswith("_") else getattr(unit, "__all__", ()):
            yield name, getattr(unit, name)


def public_names() -> set[str]:
    """Return the names of classes and functions."""
    return {name for name, _ in public_things()}


def public_estimators() -> dict[str, type]:
    """Return the estimators of each public package, by name."""
    return {
        name: thing
        for name, thing in public_things()
        if inspect.isclass(thing) and issubclass(thing, BaseEstimator)
    }
