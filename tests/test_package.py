"""The distribution, its versions and the pages about releases agree with each other."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import streamlearn
from streamlearn import _show_versions
from tests.release import quickstart, wheel

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
OPTIONAL = PROJECT["project"]["optional-dependencies"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def name_of(need: str) -> str:
    """Return the distribution that a requirement names."""
    return re.match(r"[\w-]+", need)[0]


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def test_the_version_is_stated_once():
    assert "version" in PROJECT["project"]["dynamic"]
    place = ROOT / PROJECT["tool"]["hatch"]["version"]["path"]
    (stated,) = re.findall(r'^__version__ = "(.*)"$', place.read_text("utf-8"), re.MULTILINE)
    assert stated == streamlearn.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+)?", stated)
    assert f"## {stated}" in text("CHANGELOG.md")
    assert "\nversion:" not in text("CITATION.cff")


def test_show_versions_prints_the_system_the_libraries_and_blas(capsys):
    streamlearn.show_versions()
    out = capsys.readouterr().out
    assert f"python: {sys.version.split()[0]}" in out
    assert f"streamlearn: {streamlearn.__version__}\n" in out
    for name in ("numpy", "scipy", "scikit-learn", "dask", "threadpoolctl"):
        assert re.search(rf"^ +{name}: \d", out, re.MULTILINE)
    assert re.search(r"user_api: blas\n", out)


def test_show_versions_names_all_that_the_package_needs_and_takes():
    needed = {name_of(need) for need in PROJECT["project"]["dependencies"]}
    assert needed <= {*_show_versions.REQUIRED}
    taken = {name_of(n) for extra in ("dataframe", "distributed", "plot") for n in OPTIONAL[extra]}
    taken -= needed
    assert taken | {"polars", "torch", "jax", "cupy"} <= {*_show_versions.OPTIONAL}


def test_a_library_that_is_not_installed_has_no_version(monkeypatch, capsys):
    monkeypatch.setattr(_show_versions, "OPTIONAL", ("no-such-library",))
    streamlearn.show_versions()
    assert "no-such-library: None\n" in capsys.readouterr().out


def test_cupy_is_found_under_the_name_of_its_distribution(monkeypatch):
    def version(name: str) -> str:
        if name != "cupy-cuda13x":
            raise _show_versions.PackageNotFoundError(name)
        return "14.0"

    monkeypatch.setattr(_show_versions, "version", version)
    monkeypatch.setattr(_show_versions, "find_spec", lambda name: name)
    monkeypatch.setattr(_show_versions, "packages_distributions", dict)
    assert _show_versions._version("cupy") is None
    known = {"cupy": ["cupy-cuda13x"]}
    monkeypatch.setattr(_show_versions, "packages_distributions", lambda: known)
    assert _show_versions._version("cupy") == "14.0 (cupy-cuda13x)"


def test_show_versions_imports_no_optional_library():
    heavy = ["torch", "jax", "cupy", "matplotlib", "distributed", "skops"]
    code = "import sys, streamlearn; streamlearn.show_versions(); "
    code += f"print(sorted(sys.modules.keys() & {heavy}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


MODULES = {"streamlearn/__init__.py", "streamlearn/core/sgd.py"}
GOOD = {
    *MODULES,
    "streamlearn/py.typed",
    "dask_streamlearn-0.1.0.dist-info/METADATA",
    "dask_streamlearn-0.1.0.dist-info/licenses/LICENSE",
}


def test_a_good_wheel_has_no_faults():
    assert wheel.faults(GOOD, MODULES) == []


@pytest.mark.parametrize(
    ("missing", "more", "fault"),
    [
        ("streamlearn/py.typed", "", "streamlearn/py.typed is missing"),
        ("streamlearn/core/sgd.py", "", "streamlearn/core/sgd.py is missing"),
        ("dask_streamlearn-0.1.0.dist-info/licenses/LICENSE", "", "the license is missing"),
        ("", "tests/test_a.py", "tests/test_a.py does not belong in the wheel"),
        ("", "bench/a.py", "bench/a.py does not belong in the wheel"),
        ("", "streamlearn/old.py", "streamlearn/old.py does not belong in the wheel"),
    ],
)
def test_a_fault_of_a_wheel_is_found(missing, more, fault):
    assert wheel.faults((GOOD - {missing}) | {more} - {""}, MODULES) == [fault]


def test_modules_of_the_checkout_are_found():
    assert {"streamlearn/__init__.py", "streamlearn/core/__init__.py"} <= wheel.modules()


def test_the_quickstart_of_the_build_refuses_the_checkout():
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
    code += "from tests.release import quickstart; quickstart.main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "is the checkout's. Install the wheel" in done.stderr
    assert quickstart.README == ROOT / "README.md"


def sessions() -> set[str]:
    """Return the names of the sessions of noxfile.py."""
    found = set()
    for node in ast.parse(text("noxfile.py")).body:
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                given = {k.arg: k.value for k in getattr(decorator, "keywords", [])}
                if "session" in ast.unparse(decorator):
                    name = given.get("name", ast.Constant(node.name))
                    found.add(ast.literal_eval(name))
    return found


def called(workflow: dict) -> set[str]:
    """Return the sessions that a workflow calls."""
    found = set()
    for job in workflow["jobs"].values():
        matrix = job.get("strategy", {}).get("matrix", {})
        for step in job["steps"]:
            _, _, names = step.get("run", "").partition("nox -s ")
            for each in matrix["sessions"] if "matrix.sessions" in names else [names]:
                found |= {*each.partition(" --")[0].split()}
    return found


def test_workflows_call_sessions_that_exist():
    found = [called(yaml.safe_load(path.read_text(encoding="utf-8"))) for path in WORKFLOWS]
    together = set.union(*found)
    assert all(found)
    assert together <= sessions()
    assert {"build", "coverage", "lint", "tests", "tests-oldest", "tests-free-threaded"} <= together


def test_workflows_run_on_all_systems_and_all_versions_of_python():
    matrix = yaml.safe_load(text(".github/workflows/tests.yml"))["jobs"]["newest"]["strategy"][
        "matrix"
    ]
    assert {system.partition("-")[0] for system in matrix["os"]} == {"ubuntu", "macos", "windows"}
    marks = PROJECT["project"]["classifiers"]
    minor = {m.rpartition(" :: ")[2] for m in marks if re.search(r"Python :: 3\.\d+$", m)}
    assert {*matrix["python"]} == minor
    assert min(minor, key=lambda m: int(m[2:])) == PROJECT["project"]["requires-python"][2:]


def test_the_table_of_support_has_the_oldest_releases_of_pyproject():
    rows = re.findall(r"^\| ([\w, -]+) \| ([\d.]+) \|", text("docs/releases.md"), re.MULTILINE)
    said = {name.lower(): oldest for names, oldest in rows for name in names.split(", ")}
    extras = ("dataframe", "distributed", "plot")
    needs = [*PROJECT["project"]["dependencies"], *(n for extra in extras for n in OPTIONAL[extra])]
    oldest = {name_of(need): need.partition(">=")[2] for need in needs}
    oldest["python"] = PROJECT["project"]["requires-python"].removeprefix(">=")
    assert said == {name: oldest[name] for name in said}
    assert oldest.keys() - said.keys() == {"threadpoolctl", "array-api-compat"}


def test_install_commands_name_the_distribution_and_extras_that_exist():
    pages = [
        ROOT / "README.md",
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "streamlearn").rglob("*.py"),
    ]
    for page in pages:
        for name, extra in re.findall(
            r'pip install "?((?:dask-)?streamlearn)(?:\[(\w+)\])?', page.read_text("utf-8")
        ):
            assert name == PROJECT["project"]["name"], page
            assert not extra or extra in OPTIONAL, page


@pytest.mark.parametrize("page", sorted(path.name for path in ROOT.glob("*.md")))
def test_links_to_files_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#:]+)\)", text(page)):
        assert (ROOT / link).exists(), link


def test_the_citation_has_all_required_fields():
    cited = yaml.safe_load(text("CITATION.cff"))
    assert {"cff-version", "message", "title", "authors"} <= cited.keys()
    assert cited["license"] == PROJECT["project"]["license"]
