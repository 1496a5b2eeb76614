"""scikit-learn's way of working on data larger than memory, on any array backend."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamlearn._estimator.moving import to_namespace
    from streamlearn._estimator.saving import load, save
    from streamlearn._show_versions import show_versions

__all__ = ["load", "save", "show_versions", "to_namespace"]

# The build reads it here, and nothing else states it.
__version__ = "0.1.0"

_PLACES = {
    "load": "_estimator.saving",
    "save": "_estimator.saving",
    "show_versions": "_show_versions",
    "to_namespace": "_estimator.moving",
}


def __getattr__(name: str) -> Any:
    """Return a function of the package. Its module is imported now, because it is heavy."""
    if name not in _PLACES:
        raise AttributeError(f"module 'streamlearn' has no attribute {name!r}")
    return getattr(import_module(f"streamlearn.{_PLACES[name]}"), name)
