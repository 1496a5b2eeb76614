"""Imports only go down: the floors of the package, as its design has them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import streamlearn

PACKAGE = Path(streamlearn.__file__).parent

FLOORS = [
    {"_arrays", "_sklearn", "_show_versions"},
    {"core", "blocks", "_files"},
    {"_validation"},
    {"metrics"},
    {"_thirdparty"},
    {"stages"},
    {"_training"},
    {"_estimator"},
    {"covariance"},
    {
        *("preprocessing", "impute", "decomposition", "linear_model", "cluster"),
        *("neural_network", "wrappers"),
        *("naive_bayes", "neighbors", "discriminant_analysis", "feature_extraction"),
        "feature_selection",
    },
    {"mixture"},
    {"pipeline", "diagnostics"},
    {"compose", "datasets", "model_selection"},
]
"""Units, which are the modules and folders of `streamlearn`, from the bottom up."""

FLOOR = {name: floor for floor, names in enumerate(FLOORS) for name in names}

ONLY = {
    "array_api_compat": {"_arrays"},
    "array_api_extra": {"_arrays"},
    "dask": {"blocks", "datasets"},
    "distributed": {"blocks"},
}
"""Packages that one unit alone may import."""

NUMERICS = {"streamlearn", "__future__", "collections", "functools", "itertools", "math", "typing"}
"""All that core may import: the package and a few modules of the standard library."""

HEAVY = ["torch", "cupy", "jax", "matplotlib"]
LATE = ["dask", "distributed", "pandas", "pyarrow", "polars"]
"""They are imported when a collection or a frame comes, unless scikit-learn imports them."""


def unit(path: Path) -> str:
    """Return the first name below `streamlearn` that ``path`` belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(nodes: Sequence[ast.AST]) -> set[str]:
    """Return the dotted names of all that a module imports, also inside functions."""
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def is_private(target: str) -> bool:
    """Tell whether a dotted name is one that scikit-learn may change without notice."""
    top, *below = target.split(".")
    return top == "sklearn" and any(n.startswith("_") and not n.startswith("__") for n in below)


INHERITED = {"_parameter_constraints"}
"""Private names of scikit-learn's classes that our classes may take over as they are."""


def private_attributes(nodes: Sequence[ast.AST]) -> set[str]:
    """Return the private attributes that a module reads from what it imports of scikit-learn."""
    theirs = set()
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", None)
            theirs |= {
                alias.asname or alias.name.partition(".")[0]
                for alias in node.names
                if (module or alias.name).partition(".")[0] == "sklearn"
            }
    found = set()
    for node in nodes:
        if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
            root: ast.AST = node.value
            while isinstance(root, ast.Attribute):
                root = root.value
            if isinstance(root, ast.Name) and root.id in theirs:
                found |= {node.attr} - INHERITED
    return {name for name in found if not name.startswith("__")}


def faults(name: str, source: str) -> list[str]:
    """Return what the unit called ``name`` imports and may not."""
    found = []
    nodes = [*ast.walk(ast.parse(source))]
    if name != "_sklearn":
        found += [f"only _sklearn may use {each}" for each in sorted(private_attributes(nodes))]
    for target in sorted(imported(nodes)):
        top, _, rest = target.partition(".")
        if name not in ONLY.get(top, {name}):
            found.append(f"only {ONLY[top]} may import {top}")
        below = rest.partition(".")[0]
        if name == "core" and (top not in NUMERICS or below == "_sklearn"):
            found.append(f"core may not import {target}")
        if is_private(target) and name != "_sklearn":
            found.append(f"only _sklearn may import {target}")
        if top != "streamlearn" or below in (name, "__version__"):
            continue
        if below not in FLOOR:
            found.append(f"{target} is on no floor")
        elif FLOOR[below] >= FLOOR[name]:
            found.append(f"{target} is not below {name}")
    return found


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def test_the_picture_of_the_floors_has_each_unit():
    page = (PACKAGE.parent / "docs" / "design.md").read_text(encoding="utf-8")
    picture = page.partition("```")[2].partition("```")[0]
    assert set(re.findall(r"\w+", picture)) >= FLOOR.keys() - {"_show_versions"}


