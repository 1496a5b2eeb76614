"""What users import: the public modules and their names."""

import importlib
import inspect
import pkgutil

import streamlearn

# Users import only some names of these packages, or none.
PARTS = {"blocks": ["from_blocks"], "core": [], "stages": []}


def names_by_module() -> dict[str, list[str]]:
    """Return the public names of each public module."""
    found = {"streamlearn": [name for name in streamlearn.__all__ if not name.startswith("_")]}
    for name in below(streamlearn):
        top = name.split(".")[1]
        module = importlib.import_module(name)
        known = PARTS.get(top, getattr(module, "__all__", []))
        names = [name for name in known if not inspect.ismodule(getattr(module, name))]
        if names and (top not in PARTS or name.count(".") == 1):
            found[name] = sorted(names, key=str.lower)
    return found


def below(package: object) -> list[str]:
    """Return the packages inside a package, and the modules of its first level."""
    found = []
    for module in pkgutil.iter_modules(package.__path__):
        full = f"{package.__name__}.{module.name}"
        if module.name.startswith("_") or not (module.ispkg or package is streamlearn):
            continue
        found.append(full)
        if module.ispkg:
            found += below(importlib.import_module(full))
    return found
