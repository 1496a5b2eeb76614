"""A command a task: ``nox -s lint``, and ``nox -l`` lists the others."""

import os
import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import nox

nox.options.sessions = ["lint", "types", "tests"]
nox.options.default_venv_backend = "venv"

PROJECT = nox.project.load_toml("pyproject.toml")
# One BLAS thread, as on a dask worker: the same bits everywhere, and no threads under threads.
ONE_BLAS_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
# Compiled modules are kept, even where the environment forbids it: otherwise each process of a run
# compiles all tests again.
TESTING = ONE_BLAS_THREAD | {"PYTHONDONTWRITEBYTECODE": None}

# What mypy does not ask of scripts.
UNTYPED = (
    *("arg-type", "assignment", "call-arg", "dict-item", "index", "misc", "operator"),
    *("return-value", "var-annotated"),
)

# pytest-xdist; -n 0 takes it back. With worksteal a module's tests stay in one process, so what
# they share, such as a cluster, is made once.
EVERY_CORE = ("-n", "auto", "--dist", "worksteal")

TORCH = "torch==2.13.0"

# All extras that need no GPU.
ALL = "dataframe,distributed,plot"

# Three cases of a test, see tests/conftest.py.
EVERY_DAY = ("-m", "not thorough and not exhaustive")


def install(
    session: nox.Session, *groups: str, extras: str = "", more: tuple[str, ...] = ()
) -> None:
    """Install the package as it lies here, with extras, dependency groups and more."""
    needs = [need for group in groups for need in nox.project.dependency_groups(PROJECT, group)]
    session.install("-e", f".[{extras}]" if extras else ".", *needs, *more)


