"""The estimators that users import."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from types import ModuleType

import numpy as np
from sklearn.base import BaseEstimator

import streamlearn


def public_estimators() -> dict[str, type]:
    """Return the estimators of each public package, by name."""
    found = {}
    for module in pkgutil.iter_modules(streamlearn.__path__):
        unit = importlib.import_module(f"streamlearn.{module.name}")
        if not module.name.startswith("_"):
            found |= _estimators_of(unit)
    return found


def _estimators_of(module: ModuleType) -> dict[str, type]:
    found = {}
    for name in getattr(module, "__all__", ()):
        cls = getattr(module, name)
        if inspect.ismodule(cls):
            found |= _estimators_of(cls)
        elif inspect.isclass(cls) and issubclass(cls, BaseEstimator):
            found[name] = cls
    return found


OF_DOCUMENTS = ("CountVectorizer", "FeatureHasher", "HashingVectorizer", "TfidfVectorizer")
"""Estimators whose rows are documents. FeatureHasher takes documents as its "string" samples."""


def documents(n: int) -> list[str]:
    """Return short texts, of which each has several words."""
    rng = np.random.default_rng(0)
    words = np.asarray(["red", "green", "blue", "grey", "apple", "tea", "cup", "rare"])
    share = np.asarray([8, 6, 5, 4, 3, 2, 1, 0.2])
    return [" ".join(rng.choice(words, 6, p=share / share.sum())) for _ in range(n)]