def test_imports_go_down():
    """One test looks at all modules, so that each of them is looked at every day."""
    assert {unit(path) for path in MODULES} <= FLOOR.keys(), "give the new module a floor"
    found = {
        str(path.relative_to(PACKAGE)): faults(unit(path), path.read_text()) for path in MODULES
    }
    assert {path: of_one for path, of_one in found.items() if of_one} == {}


@pytest.mark.complete
@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("core", "import numpy as np"),
        ("core", "def f():\n    import sklearn.utils"),
        ("core", "from streamlearn._sklearn import Interval"),
        ("core", "from streamlearn.blocks import fold"),
        ("core", "from streamlearn import _validation"),
        ("blocks", "from streamlearn.core import moments"),
        ("_validation", "import dask.array as da"),
        ("blocks", "import array_api_compat"),
        ("linear_model", "from sklearn.utils._param_validation import Interval"),
        ("linear_model", "import sklearn.utils._set_output as output"),
        ("wrappers", "from sklearn.utils import _safe_indexing"),
        ("wrappers", "def f():\n    from sklearn.utils import validation, _metadata_requests"),
        ("wrappers", "from sklearn.utils import validation\nvalidation._num_samples(X)"),
        ("wrappers", "from sklearn import svm as theirs\ntheirs.SVC._get_tags"),
        ("wrappers", "import sklearn.utils\nsklearn.utils.validation._is_fitted(model)"),
        ("_arrays", "from streamlearn._sklearn import Interval"),
        ("_sklearn", "from streamlearn._arrays import Array"),
        ("linear_model", "from streamlearn.preprocessing import StandardScaler"),
        ("_estimator", "from streamlearn import pipeline"),
        ("_estimator", "from streamlearn.nowhere import x"),
    ],
)
def test_a_fault_is_found(name, source):
    assert faults(name, source)


@pytest.mark.complete
@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("core", "from streamlearn.core import moments\nimport itertools"),
        ("core", "from streamlearn._arrays import Array"),
        ("blocks", "import dask.array as da"),
        ("_sklearn", "from sklearn.utils._param_validation import Interval"),
        ("linear_model", "from streamlearn._sklearn import Interval"),
        ("linear_model", "from sklearn import __version__, linear_model"),
        ("linear_model", "from os import _exit"),
        ("linear_model", "from sklearn import svm\nsvm.SVC._parameter_constraints"),
        ("linear_model", "from sklearn import svm\nsvm.SVC.__init__"),
        ("preprocessing", "from streamlearn._estimator.inputs import check"),
    ],
)
def test_what_may_be_imported(name, source):
    assert faults(name, source) == []


PUBLIC = [f"streamlearn.{name}" for name in sorted(FLOOR) if not name.startswith("_")]
IN_MEMORY = """
import numpy as np
from streamlearn.linear_model import SGDClassifier
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
X = np.arange(24.0).reshape(12, 2)
y = np.arange(12) % 2
for rows, labels in ((X, y), (X.tolist(), y.tolist())):
    for schedule in ("auto", "one-pass"):
        model = make_pipeline(StandardScaler(), SGDClassifier(), schedule=schedule)
        model.fit(rows, labels)
        model.partial_fit(rows, labels)
        assert model.predict(rows).shape == (12,)
        model.score(rows, labels)
"""
"""What a user does with rows of NumPy."""


def loaded(*codes: str, names: list[str], absent: Sequence[str] = ()) -> list[set[str]]:
    """Return which modules ``names`` are imported after each code, in one process of its own."""
    before = f"import sys; sys.modules.update(dict.fromkeys({list(absent)}))"
    after = f"print(*(name for name in {names} if sys.modules.get(name)))"
    code = "\n".join([before, *(f"{code}\n{after}" for code in codes)])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [set(line.split()) for line in done.stdout.splitlines()]


