"""The README's first lines of code run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

README = Path(__file__).parent.parent / "README.md"


# dask's writer calls pandas' set_index in a way that pandas 3.1 deprecates.
@pytest.mark.filterwarnings("ignore:(?s).*The inplace keyword in DataFrame")
def test_the_first_snippet_runs_and_prints_what_it_says(tmp_path, monkeypatch, capsys):
    text = README.read_text(encoding="utf-8")
    snippet = text.partition("```python\n")[2].partition("```")[0]
    said = re.findall(r"^print\(.*# (.*)$", snippet, re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    exec(compile(snippet, str(README), "exec"), {})
    assert capsys.readouterr().out.splitlines() == said
    assert said
    assert len(pd.read_parquet(tmp_path / "predictions")) == 200_000
