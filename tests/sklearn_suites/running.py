"""How scikit-learn's own test files are run on our classes: in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parents[2]

EVERY_LIBRARY = {"SCIPY_ARRAY_API": "1", "SKLEARN_RUN_FLOAT32_TESTS": "1"}
"""Settings with which tests also run on array-api-strict and torch, and on float32."""


def run(
    paths: Sequence[Path],
    folder: Path,
    plugins: Sequence[str],
    settings: dict[str, str],
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run test files with some plugins of this folder.

    Parameters
    ----------
    paths : sequence of Path
    folder : Path
        An empty folder for the settings of pytest.
    plugins : sequence of str
        The names of modules in ``tests.sklearn_suites``.
    settings : dict
        Variables of the environment.
    timeout : float, optional
        The most seconds.
    """
    config = folder / "pytest.ini"
    config.write_text("[pytest]\n")
    how = ["-q", "--tb=short", "-c", str(config), "--rootdir", str(folder)]
    names = [f"tests.sklearn_suites.{name}" for name in plugins]
    for name in (*names, "no:cacheprovider", "no:xdist"):
        how += ["-p", name]
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    env["PYTHONPATH"] = os.pathsep.join([str(HERE), *filter(None, [env.get("PYTHONPATH")])])
    env["LOKY_MAX_CPU_COUNT"] = "1"  # scikit-learn's conftest takes as many BLAS threads as this
    return subprocess.run(
        [sys.executable, "-m", "pytest", *how, *map(str, paths)],
        cwd=folder,
        env=env | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
