"""What users import. The tests and the site take it from here."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

import streamlearn

# Users import only some names of these packages, or none.
PARTS = {"blocks": ["from_blocks"], "core": [], "stages": []}


def names_by_module() -> dict[str, list[str]]:
    """Return the public names of each public module."""
    found = {"streamlearn": [name for name in streamlearn.__all__ if not name.startswith("_")]}
    for name in modules_below(streamlearn):
        top = name.split(".")[1]
        module = importlib.import_module(name)
        known = PARTS.get(top, getattr(module, "__all__", []))
        names = [name for name in known if not inspect.ismodule(getattr(module, name))]
        if names and (top not in PARTS or name.count(".") == 1):
            found[name] = sorted(names, key=str.lower)
    return found


def modules_below(package: ModuleType) -> list[str]:
    """Return the packages inside a package, and the modules of its first level."""
    found = []
    for module in pkgutil.iter_modules(package.__path__):
        full = f"{package.__name__}.{module.name}"
        if module.name.startswith("_") or not (module.ispkg or package is streamlearn):
            continue
        found.append(full)
        if module.ispkg:
            found += modules_below(importlib.import_module(full))
    return found


def public_things() -> Iterator[tuple[str, Any]]:
    """Yield the names of each public module, with what they name."""
    for module, names in names_by_module().items():
        for name in names:
            yield name, getattr(importlib.import_module(module), name)


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


OF_DOCUMENTS = ("CountVectorizer", "FeatureHasher", "HashingVectorizer", "TfidfVectorizer")
"""Estimators whose rows are documents. FeatureHasher takes documents as its "string" samples."""


def documents(n: int) -> list[str]:
    """Return short texts, of which each has several words."""
    rng = np.random.default_rng(0)
    words = np.asarray(["red", "green", "blue", "grey", "apple", "tea", "cup", "rare"])
    share = np.asarray([8, 6, 5, 4, 3, 2, 1, 0.2])
    return [" ".join(rng.choice(words, 6, p=share / share.sum())) for _ in range(n)]
