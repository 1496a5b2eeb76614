"""The page docs/guide/sources_of_blocks.md: its snippets run, from top to bottom."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "guide" / "sources_of_blocks.md"


def test_the_snippets_run(tmp_path, monkeypatch, capsys):
    pytest.importorskip("polars")
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    snippets = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    for snippet in snippets:
        exec(compile(snippet, str(PAGE), "exec"), names)
    said = capsys.readouterr().out.splitlines()
    assert len(snippets) == 8
    assert float(said[0]) > 0.95
    assert float(said[1]) > 0.95
    assert said[2] == "['a' 'b'] [False  True]"
    assert said[3] == "[array(['AA', 'UA'], dtype=object)]"
    assert said[4] == "500"
    assert float(said[5]) < 0.2
