"""Write the pages that are made of the package and of its tests, before Sphinx reads the pages."""

import importlib
import inspect
from pathlib import Path

from sklearn_estimators import sklearn_estimators
from sphinx.application import Sphinx
from symptoms import symptoms

from tests.public import names_by_module

METHODS = "   .. automethod:: {}\n"
THEIRS = "https://scikit-learn.org/stable/modules/generated/{}.{}.html"

INDEX = """API reference
=============

Every public class and function has a page: its parameters, its attributes, the errors that it
raises, and an example that runs. scikit-learn documents what all of its estimators have, such as
``get_params`` and ``set_output``.

.. toctree::
   :maxdepth: 2

"""


def write(path: Path, text: str) -> None:
    """Write a page, unless it is the same: Sphinx reads again what has changed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def summary(thing: object) -> str:
    """Return the first paragraph of a docstring, in one line."""
    return " ".join(inspect.getdoc(thing).partition("\n\n")[0].split())


def own_methods(cls: type) -> list[str]:
    """Return the public methods that streamlearn defines; scikit-learn documents its own."""
    found = []
    for name, member in inspect.getmembers(cls):
        function = inspect.unwrap(member) if callable(member) else None
        module = getattr(function, "__module__", None) or ""
        if not name.startswith("_") and inspect.isroutine(function) and "streamlearn" in module:
            found.append(name)
    return found


def page_of(module: str, name: str) -> str:
    """Return the page of a class or a function, with a link to the gallery."""
    thing = getattr(importlib.import_module(module), name)
    lines = [f"{name}\n{'=' * len(name)}\n\n.. currentmodule:: {module}\n"]
    if not thing.__module__.startswith("streamlearn"):
        about = summary(thing)
        theirs = THEIRS.format(thing.__module__.rpartition("._")[0], name)
        lines.append(f".. py:class:: {name}\n\n   {about}\n")
        lines.append(f"   This is `scikit-learn's {name} <{theirs}>`_.\n")
    elif inspect.isclass(thing):
        lines.append(f".. autoclass:: {name}\n")
        lines += [METHODS.format(method) for method in own_methods(thing)]
    else:
        lines.append(f".. autofunction:: {name}\n")
    lines.append(f".. minigallery:: {module}.{name}\n   :add-heading: Examples with {name}\n")
    return "\n".join(lines)


def module_page(module: str, names: list[str]) -> str:
    """Return the page of a module: its docstring, and a line for each name."""
    about = summary(importlib.import_module(module))
    pages = "\n".join(f"   {module}.{name}" for name in names)
    table = "\n".join(f"   {name}" for name in names)
    return (
        f"{module}\n{'=' * len(module)}\n\n{about}\n\n.. currentmodule:: {module}\n\n"
        f".. autosummary::\n\n{table}\n\n.. toctree::\n   :hidden:\n\n{pages}\n"
    )


def write_pages(app: Sphinx) -> None:
    """Write the reference, and parts of pages."""
    here = Path(app.srcdir)
    names = names_by_module()
    for module, of_module in names.items():
        write(here / "reference" / f"{module}.rst", module_page(module, of_module))
        for name in of_module:
            write(here / "reference" / f"{module}.{name}.rst", page_of(module, name))
    write(here / "reference" / "index.rst", INDEX + "\n".join(f"   {name}" for name in names))
    write(here / "generated" / "sklearn_estimators.md", sklearn_estimators())
    write(here / "generated" / "symptoms.md", symptoms(here / "bad_input.md"))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the writing of pages."""
    app.connect("builder-inited", write_pages, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
