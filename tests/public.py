"""What users import."""

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


def public_things() -> Iterator[tuple[str, Any]]:
    """Yield the names of each public package, with what they name."""
    for module in pkgutil.iter_modules(streamlearn.__path__):
        unit = importlib.import_module(f"streamlearn.{module.name}")
        if not module.name.startswith("_"):
            yield from _things_of(unit)


def _things_of(module: ModuleType) -> Iterator[tuple[str, Any]]:
    for name in getattr(module, "__all__", ()):
        thing = getattr(module, name)
        if inspect.ismodule(thing):
            yield from _things_of(thing)
        else:
            yield name, thing


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