def interpreter(environment: str) -> str:
    """Return the interpreter of an environment."""
    return os.path.join(
        environment, *(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python"))
    )


@nox.session
def lint(session: nox.Session) -> None:
    install(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("python", "-m", "tests.prose", "--proselint")


@nox.session
def types(session: nox.Session) -> None:
    install(session, "types")
    session.run("mypy")
    # Benchmarks are scripts without types of their own: names that no longer exist are found.
    # Each folder on its own, as scripts of two folders may share a name.
    lenient = [f"--disable-error-code={code}" for code in UNTYPED]
    for folder in ("bench", "examples"):
        session.run(
            "mypy",
            "--config-file=",
            "--ignore-missing-imports",
            "--follow-imports=silent",
            *lenient,
            *sorted(str(script) for script in Path(folder).glob("*.py")),
        )


@nox.session
def tests(session: nox.Session) -> None:
    """Test on NumPy, read-only NumPy and array-api-strict in all its devices.

    Three cases of a test run. ``nox -s tests -- -m thorough`` runs the next 4 and the slow tests,
    and ``-m exhaustive`` runs the others.
    """
    install(session, "test", "examples", extras=ALL)
    session.run("pytest", *EVERY_CORE, *EVERY_DAY, *session.posargs, env=TESTING)


@nox.session
def coverage(session: nox.Session) -> None:
    """Measure which branches of the package all tests but the exhaustive take: at least 95 %.

    ``nox -s coverage -- --cov-fail-under=90`` asks for another percentage, and
    ``-- tests/metrics streamlearn/metrics --cov=streamlearn.metrics`` measures a part.
    """
    install(session, "test", "examples", "coverage", extras=ALL)
    part = any(argument.startswith("--cov=") for argument in session.posargs)
    measured = () if part else ("--cov",)
    how = ("--cov-branch", "--cov-report=term", "--cov-fail-under=95")
    chosen = (*EVERY_CORE, "-m", "not exhaustive", *measured, *how)
    session.run("pytest", *chosen, *session.posargs, env=TESTING)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Compare every estimator over blocks, in memory and in scikit-learn: 1,000 drawn tables each.

    ``nox -s fuzz -- --hypothesis-seed=7`` repeats a run, whose seed is at its top.
    """
    install(session, "test", extras="dataframe")
    env = TESTING | {"STREAMLEARN_FUZZ": "1000"}
    session.run("pytest", *EVERY_CORE, "tests/test_fuzz.py", *session.posargs, env=env)


def on_backend(session: nox.Session, name: str, *needs: str, extras: str = "") -> None:
    """Run the tests that take a backend on this one."""
    install(session, "test", extras=f"dataframe,{extras}" if extras else "dataframe")
    session.install(*needs) if needs else None
    env = TESTING | {"STREAMLEARN_BACKENDS": name}
    chosen = session.posargs or ["-m", "(backends or torch) and not exhaustive", "tests"]
    session.run("pytest", *EVERY_CORE, *chosen, env=env)


@nox.session(name="tests-torch")
def tests_torch(session: nox.Session) -> None:
    on_backend(session, "torch", TORCH)


@nox.session(name="tests-jax")
def tests_jax(session: nox.Session) -> None:
    on_backend(session, "jax", "jax>=0.8")


@nox.session(name="tests-cupy")
def tests_cupy(session: nox.Session) -> None:
    on_backend(session, "cupy", extras="cupy")


@nox.session(name="tests-sklearn")
def tests_sklearn(session: nox.Session) -> None:
    """Test what we use of scikit-learn's private names, on its oldest release and its newest."""
    install(session, "test", extras="dataframe")
    (needs,) = (n for n in PROJECT["project"]["dependencies"] if n.startswith("scikit-learn"))
    for release in (needs.replace(">=", "==") + ".0", "scikit-learn"):
        session.install("-U", release)
        session.run("pytest", "tests/test_sklearn_names.py", "tests/test_floors.py")


@nox.session(name="tests-oldest")
def tests_oldest(session: nox.Session) -> None:
    """Test on the oldest releases that pyproject.toml allows."""
    optional = PROJECT["project"]["optional-dependencies"]
    needs = [
        *PROJECT["project"]["dependencies"],
        *(n for extra in ALL.split(",") for n in optional[extra]),
    ]
    oldest = tuple(re.sub(r">=(.*)", r"==\1.*", need) for need in needs)
    install(session, "test", extras=ALL, more=oldest)
    session.run("pytest", *EVERY_CORE, *EVERY_DAY, *session.posargs, env=TESTING)


@nox.session(name="tests-free-threaded", python="3.14t")
def tests_free_threaded(session: nox.Session) -> None:
    """Test the threads of the engine without the interpreter's lock."""
    # polars and some other libraries of the tests have no wheels for this build.
    install(session, "runner", extras="dataframe")
    where = session.posargs or ("tests/blocks", "tests/core", "tests/test_parallel.py")
    session.run("pytest", *EVERY_CORE, *EVERY_DAY, *where, env=TESTING | {"PYTHON_GIL": "0"})


@nox.session
def build(session: nox.Session) -> None:
    """Make the sdist and the wheel, and run the README's first snippet on the wheel alone."""
    session.install(*nox.project.dependency_groups(PROJECT, "build"))
    for old in Path("dist").glob("dask_streamlearn-*"):
        old.unlink()
    session.run("python", "-m", "build")  # the wheel is made of the sdist
    made = [str(path.resolve()) for path in Path("dist").glob("dask_streamlearn-*")]
    session.run("twine", "check", "--strict", *made)
    (wheel,) = (name for name in made if name.endswith(".whl"))
    session.run("python", "tests/release/wheel.py", wheel)
    snippet = str(Path("tests/release/quickstart.py").resolve())
    with TemporaryDirectory() as elsewhere, session.chdir(elsewhere):
        session.run("python", "-m", "venv", "empty")
        python = interpreter("empty")
        report = "import streamlearn; streamlearn.show_versions()"
        for needs, what in ((wheel, ("-c", report)), (f"{wheel}[dataframe]", (snippet,))):
            session.run(python, "-m", "pip", "install", "--quiet", needs, external=True)
            session.run(python, "-I", *what, external=True)
        session.run(python, "-m", "pip", "check", external=True)


@nox.session
def bench(session: nox.Session) -> None:
    """Run a benchmark, ``nox -s bench -- pipeline --rows 4000000``; others get their own place."""
    name, *arguments = session.posargs or ["pipeline", "--rows", "4000000"]
    install(session, *(["bench"] if name in ("defaults", "digits") else []), extras=ALL)
    if name in ("pipeline", "overhead"):
        python = python_with(session, "dask-ml", "dask-ml==2025.1.0", "scikit-learn>=1.9")
        arguments += ["--dask-ml-python", python]
    elif name == "defaults":
        python = python_with(session, "vowpalwabbit", "vowpalwabbit==9.11.9", "numpy")
        arguments += ["--vw-python", python]
    session.run("python", f"bench/{name}.py", *arguments)


def python_with(session: nox.Session, name: str, *needs: str) -> str:
    """Return the interpreter of an environment that a contender has to itself."""
    place = os.path.join(session.create_tmp(), name)
    if not os.path.exists(place):
        session.run("python", "-m", "venv", place)
        session.run(interpreter(place), "-m", "pip", "install", *needs, external=True)
    return interpreter(place)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site into docs/_build/html, and open its pages in a browser if there is one.

    A link that leads nowhere is an error.

    ``nox -s docs -- -D plot_gallery=0`` does not run the examples of the gallery.
    """
    install(session, "docs", extras=ALL, more=(TORCH,))  # a page of the gallery has blocks of torch
    built = ("-W", "--keep-going", "-b", "html", "docs", "docs/_build/html")
    # Anything else in these folders is of an earlier build.
    for made in ("reference", "generated", "gallery", "_build"):
        shutil.rmtree(f"docs/{made}", ignore_errors=True)
    env = ONE_BLAS_THREAD | {"MPLBACKEND": "agg"}
    session.run("python", "-m", "sphinx", *built, *session.posargs, env=env)
    session.run("python", "tests/release/site.py", "docs/_build/html")


@nox.session
def demo(session: nox.Session) -> None:
    """Do the main job on real data: flights from Parquet to Parquet, with a picture."""
    session.log("The environment takes about 750 MB, and the data 285 MB, all in this folder.")
    session.log("The demo takes about 2 minutes on 2 cores, besides the download of packages.")
    install(session, "examples", extras="dataframe,plot")
    session.run("python", "examples/flights.py", *session.posargs, env=ONE_BLAS_THREAD)