def test_imports_stay_light():
    ours = f"import {', '.join(PUBLIC)}{IN_MEMORY}"
    known, found = loaded("import sklearn.pipeline", ours, names=[*HEAVY, *LATE])
    assert found == known


def test_rows_in_memory_need_none_of_the_libraries_of_collections():
    ours = f"import {', '.join(PUBLIC)}{IN_MEMORY}"
    assert loaded(ours, names=LATE, absent=LATE) == [set()]


def callers(name: str) -> list[str]:
    """Return the modules in which ``name`` is called, other than where it is defined."""
    found = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                called = node.func
                said = (
                    called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
                )
                if said == name:
                    found.append(str(path.relative_to(PACKAGE)))
    return sorted(set(found))


EPOCHS = re.compile(r"(^|_)(max_iter|n_iter|(n_)?epochs?)$")
"""Matches the name of a variable that counts or limits epochs."""

LEARN = {"step", "update", "partial_fit"}
"""Functions that learn from a block or a batch."""


def names(*nodes: ast.AST) -> set[str]:
    """Return the names of the variables and attributes in some nodes."""
    inside = [node for each in nodes for node in ast.walk(each)]
    return {node.id for node in inside if isinstance(node, ast.Name)} | {
        node.attr for node in inside if isinstance(node, ast.Attribute)
    }


def numbers_epochs(loop: ast.For | ast.While) -> bool:
    """Return whether a loop runs for a number of epochs, or counts epochs."""
    said = names(loop.test) if isinstance(loop, ast.While) else names(loop.iter, loop.target)
    for node in ast.walk(loop):
        if isinstance(node, ast.Assign):
            said |= names(*node.targets)
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            said |= names(node.target)
        elif isinstance(node, ast.keyword) and node.arg and isinstance(node.value, ast.BinOp):
            said.add(node.arg)
    return any(EPOCHS.search(name) for name in said)


def learns_in_a_loop(loop: ast.While) -> bool:
    """Return whether a loop inside this loop calls a function that learns."""
    inner = [node for part in loop.body for node in ast.walk(part)]
    return any(
        isinstance(node, ast.Call) and names(node.func) & LEARN
        for each in inner
        if isinstance(each, ast.For | ast.While)
        for node in ast.walk(each)
    )


def has_training_loop(source: str) -> bool:
    """Return whether ``source`` loops over epochs, with ``for`` or with ``while``."""
    loops = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.For | ast.While)]
    return any(
        numbers_epochs(loop) or (isinstance(loop, ast.While) and learns_in_a_loop(loop))
        for loop in loops
    )


def test_training_is_written_once():
    """`fold` is called by the training loop, and nobody else loops over epochs of blocks."""
    assert callers("fold") == ["_training/epochs.py"]
    loops = [path for path in MODULES if has_training_loop(path.read_text())]
    assert [str(path.relative_to(PACKAGE)) for path in loops] == ["_training/epochs.py"]


@pytest.mark.parametrize(
    "source",
    [
        "for _ in range(max_iter):\n    state = one(state)",
        "for epoch in count():\n    state = one(state)",
        "while n_iter < self.max_iter:\n    state = one(state)",
        "while not stopped:\n    state = one(state)\n    epoch += 1",
        "while True:\n    progress = progress._replace(epoch=progress.epoch + 1)",
        "while not stopped:\n    for X in blocks:\n        state, _ = learner.step(state, X)",
        "while len(losses) < 5:\n    for X, y in blocks:\n        model.partial_fit(X, y)",
    ],
)
def test_a_training_loop_is_found(source):
    assert has_training_loop(source)


@pytest.mark.parametrize(
    "source",
    [
        "for batch in cut(rows):\n    state, _ = update(params, state, batch)",
        "while stack:\n    for task in stack.pop():\n        found.add(task)",
    ],
)
def test_other_loops_are_no_training_loops(source):
    assert not has_training_loop(source)
