"""The examples on pages of the documentation run as they stand."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted(
    str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md") if ">>> " in page.read_text("utf-8")
)


def test_there_are_pages_with_examples():
    assert {"guide/saving.md", "guide/watching.md"} <= {*PAGES}


# dask's writer calls pandas' set_index in a way that pandas 3.1 deprecates.
@pytest.mark.filterwarnings("ignore:(?s).*The inplace keyword in DataFrame")
@pytest.mark.parametrize("page", PAGES)
def test_examples_print_what_the_page_says(page):
    pytest.importorskip("pandas")
    pytest.importorskip("matplotlib")
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    text = (DOCS / page).read_text(encoding="utf-8").replace("```", "")
    example = doctest.DocTestParser().get_doctest(text, {"__name__": "__main__"}, page, page, 0)
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=flags)
    runner.run(example, out=said.append)
    assert runner.summarize(verbose=False).attempted > 0
    assert runner.summarize(verbose=False).failed == 0, "".join(said)


# dask's writer calls pandas' set_index in a way that pandas 3.1 deprecates.
@pytest.mark.filterwarnings("ignore:(?s).*The inplace keyword in DataFrame")
@pytest.mark.parametrize("page", ["lazy_answers.md", "transformers.md"])
def test_snippets_run_one_after_the_other(page, tmp_path, monkeypatch):
    pytest.importorskip("dask.dataframe")
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    text = (DOCS / "guide" / page).read_text(encoding="utf-8")
    for snippet in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(snippet, page, "exec"), names)
    assert "make_flights" in names
