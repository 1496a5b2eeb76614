"""The README's first lines of code run as they stand."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from tests.release.quickstart import README, quickstart


# dask's writer calls pandas' set_index in a way that pandas 3.1 deprecates.
@pytest.mark.filterwarnings("ignore:(?s).*The inplace keyword in DataFrame")
def test_the_first_snippet_runs_and_prints_what_it_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    expected, printed = quickstart()
    assert printed == expected
    assert expected
    assert len(pd.read_parquet(tmp_path / "predictions")) == 200_000


def test_it_is_read_in_a_minute():
    text = README.read_text(encoding="utf-8")
    snippet = text.partition("```python\n")[2].partition("```")[0]
    assert len(text.split()) <= 400
    assert len(snippet.strip().splitlines()) <= 15


def test_its_links_lead_to_files():
    for target in re.findall(r"\]\((?!http)([^)#]+)", README.read_text(encoding="utf-8")):
        assert (README.parent / target).exists(), target


@pytest.mark.parametrize("session", ["demo", "tests"])
def test_the_first_line_that_names_a_session_sets_it_up(session):
    lines = README.read_text(encoding="utf-8").splitlines()
    first = next(line for line in lines if re.search(rf"nox.* -s {session}", line))
    assert first.startswith("python3 -m venv .venv && ")
