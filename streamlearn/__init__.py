"""scikit-learn's way of working on data larger than memory, on any array backend."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamlearn._estimator.moving import to_namespace
    from streamlearn._estimator.saving import load, save

__all__ = ["load", "save", "to_namespace"]

__version__ = "0.1.0"

_PLACES = {"load": "saving", "save": "saving", "to_namespace": "moving"}


def __getattr__(name: str) -> Any:
    """Return a function of the package. Its module is imported now, because it is heavy."""
    if name not in _PLACES:
        raise AttributeError(f"module 'streamlearn' has no attribute {name!r}")
    return getattr(import_module(f"streamlearn._estimator.{_PLACES[name]}"), name)
